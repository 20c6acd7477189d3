/// How many heads a model's attention has. Containers order some rows by head, so going from one to the other asks for it.
public struct AttentionHeads: Equatable, Sendable {
  /// Heads of the queries.
  public let query: Int
  /// Heads of keys and values: as many, or fewer where queries share them.
  public let keyValue: Int

  /// Joins the two.
  public init(query: Int, keyValue: Int) {
    self.query = query
    self.keyValue = keyValue
  }

  /// What a model says of itself: the `config.json` beside safetensors weights, or a GGUF file's metadata.
  ///
  /// - Returns: `nil` where it says nothing, or another number for each layer.
  public init?(of model: ModelFile) throws(ModelFileError) {
    func first(_ names: [String], _ number: (String) -> Int?) -> Int? {
      names.lazy.compactMap(number).first { $0 > 0 }
    }
    let query: Int?
    let keyValue: Int?
    switch model.format {
    case .safetensors:
      let json = ModelFile.configuration(in: model.folder).map(ModelFamily.languageModel)
      query = first(["num_attention_heads", "n_head"]) { json?[$0]?.integer }
      keyValue = first(["num_key_value_heads"]) { json?[$0]?.integer }
    case .gguf:
      let header = model.ggufHeaders.first
      let prefix = (model.modelType ?? "") + ".attention."
      query = first([prefix + "head_count"]) { header?[$0]?.integer }
      // A list of numbers, one for each layer, is not understood here: then nothing is known.
      if let value = header?[prefix + "head_count_kv"], value.integer == nil { return nil }
      keyValue = first([prefix + "head_count_kv"]) { header?[$0]?.integer }
    }
    guard let query else { return nil }
    self.init(query: query, keyValue: keyValue ?? query)
  }
}

extension ModelFamily.RowOrder {
  /// For each row of the weight in a GGUF file, the row of the safetensors file that stands there.
  ///
  /// Source: ggml-org/llama.cpp, `conversion`, `LlamaModel.permute` and `GPTNeoXModel.modify_tensors`.
  /// - Parameter heads: of this weight.
  /// - Returns: `nil` when the rows are not whole heads.
  public func safetensorsRows(count: Int, heads: Int) -> [Int]? {
    switch self {
    case .rotaryPairs:
      guard heads > 0, heads <= count, count % (2 * heads) == 0 else { return nil }
      let (width, half) = (count / heads, count / heads / 2)
      return (0..<count).map { row in
        let inner = row % width
        return row / width * width + inner % 2 * half + inner / 2
      }
    case .byKind:
      guard heads > 0, heads <= count, count % (3 * heads) == 0 else { return nil }
      let width = count / heads / 3
      return (0..<count).map { row in
        let (kind, head) = (row / width / heads, row / width % heads)
        return (3 * head + kind) * width + row % width
      }
    }
  }
}
