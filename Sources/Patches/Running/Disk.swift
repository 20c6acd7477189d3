internal import ModelFiles

/// What an in-place run does to files. There is one disk; a test puts one in its place that fails, or stops for good.
protocol Disk: Sendable {
  func write(_ bytes: UnsafeRawBufferPointer, to file: OpenFile, at offset: Int) throws(ModelFileError)
  func copy(_ range: Range<Int>, of source: OpenFile, to file: OpenFile, at offset: Int)
    throws(ModelFileError)
  /// Waits until a file's data is on the disk.
  func synchronize(_ file: OpenFile) throws(ModelFileError)
  /// Gives a file its name.
  func publish(_ file: AtomicFile) throws(ModelFileError)
  func remove(_ path: String) throws(ModelFileError)
  /// Waits until the names in a folder are on the disk.
  func synchronizeFolder(_ path: String) throws(ModelFileError)
}

/// The operating system's.
struct SystemDisk: Disk {
  func write(_ bytes: UnsafeRawBufferPointer, to file: OpenFile, at offset: Int) throws(ModelFileError) {
    try file.write(bytes, at: offset)
  }

  func copy(_ range: Range<Int>, of source: OpenFile, to file: OpenFile, at offset: Int)
    throws(ModelFileError)
  {
    try file.copy(range, of: source, to: offset)
  }

  func synchronize(_ file: OpenFile) throws(ModelFileError) { try file.synchronize() }
  func publish(_ file: AtomicFile) throws(ModelFileError) { try file.publish() }
  func remove(_ path: String) throws(ModelFileError) { try Folder.removeFile(path) }
  func synchronizeFolder(_ path: String) throws(ModelFileError) { try Folder.synchronize(path) }
}

extension Disk {
  func write(_ bytes: [UInt8], to file: OpenFile, at offset: Int) throws(ModelFileError) {
    var failure: ModelFileError?
    bytes.withUnsafeBytes { buffer in
      do throws(ModelFileError) { try write(buffer, to: file, at: offset) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}
