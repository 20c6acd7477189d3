extension JSONValue {
  /// Reads a whole file.
  ///
  /// - Parameter limit: larger files are refused.
  public init(readingFile path: String, limit: Int = TextFile.Limit.settings) throws(ModelFileError) {
    self = try TextFile(path, .json, limit: limit).json()
  }
}
