import Editing
import ModelFiles
import Patches

/// The files that a command will write. One rule for all commands: no output is an input, a file of a model that is read, or
/// another output, whatever the names are; and only an ordinary file, or nothing, is replaced.
struct OutputRule {
  /// An output and the option that names it.
  struct Output {
    let option: String
    let path: String
  }

  private let outputs: [Output]

  /// The outputs of a command, by option; those that were not asked for are `nil`.
  init(_ outputs: KeyValuePairs<String, String?>) {
    self.outputs = outputs.compactMap { option, path in path.map { Output(option: option, path: $0) } }
  }

  /// Refuses outputs that break the rule, before any work is done for them.
  ///
  /// - Parameters:
  ///   - inputs: files that are read, or folders whose files are.
  ///   - models: models that are read; all their files count, for a model that was named as a folder all in it.
  func check(inputs: [String?] = [], models: [ModelFile] = []) throws {
    var readers: [FileIdentity: String] = [:]
    for input in inputs.compactMap({ $0 }) {
      let files =
        Folder.exists(input) ? (try? Folder.names(in: input))?.map { Folder.path(input, $0) } ?? [] : []
      for path in [input] + files { if let file = FileIdentity(path) { readers[file] = path } }
    }
    var companions: [FileIdentity: String] = [:]
    for model in models {
      if Folder.exists(model.path), let folder = FileIdentity(model.path) { readers[folder] = model.path }
      for shard in model.shards { if let file = FileIdentity(shard.path) { readers[file] = shard.path } }
      for path in model.ownFiles { if let file = FileIdentity(path) { companions[file] = path } }
    }
    var writers: [FileIdentity: String] = [:]
    for output in outputs {
      try requireFolder(of: output.path)
      guard let file = FileIdentity(output.path) else { continue }
      if let input = readers[file] ?? companions[file].flatMap({ OutputRule.isMade($0) ? nil : $0 }) {
        throw OutputError.isInput(option: output.option, path: output.path, input: input)
      }
      if let other = writers.updateValue(output.option, forKey: file) {
        throw OutputError.isOutput(option: output.option, path: output.path, other: other)
      }
      try AtomicFile.requireReplaceable(output.path)
    }
  }

  /// Whether a file in a model's folder is one that errata makes: the output of an earlier run may be made anew, or gone on with.
  private static func isMade(_ path: String) -> Bool {
    guard let file = try? OpenFile(path, .reading), let size = try? file.size(), size > 8,
      let front = try? file.read(min(size, 1 << 16), at: 0)
    else { return false }
    if (try? file.hasPatchMagic()) == true || front.starts(with: Array("{\"run\":".utf8)) { return true }
    return String(decoding: front, as: UTF8.self).contains(".second_moment_sum\"")
  }
}

/// An output that would destroy something.
enum OutputError: Error {
  /// It is an input.
  case isInput(option: String, path: String, input: String)
  /// It is an output already.
  case isOutput(option: String, path: String, other: String)
}

extension OutputError {
  var explanation: ErrorReport.Explanation {
    switch self {
    case .isInput(let option, let path, let input):
      ErrorReport.Explanation(
        "outputIsInput", place: path,
        why: "the output is one of the inputs" + (input == path ? "" : ": \(input)"),
        advice: "give \(option) another name"
          + (option == "-o" ? "; apply and revert can also change the model --in-place" : ""))
    case .isOutput(let option, let path, let other):
      ErrorReport.Explanation(
        "outputIsOutput", place: path, why: "\(other) and \(option) name the same file",
        advice: "give \(option) another name")
    }
  }
}
