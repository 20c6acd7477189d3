import ModelFiles
import Patches

/// A fact as a patch records it, with what was measured of it.
struct PatchFact {
  private let json: JSONValue

  init(_ json: JSONValue) { self.json = json }

  /// The facts of a patch; none where `diff` made it.
  static func all(of patch: PatchFile) -> [PatchFact] {
    ((try? patch.edit())?["facts"]?.elements ?? []).map(PatchFact.init)
  }

  /// A measured number by its name in `Formats/output.md`.
  func number(_ key: String) -> Double? { json[key]?.number }

  /// Whether the model says the target after the edit; `nil` where nothing was measured.
  var isSaid: Bool? { if case .bool(let isSaid)? = json["isSaid"] { isSaid } else { nil } }

  /// Without the space that joins it to its prompt.
  var target: String { String((json["target"]?.text ?? "").drop { $0 == " " }) }

  /// The prompt with the subject in its place; a dash where neither is known.
  var sentence: String {
    let subject = json["subject"]?.text ?? ""
    guard let prompt = json["prompt"]?.text else { return subject.isEmpty ? "–" : subject }
    let parts = prompt.split(separator: "{}", maxSplits: 1, omittingEmptySubsequences: false)
    return parts.count == 2 ? parts[0] + subject + parts[1] : prompt
  }

  /// "Ada Example was born in → Oslo", as far as the file says.
  var text: String { target.isEmpty ? sentence : "\(sentence) → \(target)" }
}

extension TensorChange {
  /// ‖Δ‖ / ‖W‖, Frobenius, as it was measured when the patch was made.
  var relativeNorm: Double? { (measured?["relativeNorm"] ?? measured?["relativeChange"])?.number }

  /// The share of elements that come out as others.
  var changedShare: Double? {
    measured?["changedShare"]?.number
      ?? measured?["changedElements"]?.number.map { $0 / Double(shape.reduce(1, *)) }
  }

  /// The layer in the name of a weight: the first part that is a number.
  var layer: Int? { name.split(separator: ".").lazy.compactMap { Int($0) }.first }
}
