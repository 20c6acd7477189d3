internal import Floor
internal import ModelFiles

/// The shape of a low-rank change: the matrix that is edited, and how its factors are kept and added.
public struct LowRankForm: Equatable, Sendable {
  /// The matrix, [rows, columns], of an editable type.
  public let tensor: TensorForm
  /// Which way round it is stored.
  public let orientation: TensorChange.Orientation
  /// Number of components.
  public let rank: Int
  /// How factors are kept.
  public let factorType: TensorChange.FactorType
  /// How results are rounded.
  public let rounding: TensorChange.Rounding

  /// Rows of the storage.
  public var rows: Int { tensor.shape[0] }
  /// Columns of the storage.
  public var columns: Int { tensor.shape[1] }
  /// Width of the map's result.
  public var outputWidth: Int { orientation == .outputMajor ? rows : columns }
  /// Width of the map's argument.
  public var inputWidth: Int { orientation == .outputMajor ? columns : rows }
}

extension TensorChange {
  /// Which way round a matrix is stored.
  public enum Orientation: String, Sendable {
    /// [outputs, inputs], as most models store it.
    case outputMajor = "output-major"
    /// [inputs, outputs], GPT-2's Conv1D.
    case inputMajor = "input-major"
  }

  /// How stored factors are kept.
  public enum FactorType: String, Sendable {
    case f16 = "F16"
    case f32 = "F32"

    /// Bytes of one factor.
    var byteCount: Int { self == .f16 ? 2 : 4 }
  }

  /// How the edited number is rounded to the element type.
  public enum Rounding: Equatable, Sendable {
    /// To the nearest, ties to even.
    case nearest
    /// Up or down by chance, as the rest is near; the draw depends on seed and element only.
    case stochastic(seed: UInt64)
    /// To what the edit's objective likes best, which no formula gives: the change holds the differences that it led to.
    case aware

    /// The name in the format.
    public var label: String {
      switch self {
      case .nearest: "nearest"
      case .stochastic: "stochastic"
      case .aware: "aware"
      }
    }

    /// Whether elements of this type can be rounded so.
    func isDefined(for type: ElementType) -> Bool {
      switch self {
      case .nearest: type.isEditable
      case .stochastic: type == .f16 || type == .bf16
      case .aware: type.blockElementCount > 1
      }
    }
  }
}

extension LowRankForm {
  /// The keys of the manifest.
  var settings: [JSONValue.Member] {
    var members: [JSONValue.Member] = [
      .init("orientation", .string(orientation.rawValue)), .init("rank", .integer(rank)),
      .init("factorType", .string(factorType.rawValue)), .init("rounding", .string(rounding.label)),
    ]
    if case .stochastic(let seed) = rounding {
      members.append(.init("seed", .string(Hexadecimal.text(seed, digits: 16))))
    }
    return members
  }

  /// Reads and bounds the keys of the manifest.
  init(_ fields: ManifestFields, _ form: TensorForm) throws(PatchError) {
    tensor = form
    guard form.shape.count == 2, form.shape.allSatisfy({ $0 > 0 }) else { throw fields.bad("shape") }
    orientation = try fields.known("orientation", TensorChange.Orientation.init(rawValue:))
    guard let rank = fields.json["rank"]?.integer, rank >= 1, rank <= min(form.shape[0], form.shape[1])
    else { throw fields.bad("rank") }
    self.rank = rank
    factorType = try fields.known("factorType", TensorChange.FactorType.init(rawValue:))
    let kinds: [TensorChange.Rounding] = [.nearest, .stochastic(seed: 0), .aware]
    let kind = try fields.known("rounding") { label in kinds.first { $0.label == label } }
    guard kind.isDefined(for: form.elementType) else {
      throw fields.bad(form.elementType.isEditable ? "rounding" : "elementType")
    }
    guard case .stochastic = kind else {
      rounding = kind
      return
    }
    rounding = .stochastic(seed: try fields.hexadecimal("seed", digits: 16))
  }
}
