internal import CLinux
internal import Glibc

/// An open file: reads and writes at given places, whole or with an error. Closed when the last reference goes.
///
/// Reading at a place (`pread`) instead of through a mapping means that a file which somebody cuts short under us gives
/// an error and not a signal, and that the memory used is ours to bound.
public final class OpenFile: Sendable {
  /// The path, as the caller named it.
  public let path: String
  /// Length when it was opened; zero where it could not be told.
  public let openedSize: Int
  let descriptor: Int32

  /// How a file is opened.
  public enum Access: Sendable {
    /// Only to be read.
    case reading
    /// Only to be read; a symbolic link is refused.
    case inspecting
    /// To be changed in place; a symbolic link is refused.
    case updating
    /// Made anew; refused when the path exists.
    case creating
  }

  /// Opens a file.
  ///
  /// - Throws: `system` with the number that `open(2)` gave, `symbolicLink` where one is not followed, `notReadAtPlaces` for what is to be
  ///   read and is a pipe or a device.
  public init(_ path: String, _ access: Access) throws(ModelFileError) {
    self.path = path
    // A pipe under a file's name must not make us wait for a writer; for files O_NONBLOCK means nothing.
    let flags =
      switch access {
      case .reading: O_RDONLY | O_NONBLOCK
      case .inspecting: O_RDONLY | O_NOFOLLOW | O_NONBLOCK
      case .updating: O_RDWR | O_NOFOLLOW | O_NONBLOCK
      case .creating: O_RDWR | O_CREAT | O_EXCL
      }
    descriptor = open(path, flags | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      let code = errno
      if access != .reading, code == ELOOP, let destination = OpenFile.linkDestination(of: path) {
        throw ModelFileError(.symbolicLink(destination: destination), file: path)
      }
      if code == ENOENT, let destination = OpenFile.linkDestination(of: path) {
        throw ModelFileError(.danglingLink(destination: destination), file: path)
      }
      throw ModelFileError(.system(call: "open", code: code), file: path)
    }
    var status = stat()
    let isTold = fstat(descriptor, &status) == 0
    openedSize = isTold ? Int(status.st_size) : 0
    // Of a pipe or a device the length is zero, and it would be called empty.
    if access == .reading, isTold, let kind = ModelFileError.FileKind(mode: status.st_mode), kind != .folder {
      throw ModelFileError(.notReadAtPlaces(kind), file: path)
    }
  }

  /// Opens a file that may be missing; `nil` where there is none. That it cannot be opened is another matter, and an error.
  public static func ifPresent(_ path: String, _ access: Access) throws(ModelFileError) -> OpenFile? {
    do throws(ModelFileError) { return try OpenFile(path, access) } catch {
      if case .system(_, ENOENT) = error.reason { return nil }
      throw error
    }
  }

  /// What stands under an output's name, as a reader takes it; `nil` where nothing stands there, or something that is not its own. That the
  /// system cannot read it is an error: it may be hours of work, which a run would begin anew and write over.
  package static func ownContent<Content>(_ path: String, _ read: (String) throws -> Content) throws
    -> Content?
  {
    guard Folder.fileExists(path) else { return nil }
    do { return try read(path) } catch let error as ModelFileError {
      guard case .system = error.reason else { return nil }
      throw error
    } catch { return nil }
  }

  /// Takes over an open descriptor, under the name that errors shall give it.
  init(taking descriptor: Int32, as path: String) {
    (self.descriptor, self.path) = (descriptor, path)
    openedSize = OpenFile.size(of: descriptor) ?? 0
  }

