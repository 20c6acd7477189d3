import Glibc
import Testing

@testable import LinearAlgebra

@Suite struct BLASLibraryTests {
  @Test(
    arguments: [
      ("Prescott", true, true, "SkylakeX"), ("Prescott", true, false, "Haswell"),
      ("Prescott", false, false, nil),
      ("Core2", true, true, "SkylakeX"), ("Unknown", true, false, "Haswell"),
      // What was chosen for a processor that is known stays, whatever else it could do.
      ("Zen", true, true, nil), ("Haswell", true, true, nil), ("Sandybridge", true, false, nil),
      ("SkylakeX", true, true, nil),
      ("Nehalem", false, false, nil),
    ] as [(String, Bool, Bool, String?)])
  func `only a processor that is not known is told what to run`(
    kernel: String, hasAVX2: Bool, hasAVX512: Bool, better: String?
  ) {
    #expect(BLASLibrary.betterKernel(than: kernel, hasAVX2: hasAVX2, hasAVX512: hasAVX512) == better)
  }

  @Test func `what the user asks for is what runs`() async {
    await #expect(processExitsWith: .success) {
      setenv("OPENBLAS_CORETYPE", "Prescott", 1)
      guard !BLASLibrary.isLoaded else { exit(1) }
      do { try BLASLibrary.load() } catch { exit(2) }
      // `replacedKernel` is nil: nobody knows better than the user.
      exit(BLASLibrary.kernel == "Prescott" && BLASLibrary.replacedKernel == nil ? 0 : 3)
    }
  }

  @Test func `nothing loads the library before a product`() async {
    await #expect(processExitsWith: .success) {
      let a = Matrix<Float>.random(3, 3, seed: 1)
      guard !BLASLibrary.isLoaded else { exit(1) }
      _ = a.times(a)
      exit(BLASLibrary.isLoaded && getenv("OPENBLAS_CORETYPE") == nil ? 0 : 2)
    }
  }
}
