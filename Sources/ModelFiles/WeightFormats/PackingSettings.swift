/// The settings of `quantization_config`, or of a part of it.
struct PackingSettings: Sendable {
  let json: JSONValue

  init(_ json: JSONValue) { self.json = json }

  /// A setting that is there and not null.
  subscript(key: String) -> JSONValue? {
    guard let value = json[key], value != .null else { return nil }
    return value
  }

  /// Whole numbers, where there are some.
  func integers(_ key: String) throws -> [Int]? {
    guard let value = self[key] else { return nil }
    guard let numbers = value.elements?.map(\.integer), !numbers.contains(nil) else {
      throw unsupported(key)
    }
    return numbers.compactMap { $0 }
  }

  /// Refuses a setting that has none of some values; `nil` for one that is missing.
  func require(_ key: String, in known: [String?]) throws {
    guard known.contains(self[key].map { $0.text ?? $0.compactText }) else { throw unsupported(key) }
  }

  /// That a setting asks for what is not decoded.
  func unsupported(_ key: String) -> ConfigurationError {
    .unsupported(
      setting: "quantization_config.\(key)",
      value: self[key].map { $0.text ?? String($0.compactText.prefix(60)) } ?? "missing")
  }
}
