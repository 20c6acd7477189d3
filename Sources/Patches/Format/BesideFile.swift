internal import Floor
internal import ModelFiles

/// A small file beside the weights that is another after the change: configuration, tokenizer, chat template.
/// `Formats/patch.md`, *Beside*.
public struct BesideFile: Equatable, Sendable {
  /// The file before, or after.
  struct Side: Equatable, Sendable {
    let byteCount: Int
    /// SHA-256 of its bytes.
    let digest: Digest
    /// What it holds between the bytes that both sides begin and end with.
    var blocks = 0..<0
  }

  /// Its plain name.
  public let name: String
  /// Bytes that both sides begin with; 0 where there is but one.
  let prefix: Int
  /// Bytes that both sides end with, after those.
  let suffix: Int
  /// `nil` when the base does not have it.
  var base: Side?
  /// `nil` when the result does not have it.
  var result: Side?

  /// `added`, `removed` or `changed`.
  public var label: String { base == nil ? "added" : result == nil ? "removed" : "changed" }
  /// Bytes before; `nil` when the base does not have it.
  public var baseByteCount: Int? { base?.byteCount }
  /// Bytes after; `nil` when the result does not have it.
  public var resultByteCount: Int? { result?.byteCount }

  /// The file as a direction leaves it; `nil` when it is gone then.
  func side(_ direction: PatchRun.Direction) -> Side? { direction == .apply ? result : base }

  /// Longest file that travels; tokenizers have up to some thirty megabytes.
  public static let byteLimit = 1 << 26
  /// Most files.
  static let countLimit = 1 << 10
  /// Ends of the names that travel: what makes a model usable, and neither weights nor code.
  static let suffixes = [".json", ".jinja", ".model", ".spm", ".tiktoken", ".txt", ".vocab"]

  /// Whether a file of this name travels in patches.
  static func travels(_ name: String) -> Bool {
    isPlain(name) && !name.hasPrefix(".") && !name.hasSuffix(".index.json")
      && suffixes.contains(where: name.hasSuffix)
  }

  /// Whether a name stays in its folder.
  static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/"))
      && !name.utf8.contains(0)
  }
}

extension BesideFile {
  /// The object of the manifest.
  var json: JSONValue {
    var members: [JSONValue.Member] = [.init("name", .string(name))]
    if base != nil, result != nil {
      members += [.init("prefix", .integer(prefix)), .init("suffix", .integer(suffix))]
    }
    for (key, side) in [("base", base), ("result", result)] {
      guard let side else { continue }
      members += [
        .init(key + "Bytes", .integer(side.byteCount)),
        .init(key + "Digest", .string(side.digest.hexadecimal)),
        .init(key, [.integer(side.blocks.lowerBound), .integer(side.blocks.count)]),
      ]
    }
    return .object(members)
  }

  /// Reads and bounds the list; its blocks must follow the ones before.
  static func list(
    _ json: JSONValue, blocks: [BlockInfo], next: inout Int, file: String
  ) throws(PatchError) -> [BesideFile] {
    guard let entries = json.elements, (1...countLimit).contains(entries.count) else {
      throw .badManifest(file: file, field: "beside")
    }
    var list: [BesideFile] = []
    for entry in entries {
      let own = try BesideFile(ManifestFields(json: entry, file: file), blocks: blocks, next: &next)
      if let last = list.last, !last.name.utf8.lexicographicallyPrecedes(own.name.utf8) {
        throw .badManifest(file: file, field: "beside")
      }
      list.append(own)
    }
    return list
  }

  private init(
    _ fields: ManifestFields, blocks: [BlockInfo], next: inout Int
  ) throws(PatchError) {
    let json = fields.json
    name = try fields.text("name")
    let isBoth = json["baseDigest"] != nil && json["resultDigest"] != nil
    let kept = try isBoth ? (fields.count("prefix"), fields.count("suffix")) : (0, 0)
    (prefix, suffix) = kept
    func side(_ key: String, _ next: inout Int) throws(PatchError) -> Side? {
      guard json[key + "Digest"] != nil else { return nil }
      let byteCount = try fields.count(key + "Bytes")
      // Each is checked alone first, so that no sum overflows.
      guard byteCount <= BesideFile.byteLimit, kept.0 <= byteCount, kept.1 <= byteCount - kept.0 else {
        throw fields.bad(key + "Bytes")
      }
      let side = Side(
        byteCount: byteCount, digest: try fields.digest(key + "Digest"), blocks: try fields.range(key))
      guard side.blocks.lowerBound == next, side.blocks.upperBound <= blocks.count,
        blocks[side.blocks].hold(byteCount - kept.0 - kept.1)
      else { throw .badBlockRange(file: fields.file, tensor: name, field: key) }
      next = side.blocks.upperBound
      return side
    }
    base = try side("base", &next)
    result = try side("result", &next)
    guard BesideFile.travels(name), base != nil || result != nil, base?.digest != result?.digest else {
      throw fields.bad("beside")
    }
  }
}
