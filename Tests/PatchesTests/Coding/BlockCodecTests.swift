import TestSupport
import Testing

@testable import Patches

@Suite struct BlockCodecTests {
  @Test(arguments: [1, 2, 4], [4, 8, 1000, 1 << 16])
  func `a block comes back, whether it shrinks or not`(planeCount: Int, count: Int) {
    var generator = SplitMix64(state: UInt64(count))
    let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let even = (0..<count).map { UInt8(truncatingIfNeeded: $0 % planeCount == planeCount - 1 ? 60 : $0 / 97) }
    for bytes in [noise, even] {
      let (coding, stored) = BlockCoding.encode(bytes, planesOf: planeCount)
      #expect(coding == .stored || coding.planeCount == planeCount)
      #expect(stored.count <= count)
      #expect(coding.decode(stored, count: count) == bytes)
      #expect(coding.decode(stored, count: count + planeCount) == nil)
      #expect(coding.decode(stored, count: count - planeCount) == nil)
    }
    #expect(count < 1000 || BlockCoding.encode(even, planesOf: planeCount).coding != .stored)
  }

  @Test func `planes by hand`() {
    // A raw zstd block: the planes lie open in it.
    func frame(_ content: [UInt8]) -> [UInt8] {
      [0x28, 0xB5, 0x2F, 0xFD, 0x20, UInt8(content.count), UInt8(content.count << 3 | 1), 0, 0] + content
    }
    #expect(BlockCoding.zstd.decode(frame([1, 2, 3, 4]), count: 4) == [1, 2, 3, 4])
    #expect(BlockCoding.zstdPlanesOf2.decode(frame([1, 3, 5, 2, 4, 6]), count: 6) == [1, 2, 3, 4, 5, 6])
    #expect(
      BlockCoding.zstdPlanesOf4.decode(frame([1, 5, 2, 6, 3, 7, 4, 8]), count: 8) == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(BlockCoding.zstdPlanesOf2.decode(frame([1, 2, 3]), count: 3) == nil)
    #expect(BlockCoding.zstdPlanesOf4.decode(frame([1, 2, 3, 4, 5, 6]), count: 6) == nil)
    #expect(BlockCoding.stored.decode([1, 2], count: 2) == [1, 2])
    #expect(BlockCoding.stored.decode([1, 2], count: 3) == nil)
    #expect(BlockCoding.choices.decode([], count: 0) == nil)
  }

  @Test func `runs of bytes are cut into whole blocks and one rest`() throws {
    let folder = try TemporaryFolder()
    let bytes = TestTensor.weights(.f16, (1 << 20) + 5, seed: 2)
    let writer = try PatchWriter(folder.path("p.errata"))
    #expect(try writer.append([], planesOf: 1) == 0..<0)
    #expect(try writer.append(bytes, planesOf: 2) == 0..<3)
    #expect(try writer.append([7], planesOf: 1) == 3..<4)
  }
}
