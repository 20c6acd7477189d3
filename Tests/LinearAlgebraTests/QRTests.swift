import LinearAlgebra
import Testing

@Suite struct QRTests {
  @Test func `a tall matrix is orthonormal columns times upper triangular`() {
    let a = Matrix<Double>.random(11, 4, seed: 1)
    let qr = ThinQR(a)
    #expect(qr.q.columnGram().relativeError(to: .identity(4)) < Tolerance.double)
    #expect(Plain.product(qr.q, qr.r).relativeError(to: a) < Tolerance.double)
    for i in 0..<4 { for j in 0..<i { #expect(qr.r[i, j] == 0) } }
  }

  @Test func `a wide matrix is lower triangular times orthonormal rows`() {
    let a = Matrix<Double>.random(4, 11, seed: 2)
    let lq = ThinLQ(a)
    #expect(lq.q.rowGram().relativeError(to: .identity(4)) < Tolerance.double)
    #expect(Plain.product(lq.l, lq.q).relativeError(to: a) < Tolerance.double)
    #expect(ThinLQ.lower(of: a) == lq.l)
    for i in 0..<4 { for j in i + 1..<4 { #expect(lq.l[i, j] == 0) } }
  }

  @Test func `float agrees with double`() {
    let a = Matrix<Double>.random(6, 3, seed: 3)
    #expect(Matrix<Double>(ThinQR(Matrix<Float>(a)).r).relativeError(to: ThinQR(a).r) < Tolerance.float)
    let wide = a.transposed()
    #expect(Matrix<Double>(ThinLQ(Matrix<Float>(wide)).l).relativeError(to: ThinLQ(wide).l) < Tolerance.float)
  }
}
