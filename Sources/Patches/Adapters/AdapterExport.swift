internal import LinearAlgebra
public import ModelFiles

/// The low-rank part of a patch as an adapter that other programs load beside the unchanged model.
///
/// An adapter adds B·A to a weight W [outputs × inputs] when the model runs: B is the left factor, A the right one with
/// its scale. Both are stored as F32, which holds the patch's factors exactly.
public struct AdapterExport {
  /// Who shall load it.
  public enum Form: String, CaseIterable, Sendable {
    /// A folder for Hugging Face PEFT.
    case peft
    /// A file for llama.cpp.
    case ggufAdapter = "gguf-adapter"

    /// The container whose names, orientation and row order it speaks.
    var format: ModelFile.Format { self == .peft ? .safetensors : .gguf }
  }

  /// One weight's factors.
  public struct Part: Sendable {
    /// The tensor's name in the patch.
    public let source: String
    /// Its name in the adapter's container, with `.weight`.
    public let target: String
    /// [outputs × rank] and [rank × inputs].
    let update: LowRankFactors
    /// Whether Hugging Face's module stores the weight [inputs, outputs].
    let isInputMajor: Bool

    /// Number of components.
    public var rank: Int { update.rank }
  }

  /// Something that an adapter cannot hold.
  public struct Loss: Equatable, Sendable {
    /// Why.
    public enum Reason: String, Sendable {
      /// The change is not made of factors.
      case notLowRank = "not-low-rank"
      /// Beside the factors there is a difference that makes the result exact.
      case difference
      /// Embeddings are looked up, not multiplied: adapters of this kind do not reach them.
      case embedding
      /// One of several experts: programs that load adapters leave those of experts out, some of them without a word.
      case expert
      /// Headers or files.
      case layout
      /// A file beside the weights.
      case file
    }

    /// The tensor's name in the patch, or the file's; `nil` for headers.
    public let tensor: String?
    /// Why.
    public let reason: Reason
  }

  /// Who shall load it.
  public let form: Form
  /// The family that names the weights.
  public let family: ModelFamily
  /// What the adapter holds, in the order of the patch.
  public let parts: [Part]
  /// What it cannot hold.
  public let losses: [Loss]

  /// Gathers the factors of a patch.
  ///
  /// - Parameter model: any form of the patch's model. Needed where rows are ordered by head; if given, it is compared too.
  public init(_ patch: PatchFile, as form: Form, model: ModelFile?) throws {
    self.form = form
    family = try PortPlan.family(of: patch, model)
    guard form == .peft || !family.architectures.isEmpty else {
      throw PortError.noArchitecture(family: family.name)
    }
    let heads = try model.flatMap { try AttentionHeads(of: $0) }
    var (parts, losses): ([Part], [Loss]) = ([], [])
    var factorBytes = 0
    for change in patch.changes {
      guard let own = change.lowRank else {
        losses.append(Loss(tensor: change.name, reason: .notLowRank))
        continue
      }
      let placed = try PlacedChange(own, change.name, of: family, patch: patch.path)
      guard placed.place.role != .tokenEmbedding, placed.place.role != .positionEmbedding else {
        losses.append(Loss(tensor: change.name, reason: .embedding))
        continue
      }
      guard !placed.place.role.isOfExperts else {
        losses.append(Loss(tensor: change.name, reason: .expert))
        continue
      }
      if own.hasDifference {
        losses.append(Loss(tensor: change.name, reason: .difference))
      }
      if let model {
        _ = try PortedTensor(placed, of: patch, in: model, heads: heads, promotion: .f16)
      } else {
        factorBytes += own.shape.rank * (own.shape.rows + own.shape.columns) * own.shape.factorType.byteCount
        guard factorBytes <= Self.freeByteCount + Self.expansionLimit * patch.byteCount else {
          throw PortError.needsModel(tensor: change.name, patch: patch.path, byteCount: factorBytes)
        }
      }
      let outputs = try placed.outputs(in: form.format, heads: heads, model: model?.path ?? patch.path)
      guard let target = family.tensorNames(of: placed.place, in: form.format).first else {
        throw PortError.unknownTensor(tensor: change.name, patch: patch.path, family: family.name)
      }
      parts.append(
        Part(
          source: change.name, target: target, update: try placed.update(from: patch, outputs: outputs),
          isInputMajor: family.storesInputMajor(placed.place.role, in: .safetensors)))
    }
    if patch.changesLayout { losses.append(Loss(tensor: nil, reason: .layout)) }
    losses += patch.beside.map { Loss(tensor: $0.name, reason: .file) }
    guard !parts.isEmpty else { throw PortError.nothingLowRank(patch: patch.path) }
    self.parts = parts
    self.losses = losses
  }

  /// Without a model, nothing but the patch's size speaks for the factors it claims: these many bytes are granted, and
  /// this multiple of the patch, which factors hardly ever compress by.
  private static let (freeByteCount, expansionLimit) = (1 << 20, 8)

  /// The largest rank: what an adapter calls its own.
  public var rank: Int { parts.map(\.rank).max() ?? 0 }

  /// Writes the adapter under its name, whole or not at all.
  public func write(to path: String) throws {
    switch form {
    case .peft: try writePEFT(to: path)
    case .ggufAdapter: try writeGGUF(to: path)
    }
  }
}

extension Matrix<Double> {
  /// The numbers as F32, times a factor.
  func floats(times factor: Double = 1) -> [Float] { elements.map { Float($0 * factor) } }
}
