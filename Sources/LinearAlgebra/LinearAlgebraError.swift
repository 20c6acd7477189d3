/// Why a factorization was refused. A shape that does not fit is a programmer's mistake and traps instead.
public enum LinearAlgebraError: Error, Equatable, Sendable {
  /// The leading minor of this order is not positive definite (LAPACK's positive `info`, counted from 1).
  case notPositiveDefinite(leadingMinor: Int)
  /// The eigenvalue iteration left this many off-diagonal elements above zero.
  case notConverged(count: Int)
  /// OpenBLAS cannot be loaded, in the words of the system's loader.
  case noLibrary(reason: String)
  /// The process may have `limit` bytes of address space, has used some, and would need more for the library's buffers.
  case tooLittleAddressSpace(limit: UInt64, used: UInt64, needed: UInt64)
  /// The first element that is infinite or not a number.
  case notFinite(row: Int, column: Int)
}
