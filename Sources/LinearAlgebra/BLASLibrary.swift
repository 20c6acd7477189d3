internal import COpenBLAS

/// OpenBLAS as it is loaded: when the first product is asked for, or by `load`.
public enum BLASLibrary {
  /// Loads the library, so that a missing one is an answer and not the end of the process.
  ///
  /// - Throws: `LinearAlgebraError.noLibrary`, `tooLittleAddressSpace`.
  public static func load() throws(LinearAlgebraError) {
    guard let reason = blas_load() else { return }
    let space = blas_missing_space()
    guard space.limit == 0 else {
      throw .tooLittleAddressSpace(limit: space.limit, used: space.used, needed: space.needed)
    }
    throw .noLibrary(reason: String(cString: reason))
  }

  /// Whether it was needed so far.
  public static var isLoaded: Bool { blas_is_loaded() != 0 }

  /// The processor that its kernels are made for: `Zen`, `SkylakeX`.
  ///
  /// A processor newer than the library gets the best kernels that it can run; where the user has set `OPENBLAS_CORETYPE`, that
  /// one. On all others the library chooses.
  public static var kernel: String { String(cString: blas_kernel()) }

  /// The kernels that the library chose by itself, where others were taken instead.
  public static var replacedKernel: String? { blas_replaced_kernel().map { String(cString: $0) } }

  /// The library's version and options.
  public static var configuration: String { String(cString: blas_configuration()) }

  /// What to ask for instead of some kernels on a processor with these abilities; `nil` where the library knows better.
  static func betterKernel(than kernel: String, hasAVX2: Bool, hasAVX512: Bool) -> String? {
    blas_better_kernel(kernel, hasAVX2 ? 1 : 0, hasAVX512 ? 1 : 0).map { String(cString: $0) }
  }
}
