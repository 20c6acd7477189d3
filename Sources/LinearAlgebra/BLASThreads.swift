import COpenBLAS

/// The threads OpenBLAS uses: one setting for the whole process.
///
/// Set it once, before the first product. Work that is already spread over threads wants 1 here, and on a loaded
/// machine `potrf` with two threads took three times as long as with one.
public enum BLASThreads {
  /// At most this many.
  public static var count: Int {
    get { Int(openblas_get_num_threads()) }
    set {
      // Setting what is set already would start stopped threads again, to spin for a tenth of a second each.
      if newValue != count { openblas_set_num_threads(Int32(newValue)) }
    }
  }

  /// Ends the threads that OpenBLAS started when it was loaded; `count` starts as many as are wanted.
  ///
  /// Idle threads spin before they sleep: a tenth of a second of processor time for a command that never multiplies.
  public static func stop() {
    openblas_set_num_threads(1)
    stop_blas_threads()
  }

  /// The library's version, options and processor kernels, for `--version`.
  public static var configuration: String { String(cString: openblas_get_config()) }
}
