internal import CLinux
internal import Glibc

extension OpenFile {
  /// A file in memory that begins with some bytes and goes on with zeros, which take no room: for readers of files, when what
  /// they shall read is no file yet.
  ///
  /// - Parameter path: the name that errors give it.
  package convenience init(
    holding bytes: [UInt8], byteCount: Int, as path: String
  ) throws(ModelFileError) {
    let descriptor = memfd_create("errata", 1)  // MFD_CLOEXEC
    guard descriptor >= 0 else {
      throw ModelFileError(.system(call: "memfd_create", code: errno), file: path)
    }
    self.init(taking: descriptor, as: path)
    try write(bytes, at: 0)
    guard ftruncate(descriptor, off_t(byteCount)) == 0 else { throw failure("ftruncate") }
  }
}
