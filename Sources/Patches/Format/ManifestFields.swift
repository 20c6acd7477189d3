internal import Floor
internal import ModelFiles

/// Fields of one object of a manifest, read with the errors that the format names.
struct ManifestFields {
  let json: JSONValue
  let file: String

  func bad(_ field: String) -> PatchError { .badManifest(file: file, field: field) }

  func text(_ field: String) throws(PatchError) -> String {
    guard let text = json[field]?.text else { throw bad(field) }
    return text
  }

  func known<Value>(_ field: String, _ value: (String) -> Value?) throws(PatchError) -> Value {
    let found = try text(field)
    guard let value = value(found) else { throw .unknownChange(file: file, field: field, value: found) }
    return value
  }

  func digest(_ field: String) throws(PatchError) -> Digest {
    guard let digest = Digest(hexadecimal: try text(field)) else { throw bad(field) }
    return digest
  }

  func form(_ typeField: String, _ shapeField: String) throws(PatchError) -> TensorForm {
    guard let type = ElementType(rawValue: try text(typeField)) else { throw bad(typeField) }
    guard let extents = json[shapeField]?.elements, extents.count <= 64 else { throw bad(shapeField) }
    var shape: [Int] = []
    for extent in extents {
      guard let extent = extent.integer, extent >= 0 else { throw bad(shapeField) }
      shape.append(extent)
    }
    guard (try? type.byteCount(shape: shape)) != nil else { throw bad(shapeField) }
    return TensorForm(elementType: type, shape: shape)
  }

  func count(_ field: String) throws(PatchError) -> Int {
    guard let count = json[field]?.integer, count >= 0 else { throw bad(field) }
    return count
  }

  func range(_ field: String) throws(PatchError) -> Range<Int> {
    guard let pair = json[field]?.elements, pair.count == 2, let first = pair[0].integer,
      let count = pair[1].integer,
      first >= 0, count >= 0, first <= 1 << 32, count <= 1 << 32
    else { throw bad(field) }
    return first..<first + count
  }

  /// So many lower-case digits, at most sixteen, the most significant first.
  func hexadecimal(_ field: String, digits count: Int) throws(PatchError) -> UInt64 {
    guard let number = Hexadecimal.number(try text(field), digits: count) else { throw bad(field) }
    return number
  }
}
