import ModelFiles

/// Files that are not what they were taken for.
extension ErrorReport {
  /// What a file is, and what helps where something else was expected.
  static func words(
    _ found: FileContent, expected: ModelFileError.FileUse, file: String
  ) -> (why: String, advice: String?) {
    let why = "it is \(name(found)), not \(name(expected))"
    switch found {
    case .pointer: return (why, "`git lfs pull` in its repository gets the file")
    case .annexPointer: return (why, "`git annex get \(file)` gets the file")
    case .page: return (why, "download it again: the server sent a page in its place; look at it")
    case .refusal: return (why, "download it again, with the access that it asks for")
    case .empty, .zeros: return (why, "download it again: nothing arrived")
    case .torch, .pickle:
      return (why, expected == .patch ? "patches come from `errata edit` or `errata diff`" : convertTorch)
    case .hdf5, .ggml: return (why, "convert it to safetensors or GGUF")
    case .zip, .tar: return (why, "unpack it")
    case .compressed(let program): return (why, "unpack it with \(program)")
    case .numPyArchive, .numPyArray:
      return (
        why, expected == .statistics ? "`errata stats import` reads the archives of ROME and MEMIT" : nil
      )
    case .utf16: return (why, "save it as UTF-8")
    case .json(.index?): return (why, "name it *.safetensors.index.json, as it was downloaded")
    case .json(.tokenizer?), .json(.configuration?):
      return (why, expected == .model ? "name the model's folder" : nil)
    case .safetensors, .gguf, .model, .folder, .patch, .statistics, .keys, .values:
      return (why, exchanged(found, expected))
    case .json, .text, .unknown: return (why, nil)
    }
  }

  static let convertTorch =
    "convert it to safetensors (transformers: AutoModelForCausalLM.from_pretrained(…).save_pretrained(…))"

  /// What to do with a file that is good, and in another's place.
  private static func exchanged(_ found: FileContent, _ expected: ModelFileError.FileUse) -> String? {
    switch (found, expected) {
    case (.patch, .model):
      "apply, revert and verify take first the patch, then the model; ask and eval take --patch"
    case (.safetensors, .patch), (.gguf, .patch), (.model, .patch), (.folder, .patch):
      "apply, revert and verify take first the patch, then the model"
    case (.statistics, .model): "give it as --statistics, and the model's folder or file here"
    case (.keys, .model): "give it as --keys of `errata solve`, and the model's folder or file here"
    case (.values, .model): "give it as --values, and the model's folder or file here"
    case (.model, .statistics), (.gguf, .statistics), (.safetensors, .statistics):
      "statistics are what `errata stats` makes of a model and text"
    case (.statistics, .keys), (.statistics, .values): "give it as --statistics"
    case (.keys, .statistics), (.keys, .values): "give it as --keys of `errata solve`"
    case (.values, .statistics), (.values, .keys): "give it as --values of `errata edit`"
    case (.gguf, .safetensors): "rename it to end in .gguf"
    case (.safetensors, .gguf): "rename it to end in .safetensors"
    default: nil
    }
  }

  private static func name(_ content: FileContent) -> String {
    switch content {
    case .empty: "empty"
    case .zeros: "nothing but zeros"
    case .safetensors: "a safetensors file"
    case .gguf: "a GGUF file"
    case .patch: "a patch"
    case .pointer(let size):
      "a Git LFS pointer to a file" + (size.map { " of \(Numbers.bytes($0))" } ?? "")
    case .annexPointer: "a git-annex pointer to a file"
    case .page: "a page of HTML or XML"
    case .refusal(let message): "what a server answered: \(Quote.text(message, limit: 200))"
    case .torch: "a PyTorch file"
    case .pickle: "a Python pickle"
    case .numPyArchive: "an archive of NumPy arrays"
    case .numPyArray: "a NumPy array"
    case .zip: "a zip archive"
    case .compressed(let program): "compressed with \(program)"
    case .tar: "a tar archive"
    case .hdf5: "an HDF5 file"
    case .ggml: "a file from before GGUF"
    case .utf16: "UTF-16 text"
    case .json(.tokenizer?): "a tokenizer"
    case .json(.configuration?): "a configuration"
    case .json(.index?): "an index of shards"
    case .json(nil): "JSON"
    case .text: "text"
    case .model: "a model"
    case .statistics: "statistics"
    case .keys: "keys and residuals"
    case .values: "optimized values"
    case .folder: "a folder"
    case .unknown: "something else"
    }
  }

  private static func name(_ use: ModelFileError.FileUse) -> String {
    switch use {
    case .model: "a model"
    case .safetensors: "a safetensors file"
    case .gguf: "a GGUF file"
    case .patch: "a patch"
    case .statistics: "statistics"
    case .keys: "keys and residuals"
    case .values: "optimized values"
    case .json: "JSON"
    case .text: "text"
    case .archive: "an archive of NumPy arrays"
    }
  }

  /// A folder in which no model was found.
  static func words(_ folder: FolderContent) -> (why: String, advice: String?) {
    switch folder {
    case .cachedRepository(let snapshots):
      (
        "it is a repository in the hub's cache",
        snapshots.isEmpty
          ? "its snapshots are gone: download it again"
          : "name one of its snapshots: \(Quote.list(snapshots))"
      )
    case .cache(let repositories):
      ("it is the hub's cache", "name a snapshot in it: \(Quote.plain(repositories[0]))/snapshots/…")
    case .torch(let names):
      ("it holds weights of PyTorch (\(Quote.list(names))) and no safetensors", convertTorch)
    case .otherWeights(let names):
      (
        "it holds weights of another framework (\(Quote.list(names)))",
        "convert them to safetensors, or download the safetensors file"
      )
    case .adapter(let name):
      (
        "it holds an adapter (\(name)), a change of a model and not one",
        "merge it into its base with PEFT first"
      )
    case .unfinished(let names):
      ("it holds downloads that did not end (\(Quote.list(names)))", "download them again")
    case .models(let names):
      ("it holds no weights; folders in it do", "name one of them: \(Quote.list(names))")
    case .nothing: ("the folder holds no .safetensors and no .gguf file", nil)
    }
  }
}
