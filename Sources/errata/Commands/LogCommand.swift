import ArgumentParser
import Floor
import ModelFiles
import Patches

struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Says which patches a model carries.",
    discussion: """
      From the patches themselves: each names every tensor before and after, so the model's own digests tell which were \
      applied, in which order, and which could come next. A folder stands for the patches in it. Patches under others are \
      found too, as long as those over them are given.

      And from the record that `apply --record` and `revert --record` keep beside a model. It is compared with the model, \
      not believed: of each line it says whether the model still is as it was then.

      Exit status 2 when the record and the model disagree.

      Examples:
        errata log llama/ patches/
        errata log llama/ monday.errata tuesday.errata
        errata log llama/
      """)
  @Argument(help: "The model.", completion: .file())
  var model: String
  @Argument(help: "Patches, or folders of patches.", completion: .file())
  var patches: [String] = []
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let agrees = try doing("cannot tell which patches \(model) carries", output) {
      let opened = try paths().map { try PatchFile($0) }
      let (file, interrupted) = try openModelToLookAt(model, output)
      let record = try PatchRecord(of: file)
      guard !patches.isEmpty || record != nil else {
        throw PatchError.nothingToTell(model: model, record: PatchRecord.path(of: file))
      }
      let stack = try StackAnswer(opened, file, threads.count, output)
      if !patches.isEmpty {
        output.answer(
          opened.isEmpty ? "There is no patch in \(patches.joined(separator: ", "))." : stack.text)
      }
      let lines = try record.map { try RecordAnswer($0, file, threads.count, output) }
      if let lines { output.answer(lines.text) }
      if output.json {
        let object: JSONValue = [
          "patches": .array(stack.json), "record": lines?.json ?? .null,
          "interrupted": .array(interrupted.map(\.json)),
        ]
        Console.output(object.indentedText)
      }
      return lines?.agrees ?? true
    }
    if !agrees { throw ExitCode(2) }
  }

  /// The patches that are named, and those of the folders that are, by name.
  private func paths() throws -> [String] {
    try patches.flatMap { path in
      guard Folder.exists(path) else { return [path] }
      return try Folder.names(in: path).map { Folder.path(path, $0) }
        .filter { try Folder.fileExists($0) && FileContent(at: $0) == .patch }
    }
  }
}
