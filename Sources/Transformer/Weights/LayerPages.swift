internal import ModelFiles

/// Which pages of the model's files each block reads, so that a network larger than memory runs with those of two blocks: the next one's are read
/// ahead while a block works, its own are given back when it is done.
///
/// The system would take unused pages itself when memory runs out, but only after it has taken others', and a process that is limited to
/// so much is counted with all that it has mapped. Where the blocks take less than half of the memory that may be used, nothing is done:
/// pages that stay need not be mapped again.
struct LayerPages: Sendable {
  /// By layer, in the files' order.
  let layers: [[Place]]

  struct Place: Sendable {
    let file: MappedFile
    var range: Range<Int>
  }

  /// - Parameter places: of each layer's tensors.
  /// - Returns: `nil` where they all have room.
  init?(_ places: [[Place]], memory: Int) {
    let byteCount = places.joined().reduce(0) { $0 + $1.range.count }
    guard byteCount > memory / 2 else { return nil }
    layers = places.map(Self.joined)
  }

  /// Tensors that are neighbors in a file as one place, so that they are read in one go.
  static func joined(_ places: [Place]) -> [Place] {
    var joined: [Place] = []
    for place in places.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
      let neighbor = joined.lastIndex {
        $0.file === place.file && place.range.lowerBound <= $0.range.upperBound + gap
      }
      if let neighbor {
        let range = joined[neighbor].range
        joined[neighbor].range = range.lowerBound..<max(range.upperBound, place.range.upperBound)
      } else {
        joined.append(place)
      }
    }
    return joined
  }

  /// Bytes between tensors that do no harm when they are read too: alignment, and norms that are held anyway.
  private static let gap = 1 << 16

  /// A block begins, and this one comes after it.
  func prepare(_ next: Int) {
    guard layers.indices.contains(next) else { return }
    for place in layers[next] { place.file.readAhead(place.range) }
  }

  /// A block is done.
  func release(_ layer: Int) {
    for place in layers[layer] { place.file.release(place.range) }
  }
}

/// Notes the tensors that a loader opens.
final class PageNotes {
  private var places: [LayerPages.Place] = []

  func add(_ place: LayerPages.Place) { places.append(place) }

  /// Those since the last call.
  func take() -> [LayerPages.Place] {
    defer { places = [] }
    return places
  }
}
