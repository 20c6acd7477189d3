import LinearAlgebra

extension ErrorReport {
  static func explain(_ error: LinearAlgebraError) -> Explanation {
    let name = caseName(error)
    switch error {
    case .notPositiveDefinite(let leadingMinor):
      return Explanation(
        name, place: "leading minor \(leadingMinor)",
        why: "the matrix is not positive definite: some of its directions were never seen",
        advice: "collect the second moment over more text, or give a larger --ridge")
    case .notConverged(let count):
      return Explanation(
        name, why: "the eigenvalues did not converge: \(count) elements beside the diagonal are left",
        advice: "look for numbers that are far too large in the statistics")
    case .notFinite(let row, let column):
      return Explanation(
        name, place: "row \(row), column \(column)", why: "the number there is infinite or none",
        advice: "collect the statistics again, or look for such numbers in the keys file")
    case .noLibrary(let reason):
      return Explanation(
        name, why: "OpenBLAS cannot be loaded: \(reason)",
        advice: "install it: Debian and Ubuntu have it as libopenblas0")
    case .tooLittleAddressSpace(let limit, let used, let needed):
      return Explanation(
        name,
        why:
          "this process may have \(limit >> 20) MiB of address space; with the \(used >> 20) in use OpenBLAS needs \(needed >> 20) for its threads' buffers",
        advice: "raise the limit (ulimit -v), or set OPENBLAS_NUM_THREADS=1")
    }
  }
}
