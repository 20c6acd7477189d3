import Editing

/// A method with the way in which it shares out over the layers, as people write them: emmet+last.
struct EditVariant {
  let method: EditMethod
  /// The method's own where `nil`.
  let spread: LayerSpread?

  init?(_ text: String) {
    let parts = text.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
    guard parts.count <= 2, let method = EditMethod(name: parts[0]) else { return nil }
    let spread = parts.count == 2 ? LayerSpread(name: parts[1]) : nil
    guard parts.count == 1 || spread != nil else { return nil }
    (self.method, self.spread) = (method, spread)
  }

  /// What its rows are called.
  var name: String { method.name + (spread.map { "+\($0.name)" } ?? "") }
  /// Whether the method shares out at all.
  var applies: Bool { spread == nil || method.settings.contains(.spread) }
}
