/// What published experiments found out about editing models of a family: where facts lie and how far values may go.
///
/// An editing method takes from here what it needs and leaves the rest. The defaults are those of a family nobody has
/// published on.
///
/// - Source: kmeng01/memit and scalable-model-editing/unified-model-editing, `hparams/`; zjunlp/EasyEdit, `hparams/`.
public struct FamilyRecipe: Equatable, Sendable {
  /// The middle of the edited layers where no size is published, as a share of the depth.
  public var depth = 0.18
  /// Steps of value optimization at most, whatever the size; `nil` where each size has its own.
  public var steps: Int?
  /// Factor of an offset's length in the loss of value optimization.
  public var weightDecay = 0.5
  /// The longest offset, as a share of the state it is added to.
  public var clamp = 0.75
  /// The same where the offset is added to the MLP's own output beside one on attention's (PMET), for a published size.
  public var clampWithAttention = 0.75
  /// λ of methods that spread an edit, for a published size; `nil` for the method's own.
  public var secondMomentWeight: Double?
  /// λ of EMMET, w in its released settings.
  public var equalityWeight = 1.0
  /// UltraEdit's learning rate times the key width to the power 1.5, where no size is published.
  public var gradientRate = 3.0
  /// FT-L's ε times the key width, where no size is published.
  public var bound = 5.0
  /// The sizes that recipes were published for.
  public var published: [PublishedSize] = []

  /// A model size with published layers.
  public struct PublishedSize: Equatable, Sendable {
    /// What people call it.
    public let name: String
    /// Blocks.
    public let layerCount: Int
    /// Length of a hidden state.
    public let width: Int
    /// Layers of the methods that spread an edit.
    public let layers: ClosedRange<Int>
    /// The layer of those that do not.
    public let singleLayer: Int
    /// Steps of value optimization.
    public let steps: Int
    /// UltraEdit's layers, where its down-projections are edited.
    public let lateLayers: ClosedRange<Int>?
    /// FT-L's ε.
    public let bound: Double?

    /// A row of a family's table.
    public init(
      _ name: String, layerCount: Int, width: Int, layers: ClosedRange<Int>, singleLayer: Int, steps: Int,
      lateLayers: ClosedRange<Int>? = nil, bound: Double? = nil
    ) {
      self.name = name
      self.layerCount = layerCount
      self.width = width
      self.layers = layers
      self.singleLayer = singleLayer
      self.steps = steps
      self.lateLayers = lateLayers
      self.bound = bound
    }
  }

  /// That of a family of which only layers are published, or nothing.
  public init(published: [PublishedSize] = []) { self.published = published }

  /// The published size of a model, if it is one.
  public func published(layerCount: Int, width: Int) -> PublishedSize? {
    published.first { $0.layerCount == layerCount && $0.width == width }
  }

  /// The numbers that Llama's descendants share: values farther out, little weight decay.
  static func llamaLike(_ published: [PublishedSize]) -> FamilyRecipe {
    var recipe = FamilyRecipe()
    recipe.steps = 25
    recipe.weightDecay = 1e-3
    recipe.clamp = 4
    recipe.clampWithAttention = 1
    recipe.gradientRate = 6
    recipe.bound = 10
    recipe.published = published
    return recipe
  }
}
