/// The numbers of methods that work with single neurons: entries of a key, columns of the down-projection.
public struct NeuronSettings: Equatable, Sendable {
  /// Knowledge neurons: whose way of finding and writing is taken.
  public var form = Form.paper
  /// Knowledge neurons: the share of a text's largest attribution that one needs.
  /// Source: Hunter-DDM/knowledge-neurons, `src/2_get_kn.py`.
  public var threshold = 0.2
  /// Knowledge neurons: the share of a fact's texts in which one is to be found, to begin with.
  public var share = 0.7
  /// Knowledge neurons: λ₁, what of the answer that is said now is taken out of a neuron, against its norm.
  /// Source: the same, `src/6_edit_knowledge_sampled.py`.
  public var erasing = 1.0
  /// Knowledge neurons: λ₂, what of the new answer is written, against its norm.
  public var writing = 8.0
  /// Added neurons: how many there are for a layer; one for each wrong token where `nil`.
  public var count: Int?
  /// A form of knowledge neurons.
  public enum Form: String, Sendable {
    /// As published, on the numbers that are edited.
    case paper
    /// As the port in EasyEdit runs it.
    case easyedit
  }

  /// Added neurons: whether they make the layers wider, and no other neuron goes.
  public var widens = false
  /// Added neurons: the weight of losses that keep them quiet on other texts.
  public var memoryWeight = 10.0
}
