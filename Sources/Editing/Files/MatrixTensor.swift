public import LinearAlgebra
public import ModelFiles

extension ModelFile {
  /// Reads a matrix of F32 or F64 as Double, in the file's own layout.
  ///
  /// - Throws: `noSuchTensor`, `elementTypeMismatch`, `shapeMismatch` where a count in `shape` (above −1) differs.
  public func matrix(_ name: String, shape: [Int] = [-1, -1]) throws -> Matrix<Double> {
    let (tensor, file) = try matrixTensor(name, shape: shape)
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

  /// The diagonal of a square matrix of F32 or F64; no more of it is read.
  ///
  /// - Throws: `noSuchTensor`, `elementTypeMismatch`, `shapeMismatch`, `notFinite`.
  func diagonal(_ name: String) throws -> [Double] {
    let (tensor, file) = try matrixTensor(name, shape: [-1, -1])
    let width = tensor.shape[0]
    guard tensor.shape[1] == width else {
      throw ModelFileError(
        .shapeMismatch(expected: [width, width], found: tensor.shape), file: file.path, tensor: name)
    }
    let size = tensor.byteCount / max(tensor.elementCount, 1)
    return try (0..<width).map { index in
      let bytes = try file.read(size, at: tensor.byteRange.lowerBound + index * (width + 1) * size)
      let value = bytes.withUnsafeBytes {
        size == 4 ? Double($0.loadUnaligned(as: Float.self)) : $0.loadUnaligned(as: Double.self)
      }
      guard value.isFinite else {
        throw ModelFileError(.notFinite(index: index * (width + 1)), file: file.path, tensor: name)
      }
      return value
    }
  }

  /// A matrix of F32 or F64, and where it is.
  private func matrixTensor(_ name: String, shape: [Int]) throws -> (TensorInfo, OpenFile) {
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
    return (tensor, file)
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
