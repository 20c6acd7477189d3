extension JSONValue {
  /// Reads a whole file.
  public init(readingFile path: String) throws(ModelFileError) {
    let file = try OpenFile(path, .reading)
    let bytes = try file.read(try file.size(), at: 0)
    do throws(JSONError) { try self.init(parsing: bytes) } catch {
      throw ModelFileError(.headerSyntax(error.problem), file: path, byteOffset: error.byteOffset)
    }
  }
}
