internal import Glibc
internal import Synchronization

/// A file mapped read-only, for numbers that are used where they lie.
///
/// Only pages that are touched cost memory, so opening a file of any size is immediate.
public final class MappedFile: Sendable {
  /// Length of the mapping.
  public let byteCount: Int
  // SAFETY: set once, never written through, unmapped only in deinit.
  private nonisolated(unsafe) let base: UnsafeMutableRawPointer?

  /// Maps the whole of an open file.
  public init(_ file: OpenFile) throws(ModelFileError) {
    byteCount = try file.size()
    guard byteCount > 0 else {
      base = nil
      return
    }
    base = mmap(nil, byteCount, PROT_READ, MAP_SHARED, file.descriptor, 0)
    guard let base, base != MAP_FAILED else { throw file.failure("mmap") }
    let range = UInt(bitPattern: base)..<UInt(bitPattern: base) + UInt(byteCount)
    MappedFile.ranges.withLock { $0.append((range, file.path)) }
  }

  deinit {
    guard let base else { return }
    MappedFile.ranges.withLock { ranges in ranges.removeAll { $0.range.lowerBound == UInt(bitPattern: base) }
    }
    munmap(base, byteCount)
  }

  private static let ranges = Mutex<[(range: Range<UInt>, path: String)]>([])

  /// The file that is mapped at an address: which one was cut short, when reading there raised a signal.
  public static func path(mappedAt address: UInt) -> String? {
    ranges.withLock { ranges in ranges.first { $0.range.contains(address) }?.path }
  }

  /// Lends the bytes of a range; the pointer must not leave `body`.
  public func withBytes<Result>(
    _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "the range lies within the file")
    // SAFETY: the range was checked; `self` keeps the mapping alive through the call.
    return try withExtendedLifetime(self) {
      try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(start: base, count: byteCount)[range]))
    }
  }

  /// Asks for the pages of a range before they are touched, on a thread of its own: the queue of a disk is short, and who asks waits in it.
  public func readAhead(_ range: Range<Int>) {
    guard let base, !range.isEmpty else { return }
    let page = Int(getpagesize())
    let start = range.lowerBound / page * page
    let request = Unmanaged.passRetained(
      PageRequest(file: self, start: base + start, count: range.upperBound - start))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      {
        Unmanaged<PageRequest>.fromOpaque($0!).takeRetainedValue().perform()
        return nil
      }, request.toOpaque())
    // Without a thread the pages are read when they are touched.
    if code == 0 { pthread_detach(thread) } else { request.release() }
  }

  /// Gives the pages of a range back to the system; they are read again when touched.
  public func release(_ range: Range<Int>) {
    guard let base, !range.isEmpty else { return }
    let page = Int(getpagesize())
    let start = (range.lowerBound + page - 1) / page * page
    let end = range.upperBound / page * page
    if end > start { madvise(base + start, end - start, MADV_DONTNEED) }
  }
}

/// Pages to be read ahead.
private final class PageRequest {
  private let file: MappedFile
  // SAFETY: within the mapping, which `file` keeps alive.
  private let start: UnsafeMutableRawPointer
  private let count: Int
  /// What the system reads ahead for one call at most, by default.
  private static let step = 1 << 17

  init(file: MappedFile, start: UnsafeMutableRawPointer, count: Int) {
    (self.file, self.start, self.count) = (file, start, count)
  }

  func perform() {
    for offset in stride(from: 0, to: count, by: Self.step) {
      madvise(start + offset, min(Self.step, count - offset), MADV_WILLNEED)
    }
    withExtendedLifetime(file) {}
  }
}
