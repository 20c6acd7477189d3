public import LinearAlgebra
internal import ModelFiles

/// A matrix that a patch carries so that its edits can be solved for again: `Formats/patch.md`, *Resolve*.
struct ResolveMatrix: Sendable {
  let name: String
  let rows: Int
  let columns: Int
  let blocks: Range<Int>

  /// Rows and columns at most; with the check of the blocks' lengths no number asks for more than the file holds.
  private static let limit = 1 << 28

  /// Reads and bounds the list; its blocks must follow the ones before.
  static func list(
    _ json: JSONValue, blocks table: [BlockInfo], next: inout Int, file: String
  ) throws(PatchError) -> [ResolveMatrix] {
    guard let entries = json.elements else { throw .badManifest(file: file, field: "resolve") }
    var list: [ResolveMatrix] = []
    var names: Set<String> = []
    for entry in entries {
      let fields = ManifestFields(json: entry, file: file)
      let name = try fields.text("name")
      guard let rows = entry["rows"]?.integer, let columns = entry["columns"]?.integer,
        (1...limit).contains(rows), (1...limit).contains(columns), names.insert(name).inserted
      else { throw .badManifest(file: file, field: "resolve") }
      let range = try fields.range("blocks")
      guard range.lowerBound == next, range.upperBound <= table.count, table[range].hold(4 * rows * columns)
      else {
        throw .badBlockRange(file: file, tensor: name, field: "resolve")
      }
      next = range.upperBound
      list.append(ResolveMatrix(name: name, rows: rows, columns: columns, blocks: range))
    }
    return list
  }

  /// The same with its blocks so much further on.
  func shifted(by first: Int) -> ResolveMatrix {
    ResolveMatrix(
      name: name, rows: rows, columns: columns, blocks: blocks.lowerBound + first..<blocks.upperBound + first)
  }

  var json: JSONValue {
    [
      "name": .string(name), "rows": .integer(rows), "columns": .integer(columns),
      "blocks": [.integer(blocks.lowerBound), .integer(blocks.count)],
    ]
  }
}

extension PatchFile {
  /// Whether the patch carries what its edits can be solved for again with.
  public var canBeResolved: Bool { !resolve.isEmpty }

  /// Bytes that this takes in the file.
  public var resolveByteCount: Int {
    resolve.reduce(0) { total, matrix in blocks[matrix.blocks].reduce(total) { $0 + $1.storedCount } }
  }

  /// One of its matrices, if there; checked to be finite.
  public func resolveMatrix(_ name: String) throws -> Matrix<Double>? {
    guard let matrix = resolvePlaces[name].map({ resolve[$0] }) else { return nil }
    let floats = ElementType.f32.decoded(try content(matrix.blocks))
    let wide = Matrix(rows: matrix.rows, columns: matrix.columns, elements: floats.map(Double.init))
    guard wide.firstNonFinite() == nil else { throw PatchError.notFinite(file: path, tensor: name) }
    return wide
  }
}
