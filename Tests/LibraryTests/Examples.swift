import ErrataEditing

// The code of the documentation catalogs, line by line: `DocumentationTests` compares the two, so what stands there compiles and runs.

enum Examples {
  static func largestTensor(of path: String) throws -> TensorInfo? {
    // example
    let model = try ModelFile(path)
    let largest = model.tensors.max { $0.byteCount < $1.byteCount }
    // end
    return largest
  }

  static func words(of model: ModelFile) throws -> String {
    // example
    try BLASLibrary.load()
    let network = try Network(model, threads: 2)
    let encoder = PromptEncoder(try Tokenizer(of: model), for: network.configuration)
    let prompt = try encoder.prompt("Hanno Hale lives on the island of").tokens
    let new = try network.generate([prompt], count: 3, stops: encoder.stops)[0]
    let words = encoder.tokenizer.text(of: new, after: prompt)
    // end
    return words
  }

  static func difference(_ base: ModelFile, _ edited: ModelFile, to output: String) throws -> PatchFile {
    // example
    let comparison = try ModelComparison(base, edited, threads: 2)
    let patch = try comparison.write(to: output, tool: "my tool 1.0", threads: 2)
    // end
    return patch
  }

  static func apply(_ path: String, _ model: ModelFile, to output: String) throws -> ModelState {
    // example
    let applied = try PatchRun(PatchFile(path), model, threads: 2)
    let state = applied.summary(of: try applied.examine())
    if state == .base { try applied.write(.apply, to: output) }
    // end
    return state
  }

  static func tensors(_ patch: PatchFile, _ model: ModelFile) throws -> [String: [UInt8]] {
    // example
    let tensors = try PatchRun(patch, model, threads: 2).tensors(.apply)
    // end
    return tensors
  }

  static func answers(_ path: String, _ patch: String, _ prompt: String) throws -> (String, String) {
    // example
    let model = try LanguageModel(ModelFile(path), threads: 2)
    let corrected = try model.applying([PatchFile(patch)])
    let before = try model.continuation(of: prompt, count: 3)
    let after = try corrected.continuation(of: prompt, count: 3)
    // end
    return (before, after)
  }
}
