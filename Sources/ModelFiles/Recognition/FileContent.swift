/// What a file really is, told by its first bytes and not by its name.
///
/// Downloads go wrong in a few ways that leave a file of the right name: a pointer in place of what it points to, a page that says why
/// not, nothing at all. And files are given in place of others. Every opener asks here before it complains about details.
public enum FileContent: Equatable, Sendable {
  /// No bytes.
  case empty
  /// Nothing but zeros as far as was looked: space that a download reserved and did not fill.
  case zeros
  /// A safetensors file: weights, statistics, keys or values.
  case safetensors
  /// A GGUF file.
  case gguf
  /// A patch.
  case patch
  /// A Git LFS pointer: a text of three lines in place of a file of this length.
  case pointer(byteCount: Int?)
  /// A git-annex pointer: the path of an object that is kept elsewhere.
  case annexPointer
  /// A page of HTML or XML.
  case page
  /// What a server says instead of sending a file.
  case refusal(message: String)
  /// What `torch.save` writes: a `.bin`, `.pt` or `.pth` file.
  case torch
  /// A Python object by `pickle`.
  case pickle
  /// A `.npz` archive of NumPy arrays.
  case numPyArchive
  /// A `.npy` array.
  case numPyArray
  /// Another zip archive.
  case zip
  /// Compressed data, by the program that reads them.
  case compressed(String)
  /// A tar archive.
  case tar
  /// HDF5, as Keras keeps weights.
  case hdf5
  /// A file of llama.cpp from before GGUF.
  case ggml
  /// UTF-16 text, as some editors and shells write.
  case utf16
  /// JSON, with what it seems to hold.
  case json(JSONContent?)
  /// Other text.
  case text
  /// A model, told by its tensors.
  case model
  /// Second moments.
  case statistics
  /// Keys and residuals.
  case keys
  /// Optimized values.
  case values
  /// A folder.
  case folder
  /// None of these.
  case unknown

  /// JSON files of a model folder.
  public enum JSONContent: Equatable, Sendable {
    case tokenizer
    case configuration
    case index
  }

  /// How a patch begins. `Formats/patch.md`, *Header*.
  public static let patchMagic: [UInt8] = [0x89, 0x45, 0x52, 0x52, 0x0D, 0x0A, 0x1A, 0x0A]

  /// As many bytes as are looked at.
  static let frontByteCount = 4096

  /// Looks at the first bytes of a file.
  public init(of file: OpenFile) throws(ModelFileError) {
    self.init(try file.read(min(try file.size(), FileContent.frontByteCount), at: 0)[...])
  }

  /// Looks at what a path leads to.
  public init(at path: String) throws(ModelFileError) {
    if Folder.exists(path) {
      self = .folder
    } else {
      try self.init(of: OpenFile(path, .reading))
    }
  }

  /// Looks at the first bytes of what was read.
  public init(_ bytes: ArraySlice<UInt8>) {
    let front = bytes.prefix(FileContent.frontByteCount)
    self = FileContent.binary(front) ?? FileContent.writing(front)
  }

