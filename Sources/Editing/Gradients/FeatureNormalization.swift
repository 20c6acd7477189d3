internal import LinearAlgebra

/// Mean and deviation of each entry of a feature, over all that were seen.
///
/// - Source: zjunlp/EasyEdit, `trainer/algs/malmen/nets.py`, `RunningMeanStd`. There each batch of m adds m/(m − 1) times its sum
///   of squares; here the deviation is that of all features together, however they are cut into batches.
struct FeatureNormalization {
  private var count = 0.0
  private var mean: [Double]
  /// Σ (x − mean)².
  private var squares: [Double]

  init(width: Int) {
    mean = [Double](repeating: 0, count: width)
    squares = mean
  }

  /// Takes features, one per row.
  mutating func add(_ features: Matrix<Double>) {
    for row in 0..<features.rows {
      count += 1
      for (column, value) in features.row(row).enumerated() {
        let distance = value - mean[column]
        mean[column] += distance / count
        squares[column] += distance * (value - mean[column])
      }
    }
  }

  /// The mean of each entry.
  var means: [Double] { mean }
  /// The deviation of each entry.
  var deviations: [Double] { squares.map { count > 1 ? ($0 / (count - 1)).squareRoot() : 0 } }

  /// (x − mean) / deviation, entry by entry; zero where an entry never changed.
  func apply(_ features: Matrix<Double>) -> Matrix<Double> {
    var features = features
    let scales = squares.map { $0 > 0 ? ((count - 1) / $0).squareRoot() : 0 }
    for row in 0..<features.rows {
      for column in 0..<features.columns {
        features[row, column] = (features[row, column] - mean[column]) * scales[column]
      }
    }
    return features
  }
}
