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
