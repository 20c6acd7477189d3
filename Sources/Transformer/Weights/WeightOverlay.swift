/// Weights as if edited: stored bytes that stand in for those of the file, by tensor name.
///
/// The model is never written, so nothing has to be restored.
public struct WeightOverlay: Sendable {
  private(set) var bytes: [String: [UInt8]] = [:]

  /// Nothing replaced.
  public init() {}

  /// The stored bytes that replace a tensor's, of its own type and shape; `nil` where it is as in the file.
  public subscript(tensor: String) -> [UInt8]? {
    get { bytes[tensor] }
    set { bytes[tensor] = newValue }
  }

  /// Names of the tensors that are replaced.
  public var tensors: [String] { bytes.keys.sorted() }
}
