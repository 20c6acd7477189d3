import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Two models in a workbench, and everything that a patch between them promises.
struct ModelPair {
  let bench: Workbench
  let base: String
  let edited: String

  func comparison(threads: Int = 4) throws -> ModelComparison {
    try ModelComparison(
      ModelFile(bench.folder.path(base)), ModelFile(bench.folder.path(edited)), threads: threads)
  }

  /// Writes the patch.
  @discardableResult
  func write(_ patch: String = "p.errata", threads: Int = 1, effort: Int = 0) throws -> PatchFile {
    try comparison(threads: threads).write(
      to: bench.folder.path(patch), tool: "errata test", threads: threads, effort: effort)
  }

  func state(_ model: String) throws -> ModelState {
    let run = try bench.run("p.errata", model, threads: 4)
    return try run.summary(of: run.examine())
  }

  /// The weights of a model and its index, by file name; a model of one file has no names.
  func files(_ model: String) throws -> [String: [UInt8]] {
    guard Folder.exists(bench.folder.path(model)) else { return ["": try bench.folder.read(model)] }
    let names = try Folder.names(in: bench.folder.path(model)).filter {
      $0.hasSuffix(".safetensors") || $0.hasSuffix(".gguf") || $0.hasSuffix(".index.json")
    }
    return try Dictionary(uniqueKeysWithValues: names.map { ($0, try bench.folder.read(model + "/" + $0)) })
  }

  /// One direction: the source is accepted, the other is refused, and what comes out is the goal.
  private func follow(_ direction: PatchRun.Direction, from source: String, to goal: String, threads: Int)
    throws
  {
    let run = try bench.run("p.errata", source, threads: threads)
    try run.requireSource(of: direction)
    let output = "out-\(direction.rawValue)-\(threads)"
    try run.write(direction, to: bench.folder.path(output))
    let (found, wanted) = (try files(output), try files(goal))
    #expect(found.keys.sorted() == wanted.keys.sorted(), "files after \(direction.rawValue)")
    for (name, bytes) in wanted {
      #expect(found[name].map { same($0, bytes) } ?? false, "\(direction.rawValue): \(name)")
    }
    Folder.remove(bench.folder.path(output))
  }

  /// Applying gives the edited model and reverting the base, to the last byte, with any number of threads.
  @discardableResult
  func check(changesLayout: Bool) throws -> PatchFile {
    let comparison = try comparison()
    #expect(comparison.changesLayout == changesLayout)
    #expect(try comparison.isReproducible)
    let patch = try write("p.errata", threads: 1)
    try write("four.errata", threads: 4)
    #expect(try same(bench.folder.read("p.errata"), bench.folder.read("four.errata")), "threads in the patch")
    #expect(patch.changes.map(\.name) == comparison.names && patch.changesLayout == changesLayout)
    for threads in [1, 4] {
      try follow(.apply, from: base, to: edited, threads: threads)
      try follow(.revert, from: edited, to: base, threads: threads)
    }
    guard !patch.changes.isEmpty else { return patch }
    #expect(try state(base) == .base)
    #expect(try state(edited) == .edited)
    #expect(throws: PatchError.self) { try bench.run("p.errata", edited).requireSource(of: .apply) }
    #expect(throws: PatchError.self) { try bench.run("p.errata", base).requireSource(of: .revert) }
    return patch
  }
}

extension TestTensor {
  /// The tensor with some bytes drawn anew, about one in so many.
  func changed(oneIn part: Int = 5, seed: UInt64 = 4) -> TestTensor {
    var generator = SplitMix64(state: seed)
    var other = self
    for place in bytes.indices where Int.random(in: 0..<part, using: &generator) == 0 {
      other.bytes[place] = UInt8.random(in: 0...255, using: &generator)
    }
    return other
  }

  /// A tensor of random bytes, of any type.
  static func random(_ name: String, _ type: ElementType, _ shape: [Int], seed: UInt64 = 3) throws
    -> TestTensor
  {
    var generator = SplitMix64(state: seed)
    let bytes = try (0..<type.byteCount(shape: shape)).map { _ in UInt8.random(in: 0...255, using: &generator)
    }
    return TestTensor(name, type, shape, bytes: bytes)
  }
}
