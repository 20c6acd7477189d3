import Kernels
import ModelFiles
import Patches

/// `Formats/patch.md`, *Arithmetic*, one element at a time and as the page says it: the judge of the kernels.
enum Plain {
  /// s, component after component, each product and each sum rounded.
  static func sum(_ left: some Sequence<Float>, _ right: some Sequence<Float>) -> Float {
    var sum: Float = 0
    for (l, r) in zip(left, right) {
      let product = l * r
      sum = sum + product
    }
    return sum
  }

  /// f(w) as bits.
  static func add(
    _ type: ElementType, _ w: UInt64, _ sum: Float, _ rounding: TensorChange.Rounding = .nearest,
    at index: UInt64 = 0
  ) -> UInt64 {
    guard type.format.isFinite(w) else { return w }
    switch type {
    case .f64: return (Double(bitPattern: w) + Double(sum)).bitPattern
    case .f32: return UInt64((Float(bitPattern: UInt32(w)) + sum).bitPattern)
    case .f16:
      let x = Float(Float16(bitPattern: UInt16(w))) + sum
      guard case .stochastic(let seed) = rounding else { return UInt64(Float16(x).bitPattern) }
      return UInt64(Float16(stochastic(x, type, draw(seed, index))).bitPattern)
    default:
      let x = Float(bitPattern: UInt32(w) << 16) + sum
      guard case .stochastic(let seed) = rounding else { return UInt64(bf16(x)) }
      return UInt64(Float(stochastic(x, type, draw(seed, index))).bitPattern >> 16)
    }
  }

  /// f(w) of a scaled tensor as bits.
  static func scale(_ type: ElementType, _ w: UInt64, _ gain: Double) -> UInt64 {
    guard type.format.isFinite(w) else { return w }
    switch type {
    case .f64: return (Double(bitPattern: w) * gain).bitPattern
    case .f32: return UInt64((Float(bitPattern: UInt32(w)) * Float(gain)).bitPattern)
    case .f16: return UInt64(Float16(Float(Float16(bitPattern: UInt16(w))) * Float(gain)).bitPattern)
    default: return UInt64(bf16(Float(bitPattern: UInt32(w) << 16) * Float(gain)))
    }
  }

  /// Nearest, ties to even, by looking at the half that is cut off.
  static func bf16(_ x: Float) -> UInt16 {
    let kept = x.bitPattern >> 16
    let cut = x.bitPattern & 0xFFFF
    return UInt16(kept) + (cut > 0x8000 || cut == 0x8000 && kept % 2 == 1 ? 1 : 0)
  }

  /// u of an element.
  static func draw(_ seed: UInt64, _ index: UInt64) -> UInt32 {
    var z = seed &+ (index &+ 1) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return UInt32((z ^ z >> 31) >> 40)
  }

  /// The neighbor toward zero or the one away from it; in Double, where all of this is exact.
  static func stochastic(_ x: Float, _ type: ElementType, _ draw: UInt32) -> Double {
    guard x.isFinite, x != 0 else { return Double(x) }
    let format = type.format
    let bias = 1 << (format.exponent - 1) - 1
    let a = Double(abs(x))
    let spacing = Double(
      sign: .plus, exponent: max(Int(a.exponent), 1 - bias) - format.significand, significand: 1)
    let steps = (a / spacing).rounded(.towardZero)
    let part = ((a / spacing - steps) * 0x1p24).rounded(.down)
    let value = (steps + (part + Double(draw) >= 0x1p24 ? 1 : 0)) * spacing
    let largest = Double(
      sign: .plus, exponent: bias,
      significand: 2 - Double(sign: .plus, exponent: -format.significand, significand: 1))
    return Double(signOf: Double(x), magnitudeOf: value > largest ? .infinity : value)
  }

  /// An element's place in the order of the numbers.
  static func ordinal(_ bits: UInt64, width: Int) -> Int64 {
    let sign = UInt64(1) << (width - 1)
    return bits & sign == 0 ? Int64(bits) : -1 - Int64(bits & ~sign)
  }
}

/// Widths of a binary format's fields.
struct BinaryFormat {
  let significand: Int
  let exponent: Int
  var width: Int { 1 + exponent + significand }
  var infinity: UInt64 { (1 << UInt64(exponent) - 1) << UInt64(significand) }
  var sign: UInt64 { 1 << UInt64(width - 1) }
  func isFinite(_ bits: UInt64) -> Bool { bits & infinity != infinity }
}

extension ElementType {
  static let editable: [ElementType] = [.f64, .f32, .f16, .bf16]

  var format: BinaryFormat {
    switch self {
    case .f64: BinaryFormat(significand: 52, exponent: 11)
    case .f32: BinaryFormat(significand: 23, exponent: 8)
    case .f16: BinaryFormat(significand: 10, exponent: 5)
    default: BinaryFormat(significand: 7, exponent: 8)
    }
  }
}

extension TensorChange.Rounding {
  var kernel: errata_rounding {
    switch self {
    case .nearest: errata_rounding(is_stochastic: 0, seed: 0)
    case .stochastic(let seed): errata_rounding(is_stochastic: 1, seed: seed)
    case .aware: preconditionFailure("no formula rounds so")
    }
  }
}
