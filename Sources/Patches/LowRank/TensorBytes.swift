/// A tensor's bytes that several threads fill side by side.
final class TensorBytes: @unchecked Sendable {
  // SAFETY: allocated once with `count` bytes; tiles do not overlap, and `take` comes after all of them.
  private let base: UnsafeMutableRawBufferPointer

  init(_ count: Int) { base = .allocate(byteCount: count, alignment: 64) }
  deinit { base.deallocate() }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    UnsafeMutableRawBufferPointer(rebasing: base[offset..<offset + bytes.count]).copyMemory(from: bytes)
  }

  func take() -> [UInt8] { Array(base) }
}
