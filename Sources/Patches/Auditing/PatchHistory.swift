internal import Floor
public import ModelFiles

/// Which of some patches a model carries, and which it could take next, from digests alone.
///
/// Each patch names every touched tensor before and after. So the model's own digests tell which patch came last: one whose
/// *after* is what the model is. Taken back in thought, the model's digests are that patch's *before*, and the next one is
/// looked for; patches that lie under others are found that way, although none of their tensors may be there any more.
public struct PatchHistory: Sendable {
  /// What a patch is to the model.
  public enum Standing: Equatable, Sendable {
    /// The model carries it; patches are counted from 1, the first that was applied.
    case applied(Int)
    /// It starts from the model as it is.
    case next
    /// It starts from what the model is after these, by their numbers in the list.
    case later(after: [Int])
    /// Some of what it touches is as before it and some as after.
    case partial
    /// It neither leads to the model nor starts from it.
    case other
  }

  /// One for each patch, in the order given.
  public let standings: [Standing]
  /// Numbers in the list of the patches that the model carries, the first applied first; copies included.
  public var applied: [Int] {
    standings.indices.compactMap { index -> (place: Int, index: Int)? in
      if case .applied(let place) = standings[index] { (place, index) } else { nil }
    }.sorted { $0.place < $1.place }.map(\.index)
  }

  /// What is known of the model: tensors, and files beside the weights, by name; `nil` where there is none.
  private typealias State = [String: Side?]

  /// One thing on one side of a patch.
  private struct Side: Equatable {
    let form: TensorForm?
    let digest: Digest
  }

  /// What a patch asks for and what it gives.
  private struct Sides {
    var before: State = [:]
    var after: State = [:]

    /// Nothing.
    init() {}

    init(_ patch: PatchFile, withFiles: Bool) {
      for change in patch.changes {
        before["t/" + change.name] = .some(change.before.map { Side(form: $0.form, digest: $0.digest) })
        after["t/" + change.name] = .some(change.after.map { Side(form: $0.form, digest: $0.digest) })
      }
      for file in withFiles ? patch.beside : [] {
        before["f/" + file.name] = .some(file.base.map { Side(form: nil, digest: $0.digest) })
        after["f/" + file.name] = .some(file.result.map { Side(form: nil, digest: $0.digest) })
      }
    }

    var changes: Bool { before != after }
  }

  /// Looks at a model; each touched tensor is read once.
  public init(
    _ patches: [PatchFile], _ model: ModelFile, threads: Int, progress: @Sendable (Int) -> Void = { _ in }
  ) throws {
    // A copy of a patch is the same patch.
    let firsts = patches.map { patch in patches.firstIndex { $0.digest == patch.digest } ?? 0 }
    let sides = patches.indices.map { index in
      firsts[index] == index ? Sides(patches[index], withFiles: model.isFolder) : Sides()
    }
    let present = try PatchHistory.state(sides, model, threads, progress)
    var standings = [Standing](repeating: .other, count: patches.count)
    let applied = PatchHistory.walkBack(sides, from: present)
    for (place, patch) in applied.enumerated() { standings[patch] = .applied(place + 1) }
    var open = sides.indices.filter { standings[$0] == .other && sides[$0].changes }
    for patch in open where PatchHistory.holds(sides[patch].before, present) { standings[patch] = .next }
    PatchHistory.walkOn(sides, from: present, &standings)
    open = open.filter { standings[$0] == .other }
    for patch in open where PatchHistory.isBetween(sides[patch], present) { standings[patch] = .partial }
    self.standings = firsts.map { standings[$0] }
  }

  /// Bytes that looking at the model reads.
  public static func byteCount(_ patches: [PatchFile], _ model: ModelFile) -> Int {
    Set(patches.flatMap { $0.changes.map(\.name) }).reduce(0) { total, name in
      total + ((try? model.tensor(name))?.byteCount ?? 0)
    }
  }

  private static func holds(_ wanted: State, _ state: State) -> Bool {
    wanted.allSatisfy { name, side in state[name] == .some(side) }
  }

  private static func isBetween(_ sides: Sides, _ state: State) -> Bool {
    sides.before.allSatisfy { name, side in
      let found = state[name] ?? nil
      return found == side || found == sides.after[name] ?? nil
    }
  }

  /// The patches that led here, the first applied first.
  private static func walkBack(_ sides: [Sides], from present: State) -> [Int] {
    var (state, found): (State, [Int]) = (present, [])
    // Each patch counts once, so that one which leads to its own start, over others, ends the search.
    while let last = sides.indices.last(where: {
      !found.contains($0) && sides[$0].changes && holds(sides[$0].after, state)
    }) {
      found.append(last)
      state.merge(sides[last].before) { $1 }
    }
    return found.reversed()
  }

  /// What could be applied once others are.
  private static func walkOn(_ sides: [Sides], from present: State, _ standings: inout [Standing]) {
    var (state, taken): (State, [Int]) = (present, [])
    while true {
      let candidates = sides.indices.filter { !taken.contains($0) && sides[$0].changes }
      let next = candidates.first {
        (standings[$0] == .next || standings[$0] == .other) && holds(sides[$0].before, state)
      }
      guard let next else { return }
      if standings[next] == .other {
        standings[next] = .later(
          after: taken.filter { !Set(sides[$0].after.keys).isDisjoint(with: sides[next].before.keys) })
      }
      taken.append(next)
      state.merge(sides[next].after) { $1 }
    }
  }

  /// What the model has of everything that a patch names.
  private static func state(
    _ sides: [Sides], _ model: ModelFile, _ threads: Int, _ progress: @Sendable (Int) -> Void
  ) throws -> State {
    var state: State = [:]
    for key in Set(sides.flatMap { $0.before.keys }).sorted() {
      let name = String(key.dropFirst(2))
      if key.hasPrefix("f/") {
        let path = Folder.path(model.folder, name)
        let file = Folder.fileExists(path) ? try OpenFile(path, .reading) : nil
        state[key] = .some(try file.map { Side(form: nil, digest: try StreamedDigest.of($0, $0.size())) })
      } else if model.contains(name) {
        let tensor = try model.tensor(name)
        let digest = try Digest(of: tensor, in: model.file(of: tensor), threads: threads)
        state[key] = .some(Side(form: TensorForm(tensor), digest: digest))
        progress(tensor.byteCount)
      } else {
        state[key] = .some(nil)
      }
    }
    return state
  }
}