  /// What tells itself by a signature.
  private static func binary(_ front: ArraySlice<UInt8>) -> FileContent? {
    func begins(_ bytes: [UInt8], at offset: Int = 0) -> Bool { front.dropFirst(offset).starts(with: bytes) }
    func begins(_ text: String, at offset: Int = 0) -> Bool { begins(Array(text.utf8), at: offset) }
    if front.isEmpty { return .empty }
    if begins("GGUF") { return .gguf }
    if begins(patchMagic) { return .patch }
    let length = front.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    if length <= UInt64(SafetensorsHeader.lengthLimit), length > 1, begins("{", at: 8) { return .safetensors }
    if begins([0x50, 0x4B, 3, 4]) {
      // The first entry's name follows 30 bytes; torch.save puts its pickle first, numpy.savez its arrays.
      let name = String(decoding: front.dropFirst(30).prefix(300), as: UTF8.self)
      return name.contains("data.pkl") ? .torch : name.contains(".npy") ? .numPyArchive : .zip
    }
    if begins([0x80, 2]) || begins([0x80, 3]) || begins([0x80, 4]) || begins([0x80, 5]) { return .pickle }
    if begins([0x93] + Array("NUMPY".utf8)) { return .numPyArray }
    for (signature, program) in [
      ([0x1F, 0x8B], "gzip"), ([0x28, 0xB5, 0x2F, 0xFD], "zstd"), ([0xFD] + Array("7zXZ".utf8), "xz"),
      (Array("BZh".utf8), "bzip2"), ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "7z"),
    ] as [([UInt8], String)] where begins(signature) { return .compressed(program) }
    if begins([0x89] + Array("HDF\r\n".utf8)) { return .hdf5 }
    if ["lmgg", "fmgg", "tjgg"].contains(where: { begins($0) }) { return .ggml }
    if begins("ustar", at: 257) { return .tar }
    if begins([0xFF, 0xFE]) || begins([0xFE, 0xFF]) { return .utf16 }
    return front.count >= 64 && front.allSatisfy { $0 == 0 } ? .zeros : nil
  }

  /// What is written in letters.
  private static func writing(_ front: ArraySlice<UInt8>) -> FileContent {
    let body = front.starts(with: TextFile.mark) ? front.dropFirst(3) : front
    // The last scalar may be cut; anything before it that is not UTF-8, or a zero, is no text.
    guard !body.contains(0), let text = String(validating: body, as: UTF8.self) ?? prefixOfText(body) else {
      return .unknown
    }
    if text.hasPrefix("version https://git-lfs.github.com/spec/") {
      let size = text.split(separator: "\n").first { $0.hasPrefix("size ") }
      return .pointer(byteCount: size.flatMap { Int($0.dropFirst(5)) })
    }
    if text.hasPrefix("/annex/objects/") || text.hasPrefix("../") && text.contains(".git/annex/objects/") {
      return .annexPointer
    }
    guard let first = text.unicodeScalars.first(where: { !$0.properties.isWhitespace }) else { return .text }
    if first == "<" {
      let start = text.drop(while: \.isWhitespace).prefix(9).lowercased()
      return ["<!doctype", "<html", "<?xml", "<head"].contains { start.hasPrefix($0) } ? .page : .text
    }
    guard first == "{" || first == "[" else { return .text }
    if let message = refusal(text) { return .refusal(message: message) }
    if text.contains("\"weight_map\"") { return .json(.index) }
    if text.contains("\"added_tokens\"") && text.contains("\"truncation\"") { return .json(.tokenizer) }
    if text.contains("\"model_type\"") || text.contains("\"architectures\"") { return .json(.configuration) }
    return .json(nil)
  }

  /// A text whose last scalar the end of what was read may have cut.
  private static func prefixOfText(_ bytes: ArraySlice<UInt8>) -> String? {
    guard bytes.count > FileContent.frontByteCount - 4 else { return nil }
    return (1...3).lazy.compactMap { String(validating: bytes.dropLast($0), as: UTF8.self) }.first
  }

  /// A small object of which the first key is `error` or `message`.
  private static func refusal(_ text: String) -> String? {
    guard text.utf8.count < 2048, let value = try? JSONValue(parsing: Array(text.utf8)),
      let members = value.members, ["error", "message", "detail"].contains(members.first?.key)
    else { return nil }
    return members[0].value.text ?? members[0].value["message"]?.text
  }
}

extension FileContent {
  /// Refuses a text that is something else.
  func require(_ use: ModelFileError.FileUse, file: String) throws(ModelFileError) {
    switch self {
    // What is not JSON for other reasons is told by the reader, with its place.
    case .text, .json, .unknown, .empty: return
    case .page where use == .text, .refusal where use == .text: return
    default: throw ModelFileError(.otherContent(found: self, expected: use), file: file)
    }
  }

  /// Whether it can be read as text.
  public var isWriting: Bool {
    switch self {
    case .text, .json, .page, .refusal, .empty: true
    // A byte that is not UTF-8 is told with its place.
    case .unknown: true
    default: false
    }
  }

  /// Whether the bytes are surely not those of a weight file, so that its reader's complaint would mislead.
  var isForeign: Bool {
    switch self {
    case .safetensors, .gguf, .unknown, .empty: false
    default: true
    }
  }
}
