/// The choices that a family makes once for all its models; a model's own settings may change some.
public struct NetworkDesign: Equatable, Sendable {
  /// How hidden states are scaled before attention, MLP and head.
  public var norm = Norm.layer
  /// Whether each head's query and key are scaled by root-mean-square norms of their own, before they are turned.
  public var hasHeadNorms = false
  /// Whether the MLP multiplies its activation with a second projection: down(act(gate x) · up x).
  public var isGated = false
  /// Between the halves of the MLP.
  public var activation = Activation.geluTanh
  /// What attention and MLP read and how they are added.
  public var block = BlockOrder.sequential
  /// Whether embeddings are multiplied by the root of the width.
  public var scalesEmbedding = false
  /// Which weights have a bias, and which have none; one that is not named has it where the file has it.
  public var biases: [TensorRole: Bool] = [:]
  /// Whether rotary pairs are neighbors, (2i, 2i + 1), in every container.
  public var turnsNeighbors = false

  /// A norm of hidden states.
  public enum Norm: Equatable, Sendable {
    /// Subtracts the mean, divides by the standard deviation; may have a bias.
    case layer
    /// Divides by the root mean square and multiplies by offset + weight; GGUF files hold the sum.
    case rms(offset: Float = 0)
  }

  /// An activation function.
  public enum Activation: String, Sendable {
    case gelu
    case geluTanh
    case relu
    case silu

    /// That of a name in transformers' `activations.py`; `nil` for one that this version does not compute.
    public init?(named name: String) {
      switch name {
      case "gelu": self = .gelu
      case "gelu_new", "gelu_fast", "gelu_pytorch_tanh": self = .geluTanh
      case "relu": self = .relu
      case "silu", "swish": self = .silu
      default: return nil
      }
    }
  }

  /// The order of a block's parts.
  public enum BlockOrder: Sendable {
    /// x + attention(norm x), then that + mlp(norm of that).
    case sequential
    /// x + attention(norm x) + mlp(the same norm x): GPT-J.
    case parallelSharedNorm
    /// x + attention(norm x) + mlp(another norm x): GPT-NeoX.
    case parallel
  }

  /// GPT-2's.
  public init() {}

  /// What Llama's descendants have in common.
  public static var llamaLike: NetworkDesign {
    var design = NetworkDesign()
    design.norm = .rms()
    design.isGated = true
    design.activation = .silu
    return design
  }
}
