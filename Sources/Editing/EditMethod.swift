/// The editing methods. They differ only in the rows of the tables here and in `EditMethod+Network`.
public enum EditMethod: String, CaseIterable, Sendable {
  /// MEMIT, arXiv:2210.07229.
  case memit
  /// EMMET, arXiv:2401.07453 and arXiv:2403.14236; also written EMT.
  case emmet
  /// ROME, arXiv:2202.05262.
  case rome
  /// PMET, arXiv:2308.08742: MEMIT's solve, for residuals shared out differently over the layers.
  case pmet
  /// AlphaEdit, arXiv:2410.02355.
  case alphaedit
  /// UltraEdit, arXiv:2505.14679: one gradient per fact, neither subject nor second moment.
  case ultraedit
  /// FT-L, fine-tuning of one weight within a box around it: the baseline of ROME and MEMIT. It trains; nothing is solved.
  case ftl = "ft-l"

  /// The method of this name, where `emt` means `emmet`.
  public init?(name: String) {
    self.init(rawValue: name == "emt" ? "emmet" : name)
  }

  /// What a method puts into the common form Δ = R Eᵀ (MᵀQM + ρI)⁻¹ MᵀQ.
  public struct Traits: Sendable {
    /// Q.
    public let metric: MetricKind
    /// λ, the weight of the second moment in the published settings.
    public let secondMomentWeight: Double
    /// ρ, against a second moment that already has its weight.
    public let ridge: Double
    /// Whether M holds the keys of earlier edits beside the new ones.
    public let usesEarlierKeys: Bool
    /// Whether it is defined for a single edit only.
    public let takesOneEdit: Bool
  }

  /// The method's row of the table.
  public var traits: Traits {
    func row(
      _ metric: MetricKind, λ: Double, ρ: Double, usesEarlierKeys: Bool = false, takesOneEdit: Bool = false
    ) -> Traits {
      Traits(
        metric: metric, secondMomentWeight: λ, ridge: ρ,
        usesEarlierKeys: usesEarlierKeys, takesOneEdit: takesOneEdit)
    }
    return switch self {
    case .memit: row(.inverseSecondMoment, λ: 15_000, ρ: 1, usesEarlierKeys: true)
    case .emmet: row(.inverseSecondMoment, λ: 1, ρ: 0)
    case .rome: row(.inverseSecondMoment, λ: 1, ρ: 0, takesOneEdit: true)
    case .pmet: row(.inverseSecondMoment, λ: 15_000, ρ: 1, usesEarlierKeys: true)
    case .alphaedit: row(.nullSpaceProjection, λ: 1, ρ: 10, usesEarlierKeys: true)
    case .ultraedit: row(.identity, λ: 1, ρ: 1)
    case .ftl: row(.identity, λ: 1, ρ: 0)
    }
  }
}
