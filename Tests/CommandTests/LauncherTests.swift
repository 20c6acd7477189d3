import ArgumentParser
import Editing
import Testing

@testable import errata

/// What launchers set, as their manuals say, and which part each process takes to be its own.
@Suite struct LauncherTests {
  private func place(_ argument: String = "auto", _ variables: [String: String]) throws -> String {
    try #require(ShardArgument(argument: argument)).place { variables[$0] }.words
  }

  @Test(arguments: [
    // Job arrays: ids begin anywhere and may step.
    (["SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "3"], "1 of 3"),
    (["SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_COUNT": "3"], "3 of 3"),
    (
      [
        "SLURM_ARRAY_TASK_ID": "14", "SLURM_ARRAY_TASK_MIN": "10", "SLURM_ARRAY_TASK_COUNT": "4",
        "SLURM_ARRAY_TASK_STEP": "2",
      ], "3 of 4"
    ),
    // In the script of the array's job, SLURM_PROCID is no task's.
    (
      [
        "SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "3",
        "SLURM_PROCID": "0", "SLURM_NTASKS": "4",
      ], "2 of 3"
    ),
    (
      ["SLURM_PROCID": "2", "SLURM_NTASKS": "8", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4"], "3 of 4"
    ),
    // Array × processes of each task.
    (
      [
        "SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "3",
        "SLURM_PROCID": "1", "SLURM_NTASKS": "4", "SLURM_STEPID": "0",
      ], "6 of 12"
    ),
    // mpirun within a Slurm job: its own count, not that of the one srun that started it.
    (
      [
        "OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "5", "SLURM_PROCID": "0", "SLURM_NTASKS": "1",
        "SLURM_STEP_ID": "0",
      ], "4 of 5"
    ),
    (["PMI_RANK": "0", "PMI_SIZE": "2"], "1 of 2"),
    (["RANK": "1", "WORLD_SIZE": "2"], "2 of 2"),
  ])
  func `each launcher's processes have parts of their own`(variables: [String: String], part: String) throws {
    #expect(try place(variables) == part)
  }

  @Test func `a count that no launcher says is given, one that it says may not differ`() throws {
    #expect(try place("auto/6", ["JOB_COMPLETION_INDEX": "5"]) == "6 of 6")
    #expect(try place("auto/4", ["PMIX_RANK": "0"]) == "1 of 4")
    #expect(try place("auto/2", ["RANK": "1", "WORLD_SIZE": "2"]) == "2 of 2")
    #expect(throws: ValidationError.self) { try place("auto/3", ["RANK": "1", "WORLD_SIZE": "2"]) }
    #expect(throws: ValidationError.self) { try place("auto/4", ["JOB_COMPLETION_INDEX": "4"]) }
  }

  @Test(arguments: [
    [:], ["RANK": "1"], ["JOB_COMPLETION_INDEX": "1"], ["PMIX_RANK": "1"],
    ["SLURM_PROCID": "0", "SLURM_NTASKS": "4"], ["SLURM_ARRAY_TASK_ID": "1"],
    ["RANK": "2", "WORLD_SIZE": "2"], ["RANK": "-1", "WORLD_SIZE": "2"], ["RANK": "one", "WORLD_SIZE": "2"],
    // An array of 1, 3 and 7 has no even steps.
    [
      "SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "3",
      "SLURM_ARRAY_TASK_STEP": "1",
    ],
    [
      "SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "3",
      "PMIX_RANK": "1",
    ],
  ])
  func `where nobody says which part it is, none is guessed`(variables: [String: String]) throws {
    #expect(throws: ValidationError.self) { try place(variables) }
  }

  @Test(arguments: [
    "", "auto/", "auto/0", "auto/x", "auto/2/3", "0/2", "3/2", "1/0", "1", "1/2/3", "-1/2", "1/1048577",
  ])
  func `what is no part is no argument`(text: String) { #expect(ShardArgument(argument: text) == nil) }

  private func place(_ variables: [String: String]) throws -> String { try place("auto", variables) }

  @Test func `names tell parts apart, in the order of the parts`() throws {
    func name(_ path: String, _ shard: String?) throws -> String {
      try ShardArgument.name(path, option: "-o", of: shard.flatMap { ShardArgument(argument: $0) })
    }
    #expect(try name("a/{shard}.stats", "2/16") == "a/02-of-16.stats")
    #expect(try name("a.stats", "2/16") == "a.stats")
    #expect(try name("a.stats", nil) == "a.stats")
    #expect(throws: ValidationError.self) { try name("{shard}.stats", nil) }
  }
}
