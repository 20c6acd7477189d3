import ArgumentParser
import Editing
import ModelFiles
import Transformer

struct StatsCollectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collect", abstract: "Collects second moments from text (what `errata stats MODEL` does).",
    discussion: """
      Runs the model over the text once and sums k kᵀ of the keys of all asked layers. The text is plain (one document a line, \
      or with blank lines between documents) or JSON lines with a "text" field, also compressed with gzip or zstd. Killed, it \
      leaves a valid file of what was summed so far; run again with the same arguments, it goes on there.

      Example:
        errata stats llama/ --corpus wiki.txt.gz --layers 4-8 -o llama.stats.safetensors
      """)
  @Argument(help: "The model; only read.", completion: .file())
  var model: String
  @Option(help: "Text files.", completion: .file())
  var corpus: [String]
  @Option(name: .shortAndLong, help: "The statistics (Formats/statistics.md).", completion: .file())
  var output: String
  @Option(help: "Layers: 3-8, or 3,5,8 (default: those of the memit recipe).")
  var layers: LayerList?
  @Option(help: "Stop after so many tokens (ten times the width of a key are enough in practice).")
  var tokens: Int?
  @Option(help: "Tokens of a document that are read (default: what the model was made for, at most 2048).")
  var context: Int?
  @Option(
    help: ArgumentHelp(
      "Only every N-th document, from the I-th, or the part that the launcher says (auto, auto/N); `errata stats merge` adds the parts up.",
      valueName: "I/N|auto"))
  var shard: ShardArgument?
  @Option(help: ArgumentHelp("Seconds between two partial files.", visibility: .hidden))
  var saveInterval = 60.0
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var messages: OutputOptions

  func validate() throws {
    try layers?.requireNumbers()
    for (name, value) in [("--tokens", tokens), ("--context", context)] {
      if let value, value < 1 { throw ValidationError("\(name) takes a number above zero.") }
    }
  }

  func run() throws {
    try doing("cannot collect statistics on \(model)", messages) {
      let output = try ShardArgument.name(output, option: "-o", of: shard)
      Interruption.end(.saves)
      let running = try RunningModel(model, threads: threads.count, messages)
      try OutputRule(["-o": output]).check(inputs: corpus, models: [running.network.model])
      let part = try shard?.place()
      let text = Corpus(corpus, shard: part)
      let configuration = running.network.configuration
      var collection = try StatisticsCollection(
        network: running.network, tokenizer: running.tokenizer, corpus: text,
        layers: layers?.numbers.sorted()
          ?? EditRecipe(for: .memit, configuration: configuration).layers)
      collection.tokenLimit = tokens
      collection.saveInterval = saveInterval
      collection.isStopping = { Interruption.isStopping }
      if let context { collection.contextLength = min(context, collection.contextLength) }
      let progress = Progress("collecting", total: try text.byteCount(), messages)
      var done = 0
      let (state, resumed) = try collection.write(to: output) { state in
        progress.advance(state.bytesRead - done)
        done = state.bytesRead
      }
      progress.finish()
      if resumed > 0 {
        messages.say("Went on after \(Numbers.count(resumed, "document")) of an interrupted run.")
      }
      if let part { messages.answer("part: \(part.words)") }
      let width = configuration.experts?.width ?? configuration.feedForwardWidth
      if state.tokens < configuration.tokens(forEachInput: 5) {
        messages.say(
          "Warning: \(state.tokens) tokens are few for keys of width \(width); \(configuration.tokens(forEachInput: 10)) are "
            + "better, and below \(configuration.tokens(forEachInput: 1)) the second moment has no inverse of its own."
        )
      }
      let file = try StatisticsFile(output)
      try warnOfRareExperts(file, messages)
      try report(file, messages)
    }
  }
}

extension NetworkConfiguration {
  /// Tokens of text after which each input of an edited weight has seen so many, where experts are chosen evenly.
  func tokens(forEachInput count: Int) -> Int {
    experts.map { count * $0.width * $0.count / $0.chosen } ?? count * feedForwardWidth
  }
}

/// Says which experts too few tokens went through.
private func warnOfRareExperts(_ file: StatisticsFile, _ messages: OutputOptions) throws {
  let rare = try file.weights.compactMap { weight -> (name: String, reached: Int, width: Int)? in
    let width = try file.inputWidth(of: weight)
    guard let reached = try file.reachedCount(of: weight), reached < 5 * width else { return nil }
    return (weight, reached, width)
  }
  guard let rarest = rare.min(by: { $0.reached < $1.reached }) else { return }
  messages.say(
    "Warning: few tokens went through \(Numbers.count(rare.count, "expert")), \(rarest.reached) through the rarest, \(rarest.name), "
      + "for keys of width \(rarest.width). Edits move such experts more freely than others; read more text.")
}
