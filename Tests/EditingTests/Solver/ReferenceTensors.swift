import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

/// A safetensors file of reference numbers, made by another implementation.
struct ReferenceTensors {
  let file: ModelFile

  init(_ name: String) throws {
    file = try ModelFile(PackageFiles.path("Fixtures/reference/" + name))
  }

  /// The parameters of each method, as the metadata tell them.
  func parameters() throws -> [JSONValue.Member] {
    let text = try #require(file.metadata[0].first { $0.key == "parameters" }?.value)
    let members = try #require(try JSONValue(parsing: Array(text.utf8)).members)
    // A test that goes over none would pass in vain.
    #expect(!members.isEmpty)
    return members
  }

  func integer(_ name: String) throws -> Int {
    let tensor = try file.tensor(name)
    precondition(tensor.elementType == .i64 && tensor.elementCount == 1)
    return try file.file(of: tensor).read(8, at: tensor.byteRange.lowerBound)
      .withUnsafeBytes { $0.loadUnaligned(as: Int.self) }
  }

  func matrix(_ name: String) throws -> Matrix<Double> {
    let tensor = try file.tensor(name)
    let bytes = try file.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
    let isDouble = tensor.elementType == .f64
    precondition(isDouble || tensor.elementType == .f32)
    let elements = bytes.withUnsafeBytes { bytes in
      (0..<tensor.elementCount).map {
        isDouble
          ? bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self)
          : Double(bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self))
      }
    }
    return Matrix(rows: tensor.shape[0], columns: tensor.shape[1], elements: elements)
  }
}
