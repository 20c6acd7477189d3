internal import LinearAlgebra
internal import ModelFiles
internal import Patches

/// The rows of an edited weight, [outputWidth × inputWidth], whatever way it is stored, some hundred at a time.
struct WeightRows {
  let tensor: TensorInfo
  let model: ModelFile
  let orientation: TensorChange.Orientation

  /// Rows taken together: enough to make the products large, few enough to stay small.
  private static let blockCount = 512

  init(tensor: TensorInfo, of model: ModelFile, orientation: TensorChange.Orientation) {
    self.tensor = tensor
    self.model = model
    self.orientation = orientation
  }

  /// Adds up a function of blocks of rows.
  func sum(_ function: (consuming Matrix<Float>) -> Double) throws -> Double {
    let (outputWidth, inputWidth) =
      orientation == .outputMajor ? (tensor.shape[0], tensor.shape[1]) : (tensor.shape[1], tensor.shape[0])
    let file = model.file(of: tensor)
    let type = tensor.elementType
    let size = type.bitCount / 8
    var total = 0.0
    for first in stride(from: 0, to: outputWidth, by: Self.blockCount) {
      let count = min(Self.blockCount, outputWidth - first)
      var floats: [Float] = []
      switch orientation {
      case .outputMajor:
        // Rows are whole blocks where elements are stored together.
        let rowByteCount = inputWidth / type.blockElementCount * size
        floats = type.decoded(
          try file.read(count * rowByteCount, at: tensor.byteRange.lowerBound + first * rowByteCount))
      case .inputMajor:
        // Columns of the storage: read what each input holds of this block, and turn it.
        var turned = [Float](repeating: 0, count: count * inputWidth)
        for input in 0..<inputWidth {
          let bytes = try file.read(
            count * size, at: tensor.byteRange.lowerBound + (input * outputWidth + first) * size)
          bytes.withUnsafeBytes { type.convert($0.baseAddress!, count: count, into: &floats) }
          for row in 0..<count { turned[row * inputWidth + input] = floats[row] }
        }
        floats = turned
      }
      total += function(Matrix(rows: count, columns: inputWidth, elements: floats))
    }
    return total
  }
}

extension SecondMoment {
  /// tr(B C Bᵀ) for rows B of a weight, without a factor of C. `[count × inputWidth]`
  func quadraticForm(ofRows rows: consuming Matrix<Float>) -> Double {
    let wide = Matrix<Double>(rows)
    return wide.times(sum).elements.dot(wide.elements) / Double(tokenCount)
  }
}
