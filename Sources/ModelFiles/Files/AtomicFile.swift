internal import Glibc

/// A new file that appears under its name whole or not at all.
///
/// The bytes go to a temporary file in the same folder; `commit` waits for the disk, renames, and waits for the folder.
/// What stood under the name before, even if it is mapped at that moment, keeps its bytes until the last user lets go;
/// only an ordinary file is replaced, and its permissions stay.
/// Source: huggingface/safetensors issue 762, where saving over the mapped file wrote zeros.
public final class AtomicFile {
  /// Where the file will appear.
  public let path: String
  /// The file to write to; errors about it name `path`.
  public let file: OpenFile
  /// Where the bytes are until then.
  public let temporaryPath: String
  private var isCommitted = false

  /// Makes the temporary file, and takes the output for this run.
  ///
  /// - Parameters:
  ///   - source: a file whose permissions the new one shall have, if none has its name yet.
  ///   - name: the name in messages, where `path` is in a folder that is temporary itself.
  /// - Throws: `beingWritten` while another run writes the same file; `outputIsLink` or `notOrdinary` where something
  ///   else than an ordinary file has the name.
  public init(
    _ path: String, permissionsOf source: OpenFile? = nil, shownAs name: String? = nil
  ) throws(ModelFileError) {
    self.path = path
    try AtomicFile.requireReplaceable(path, shownAs: name)
    let mode = try source?.permissions() ?? 0o666
    let place = try TemporaryPlace(for: path, .file, purpose: "part", mode: mode_t(mode & 0o666))
    temporaryPath = place.path
    file = OpenFile(taking: place.descriptor, as: name ?? path)
    if let replaced = Folder.permissions(of: path) { fchmod(place.descriptor, mode_t(replaced)) }
  }

  deinit {
    guard !isCommitted else { return }
    FilesUnderWay.remove(temporaryPath)
  }

  /// Refuses a name that something else than an ordinary file has.
  public static func requireReplaceable(_ path: String, shownAs name: String? = nil) throws(ModelFileError) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFLNK {
      throw ModelFileError(
        .outputIsLink(destination: OpenFile.linkDestination(of: path) ?? ""), file: name ?? path)
    }
    guard let kind = ModelFileError.FileKind(mode: status.st_mode) else { return }
    throw ModelFileError(.notOrdinary(kind), file: name ?? path)
  }

  /// Waits for the disk and puts the file under its name; the name itself may not be on the disk yet.
  ///
  /// - Throws: before the file has its name, never after.
  public func publish() throws(ModelFileError) {
    try file.synchronize()
    try AtomicFile.requireReplaceable(path, shownAs: file.path)
    let code = FilesUnderWay.end(temporaryPath) { () -> Int32 in
      guard rename(temporaryPath, path) == 0 else { return errno }
      isCommitted = true
      return 0
    }
    guard isCommitted else {
      FilesUnderWay.begin(temporaryPath, for: path)
      throw ModelFileError(.system(call: "rename", code: code), file: file.path)
    }
    file.unlock()
  }

  /// Puts the file under its name. What fails after that is a warning in the ledger: the file is whole.
  public func commit() throws(ModelFileError) {
    try publish()
    FileLedger.note(written: path)
    do throws(ModelFileError) { try Folder.synchronize(Folder.containing(path)) } catch {
      FileLedger.warn(.nameNotSynchronized, file.path, error)
    }
  }
}