  /// A file without a name in the folder of an output, for what is needed on the way to it: no kill leaves it behind.
  ///
  /// Errors name the output.
  public init(namelessBeside output: String) throws(ModelFileError) {
    let random = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let path = TemporaryName.path(for: output, "spool-" + random)
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw ModelFileError(.system(call: "open", code: errno), file: output) }
    if unlink(path) != 0 {
      FileLedger.warn(
        .temporaryStays, path, ModelFileError(.system(call: "unlink", code: errno), file: path))
    }
    (self.descriptor, self.path, openedSize) = (descriptor, output, 0)
  }

  deinit {
    // A child that was just spawned may still share the descriptor; closing alone would leave it the lock.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// An error of the call that just failed.
  func failure(_ call: String) -> ModelFileError {
    ModelFileError(.system(call: call, code: errno), file: path)
  }

  /// Length of the file now.
  public func size() throws(ModelFileError) -> Int {
    guard let size = OpenFile.size(of: descriptor) else { throw failure("fstat") }
    return size
  }

  private static func size(of descriptor: Int32) -> Int? {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? Int(status.st_size) : nil
  }

  /// Permission bits.
  public func permissions() throws(ModelFileError) -> UInt32 {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("fstat") }
    return status.st_mode & 0o777
  }

  /// The user that this process acts as.
  public static var currentUser: UInt32 { geteuid() }

  /// Number of its names in folders, its owner, and its number on the device.
  public func standing() throws(ModelFileError) -> (links: Int, owner: UInt32, number: UInt64) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("fstat") }
    return (Int(status.st_nlink), status.st_uid, UInt64(status.st_ino))
  }

  /// Gives the file to the owner of another, where this process may: what root writes for somebody stays theirs.
  public func takeOwner(of other: OpenFile) {
    var status = stat()
    if geteuid() == 0, fstat(other.descriptor, &status) == 0 {
      fchown(descriptor, status.st_uid, status.st_gid)
    }
  }

  /// Whether the two are one file on disk, whatever their names.
  public func isSameFile(as other: OpenFile) -> Bool {
    var mine = stat()
    var theirs = stat()
    return fstat(descriptor, &mine) == 0 && fstat(other.descriptor, &theirs) == 0
      && mine.st_dev == theirs.st_dev && mine.st_ino == theirs.st_ino
  }

  /// Fills the buffer from this offset on.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(ModelFileError) {
    var done = 0
    while done < buffer.count {
      let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw failure("pread") }
      guard count > 0 else {
        throw ModelFileError(
          .unexpectedEnd(expected: offset + buffer.count, found: offset + done), file: path,
          byteOffset: offset)
      }
      done += count
    }
  }

  /// Reads this many bytes from this offset on.
  public func read(_ count: Int, at offset: Int) throws(ModelFileError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var failure: ModelFileError?
    bytes.withUnsafeMutableBytes { buffer in
      do throws(ModelFileError) { try read(into: buffer, at: offset) } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Writes the whole buffer from this offset on.
  public func write(_ buffer: UnsafeRawBufferPointer, at offset: Int) throws(ModelFileError) {
    var done = 0
    while done < buffer.count {
      let count = pwrite(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure("pwrite") }
      done += count
    }
  }

  /// Writes these bytes from this offset on.
  public func write(_ bytes: [UInt8], at offset: Int) throws(ModelFileError) {
    var failure: ModelFileError?
    bytes.withUnsafeBytes { buffer in
      do throws(ModelFileError) { try write(buffer, at: offset) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// Waits until data and length are on the disk.
  public func synchronize() throws(ModelFileError) {
    guard fdatasync(descriptor) == 0 else { throw failure("fdatasync") }
  }

  /// Reserves space up to this length, so that a full disk shows before anything is written.
  public func reserve(_ length: Int) throws(ModelFileError) {
    guard length > 0 else { return }
    var (code, tries) = (EINTR, 0)
    // A signal may end the call before its work is done. Each try begins anew, so signals that come faster than it ends would keep us here
    // for good; without a reservation a full disk shows later.
    while code == EINTR, tries < 100 {
      code = posix_fallocate(descriptor, 0, off_t(length))
      tries += 1
    }
    guard [0, EOPNOTSUPP, EINVAL, EINTR].contains(code) else {
      throw ModelFileError(.system(call: "posix_fallocate", code: code), file: path)
    }
    if code != 0, ftruncate(descriptor, off_t(length)) != 0 { throw failure("ftruncate") }
  }

  /// Takes the file for one run: as its only user, or beside others that only read. Whoever asks meanwhile gets `locked`.
  ///
  /// Where the file system has no locks, readers go on without and writers are refused.
  public func lock(exclusively: Bool) throws(ModelFileError) {
    switch FileLock.take(descriptor, exclusively: exclusively) {
    case .taken: return
    case .busy: throw ModelFileError(.locked, file: path)
    case .unsupported: if exclusively { throw failure("flock") }
    }
  }

  /// Lets go of the lock.
  func unlock() { flock(descriptor, LOCK_UN) }

  /// Copies bytes of another file; the kernel moves them, sharing the blocks where the file system can.
  public func copy(_ range: Range<Int>, of source: OpenFile, to offset: Int) throws(ModelFileError) {
    var from = off_t(range.lowerBound)
    var to = off_t(offset)
    let end = off_t(range.upperBound)
    while from < end {
      let count = copy_file_range(source.descriptor, &from, descriptor, &to, Int(end - from), 0)
      if count > 0 { continue }
      switch count == 0 ? 0 : errno {
      case EINTR: continue
      case 0, EXDEV, ENOSYS, EOPNOTSUPP, EINVAL, EPERM:
        // Two file systems, or one that cannot: the slow way, through a small buffer. Nothing copied is the end of the
        // source, or one of the file systems that say so wrongly; reading tells which.
        try copyThroughMemory(Int(from)..<range.upperBound, of: source, to: Int(to))
        return
      default: throw failure("copy_file_range")
      }
    }
  }

  private func copyThroughMemory(_ range: Range<Int>, of source: OpenFile, to offset: Int)
    throws(ModelFileError)
  {
    let step = 1 << 18
    var done = 0
    while done < range.count {
      let bytes = try source.read(min(step, range.count - done), at: range.lowerBound + done)
      try write(bytes, at: offset + done)
      done += bytes.count
    }
  }

  /// Where a symbolic link points, if the path is one.
  static func linkDestination(of path: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes {
      readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
    }
    return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
  }
}

extension ModelFileError.FileKind {
  /// `nil` for an ordinary file.
  init?(mode: mode_t) {
    switch mode & S_IFMT {
    case S_IFREG: return nil
    case S_IFDIR: self = .folder
    case S_IFCHR, S_IFBLK: self = .device
    case S_IFIFO: self = .pipe
    default: self = .socket
    }
  }
}
