// The texts that `errata eval --json` carries under `definitions`.

extension Measure {
  /// What is computed, with its formula and source. All but Score, multiple choice and perplexity are means over the prompts
  /// of a record, then over the records that have such prompts.
  public var definition: String {
    switch self {
    case .probes(let kind, let statistic):
      "\(kind.definition): \(statistic.definition) [\(statistic.source)]"
    case .score:
      "3 / (1/efficacy + 1/paraphrase + 1/neighborhood), of the means over all records; 0 where one of them is 0 "
        + "[kmeng01/memit experiments/summarize.py]"
    case .portability:
      "mean of a record's subjectReplaceTokens, reversedRelationTokens, oneHopTokens and logicalGeneralizationTokens, those it "
        + "has [arXiv:2305.13172; zjunlp/EasyEdit]"
    case .locality:
      "mean of a record's otherRelationKept, distractingNeighborKept, forgetfulnessKept and unrelatedKept, those it has "
        + "[arXiv:2305.13172; zjunlp/EasyEdit]"
    case .attributes:
      "prompts whose right answer is the new target already: 1 if p(target) > p(former target); an edit is not to raise it "
        + "[scalable-model-editing/unified-model-editing, attribute_prompts]"
    case .fluency:
      "(2/3 H₂ + 4/3 H₃) / 2 with H_n = −Σ f log₂ f over the frequencies f of a text's n-grams of words, times 100; texts of up "
        + "to 100 tokens with their prompts, tokens drawn from the 5 most probable with a seed until one ends the text (the reference "
        + "goes on behind it), in compatibility form; words by the rules of NLTK's NLTKWordTokenizer, sentences by their full stops "
        + "[kmeng01/memit experiments/py/eval_utils_counterfact.py, n_gram_entropy]"
    case .fluencyOfContinuations:
      "fluency of the texts without their prompts [scalable-model-editing/unified-model-editing]"
    case .fluencyOfTokens:
      "the same over the model's tokens without the prompt, each H_n divided by log₂ of the number of n-grams "
        + "[scalable-model-editing/unified-model-editing]"
    case .consistency:
      "cosine of the TF-IDF vectors of all generated texts of a record and of the reference texts for its relation and target; "
        + "idf = ln((1 + N)/(1 + df)) + 1 over the reference texts given, or as --idf says; words of at least two letters in lower case "
        + "[kmeng01/memit experiments/py/eval_utils_counterfact.py, tfidf_similarity]"
    case .essence:
      "exp(−Σ log p / n) over the n tokens of the reference texts about the subject itself, 100 at most, of which the first has no p "
        + "[kmeng01/memit experiments/py/eval_utils_counterfact.py, essence_score; util/perplexity.py]"
    case .choices:
      "share of questions whose right choice has the largest mean log-probability of its tokens"
    case .choicesBySum:
      "share of questions whose right choice has the largest sum of log-probabilities of its tokens"
    case .perplexity:
      "exp of the mean of −log p over the tokens of the text, in windows; the first of a window is not counted"
    case .routing:
      "share of the tokens of all probes' prompts for which the router of some layer chooses other experts than in the base"
    }
  }
}
