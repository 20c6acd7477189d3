/// How a method takes keys and residuals from a network.
extension EditMethod {
  /// How the keys of several contexts become one.
  var averaging: SubjectStates.Averaging { self == .rome ? .contexts : .groups }

  /// The share of what is missing at the last edited layer that one layer is to write, with so many layers still to come,
  /// itself included.
  ///
  /// - Source: kmeng01/memit, `memit/memit_main.py`; for PMET zjunlp/EasyEdit, `pmet_main.py`.
  func share(remaining: Int) -> Double {
    self == .pmet ? 1 / Double(remaining).squareRoot() : 1 / Double(remaining)
  }
}

/// Where a method's change comes from.
extension EditMethod {
  enum Source {
    /// A value is optimized for each fact, and stored under the subject's keys.
    case values
    /// The gradient of each fact's loss says which values are wanted, under the keys of all its tokens.
    case gradients
    /// The weight is trained.
    case training
  }

  var source: Source {
    switch self {
    case .memit, .emmet, .rome, .pmet, .alphaedit: .values
    case .ultraedit: .gradients
    case .ftl: .training
    }
  }

  /// Whether facts must name their subject: values are stored under its keys, everything else is read from whole texts.
  public var needsSubject: Bool { source == .values }
  /// Whether a value is optimized for each fact.
  public var optimizesValues: Bool { source == .values }
  /// Whether the method has a closed form: all but those that train.
  public var hasClosedForm: Bool { source != .training }
}
