import ArgumentParser
import Editing
import Glibc

/// What starts one program many times, and the variables by which it tells each process which one it is.
///
/// - Source: the manuals of Slurm (srun, job arrays), Open MPI, MPICH, OpenPMIx, torchrun and Kubernetes (indexed jobs).
struct Launcher: Sendable {
  /// As people call it.
  let name: String
  /// Holds the number of the process, from 0.
  let index: String
  /// Hold how many there are; the first that is set counts. None where the launcher does not say.
  let counts: [String]
  /// Is set where `index` means this process, if that is not always so.
  var isMeant: [String] = []

  /// Processes of one job. Those that were started within others' come first: `mpirun` in a Slurm job leaves Slurm's variables.
  static let ofProcesses = [
    Launcher(name: "Open MPI", index: "OMPI_COMM_WORLD_RANK", counts: ["OMPI_COMM_WORLD_SIZE"]),
    Launcher(name: "torchrun", index: "RANK", counts: ["WORLD_SIZE"], isMeant: ["WORLD_SIZE"]),
    // In the script of a batch job, before any srun, SLURM_PROCID is 0 for what is no task of a step.
    Launcher(
      name: "srun", index: "SLURM_PROCID", counts: ["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"],
      isMeant: ["SLURM_STEP_ID", "SLURM_STEPID"]),
    Launcher(name: "MPICH", index: "PMI_RANK", counts: ["PMI_SIZE"]),
    Launcher(name: "PMIx", index: "PMIX_RANK", counts: []),
    Launcher(name: "Kubernetes", index: "JOB_COMPLETION_INDEX", counts: []),
  ]

  static let arrayTask = "SLURM_ARRAY_TASK_ID"

  static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// Which part this process is: array tasks times processes of each, where there are both.
  ///
  /// - Throws: `ValidationError` where nobody says, or what is said makes no part.
  static func place(count given: Int?, _ variable: (String) -> String?) throws -> Corpus.Shard {
    let process = ofProcesses.first { launcher in
      variable(launcher.index) != nil
        && (launcher.isMeant.isEmpty || launcher.isMeant.contains { variable($0) != nil })
    }
    let hasArray = variable(arrayTask) != nil
    guard process != nil || hasArray else {
      let names = [arrayTask] + ofProcesses.map(\.index)
      throw ValidationError(
        "--shard auto: no launcher says which part this is (none of \(names.joined(separator: ", ")) is set). Give --shard I/N."
      )
    }
    var (index, count): (Int, Int?) = (0, 1)
    if hasArray { (index, count) = try arrayPlace(variable) }
    if let process {
      let own = try number(process.index, variable)
      let of = try process.counts.first { variable($0) != nil }.map { try number($0, variable) }
      if let of {
        guard own < of else {
          throw ValidationError("--shard auto: \(process.name) says process \(own) of \(of).")
        }
        (index, count) = (index * of + own, count.map { $0 * of })
      } else if hasArray {
        throw ValidationError(
          "--shard auto: \(process.index) does not say how many processes each array task has. Give --shard I/N."
        )
      } else {
        (index, count) = (own, nil)
      }
    }
    guard let whole = count ?? given else {
      throw ValidationError(
        "--shard auto: \(process?.name ?? arrayTask) says that this is process \(index), but not of how many. Give --shard auto/N."
      )
    }
    if let given, let count, given != count {
      throw ValidationError("--shard auto/\(given): the launcher says that there are \(count).")
    }
    guard let shard = Corpus.Shard(index + 1, of: whole) else {
      throw ValidationError("--shard auto: there is no part \(index + 1) of \(whole).")
    }
    return shard
  }

  /// A task's place among those of its array: ids begin and step as the array was given.
  private static func arrayPlace(_ variable: (String) -> String?) throws -> (Int, Int?) {
    let id = try number(arrayTask, variable)
    let first = try number("SLURM_ARRAY_TASK_MIN", variable)
    let count = try number("SLURM_ARRAY_TASK_COUNT", variable)
    let step = variable("SLURM_ARRAY_TASK_STEP") == nil ? 1 : try number("SLURM_ARRAY_TASK_STEP", variable)
    guard step > 0, id >= first, (id - first) % step == 0, (id - first) / step < count else {
      throw ValidationError(
        "--shard auto: task \(id) has no even place in an array of \(count) from \(first) by \(step). Give an array as 1-\(count), or --shard I/N."
      )
    }
    return ((id - first) / step, count)
  }

  private static func number(_ name: String, _ variable: (String) -> String?) throws -> Int {
    guard let text = variable(name) else {
      throw ValidationError("--shard auto: \(name) is not set. Give --shard I/N.")
    }
    guard let number = Int(text), number >= 0, number < 1 << 31 else {
      throw ValidationError("--shard auto: \(name) is “\(text.prefix(20))”, which is no number of a process.")
    }
    return number
  }
}
