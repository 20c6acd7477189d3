/// Names of files that are not finished: what an output is called until it is whole.
enum TemporaryName {
  /// Bytes that a name may have on Linux.
  static let limit = 255
  private static let mark = ".errata-"

  /// The temporary name of an output: hidden, told by its middle, the same every time for one purpose.
  ///
  /// - Parameter purpose: what tells it apart from other temporary files of the same output.
  static func path(for output: String, _ purpose: String) -> String {
    let suffix = mark + purpose
    return Folder.path(
      Folder.containing(output), "." + shortened(Folder.name(of: output), to: limit - 40) + suffix)
  }

  /// Whether a name was made here.
  static func isOne(_ name: String) -> Bool {
    name.hasPrefix(".") && name.utf8.count > 1 && name.firstRange(of: mark) != nil
  }

  /// A name of at most so many bytes: as it is, or its beginning and a hash of the whole.
  static func shortened(_ name: String, to room: Int) -> String {
    guard name.utf8.count > room else { return name }
    // FNV-1a: two long names in one folder must not meet; nobody gains by making them meet.
    let hash = name.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    let tail = "~" + String(hash, radix: 36)
    var head = name[...]
    while head.utf8.count + tail.utf8.count > room { head = head.dropLast() }
    return head + tail
  }
}
