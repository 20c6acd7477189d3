@_spi(_Unicode) private import Swift

/// Texts as the reference's generator hands them on: in Unicode's compatibility decomposition (NFKD), where "…" is "..." and "é" an
/// "e" with a mark behind it.
///
/// Canonical decompositions are all done. Of those that only compatibility asks for, which the standard library does not know, the table
/// has what English text is likely to hold; other characters (letters in circles, mathematical alphabets, …) stay.
///
/// - Source: kmeng01/rome and kmeng01/memit, `util/generate.py`, `generate_fast`.
enum CompatibilityForm {
  private static let table: [Unicode.Scalar: String] = {
    let pairs = """
      ª a º o µ μ ¹ 1 ² 2 ³ 3 ⁰ 0 ⁴ 4 ⁵ 5 ⁶ 6 ⁷ 7 ⁸ 8 ⁹ 9 ⁿ n ₀ 0 ₁ 1 ₂ 2 ₃ 3 ₄ 4 ₅ 5 ₆ 6 ₇ 7 ₈ 8 ₉ 9
      ¼ 1⁄4 ½ 1⁄2 ¾ 3⁄4 ⅓ 1⁄3 ⅔ 2⁄3 ⅕ 1⁄5 ⅛ 1⁄8 ⅜ 3⁄8 ⅝ 5⁄8 ⅞ 7⁄8 ‥ .. … ... ″ ′′ ‴ ′′′ ‼ !! ⁇ ?? ⁈ ?! ⁉ !? ‑ ‐
      ™ TM ℠ SM № No ℃ °C ℉ °F ℓ l ℹ i ſ s Ĳ IJ ĳ ij ﬀ ff ﬁ fi ﬂ fl ﬃ ffi ﬄ ffl ﬅ st ﬆ st
      Ⅰ I Ⅱ II Ⅲ III Ⅳ IV Ⅴ V Ⅵ VI Ⅶ VII Ⅷ VIII Ⅸ IX Ⅹ X Ⅺ XI Ⅻ XII
      """.split(whereSeparator: \.isWhitespace)
    var table: [Unicode.Scalar: String] = [:]
    for index in stride(from: 0, to: pairs.count, by: 2) {
      table[pairs[index].unicodeScalars.first!] = String(pairs[index + 1])
    }
    // No-break, narrow, wide and ideographic spaces are spaces.
    for value in [0xA0, 0x202F, 0x205F, 0x3000] + Array(0x2002...0x200A) {
      table[Unicode.Scalar(value)!] = " "
    }
    // Fullwidth forms stand in the order of ASCII.
    for value in 0xFF01...0xFF5E {
      table[Unicode.Scalar(value)!] = String(Unicode.Scalar(UInt8(value - 0xFEE0)))
    }
    return table
  }()

  static func of(_ text: String) -> String {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
    var replaced = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if let other = table[scalar] {
        replaced.append(contentsOf: other.unicodeScalars)
      } else {
        replaced.append(scalar)
      }
    }
    var result = String.UnicodeScalarView()
    result.append(contentsOf: String(replaced)._nfd)
    return String(result)
  }
}
