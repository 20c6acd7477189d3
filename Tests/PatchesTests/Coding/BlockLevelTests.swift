import Kernels
import ModelFiles
import TestSupport
import Testing

extension KernelLevelTests {
  static let blockTypes = ElementType.allCases.filter { $0.isDecodable && !$0.isInSafetensors }

  @Test(arguments: levels, blockTypes)
  func `blocks decode and encode to the same bits`(level: Int32, type: ElementType) throws {
    let model = try ModelFile(PackageFiles.path("Fixtures/reference/blocks.safetensors"))
    func bytes(_ name: String) throws -> [UInt8] {
      let tensor = try model.tensor(name)
      return try model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
    }
    let blocks = try bytes(type.rawValue + ".blocks")
    let floats = ElementType.f32.decoded(try bytes(type.rawValue + ".decoded"))
    let found = at(level) { type.decoded(blocks) }
    #expect(found.map(\.bitPattern) == floats.map(\.bitPattern))
    guard type.isEncodable else { return }
    let inputs = ElementType.f32.decoded(try bytes("inputs"))
    let encoded = try at(level) { try type.encoded(inputs) }
    #expect(try encoded == bytes(type.rawValue + ".encoded"))
  }
}
