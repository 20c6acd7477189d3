import ModelFiles
import TestSupport
import Testing

@testable import Evaluation

/// What nltk and scikit-learn make of texts: `Fixtures/make/texts.py`.
struct TextGoldens {
  let words: [(text: String, words: [String])]
  let forms: [(text: String, form: String)]
  let entropies: [JSONValue]
  let similarities: [JSONValue]

  init() throws {
    let file = try JSONValue(readingFile: PackageFiles.path("Fixtures/evaluation/texts.json"))
    func pairs(_ key: String) -> [[JSONValue]] { (file[key]?.elements ?? []).compactMap(\.elements) }
    words = pairs("words").map { ($0[0].text ?? "", ($0[1].elements ?? []).compactMap(\.text)) }
    forms = pairs("forms").map { ($0[0].text ?? "", $0[1].text ?? "") }
    entropies = file["entropies"]?.elements ?? []
    similarities = file["similarities"]?.elements ?? []
  }
}

struct WordsTests {
  let goldens: TextGoldens

  init() throws { goldens = try TextGoldens() }

  /// Swift takes different spellings of one letter for equal, so texts are compared scalar by scalar.
  private func scalars(_ words: [String]) -> [[Unicode.Scalar]] { words.map { Array($0.unicodeScalars) } }

  @Test func `words of a sentence are those of nltk`() {
    #expect(goldens.words.count > 300)
    for (text, words) in goldens.words {
      let found = TreebankRules.words(text)
      #expect(scalars(found) == scalars(words), "\(text.debugDescription): \(found), nltk \(words)")
    }
  }

  @Test func `compatibility forms are Python's`() {
    #expect(goldens.forms.count > 5)
    for (text, form) in goldens.forms {
      #expect(scalars([CompatibilityForm.of(text)]) == scalars([form]), "\(text.debugDescription)")
    }
  }

  @Test func `entropies are those of nltk's n-grams`() throws {
    #expect(goldens.entropies.count > 5)
    for golden in goldens.entropies {
      let text = try #require(golden["text"]?.text)
      let entropy = GramEntropy(Words.split(text))
      for (key, found) in [
        ("bigrams", entropy.entropies[0]), ("trigrams", entropy.entropies[1]), ("weighted", entropy.weighted),
      ] {
        let wanted = try #require(golden[key]?.number)
        #expect(abs(found - wanted) < 1e-9, "\(key) of \(text.debugDescription): \(found), nltk \(wanted)")
      }
    }
  }

  @Test func `cosines are those of scikit-learn, with frequencies from the texts or from elsewhere`() throws {
    let path = PackageFiles.path("Fixtures/evaluation/references.json")
    let own = try ReferenceTexts(path)
    let other = try ReferenceTexts(path, frequencies: PackageFiles.path("Fixtures/evaluation/idf"))
    #expect(goldens.similarities.count > 5)
    for golden in goldens.similarities {
      let (first, second) = (try #require(golden["first"]?.text), try #require(golden["second"]?.text))
      for (references, key) in [(own, "cosine"), (other, "elsewhere")] {
        let wanted = try #require(golden[key]?.number)
        let found = references.similarity(first, second)
        #expect(abs(found - wanted) < 1e-9, "\(first.debugDescription): \(found), scikit-learn \(wanted)")
      }
    }
  }

  @Test(arguments: [
    ("One. Two", ["One.", "Two"]), ("One.\n\nTwo. ", ["One.", "Two."]),
    ("He left. 5 came.", ["He left.", "5 came."]),
    ("He said \"Yes.\" She left.", ["He said \"Yes.\"", "She left."]),
    ("3.5 percent. of it", ["3.5 percent. of it"]),
    ("Mr. Smith of the U.S. Army met J. Roe.", ["Mr. Smith of the U.S. Army met J. Roe."]),
    ("It was 5 p.m. Then", ["It was 5 p.m. Then"]), ("Wait... What?", ["Wait...", "What?"]),
    ("Why? Because!", ["Why? Because!"]),
    (" \n ", []), ("", []), (".", ["."]), ("a.b", ["a.b"]),
  ]) func `a full stop ends a sentence unless it abbreviates`(text: String, sentences: [String]) {
    #expect(Words.sentences(text) == sentences)
  }

  @Test func `a full stop inside a text is a word of its own`() {
    #expect(
      Words.split("Ada lives in the U.S. now. She can't swim.") == [
        "Ada", "lives", "in", "the", "U.S.", "now", ".", "She", "ca", "n't", "swim", ".",
      ])
  }
}

struct WordFrequenciesTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func npy(_ values: [Double], _ descr: String = "<f8") -> [UInt8] {
    let header = "{'descr': '\(descr)', 'fortran_order': False, 'shape': (\(values.count),), }\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
      + values.flatMap { value in
        (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt64($0))) }
      }
  }

  private func problem(_ vocabulary: String, _ numbers: [UInt8]) throws -> String? {
    try folder.write(Array(vocabulary.utf8), to: "tfidf_vocab.json")
    try folder.write(numbers, to: "idf.npy")
    do {
      _ = try WordFrequencies.read(folder.path)
      return nil
    } catch EvaluationError.badFrequencies(_, let problem) { return problem }
  }

  @Test func `words get their numbers`() throws {
    #expect(try problem(#"{"b": 1, "a": 0}"#, npy([1.5, 2])) == nil)
    #expect(try WordFrequencies.read(folder.path) == ["a": 1.5, "b": 2])
  }

  @Test func `files that do not fit are refused`() throws {
    let good = npy([1.5, 2])
    #expect(try problem("[]", good) == "it is not a JSON object")
    #expect(try problem(#"{"a": 0}"#, good) == "it holds 2 numbers for 1 words")
    #expect(try problem(#"{"a": 0, "b": 2}"#, good) == "the word b has no number below 2")
    #expect(try problem(#"{"a": 0, "b": "x"}"#, good) == "the word b has no number below 2")
    #expect(
      try problem(#"{"a": 0, "b": 1}"#, npy([1, .nan])) == "number 1 is infinite, negative or none")
    let form = "it is not a NumPy file of one row of 64-bit floating-point numbers"
    #expect(try problem(#"{"a": 0, "b": 1}"#, npy([1, 2], "<f4")) == form)
    for count in 0..<good.count {
      #expect(try problem(#"{"a": 0, "b": 1}"#, Array(good.prefix(count))) == form)
    }
  }
}
