internal import Glibc

/// A file or folder under a temporary name that is locked for as long as its descriptor is open.
///
/// The name follows from the output's, so two runs that write one output meet there and the second is refused; and what a
/// killed run left is found by the next one and taken away. Where a file system has no locks, or somebody else's file has
/// the name, a random name keeps runs apart.
struct TemporaryPlace {
  let path: String
  let descriptor: Int32

  /// What is made.
  enum Form {
    case file
    case folder
  }

  /// Makes and locks a temporary file or folder.
  ///
  /// - Parameter mode: permissions, from which the process's mask is taken as always.
  /// - Throws: `beingWritten` while another run is at work on the same output.
  init(
    for output: String, _ form: Form, purpose: String, mode: mode_t
  ) throws(ModelFileError) {
    let path = TemporaryName.path(for: output, purpose)
    for _ in 0..<1000 {
      let descriptor = TemporaryPlace.make(path, for: output, form, mode)
      if descriptor >= 0 {
        switch FileLock.take(descriptor, exclusively: true) {
        case .taken where FileIdentity(of: descriptor) == FileIdentity(ofLink: path):
          self.init(path, descriptor)
          return
        case .taken, .busy:
          // Somebody who looked for leftovers had it for a moment.
          FilesUnderWay.end(path) {}
          close(descriptor)
          usleep(1000)
          continue
        case .unsupported:
          FilesUnderWay.end(path) { Folder.remove(path) }
          close(descriptor)
        }
        break
      }
      guard errno == EEXIST else {
        throw ModelFileError(.system(call: form == .file ? "open" : "mkdir", code: errno), file: output)
      }
      switch TemporaryPlace.clear(path) {
      case .cleared: continue
      case .alive: throw ModelFileError(.beingWritten, file: output)
      case .foreign: break
      }
      break
    }
    let random = TemporaryName.path(
      for: output, "\(purpose)-" + String(UInt64.random(in: 0...UInt64.max), radix: 36))
    let descriptor = TemporaryPlace.make(random, for: output, form, mode)
    guard descriptor >= 0 else {
      throw ModelFileError(.system(call: form == .file ? "open" : "mkdir", code: errno), file: output)
    }
    _ = FileLock.take(descriptor, exclusively: true)
    self.init(random, descriptor)
  }

  private init(_ path: String, _ descriptor: Int32) { (self.path, self.descriptor) = (path, descriptor) }

  /// Makes it and notes it in one step, so that a signal between the two leaves nothing; -1 with `errno` where it cannot.
  private static func make(_ path: String, for output: String, _ form: Form, _ mode: mode_t) -> Int32 {
    let (descriptor, code) = FilesUnderWay.begin(path, for: output) { () -> (Int32, Int32) in
      let descriptor = make(path, form, mode)
      return (descriptor, errno)
    }
    errno = code
    return descriptor
  }

  private static func make(_ path: String, _ form: Form, _ mode: mode_t) -> Int32 {
    switch form {
    case .file: return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    case .folder:
      // Whatever the mask says, the maker must get in.
      guard mkdir(path, mode | 0o700) == 0 else { return -1 }
      let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      if descriptor < 0 {
        // Too many files are open, say: it is ours and empty, and nobody would take it away.
        let code = errno
        rmdir(path)
        errno = code
      }
      return descriptor
    }
  }

  /// What became of a file that a dead run may have left.
  enum Clearing {
    /// It is gone.
    case cleared
    /// Its run is alive.
    case alive
    /// It is not ours to judge or to remove.
    case foreign
  }

  /// Takes away what stands under a temporary name if nobody holds its lock.
  static func clear(_ path: String) -> Clearing {
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return errno == ENOENT ? .cleared : .foreign }
    defer { close(descriptor) }
    switch FileLock.take(descriptor, exclusively: true) {
    case .busy: return .alive
    case .unsupported: return .foreign
    case .taken:
      guard FileIdentity(of: descriptor) == FileIdentity(ofLink: path) else { return .cleared }
      Folder.remove(path)
      return Folder.occupied(path) ? .foreign : .cleared
    }
  }
}

/// Locks of whole files, held by an open descriptor and gone with it, however the process ends.
enum FileLock {
  enum Outcome {
    case taken
    case busy
    /// The file system has none, or the call failed.
    case unsupported
  }

  static func take(_ descriptor: Int32, exclusively: Bool) -> Outcome {
    while flock(descriptor, (exclusively ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      return errno == EWOULDBLOCK ? .busy : .unsupported
    }
    return .taken
  }
}
