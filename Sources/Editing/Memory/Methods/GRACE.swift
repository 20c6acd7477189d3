internal import Patches

extension MemoryMethod {
  /// GRACE: at one late layer, the output at a prompt's last token is a value found for the fact, where the input there is near enough.
  ///
  /// For exact prompts: a paraphrase ends in another state. The value starts from the layer's own output and is found as ROME's is, which
  /// stops once the target is said; a prompt that is edited again replaces what was there.
  ///
  /// - Source: arXiv:2211.11031; Thartvigsen/GRACE `grace/editors/grace.py`: ε₀ 1; zjunlp/EasyEdit `hparams/GRACE`: layer 27 of 32,
  ///   the last token's output alone.
  public static let grace = MemoryMethod(
    name: "grace",
    summary:
      "says the target after the exact prompt alone: one layer's output there is replaced; nothing else changes",
    route: .hidden(layer: 0), action: .replaceOutput, routes: [])
}
