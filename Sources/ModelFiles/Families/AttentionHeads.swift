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
    // What the network is made of, where it is known; else what files usually call it.
    if let network = try? NetworkConfiguration(of: model) {
      self.init(query: network.headCount, keyValue: network.keyValueHeadCount)
      return
    }
    func first(_ names: [String], _ number: (String) -> Int?) -> Int? {
      names.lazy.compactMap(number).first { $0 > 0 }
    }
    let query: Int?
    let keyValue: Int?
    switch model.format {
    case .safetensors:
      let json = ModelFile.configuration(in: model.folder).map(ModelFamily.languageModel)
      query = first(["num_attention_heads", "n_head"]) { json?[$0]?.integer }
      keyValue = first(["num_key_value_heads", "num_kv_heads"]) { json?[$0]?.integer }
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
  /// - Parameters:
  ///   - heads: of this weight; of its queries, where it holds keys and values, too.
  ///   - keyValueHeads: those of the keys, where the weight holds all three; as many where `nil`.
  /// - Returns: `nil` when the rows are not whole heads.
  public func safetensorsRows(count: Int, heads: Int, keyValueHeads: Int? = nil) -> [Int]? {
    switch self {
    case .rotaryPairs:
      guard heads > 0, heads <= count, count % (2 * heads) == 0 else { return nil }
      let (width, half) = (count / heads, count / heads / 2)
      return (0..<count).map { row in
        let inner = row % width
        return row / width * width + inner % 2 * half + inner / 2
      }
    case .byKind:
      let groups = keyValueHeads ?? heads
      guard heads > 0, heads <= count, groups > 0, heads % groups == 0, count % (heads + 2 * groups) == 0
      else {
        return nil
      }
      let (width, queries) = (count / (heads + 2 * groups), heads / groups)
      return (0..<count).map { row in
        let head = row / width
        // The head's key head, and its place there: queries, then the key, then the value.
        let (group, place) =
          head < heads
          ? (head / queries, head % queries)
          : ((head - heads) % groups, queries + (head - heads) / groups)
        return (group * (queries + 2) + place) * width + row % width
      }
    }
  }
}
