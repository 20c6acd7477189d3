import Glibc

@_silgen_name("__sanitizer_install_malloc_and_free_hooks")
private func installHooks(
  _ malloc: @convention(c) (UnsafeRawPointer?, Int) -> Void,
  _ free: @convention(c) (UnsafeRawPointer?) -> Void
) -> CInt

@_silgen_name("__sanitizer_get_allocated_size")
private func allocatedSize(_ place: UnsafeRawPointer?) -> Int

// SAFETY: plain numbers; an input is read by one thread, and a lost update of another thread's moves a limit of 64 MiB by its size.
nonisolated(unsafe) private var live = 0
nonisolated(unsafe) private var highest = 0
nonisolated(unsafe) private var limit = Int.max

/// Counts what an input makes the process take: at most four times its length and 64 MiB at any moment.
enum MemoryWatch {
  static func begin() {
    _ = installHooks(
      { _, count in
        live &+= count
        if live > highest { highest = live }
      }, { place in if let place { live &-= allocatedSize(place) } })
  }

  static func expect(inputByteCount count: Int) { (live, highest, limit) = (0, 0, 4 * count + 64 << 20) }

  static func check() {
    guard highest > limit else { return }
    fatalError("an input made errata take \(highest) bytes at once; \(limit) are allowed")
  }
}
