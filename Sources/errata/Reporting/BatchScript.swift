import ArgumentParser
import Editing
import Evaluation

/// A shell script that does an edit in parts: statistics, values, the edit, the evaluation.
struct BatchScript {
  /// What starts the tasks.
  enum Launcher: String, CaseIterable, ExpressibleByArgument {
    case slurm
    case mpi

    static var allNames: String { allCases.map(\.rawValue).joined(separator: " or ") }
  }

  private let asked: PlanCommand
  private let plan: WorkPlan
  private let layers: String
  private let tokens: Int?
  private let tasks: Int
  private let threads: Int

  init(_ asked: PlanCommand, _ plan: WorkPlan, layers: [Int], tokens: Int?, tasks: Int, threads: Int) {
    (self.asked, self.plan, self.tokens, self.tasks, self.threads) = (asked, plan, tokens, tasks, threads)
    self.layers = layers.map(String.init).joined(separator: ",")
  }

  private var launcher: Launcher { asked.launcher ?? .slurm }

  /// The whole script.
  var text: String {
    let head = """
      #!/bin/sh
      # Made by `errata plan`. sh SCRIPT [FOLDER] puts all that it makes into FOLDER; ERRATA names the command where it is not on the path.
      set -eu
      folder=${1:-errata-work}
      errata=${ERRATA:-errata}
      mkdir -p "$folder"

      """
    let start = launcher == .slurm ? Self.slurm : Self.mpi
    return head + start + steps.joined(separator: "\n") + "\n"
  }

  /// A job of Slurm: an array, or one task, after another job. What is told to end by SIGTERM saves, ends with 75 and is put into the
  /// queue again.
  private static let slurm = """
    cat >"$folder/task.sh" <<'TASK'
    #!/bin/sh
    "$@" &
    task=$!
    trap 'kill -TERM "$task" 2>/dev/null' TERM
    wait "$task"
    status=$?
    while kill -0 "$task" 2>/dev/null; do
      wait "$task"
      status=$?
    done
    if [ "$status" -eq 75 ]; then
      scontrol requeue "${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_}${SLURM_ARRAY_TASK_ID:-${SLURM_JOB_ID:?}}"
    fi
    exit "$status"
    TASK
    after=
    # step NAME TASKS THREADS MEMORY MINUTES COMMAND...
    step() {
      name=$1 tasks=$2 threads=$3 memory=$4 minutes=$5
      shift 5
      after=$(sbatch --parsable --job-name="errata-$name" --array="1-$tasks" --cpus-per-task="$threads" --mem="$memory" \\
        --time="$minutes" ${after:+--dependency="afterok:$after"} --requeue --open-mode=append --signal=B:TERM@120 \\
        --output="$folder/$name-%a.log" "$folder/task.sh" "$@")
      echo "$name: job $after"
    }

    """

  /// Processes side by side, one step after the other.
  private static let mpi = """
    # step NAME TASKS THREADS MEMORY MINUTES COMMAND...
    step() {
      name=$1 tasks=$2
      shift 5
      echo "$name"
      mpirun ${MPI_OPTIONS:-} -n "$tasks" "$@"
    }

    """

  private var steps: [String] {
    let (model, facts) = (Self.quoted(asked.model), Self.quoted(asked.path))
    let chosen = asked.choice.limit.map { " --limit \($0)" } ?? ""
    let identifiers = asked.choice.ids.map { " --ids \(Self.quoted($0))" } ?? ""
    let own = chosen + identifiers + (asked.choice.skipBad ? " --skip-bad" : "")
    let contexts = asked.contexts.map { " --contexts \(Self.quoted($0))" } ?? ""
    let how = " --facts \(facts)\(own) --method \(asked.method.name) --layers \(layers)\(contexts)"
    var lines: [String] = []
    var statistics = asked.statistics.map(Self.quoted)
    if tokens != nil, let parts = parts(.stats) {
      let corpus = asked.corpus.map(Self.quoted).joined(separator: " ")
      let limit = (tokens! + parts - 1) / parts
      lines += [
        part(
          .stats, parts, "stats \(model) --corpus \(corpus) --layers \(layers) --tokens \(limit)", "-o",
          "stats"),
        one("stats-merge", .stats, "stats merge \"$folder/part-*.stats\" -o \"$folder/model.stats\""),
      ]
      statistics = "\"$folder/model.stats\""
    }
    var values = ""
    if let parts = parts(.values) {
      lines += [
        part(.values, parts, "edit \(model)\(how)", "--save-values", "values"),
        one("values-merge", .values, "values merge \"$folder/part-*.values\" -o \"$folder/facts.values\""),
      ]
      values = " --values \"$folder/facts.values\""
    }
    let moments = statistics.map { " --statistics \($0)" } ?? ""
    lines.append(
      one(
        "edit", .edit, "edit \(model)\(how)\(values)\(moments) --threads \(threads) -o \"$folder/fix.errata\""
      ))
    if let parts = parts(.eval) {
      let asking = "eval \(model) --data \(facts)\(own) --patch \"$folder/fix.errata\""
      lines += [
        part(.eval, parts, asking, "--output", "jsonl"),
        one("eval-merge", .eval, "eval merge \"$folder/part-*.jsonl\" -o \"$folder/answers.jsonl\""),
      ]
    }
    return lines
  }

  private func phase(_ name: WorkPlan.Phase.Name) -> WorkPlan.Phase? { plan.phases.first { $0.name == name } }

  /// Tasks that have work; `nil` where the phase is none of this plan.
  private func parts(_ name: WorkPlan.Phase.Name) -> Int? { phase(name).map { min(tasks, $0.parts) } }

  private func part(
    _ name: WorkPlan.Phase.Name, _ parts: Int, _ command: String, _ option: String, _ ending: String
  ) -> String {
    step(
      name.rawValue, name, parts,
      "\(command) --threads \(threads) --shard auto \(option) \"$folder/part-{shard}.\(ending)\"")
  }

  private func one(_ title: String, _ name: WorkPlan.Phase.Name, _ command: String) -> String {
    step(title, name, 1, command)
  }

  /// A quarter more memory than planned, and twice the time with ten minutes to begin.
  private func step(_ title: String, _ name: WorkPlan.Phase.Name, _ parts: Int, _ command: String) -> String {
    let phase = phase(name)!
    let memory = phase.memory * 5 / 4 / 1_048_576 + 64
    let minutes = Int(2 * phase.processorSeconds / Double(60 * parts * threads)) + 10
    return "step \(title) \(parts) \(threads) \(memory)M \(minutes) \"$errata\" \(command)"
  }

  /// A word as shells read it.
  static func quoted(_ word: String) -> String {
    let plain = word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./,=:+@%".contains($0)) }
    return plain && !word.isEmpty
      ? word
      : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
