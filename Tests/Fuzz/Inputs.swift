import Floor
import ModelFiles

@testable import Editing
@testable import Evaluation
@testable import Patches
@testable import Transformer

/// What is done with an input of each kind: all that a command would do with it. Errors are answers; traps, hangs and memory without
/// bounds are not.
enum Inputs {
  typealias Use = @Sendable (_ bytes: [UInt8], _ folder: FuzzFolder) throws -> Void

  static let all: [String: Use] = models.merging(patches) { $1 }.merging(texts) { $1 }.merging(edits) { $1 }

  /// Facts, keys, statistics: what edits are made of.
  private static let edits: [String: Use] = [
    "statistics": { bytes, folder in
      let path = try folder.write(bytes, "s.safetensors")
      try command(bytes, "show", path, "--json")
      let file = try StatisticsFile(path)
      for weight in file.weights { _ = try? file.secondMoment(of: weight) }
      for weight in file.weights { _ = try? file.secondMomentWithoutBegin(of: weight) }
      defer { folder.remove("out.stats") }
      try StatisticsFile.merge([file], to: "out.stats")
      try file.writeImatrix(to: "out.stats")
      try StatisticsFile.merge([file, file], to: "out.stats")
    },
    "imatrix": { bytes, folder in
      let file = try StatisticsFile(folder.write(bytes, "i.gguf"))
      for weight in file.weights { _ = try file.secondMoment(of: weight) }
    },
    "keys": { bytes, folder in
      let path = try folder.write(bytes, "k.safetensors")
      try command(bytes, "show", path, "-v")
      let file = try KeysFile(path)
      for weight in file.weights { _ = try file.edits(of: weight) }
    },
    "values": { bytes, folder in
      let file = try ValuesFile(folder.write(bytes, "v.safetensors"))
      defer { folder.remove("out.values") }
      for isPartial in [true, false] {
        try ValuesFile.merge([file], to: "out.values", isPartial: isPartial)
      }
    },
    "editor": { bytes, folder in
      // With what a training that was cut off goes on from.
      _ = try LearnedEditor.read(folder.write(bytes, "e.safetensors"))
    },
    "facts": { bytes, folder in
      let path = try folder.write(bytes, "f.json")
      try command(bytes, "show", path)
      var reading = FactsReading()
      reading.subjects = bytes.count.isMultiple(of: 2) ? .free : .needed
      let file = try FactsFile(path, reading)
      let good = try file.skippingBad()
      _ = try GroupedFacts(good.limited(to: 5).checked().map(\.fact))
      _ = try file.sampled(3, seed: 1).checked()
      _ = Demonstrations(8, from: try good.checked())
    },
    "npz": { bytes, folder in
      _ = try NumPyArchive(folder.write(bytes, "a.npz"))
    },
    "npy": { bytes, _ in _ = NumPyVector.doubles(bytes) },
    "recipe": { bytes, folder in
      var recipe = EditRecipe(for: .memit, family: .named("gpt2"), layerCount: 4, width: 64, keyWidth: 256)
      try recipe.read(folder.write(bytes, "r.json"))
    },
    "contexts": { bytes, folder in _ = try ContextTemplate.read(folder.write(bytes, "c.json")) },
    "trace": { bytes, folder in
      let file = try TraceFile(folder.write(bytes, "t.json"))
      _ = file.json.compactText
      _ = try file.choice(of: 3, in: file.layerCount, file: "t.json")
    },
    "corpus": { bytes, folder in
      var reader = Corpus([try folder.write(bytes, "corpus")]).documents()
      while try reader.next() != nil {}
    },
    "answers": { bytes, folder in _ = try ResultsFile(folder.write(bytes, "a.jsonl")) },
    "part": { bytes, folder in
      // Two parts, between which is an empty line.
      let cut = bytes.indices.dropLast().first { bytes[$0] == 0x0A && bytes[$0 + 1] == 0x0A } ?? bytes.count
      let paths = [
        try folder.write(Array(bytes[..<min(cut + 1, bytes.count)]), "p1.jsonl"),
        try folder.write(Array(bytes[min(cut + 2, bytes.count)...]), "p2.jsonl"),
      ]
      defer { folder.remove("out.jsonl") }
      for isPartial in [true, false] {
        do { _ = try ResultsFile.merge(paths, to: "out.jsonl", isPartial: isPartial) } catch {}
        _ = try ResultsFile.merge([paths[0]], to: "out.jsonl", isPartial: isPartial)
        _ = try ResultsFile("out.jsonl")
      }
    },
    "frequencies": { bytes, folder in
      // tfidf_vocab.json, ended by a zero byte, and idf.npy.
      guard let end = bytes.firstIndex(of: 0) else { return }
      try folder.write(Array(bytes[..<end]), "idf/tfidf_vocab.json")
      try folder.write(Array(bytes[(end + 1)...]), "idf/idf.npy")
      _ = try WordFrequencies.read("idf")
    },
    "choices": { bytes, folder in _ = try MultipleChoice(folder.write(bytes, "c.jsonl")) },
    "references": { bytes, folder in _ = try ReferenceTexts(folder.write(bytes, "r.json")) },
    "weights": { bytes, folder in _ = try CriterionWeights(folder.write(bytes, "w.json")) },
  ]

  /// Texts that need nothing beside them.
  private static let texts: [String: Use] = [
    "json": { bytes, _ in
      let value = try JSONValue(parsing: bytes)
      guard try JSONValue(parsing: Array(value.compactText.utf8)) == value else {
        fatalError("JSON that is written is another when it is read again")
      }
      _ = value.indentedText
    },
    "template": { bytes, _ in
      guard let text = String(validating: bytes, as: UTF8.self) else { return }
      let template = try ChatTemplate(text, name: "t", specialTokens: ["bos_token": "<s>"])
      _ = try template.render(
        [ChatMessage(role: "system", content: "a"), ChatMessage(role: "user", content: "b é")],
        addsGenerationPrompt: true)
    },
    "splitting": { bytes, _ in
      // A pattern of a tokenizer, and a text behind the first line end.
      let parts = bytes.split(separator: 0x0A, maxSplits: 1)
      guard parts.count == 2, let pattern = String(validating: parts[0], as: UTF8.self) else { return }
      let regex = try SplittingRegex(pattern, bytes.count.isMultiple(of: 2) ? .tokenizers : .llamaCpp)
      let words = Array(parts[1])
      guard (try? UTF8Span(validating: words.span)) != nil else { return }
      var place = 0
      while place < words.count {
        let end = regex.pieceEnd(in: words.span, from: place, to: words.count)
        guard end > place else { fatalError("a piece without characters") }
        place = end
      }
    },
    "signature": { bytes, folder in
      let signature = try PatchSignature(bytes, file: "s")
      _ = signature.key.fingerprint
    },
    "key": { bytes, _ in _ = try SSHPrivateKey(bytes, file: "k").signature(of: [1]) },
    "pem": { bytes, _ in
      do { _ = try EllipticKey(pem: bytes).isValid([0x30, 0], of: [1]) } catch EllipticKey.Problem.form {}
    },
    "prompts": { bytes, folder in
      _ = try TextFile(folder.write(bytes, "t.txt"), .text, limit: TextFile.Limit.text).text
    },
    "signers": { bytes, folder in _ = try AllowedSigners(folder.write(bytes, "signers")) },
    "arguments": arguments,
  ]
}
