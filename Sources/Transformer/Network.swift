public import Floor
public import ModelFiles

/// A model that can be run: its weights where they lie in the mapped files, and threads to work with.
///
/// A value: `overlaid` gives the same network with some weights replaced, and nothing is ever written.
/// The network spreads its own work, so OpenBLAS should use one thread while it runs, as it does unless the program loaded it before and set
/// more; `BLASThreads.with(1)` lends it one.
public struct Network: Sendable {
  /// Sizes and choices.
  public let configuration: NetworkConfiguration
  /// The file the weights come from.
  public let model: ModelFile
  /// Threads that share the work.
  public var threads: Int { work.threads }
  /// Weights that stand in for those of the file.
  public let overlay: WeightOverlay

  let blocks: [Block]
  /// What the blocks read of the files, where they have no room together.
  let pages: LayerPages?
  /// Bytes of the files that each block reads.
  public let blockByteCounts: [Int]
  /// Bytes of the files that embeddings and head are.
  public let outerByteCount: Int
  let tokenEmbedding: StoredMatrix
  /// What embeddings are multiplied by; `nil` for 1.
  let embeddingScale: Float?
  let positionEmbedding: StoredMatrix?
  let finalNorm: Norm
  let head: Linear
  private(set) var work: Work
  private let files: [MappedFile]
  private let memoryLimit: Int

  /// Opens a model's weights.
  ///
  /// - Parameter memoryLimit: bytes that there is room for; blocks that take more than half of it are read ahead and given back in turn.
  /// - Throws: `ConfigurationError` or `NetworkError` for a model that this version cannot run.
  public init(_ model: ModelFile, threads: Int, memoryLimit: Int = MemoryLimit.byteCount) throws {
    let configuration = try NetworkConfiguration(of: model)
    var files: [MappedFile] = []
    for shard in model.shards { files.append(try MappedFile(shard)) }
    try self.init(
      model, configuration, files: files, overlay: WeightOverlay(),
      work: Work(threads: threads, pool: RowPool()), memoryLimit: memoryLimit)
  }

  /// The same network with these weights in place of the file's. What an earlier overlay held is forgotten.
  public func overlaid(_ overlay: WeightOverlay) throws -> Network {
    try Network(model, configuration, files: files, overlay: overlay, work: work, memoryLimit: memoryLimit)
  }

  /// The same network for one thread, which may be one of several that run it side by side. Its results have the same bits.
  public var alone: Network { replacing(Work(threads: 1, pool: work.pool)) }

  /// The same network, working otherwise.
  func replacing(_ work: Work) -> Network {
    var network = self
    network.work = work
    return network
  }

  /// Bytes of the files that stay resident when the first blocks are run, again and again, with embeddings and head.
  public func residentByteCount(blocks: Int) -> Int {
    let counts = blockByteCounts.prefix(blocks)
    return outerByteCount
      + (pages == nil ? counts.reduce(0, +) : counts.max() ?? 0)
  }

  private init(
    _ model: ModelFile, _ configuration: NetworkConfiguration, files: [MappedFile], overlay: WeightOverlay,
    work: Work, memoryLimit: Int
  ) throws {
    self.memoryLimit = memoryLimit
    self.model = model
    self.configuration = configuration
    self.files = files
    self.overlay = overlay
    self.work = work
    let loader = try WeightLoader(model, configuration, files: files, overlay: overlay)
    let (vocabulary, width) = (configuration.vocabularySize, configuration.width)

    tokenEmbedding = try loader.matrix(TensorPlace(.tokenEmbedding), outputs: vocabulary, inputs: width)
    let factor = configuration.factors.embedding
    embeddingScale =
      configuration.scalesEmbedding ? Float(width).squareRoot() * factor : factor == 1 ? nil : factor
    if case .learned(let offset) = configuration.positions {
      positionEmbedding = try loader.matrix(
        TensorPlace(.positionEmbedding), outputs: configuration.positionCount + offset, inputs: width)
    } else {
      positionEmbedding = nil
    }
    finalNorm = try loader.norm(.finalNorm, layer: nil)
    head =
      configuration.isTied
      ? Linear(
        matrix: tokenEmbedding, isInputMajor: false,
        bias: try loader.bias(.head, layer: nil, count: vocabulary))
      : try loader.head(outputs: vocabulary, inputs: width)
    outerByteCount = loader.pages.take().reduce(0) { $0 + $1.range.count }
    var places: [[LayerPages.Place]] = []
    blocks = try (0..<configuration.layerCount).map { layer in
      defer { places.append(loader.pages.take()) }
      return try loader.block(layer)
    }
    blockByteCounts = places.map { $0.reduce(0) { $0 + $1.range.count } }
    pages = LayerPages(places, memory: memoryLimit)
  }

  /// The weights that an edit of a layer changes: its down-projection, or those of all its experts, with the part of the layer's keys that
  /// each reads.
  public func downProjections(of layer: Int) -> [DownProjection] {
    guard case .experts(let experts) = blocks[layer].feedForward else {
      return [
        DownProjection(
          name: name(of: TensorPlace(.down, layer: layer)), columns: 0..<configuration.feedForwardWidth)
      ]
    }
    let (count, width) = (experts.experts.count, experts.routing.width)
    let whole = TensorPlace(.expertDown, layer: layer)
    let isStacked = !configuration.family.tensorNames(of: whole, in: model.format).isEmpty
    return (0..<count).map { expert in
      DownProjection(
        name: name(of: TensorPlace(.expertDown, layer: layer, expert: expert)),
        columns: expert * width..<(expert + 1) * width,
        stack: isStacked ? name(of: whole) : nil)
    }
  }

  /// The name of the only weight that an edit of a layer changes.
  ///
  /// - Throws: `NetworkError.layerOfExperts`.
  public func downProjection(of layer: Int) throws -> String {
    if case .experts(let experts) = blocks[layer].feedForward {
      throw NetworkError.layerOfExperts(layer: layer, count: experts.experts.count)
    }
    return name(of: TensorPlace(.down, layer: layer))
  }

  /// Length of a layer's keys, of all its experts where it has some.
  public func keyWidth(of layer: Int) -> Int {
    guard case .experts(let experts) = blocks[layer].feedForward else {
      return configuration.feedForwardWidth
    }
    return experts.keyWidth
  }

  private func name(of place: TensorPlace) -> String {
    guard let name = configuration.family.tensorName(of: place, in: model) else {
      preconditionFailure("the network was opened with this tensor")
    }
    return name
  }
}

/// A weight that an edit changes, and the part of its layer's keys that it reads.
public struct DownProjection: Equatable, Sendable {
  /// The tensor's name; with the number of the expert behind it where one tensor holds those of all.
  public let name: String
  /// Columns of the layer's keys.
  public let columns: Range<Int>
  /// The tensor that holds it with others.
  public var stack: String?
}
