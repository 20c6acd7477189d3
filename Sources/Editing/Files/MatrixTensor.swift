public import LinearAlgebra
public import ModelFiles

extension ModelFile {
  /// Reads a matrix of F32 or F64 as Double, in the file's own layout.
  ///
  /// - Throws: `noSuchTensor`, `elementTypeMismatch`, `shapeMismatch` where a count in `shape` (above −1) differs.
  public func matrix(_ name: String, shape: [Int] = [-1, -1]) throws -> Matrix<Double> {
    let tensor = try tensor(name)
    let file = file(of: tensor)
    guard tensor.elementType == .f32 || tensor.elementType == .f64 else {
      throw ModelFileError(
        .elementTypeMismatch(expected: [.f32, .f64], found: tensor.elementType), file: file.path, tensor: name
      )
    }
    guard tensor.shape.count == 2, zip(tensor.shape, shape).allSatisfy({ $1 < 0 || $0 == $1 }) else {
      throw ModelFileError(
        .shapeMismatch(expected: shape, found: tensor.shape), file: file.path, tensor: name)
    }
    var elements = [Double](repeating: 0, count: tensor.elementCount)
    try elements.withUnsafeMutableBytes { buffer in
      guard tensor.elementType == .f32 else {
        return try file.read(into: buffer, at: tensor.byteRange.lowerBound)
      }
      let floats = UnsafeMutableRawBufferPointer(rebasing: buffer[(buffer.count / 2)...])
      try file.read(into: floats, at: tensor.byteRange.lowerBound)
      // The floats fill the second half; widened from the front, each is read before its place is written over.
      for index in 0..<tensor.elementCount {
        let value = Double(floats.loadUnaligned(fromByteOffset: 4 * index, as: Float.self))
        buffer.storeBytes(of: value, toByteOffset: 8 * index, as: Double.self)
      }
    }
    return Matrix(rows: tensor.shape[0], columns: tensor.shape[1], elements: elements)
  }

  /// The value of a `__metadata__` key in any of the files.
  public func note(_ key: String) -> String? {
    metadata.lazy.joined().first { $0.key == key }?.value
  }

  /// The JSON array under a `__metadata__` key; `nil` where there is no such key.
  ///
  /// - Throws: `EditError.badNote` for text that is none.
  func list(_ key: String) throws -> [JSONValue]? {
    guard let text = note(key) else { return nil }
    let value: JSONValue
    do { value = try JSONValue(parsing: Array(text.utf8)) } catch {
      throw EditError.badNote(file: path, key: key, detail: "\(error)")
    }
    guard let elements = value.elements else {
      throw EditError.badNote(file: path, key: key, detail: "it is no array")
    }
    return elements
  }
}
