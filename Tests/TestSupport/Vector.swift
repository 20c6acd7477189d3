import ModelFiles
import Testing

/// A file of `Formats/vectors`: what a reader must make of some bytes, and the bytes.
///
///     expect: reject offsetGap at 64
///     comment: …
///     (an empty line)
///     38 00 …   # hexadecimal, comments after #
public struct Vector: Sendable, CustomTestStringConvertible {
  /// The name of the file, which says the point.
  public let name: String
  /// The file to be read.
  public let bytes: [UInt8]
  /// The error case that must follow, or `nil` when the file is good.
  public let rejection: String?
  /// Where the first bad byte is, if the vector says.
  public let byteOffset: Int?
  /// Whether writing what was read must give the same bytes.
  public let isCanonical: Bool

  /// The name again, for reports.
  public var testDescription: String { name }

  /// Reads all vectors of a format, by name.
  public static func all(_ format: String) -> [Vector] {
    let folder = PackageFiles.path("Formats/vectors/\(format)")
    do {
      let vectors = try Folder.names(in: folder).filter { $0.hasSuffix(".hex") }.map {
        try Vector(folder, $0)
      }
      // A test that goes over none would pass in vain.
      precondition(
        vectors.contains { $0.rejection == nil } && vectors.contains { $0.rejection != nil },
        "the vectors of \(format) are good ones and bad ones")
      return vectors
    } catch {
      preconditionFailure("the vectors of \(format) cannot be read: \(error)")
    }
  }

  private init(_ folder: String, _ name: String) throws {
    let text = String(decoding: try FileBytes.read(Folder.path(folder, name)), as: UTF8.self)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let headEnd = lines.firstIndex(of: "") ?? lines.endIndex
    guard let expectation = lines[..<headEnd].first(where: { $0.hasPrefix("expect: ") })?.dropFirst(8) else {
      preconditionFailure("\(name) does not say what to expect")
    }
    let words = expectation.split(separator: " ")
    self.name = String(name.dropLast(4))
    rejection = words.first == "reject" ? String(words[1]) : nil
    isCanonical = lines[..<headEnd].contains { $0.hasPrefix("comment: canonical") }
    byteOffset = words.count > 3 ? Int(words[3]) : nil
    var bytes: [UInt8] = []
    for line in lines[headEnd...] {
      for word in line.prefix(while: { $0 != "#" }).split(separator: " ") {
        guard word.count == 2, let byte = UInt8(word, radix: 16) else {
          preconditionFailure("\(name): \(word) is not a byte")
        }
        bytes.append(byte)
      }
    }
    self.bytes = bytes
  }
}
