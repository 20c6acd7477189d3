public import ModelFiles

/// Weights as if edited: stored bytes that stand in for those of the file, by tensor name.
///
/// The model is never written, so nothing has to be restored.
public struct WeightOverlay: Sendable {
  private(set) var bytes: [String: [UInt8]] = [:]
  /// Types of those that are not of the file's own.
  private(set) var types: [String: ElementType] = [:]

  /// Nothing replaced.
  public init() {}

  /// The stored bytes that replace a tensor's, of its own type and shape; `nil` where it is as in the file.
  public subscript(tensor: String) -> [UInt8]? {
    get { bytes[tensor] }
    set {
      bytes[tensor] = newValue
      types[tensor] = nil
    }
  }

  /// Replaces a tensor by one of another element type.
  public mutating func replace(_ tensor: String, by bytes: [UInt8], of type: ElementType) {
    self.bytes[tensor] = bytes
    types[tensor] = type
  }

  /// Names of the tensors that are replaced.
  public var tensors: [String] { bytes.keys.sorted() }
}
