/// Numbers as people read them.
enum Numbers {
  /// 117 440 512 bytes as "117 MB"; powers of ten, as disks and networks count.
  static func bytes(_ count: Int) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"]
    var value = Double(count)
    var unit = 0
    while value >= 999.5, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    return (unit == 0 ? String(count) : significant(value, 3)) + " " + units[unit]
  }

  /// 1 234 567 as "1.23 M".
  static func quantity(_ count: Int) -> String {
    let units = ["", " k", " M", " G", " T"]
    var value = Double(count)
    var unit = 0
    while value >= 999.5, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    return unit == 0 ? String(count) : significant(value, 3) + units[unit]
  }

  /// A share as a percentage: 0.0123 as "1.23 %".
  static func percent(_ share: Double) -> String {
    // Below a millionth of a percent stands only rounding.
    share.isFinite ? significant(share.magnitude < 1e-8 ? 0 : share * 100, 3) + " %" : "–"
  }

  /// A number with this many significant digits, without an exponent where it stays short.
  static func significant(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "–" }
    guard value != 0 else { return "0" }
    if value.magnitude < 1e-4 || value.magnitude >= 1e7 { return scientific(value, digits) }
    var decimals = digits - 1
    var size = value.magnitude
    while size >= 9.995 && decimals > 0 {
      size /= 10
      decimals -= 1
    }
    while size < 0.9995 && decimals < 8 {
      size *= 10
      decimals += 1
    }
    return fixed(value, decimals)
  }

  /// A number with this many decimals; with an exponent where it is too long to be read, and – where it is none.
  static func fixed(_ value: Double, _ decimals: Int) -> String {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    guard value.isFinite else { return "–" }
    guard value.magnitude * scale < 1e15 else { return scientific(value, decimals + 1) }
    let scaled = Int((value.magnitude * scale).rounded())
    let sign = value < 0 && scaled != 0 ? "-" : ""
    guard decimals > 0 else { return sign + String(scaled) }
    let digits = String(scaled)
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
  }

  private static func scientific(_ value: Double, _ digits: Int) -> String {
    var size = value
    var exponent = 0
    while size.magnitude >= 10 {
      size /= 10
      exponent += 1
    }
    while size.magnitude < 1 {
      size *= 10
      exponent -= 1
    }
    return fixed(size, digits - 1) + "e" + String(exponent)
  }

  /// Text on one line: line ends, tabs and all that commands a terminal or turns its writing round, as they are written in
  /// programs. What quotes names or texts of a file goes through here: every cell of a table and every part of an error does.
  static func oneLine(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isUnfit) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where isUnfit(scalar): result += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// Controls, the two separators of Unicode, and what turns the direction of writing.
  private static func isUnfit(_ scalar: UnicodeScalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  /// A long text's beginning, on one line.
  static func beginning(of text: String, limit: Int = 60) -> String {
    let line = oneLine(String(text.prefix(limit + 1)))
    return line.count > limit ? line.prefix(limit) + "…" : line
  }

  /// A bar of up to twelve cells.
  static func bar(_ value: Double, of largest: Double) -> String {
    guard largest > 0, value > 0, largest.isFinite else { return "" }
    return String(repeating: "█", count: max(1, Int((12 * min(value / largest, 1)).rounded())))
  }

  /// 4096 × 14336.
  static func shape(_ shape: [Int]) -> String {
    shape.isEmpty ? "scalar" : shape.map(String.init).joined(separator: " × ")
  }

  /// "1 tensor", "3 tensors".
  static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
