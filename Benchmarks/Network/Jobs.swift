import Glibc
import LinearAlgebra
import ModelFiles
import Transformer

/// What a job took, and what came out of it, so that both sides can be compared.
struct Cost {
  var wall = 0.0
  var cpu = 0.0
  var result = 0.0

  /// Measures one call.
  init(of body: () throws -> Double) rethrows {
    let (wall, cpu) = (Self.seconds(CLOCK_MONOTONIC), Self.seconds(CLOCK_PROCESS_CPUTIME_ID))
    result = try body()
    self.wall = Self.seconds(CLOCK_MONOTONIC) - wall
    self.cpu = Self.seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu
  }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
  }
}

/// The jobs of the benchmark, and what is prepared for them once.
final class Jobs {
  /// Sizes of the jobs; `network_peer.py` has the same.
  enum Size {
    static let sequences = 8
    static let positions = 256
    static let facts = 8
    static let contexts = 6
    static let prompt = 20
    static let subject = 12
    static let targets = 3
    static let editedLayer = 1
    static let decodePrompt = 4
    static let decoded = 32
    static let square = 2048
  }

  let network: Network
  private let contexts: [TokenSequence]
  private let above: Matrix<Float>
  private let targetRows: [Int]
  private let terms: [LossTerm]
  private let square: Matrix<Float>

  /// A token that both sides know.
  private static func token(_ sequence: Int, _ position: Int, _ vocabulary: Int) -> Int32 {
    Int32((1 + sequence * 7919 + position * 104729) % vocabulary)
  }

  private func tokens(_ sequences: Int, _ positions: Int) -> [[Int32]] {
    Self.tokens(sequences, positions, network.configuration.vocabularySize)
  }

  private static func tokens(_ sequences: Int, _ positions: Int, _ vocabulary: Int) -> [[Int32]] {
    (0..<sequences).map { sequence in (0..<positions).map { token(sequence, $0, vocabulary) } }
  }

  init(_ network: Network) throws {
    self.network = network
    let vocabulary = network.configuration.vocabularySize
    let count = Size.facts * Size.contexts
    let prompts = Self.tokens(count, Size.prompt, vocabulary)
    // Once, outside the steps: the positions before the subject in every layer, and what enters the block above the edited one.
    let whole = try network.run(prompts.map { TokenSequence($0) }, keeping: .memory)
    let below = try network.run(prompts.map { TokenSequence($0) }, .init(0..<Size.editedLayer + 1))
    contexts = prompts.enumerated().map {
      TokenSequence(Array($1[Size.subject...]), after: whole.past(of: $0).prefix(Size.subject))
    }
    above = below.hidden.matrix(rows: below.sequenceRows.flatMap { $0.dropFirst(Size.subject) })
    // Logits where a target is asked for, and of the subject in the first context of each fact for the divergence.
    let length = Size.prompt - Size.subject
    let ends = (0..<count).flatMap { context in
      (length - Size.targets..<length).map { context * length + $0 }
    }
    let subjects = (0..<Size.facts).map { $0 * Size.contexts * length }
    targetRows = ends + subjects
    let before = network.logits(
      of: whole, rows: (0..<Size.facts).map { $0 * Size.contexts * Size.prompt + Size.subject })
    terms =
      ends.indices.map {
        LossTerm(
          row: $0, .target(Int(Self.token($0, 1, vocabulary))),
          weight: 1 / Float(Size.targets * Size.contexts))
      }
      + subjects.indices.map {
        LossTerm(row: ends.count + $0, .divergence(from: before.logProbabilities(row: $0)), weight: 0.0625)
      }
    square = Matrix(
      rows: Size.square, columns: Size.square,
      elements: (0..<Size.square * Size.square).map { Float($0 % 7919) * 1e-4 })
  }

  /// All positions through all blocks, logits of the last.
  func forward() throws -> Cost {
    let tokens = tokens(Size.sequences, Size.positions).map { TokenSequence($0) }
    return try Cost {
      let run = try network.run(tokens)
      return Double(network.lastLogits(of: run).logProbability(row: 0, token: 0))
    }
  }

  /// One step of the optimization of eight offsets: the loss, and the gradient of each offset.
  func step() throws -> Cost {
    let layers = network.configuration.layerCount
    let length = Size.prompt - Size.subject
    return try Cost {
      var rows = above
      for row in stride(from: 0, to: rows.rows, by: length) {
        for column in 0..<rows.columns { rows[row, column] += 0.01 }
      }
      let run = try network.run(contexts, from: rows, .init(Size.editedLayer + 1..<layers), keeping: .tape)
      let logits = network.logits(of: run, rows: targetRows)
      let (_, gradient) = try network.loss(terms, of: logits)
      let gradients = network.backward(run, logits: logits, gradient: gradient)
      let offsets = gradients.matrix(rows: Array(stride(from: 0, to: rows.rows, by: length)))
      return offsets.frobeniusNorm
    }
  }

  /// Tokens one after the other.
  func decode(sequences: Int) throws -> Cost {
    let prompts = tokens(sequences, Size.decodePrompt)
    return try Cost {
      let tokens = try network.generate(prompts, count: Size.decoded)
      return Double(tokens.joined().reduce(0) { $0 + Int($1) })
    }
  }

  /// What OpenBLAS does at best: one large product on each thread.
  func sgemm() -> Cost {
    let square = square
    return Cost {
      try? parallelFor(network.threads, width: network.threads, state: { Matrix<Float>(rows: 0, columns: 0) })
      {
        $1 = square.times(square)
      }
      return 0
    }
  }

  /// What memory gives at best: one inner product of a large vector with itself on each thread.
  func read() -> Cost {
    let vector = [Float](repeating: 1, count: 64 << 20)
    return Cost {
      try? parallelFor(network.threads, width: network.threads, state: {}) { _, _ in _ = vector.dot(vector) }
      return 0
    }
  }
}
