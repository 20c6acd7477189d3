import LinearAlgebra
import ModelFiles
import Patches
import TestSupport
import Testing

@Suite struct ResolveTests {
  @Test func `matrices for solving again come back as floats`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.errata")
    let writer = try PatchWriter(path)
    // More than a block of 2²⁰ bytes, and numbers that no float has.
    var random = SplitMix64(state: 1)
    let noise = (0..<270_000).map { _ in Double.random(in: -1...1, using: &random) }
    let large = Matrix(rows: 270, columns: 1000, elements: noise)
    try writer.append(resolving: "values", Matrix(rows: 1, columns: 3, elements: [1, -2.5, 1e-30]))
    try writer.append(resolving: "w.keys", large)
    let patch = try writer.finish(tool: "test", family: nil, edit: nil)
    #expect(patch.canBeResolved && patch.resolveByteCount > 300_000)
    #expect(try patch.resolveMatrix("values")?.elements == [1, -2.5, Double(Float(1e-30))])
    #expect(try patch.resolveMatrix("w.keys") == Matrix(Matrix<Float>(large)))
    #expect(try patch.resolveMatrix("x") == nil)
  }

  @Test func `a number that is not finite is refused when it is used`() throws {
    let folder = try TemporaryFolder()
    let writer = try PatchWriter(folder.path("a.errata"))
    try writer.append(resolving: "values", Matrix(rows: 1, columns: 2, elements: [1, .infinity]))
    let patch = try writer.finish(tool: "test", family: nil, edit: nil)
    #expect(throws: PatchError.notFinite(file: patch.path, tensor: "values")) {
      try patch.resolveMatrix("values")
    }
  }
}
