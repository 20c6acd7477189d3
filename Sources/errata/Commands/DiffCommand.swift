import ArgumentParser
import Floor
import ModelFiles
import Patches

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Finds what differs between two models and writes it as a patch.",
    discussion: """
      The patch leads from BASE to EDITED and back, bit for bit; one file does both. Low-rank changes and tensors that were \
      multiplied by one number are recognized and take little room, and so are rows that a vocabulary got. Without -o the \
      differences are only listed.

      Of two folders the files beside the weights belong to the model too: configuration, tokenizer and chat template \
      travel in the patch, both ways, up to 64 MiB each. What differs and does not travel is named.

      Exit status with --quiet and without -o: 0 when the models are the same, 2 when they differ.

      Example:
        errata diff base.safetensors tuned.safetensors -o tuning.errata
      """)
  @Argument(help: "The model before.", completion: .file())
  var base: String
  @Argument(help: "The model after.", completion: .file())
  var edited: String
  @Option(name: .shortAndLong, help: "Write the patch here.", completion: .file())
  var output: String?
  @Option(help: "Passes that refine a low-rank change found in the files: a smaller patch for more time.")
  var effort = 0
  @Flag(help: "Leave out the files beside the weights; those that differ are named.")
  var weightsOnly = false
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var messages: OutputOptions

  func validate() throws {
    guard (0...1000).contains(effort) else {
      throw ValidationError("--effort takes a number from 0 to 1000.")
    }
  }

  func run() throws {
    let differs = try doing("cannot compare \(base) and \(edited)", messages) {
      let before = try openModel(base, threads: threads.count, messages)
      let after = try openModel(edited, threads: threads.count, messages)
      try OutputRule(["-o": output]).check(models: [before, after])
      let reading = Progress("compare", total: before.tensors.reduce(0) { $0 + $1.byteCount }, messages)
      let comparison = try ModelComparison(
        before, after, threads: threads.count, weightsOnly: weightsOnly, progress: reading.advance)
      reading.finish()
      guard let output else {
        try list(comparison)
        return !comparison.isEmpty
      }
      let coding = Progress("diff", total: comparison.changedByteCount, messages)
      let patch = try comparison.write(
        to: output, tool: Errata.tool, threads: threads.count, effort: effort, progress: coding.advance)
      coding.finish()
      try report(comparison, patch, isReproducible: try comparison.isReproducible)
      return false
    }
    if differs && messages.quiet { throw ExitCode(2) }
  }

  /// The kind of difference of each tensor.
  private func kinds(_ comparison: ModelComparison) -> [String: String] {
    var kinds: [String: String] = [:]
    for (names, kind) in [
      (comparison.changed, "changed"), (comparison.resized, "resized"), (comparison.extended, "extended"),
      (comparison.replaced, "replaced"),
      (comparison.added, "added"), (comparison.removed, "removed"),
    ] {
      for name in names { kinds[name] = kind }
    }
    return kinds
  }

  /// Two containers have no name in common, so a list of all tensors would say less than this.
  private func sentence(for comparison: ModelComparison) -> String? {
    let (before, after) = (comparison.base.format, comparison.edited.format)
    guard before != after else { return nil }
    return
      "\(base) is a \(before.words) model and \(edited) a \(after.words) model: their tensors have other names, order "
      + "and types, so all \(comparison.removed.count) of the one count as removed and all \(comparison.added.count) of the other "
      + "as added. To take a patch from one form of a model to another: errata apply --port."
  }

  /// Files beside the weights that go with a patch.
  private func carried(_ comparison: ModelComparison) -> [String] {
    let carried = comparison.beside.filter { $0.leftOut == nil }
    guard !carried.isEmpty else { return [] }
    let list = carried.map { "\(Numbers.oneLine($0.name)) (\($0.label))" }.joined(separator: ", ")
    return ["Beside the weights: \(list)."]
  }

  /// Files beside the weights that differ and do not go with a patch.
  private func leftOut(_ comparison: ModelComparison) -> [String] {
    var lines: [String] = []
    for (reason, words) in [
      (ModelComparison.Beside.Reason.onRequest, "as asked for"),
      (.otherKind, "neither configuration nor tokenizer"),
      (.tooLarge, "longer than 64 MiB"),
    ] {
      let left = comparison.beside.filter { $0.leftOut == reason }
      guard !left.isEmpty else { continue }
      let list = left.map { "\(Numbers.oneLine($0.name)) (\($0.label))" }.joined(separator: ", ")
      lines.append("Not carried over, \(words): \(list).")
    }
    return lines
  }

  private func filesJSON(_ comparison: ModelComparison) -> JSONValue {
    .array(
      comparison.beside.map {
        [
          "name": .string($0.name), "change": .string($0.label),
          "leftOut": $0.leftOut.map { .string($0.rawValue) } ?? .null,
        ]
      })
  }

  /// What differs, without a patch.
  private func list(_ comparison: ModelComparison) throws {
    // With --quiet only the answer counts, and that is known.
    guard !messages.quiet || messages.json else { return }
    let measuring = Progress("measure", total: comparison.changedByteCount, messages)
    let measures = Dictionary(
      uniqueKeysWithValues: try comparison.changed.map {
        ($0, try comparison.measure($0, threads: threads.count, progress: measuring.advance))
      })
    var ranks: [String: Int] = [:]
    var gains: [String: Double] = [:]
    for name in comparison.changed {
      if let gain = try comparison.gain(of: name) {
        gains[name] = Shown.shortest(gain, try comparison.edited.tensor(name).elementType)
      } else {
        ranks[name] = try comparison.rank(of: name)
      }
    }
    measuring.finish()
    let kinds = kinds(comparison)
    if messages.json {
      let object: JSONValue = [
        "same": .bool(comparison.isEmpty), "changesLayout": .bool(comparison.changesLayout),
        "tensors": .array(
          comparison.names.map { name in
            [
              "name": .string(name), "change": .string(kinds[name] ?? ""), "bytes": .null,
              "relativeChange": measures[name]?.relativeChange.map { .measured($0) } ?? .null,
              "rank": ranks[name].map { .integer($0) } ?? .null,
              "gain": gains[name].map { .number($0) } ?? .null,
              "changedShare": measures[name].map { .measured($0.changedShare) } ?? .null,
            ]
          }),
        "files": filesJSON(comparison),
      ]
      return Console.output(object.indentedText)
    }
    guard !comparison.isEmpty else {
      messages.answer(
        comparison.beside.isEmpty ? "The models are the same." : "The weights are the same.")
      return leftOut(comparison).forEach { messages.answer($0) }
    }
    if let sentence = sentence(for: comparison) {
      messages.answer(sentence)
      return (carried(comparison) + leftOut(comparison)).forEach { messages.answer($0) }
    }
    var table = Table([
      ("tensor", .left), ("change", .left), ("type", .left), ("shape", .left), ("size", .right),
      ("elements", .right), ("rank", .right),
      ("‖Δ‖/‖W‖", .right), ("", .left),
    ])
    let largest = measures.values.compactMap(\.relativeChange).max() ?? 0
    for name in comparison.names {
      guard let tensor = (try? comparison.edited.tensor(name)) ?? (try? comparison.base.tensor(name)) else {
        continue
      }
      let relative = measures[name]?.relativeChange
      table.add([
        name, gains[name].map(Shown.scaled) ?? kinds[name] ?? "", tensor.elementType.rawValue,
        Numbers.shape(tensor.shape),
        Numbers.bytes(tensor.byteCount), measures[name].map { Numbers.percent($0.changedShare) } ?? "–",
        ranks[name].map(String.init) ?? "–", relative.map(Numbers.percent) ?? "–",
        Numbers.bar(relative ?? 0, of: largest),
      ])
    }
    let isOfFilesOnly = comparison.names.isEmpty && !comparison.changesLayout
    messages.answer(
      isOfFilesOnly
        ? "The weights are the same."
        : "\(Numbers.count(comparison.names.count, "tensor")) differ, \(Numbers.bytes(comparison.changedByteCount))."
          + (comparison.changesLayout ? " Headers or files differ too." : ""))
    if !comparison.names.isEmpty { messages.answer(table.text()) }
    (carried(comparison) + leftOut(comparison)).forEach { messages.answer($0) }
  }

  private func report(_ comparison: ModelComparison, _ patch: PatchFile, isReproducible: Bool) throws {
    try messages.answer(Shown.patch(patch, verbose: messages.verbose).text)
    if let sentence = sentence(for: comparison) { messages.say(sentence) }
    leftOut(comparison).forEach { messages.say($0) }
    messages.say(
      "The patch is \(patch.path): \(Numbers.bytes(patch.byteCount)) for \(Numbers.bytes(comparison.changedByteCount)) of "
        + "changed tensors. Applying it to \(base) gives "
        + (isReproducible
          ? "\(edited), byte for byte\(comparison.beside.contains { $0.leftOut != nil } ? ", but for the files named above" : "")."
          : "the tensors of \(edited), though not every byte between them."))
    guard messages.json else { return }
    let object: JSONValue = [
      "patch": .string(patch.path), "digest": .string(patch.digest.hexadecimal),
      "bytes": .integer(patch.byteCount),
      "same": .bool(comparison.isEmpty), "changesLayout": .bool(comparison.changesLayout),
      "reproducible": .bool(isReproducible),
      "tensors": .array(
        patch.changes.map { change in
          [
            "name": .string(change.name), "change": .string(change.label),
            "rank": .integer(change.lowRank?.shape.rank ?? 0), "gain": Shown.gain(of: change),
            "bytes": .integer(patch.storedByteCount(of: change)),
            "relativeChange": change.measured?["relativeChange"] ?? .null,
          ]
        }),
      "files": filesJSON(comparison),
    ]
    Console.output(object.indentedText)
  }
}

extension ModelFile.Format {
  /// "safetensors", "GGUF".
  fileprivate var words: String { self == .gguf ? "GGUF" : "safetensors" }
}
