/// The choices that a family makes once for all its models; a model's own settings may change some.
public struct NetworkDesign: Equatable, Sendable {
  /// How hidden states are scaled before attention, MLP and head.
  public var norm = Norm.layer
  /// Where attention and MLP have norms.
  public var normPlaces = NormPlaces.before
  /// How queries and keys are scaled by root-mean-square norms of their own, before they are turned.
  public var headNorms = HeadNorms.none
  /// Whether the MLP multiplies its activation with a second projection: down(act(gate x) · up x).
  public var isGated = false
  /// Between the halves of the MLP.
  public var activation = Activation.geluTanh
  /// What attention and MLP read and how they are added.
  public var block = BlockOrder.sequential
  /// Whether embeddings are multiplied by the root of the width.
  public var scalesEmbedding = false
  /// What numbers are multiplied by, and bounded with, on their way.
  public var factors = NetworkFactors()
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

  /// Where the norms of attention and MLP stand.
  public enum NormPlaces: Sendable {
    /// x + f(norm x).
    case before
    /// x + norm(f x): OLMo 2, EXAONE 4.
    case after
    /// x + norm(f(norm x)), two norms each: Gemma 2, GLM-4.
    case around

    /// Whether what attention and MLP read goes through a norm.
    public var hasBefore: Bool { self != .after }
    /// Whether what they give goes through one.
    public var hasAfter: Bool { self != .before }
  }

  /// Norms of queries and keys.
  public enum HeadNorms: Sendable {
    case none
    /// Each head by itself, all with one weight: Qwen3.
    case each
    /// All heads as one vector: OLMo 2.
    case whole
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
