import Glibc

/// What libFuzzer calls. `FUZZ_TARGET` names the kind of input, one of `Inputs.all`.
nonisolated(unsafe) private var target: (use: Inputs.Use, folder: FuzzFolder, name: String)?

/// Chooses the target, before the first input.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(_ count: UnsafeMutableRawPointer, _ words: UnsafeMutableRawPointer) -> CInt {
  let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let use = Inputs.all[name], let folder = try? FuzzFolder() else {
    print("FUZZ_TARGET is one of \(Inputs.all.keys.sorted().joined(separator: " "))")
    exit(64)
  }
  target = (use, folder, name)
  // A command's answers and errors are made, but nobody reads them.
  let nowhere = open("/dev/null", O_WRONLY)
  dup2(nowhere, 1)
  MemoryWatch.begin()
  return 0
}

/// One input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let target else { return 0 }
  MemoryWatch.expect(inputByteCount: count)
  do { try target.use(Array(UnsafeBufferPointer(start: start, count: count)), target.folder) } catch {}
  MemoryWatch.check()
  return 0
}

@_silgen_name("LLVMFuzzerMutate")
func mutatePlainly(_ bytes: UnsafeMutablePointer<UInt8>?, _ count: Int, _ limit: Int) -> Int

/// libFuzzer's own changes of a piece of an input.
func mutatedPlainly(_ bytes: [UInt8]) -> [UInt8] {
  let room = bytes.count + 64
  return Array(unsafeUninitializedCapacity: room) { buffer, count in
    buffer.initialize(repeating: 0)
    for (place, byte) in bytes.enumerated() { buffer[place] = byte }
    count = mutatePlainly(buffer.baseAddress, bytes.count, room)
  }
}

/// Formats with lengths and checksums are cut into parts, one of which is changed, and JSON as the tree that it is; then lengths and
/// checksums are made right again, so that what lies behind them is reached. One input in eight is changed as it comes.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(
  _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int, _ seed: UInt32
) -> Int {
  guard seed % 8 != 0, let target,
    var parts = Parts(Array(UnsafeBufferPointer(start: bytes, count: count)), target.name)
  else { return mutatePlainly(bytes, count, limit) }
  var draw = Draw(state: UInt64(seed))
  parts.change(&draw)
  let result = parts.bytes
  guard result.count <= limit else { return mutatePlainly(bytes, count, limit) }
  for (place, byte) in result.enumerated() { bytes[place] = byte }
  return result.count
}

/// Numbers from a seed.
struct Draw {
  var state: UInt64

  mutating func below(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % max(bound, 1)
  }

  mutating func one<Element>(of elements: [Element]) -> Element { elements[below(elements.count)] }
}
