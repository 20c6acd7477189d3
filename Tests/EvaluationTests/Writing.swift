import TestSupport

extension TemporaryFolder {
  /// Writes a text.
  func write(text: String, as name: String) throws -> String { try write(Array(text.utf8), to: name) }
}
