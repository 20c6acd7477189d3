/// A NumPy array file of one axis: what `numpy.save` writes of a vector.
public enum NumPyVector {
  /// Its numbers, if it is little-endian F64 of one axis; `nil` for anything else. Versions 1 to 3 of NumPy's `lib/format.py`.
  public static func doubles(_ file: [UInt8]) -> [Double]? {
    guard file.count >= 12, file.starts(with: [0x93] + Array("NUMPY".utf8)), (1...3).contains(file[6]) else {
      return nil
    }
    let lengthBytes = file[6] == 1 ? 8..<10 : 8..<12
    let length = file[lengthBytes].reversed().reduce(0) { $0 << 8 | Int($1) }
    let start = lengthBytes.upperBound + length
    guard length <= 65_536, start <= file.count,
      let header = NumPyHeader(String(decoding: file[lengthBytes.upperBound..<start], as: UTF8.self)),
      header.elementType == "<f8", header.shape.count == 1, (file.count - start) % 8 == 0,
      header.shape[0] == (file.count - start) / 8
    else { return nil }
    return stride(from: start, to: file.count, by: 8).map { place in
      Double(bitPattern: file[place..<place + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
  }
}
