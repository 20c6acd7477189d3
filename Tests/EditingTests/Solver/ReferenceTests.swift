import Editing
import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

/// Every method against the closed forms of an independent program (`Fixtures/make/closed_forms.py`), which solves
/// the whole inputWidth × inputWidth problem of each paper.
@Suite struct ReferenceTests {
  /// The judge inverts C explicitly, so its own digits are those of C's condition, up to 1e5.
  static let tolerance = 1e-9

  @Test func `a small random problem`() throws {
    let reference = try ReferenceTensors("solver.safetensors")
    let sum = try reference.matrix("second_moment_sum")
    let tokenCount = try reference.integer("token_count")
    let earlierKeys = try reference.matrix("earlier_keys")
    let methods = try reference.parameters()
    #expect(methods.count == 8)
    for method in methods {
      let settings = try #require(UpdateSettings(reference: method))
      let edits = 0..<(settings.method == .rome ? 1 : 7)
      let solution = try UpdateSolver(
        settings: settings, metric: settings.makeMetric(from: SecondMoment(sum: sum, tokenCount: tokenCount))
      ).solve(
        keys: reference.matrix("keys").selecting(rows: edits),
        residuals: reference.matrix("residuals").selecting(rows: edits),
        earlierKeys: method.value["earlier_keys"] == nil ? nil : earlierKeys)
      let adjustedKeys = try reference.matrix("\(method.key).adjusted_keys")
      let update = try reference.matrix("\(method.key).update")
      #expect(solution.factors.right.relativeError(to: adjustedKeys) < Self.tolerance, "\(method.key)")
      #expect(solution.factors.product().relativeError(to: update) < Self.tolerance, "\(method.key)")
    }
  }

  /// The models in `Fixtures/models` whose updates were written beside their keys and statistics.
  static var models: [String] {
    get throws {
      let suffix = ".updates.safetensors"
      return try Folder.names(in: PackageFiles.path("Fixtures/reference")).filter { $0.hasSuffix(suffix) }
        .map { String($0.dropLast(suffix.count)) }
    }
  }

  @Test func `the last edited layer of every model`() throws {
    let models = try Self.models
    #expect(models.count >= 2, "the references are there")
    for model in models {
      let reference = try ReferenceTensors("\(model).updates.safetensors")
      let keysFile = try ReferenceTensors("\(model).ten-facts.keys.safetensors")
      let statistics = try ReferenceTensors("\(model).statistics.safetensors")
      for method in try reference.parameters() {
        let suffix = ".\(method.key).adjusted_keys"
        let tensor = try #require(reference.file.tensors.first { $0.name.hasSuffix(suffix) })
        let weight = String(tensor.name.dropLast(suffix.count))
        let settings = try #require(UpdateSettings(reference: method))
        let moment = try SecondMoment(
          sum: statistics.matrix("\(weight).second_moment_sum"),
          tokenCount: statistics.integer("\(weight).token_count"))
        let keys = try keysFile.matrix("\(weight).keys")
        let bounds = try #require(method.value["rows"]?.elements)
        let rows = try #require(bounds[0].integer)..<#require(bounds[1].integer)
        let earlier = method.value["earlier_keys"] == nil ? nil : keys.selecting(rows: 0..<rows.lowerBound)
        let solution = try UpdateSolver(settings: settings, metric: settings.makeMetric(from: moment)).solve(
          keys: keys.selecting(rows: rows),
          residuals: keysFile.matrix("\(weight).residuals").selecting(rows: rows), earlierKeys: earlier)
        let error = try solution.factors.right.relativeError(to: reference.matrix(tensor.name))
        #expect(error < Self.tolerance, "\(model) \(method.key)")
      }
    }
  }
}

extension UpdateSettings {
  /// Settings as the reference names them: `memit`, `emmet-ridge`, `alphaedit-sequential`, `identity`, …
  init?(reference: JSONValue.Member) {
    let name = String(reference.key.prefix { $0 != "-" })
    guard let method = EditMethod(name: name == "identity" ? "emmet" : name) else { return nil }
    let (weight, ridge) = (reference.value["second_moment_weight"]?.number, reference.value["ridge"]?.number)
    self.init(
      method, weight: weight, ridge: ridge ?? reference.value["l2"]?.number,
      threshold: reference.value["null_space_threshold"]?.number.map { .absolute($0) })
    usesSecondMoment = name != "identity"
  }
}
