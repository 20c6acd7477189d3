import Editing
import TestSupport
import Testing

@testable import Evaluation

struct TextsTests {
  @Test func `entropy of a b a b a b`() {
    // Bigrams ab ×3, ba ×2; trigrams aba ×2, bab ×2.
    let entropy = GramEntropy(Words.split("a b a b a b"))
    #expect(abs(entropy.entropies[0] - 0.970951) < 1e-6)
    #expect(entropy.entropies[1] == 1)
    #expect(abs(entropy.weighted - (2 / 3.0 * 0.970951 + 4 / 3.0) / 2) < 1e-6)
    // Against log₂ 5 bigrams and log₂ 4 trigrams.
    #expect(abs(entropy.weightedShare - (2 / 3.0 * 0.970951 / 2.321928 + 4 / 3.0 * 0.5) / 2) < 1e-6)
  }

  @Test(arguments: ["", "word", "two words"]) func `texts without trigrams have entropy 0`(text: String) {
    #expect(GramEntropy(Words.split(text)).weighted == 0)
  }

  @Test func `consistency is the cosine of TF-IDF vectors`() throws {
    // Two texts, N = 2: idf(alpha) = ln(3/3) + 1 = 1, idf(beta) = idf(gamma) = ln(3/2) + 1 = 1.405465.
    let folder = try TemporaryFolder()
    let path = try folder.write(
      text: #"""
        [{"relation_id": "P1", "target_id": "Q1", "samples": [{"name": "A", "text": "Alpha, beta!"}]},
         {"relation_id": "P1", "target_id": "Q2", "samples": [{"name": "B", "text": "alpha gamma a"}]}]
        """#, as: "snippets.json")
    let references = try ReferenceTexts(path)
    // (1, 1.405465, 0) · (2, 0, 1.405465) / (1.724915 · 2.444449)
    #expect(abs(references.similarity("alpha beta", "alpha alpha gamma unknown") - 0.474331) < 1e-6)
    #expect(references.similarity("unknown", "alpha") == 0)
    #expect(abs(references.similarity("beta gamma", "gamma beta") - 1) < 1e-12)
  }

  @Test func `reference texts of another form are refused`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(text: #"[{"relation_id": "P1"}]"#, as: "snippets.json")
    #expect(throws: EvaluationError.badReferences(file: path, element: 0)) { try ReferenceTexts(path) }
  }
}
