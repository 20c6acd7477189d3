extension [UInt8] {
  /// Position of the first byte that cannot be UTF-8, if there is one.
  package var firstInvalidUTF8: Int? {
    do throws(UTF8.ValidationError) {
      _ = try UTF8Span(validating: span)
      return nil
    } catch { return error.byteOffsets.lowerBound }
  }
}
