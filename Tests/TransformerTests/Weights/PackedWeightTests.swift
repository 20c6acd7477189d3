import Kernels
import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@testable import Transformer

/// Packed folders against what torch unpacks and transformers computes, `Fixtures/make/packed.py`.
@Suite struct PackedWeightTests {
  static let names = [
    "fp8-block", "fp8-powers", "fp8-tensor", "fp8-output", "int8-group", "int8-bitsandbytes",
  ]
  let reference: ModelFile

  init() throws { reference = try ModelFile(PackageFiles.path("Fixtures/reference/packed.safetensors")) }

  private func bytes(_ name: String) throws -> [UInt8] {
    let tensor = try reference.tensor(name)
    return try reference.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
  }

  private func floats(_ name: String) throws -> [Float] { ElementType.f32.decoded(try bytes(name)) }

  private func network(_ name: String) throws -> Network {
    try Network(ModelFile(PackageFiles.path("Fixtures/models/packed/\(name)")), threads: 2)
  }

  @Test(arguments: names)
  func `logits are those of the unpacked weights`(name: String) throws {
    let ids = try bytes("ids").withUnsafeBytes { raw in
      (0..<raw.count / 8).map { Int32(raw.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self)) }
    }
    let network = try network(name)
    let run = try network.run([TokenSequence(ids)])
    let logits = network.logits(of: run, rows: Array(0..<ids.count)).rows.matrix()
    #expect(relativeError(logits.elements, try floats("\(name).logits")) < ForwardTests.tolerance)
  }

  @Test(arguments: names)
  func `a weight's numbers are torch's, in whole and in part`(name: String) throws {
    let matrix = try #require(try network(name).blocks[1].feedForward.one).down.matrix
    let wanted = try floats("\(name).down")
    #expect((0..<matrix.rows).flatMap { matrix.row($0) } == wanted)
    // A panel that begins and ends inside of groups, of rows that are a part of the weight.
    let part = matrix.rows(13..<29)
    var panel = [Float](repeating: 0, count: 5 * 23)
    panel.withUnsafeMutableBufferPointer {
      part.decode(rows: 2..<7, columns: 17..<40, into: $0.baseAddress!)
    }
    for row in 0..<5 {
      let start = (15 + row) * matrix.columns
      #expect(Array(panel[row * 23..<row * 23 + 23]) == Array(wanted[start + 17..<start + 40]))
    }
  }

  @Test func `an edited scale counts`() throws {
    let network = try network("fp8-tensor")
    var overlay = WeightOverlay()
    overlay["model.layers.1.mlp.down_proj.weight_scale_inv"] = try ElementType.bf16.encoded([2])
    let matrix = try #require(try network.overlaid(overlay).blocks[1].feedForward.one).down.matrix
    let model = try ModelFile(PackageFiles.path("Fixtures/models/packed/fp8-tensor"))
    let tensor = try model.tensor("model.layers.1.mlp.down_proj.weight")
    let codes = try model.file(of: tensor).read(matrix.columns, at: tensor.byteRange.lowerBound)
    var values = [Float](repeating: 0, count: codes.count)
    errata_decode_codes_plain(errata_code_e4m3, codes, &values, codes.count)
    #expect(matrix.row(0) == values.map { 2 * $0 })
  }

  @Test(arguments: [errata_code_e4m3, errata_code_e5m2, errata_code_i8])
  func `the table of codes is what arithmetic gives`(type: errata_code_type) {
    let codes = (0..<256).map { UInt8($0) }
    var (fast, plain) = ([Float](repeating: 0, count: 256), [Float](repeating: 0, count: 256))
    errata_decode_codes(type, codes, &fast, 256)
    errata_decode_codes_plain(type, codes, &plain, 256)
    #expect(zip(fast, plain).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN })
  }

  @Test func `codes are what torch casts them to`() throws {
    let codes = (0..<256).map { UInt8($0) }
    for (type, name) in [(errata_code_e4m3, "e4m3"), (errata_code_e5m2, "e5m2")] {
      var values = [Float](repeating: 0, count: 256)
      errata_decode_codes(type, codes, &values, 256)
      let wanted = try floats("\(name).values")
      #expect(zip(values, wanted).allSatisfy { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN })
    }
  }
}
