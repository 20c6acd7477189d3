import Glibc
import ModelFiles
import TestSupport
import Testing

@testable import Patches

@Suite struct InPlaceTests {
  let bench: InPlaceBench

  init() throws { bench = try InPlaceBench() }

  @Test(
    arguments: [(PatchRun.Direction.apply, 256), (.apply, 1), (.revert, 2)], [FailingDisk.Way.dies, .tears])
  func `a run killed at any operation is completed or undone`(
    run: (direction: PatchRun.Direction, window: Int), way: FailingDisk.Way
  ) throws {
    let direction = run.direction
    let (start, goal) = (bench.goal(direction.opposite), bench.goal(direction))
    var mixtures = 0
    for stop in 0... {
      let rollingBack = stop % 2 == 1
      try bench.reset(direction)
      let disk = FailingDisk(way, at: stop)
      let error = try bench.run(direction, on: disk, window: run.window)
      let killed = try bench.model
      let isWhole = same(killed, start) || same(killed, goal)
      if !isWhole { mixtures += 1 }
      // What is between two states can be recovered, and is said.
      #expect(isWhole || (error as? InPlaceFailure)?.aftermath == .betweenStates(journal: bench.journalPath))
      #expect(error != nil || same(killed, goal))
      let recoveries = try bench.recover(rollingBack: rollingBack)
      let wanted = recoveries.isEmpty ? killed : rollingBack ? start : goal
      #expect(isWhole || !recoveries.isEmpty)
      #expect(recoveries.allSatisfy { $0.direction == direction && $0.isCompleted == !rollingBack })
      #expect(try same(bench.model, wanted), "operation \(stop), rolling back \(rollingBack)")
      #expect(!bench.hasJournal)
      #expect(try bench.recover().isEmpty)
      guard disk.isHit else { break }
    }
    // Six tiles: every write of one but the first, when it is whole, leaves a mixture behind.
    #expect(mixtures >= 5)
    #expect(try same(bench.model, goal))
    #expect(try bench.bench.names() == ["model.safetensors", "p.errata"])
  }

  @Test(arguments: [false, true], [FailingDisk.Way.dies, .tears])
  func `a recovery killed at any operation is recovered`(rollingBack: Bool, way: FailingDisk.Way) throws {
    for stop in 0... {
      try bench.kill(torn: true)
      let disk = FailingDisk(way, at: stop)
      let isKilled = try bench.recover(on: disk, window: 2, rollingBack: rollingBack)
      let isOpen = try !InterruptedRun.all(on: ModelFile(bench.modelPath)).isEmpty
      #expect(isKilled || !isOpen)
      // What the second attempt wants decides.
      let isUndone = isOpen && stop % 2 == 1 ? !rollingBack : rollingBack
      #expect(try bench.recover(rollingBack: isUndone).isEmpty == !isOpen)
      #expect(try same(bench.model, isUndone ? bench.base : bench.edited), "operation \(stop)")
      #expect(!bench.hasJournal)
      guard disk.isHit else { break }
    }
  }

  @Test(arguments: [12, 13, 15, 17])
  func `a run of four threads killed in the middle is recovered`(stop: Int) throws {
    for rollingBack in [false, true] {
      try bench.reset(.revert)
      #expect(try bench.run(.revert, on: FailingDisk(.tears, at: stop), threads: 4) is InPlaceFailure)
      try bench.recover(rollingBack: rollingBack, threads: 4)
      #expect(try same(bench.model, rollingBack ? bench.edited : bench.base))
    }
  }

  @Test(arguments: [(1, 2), (4, 256)])
  func `an error in the middle rolls back by itself`(threads: Int, window: Int) throws {
    for stop in 0... {
      try bench.reset(.apply)
      let disk = FailingDisk(.fails, at: stop)
      let error = try bench.run(.apply, on: disk, window: window, threads: threads)
      // An error while the journal is taken away is none of the run's: the model is edited.
      #expect(try same(bench.model, error == nil ? bench.edited : bench.base), "operation \(stop)")
      #expect(error is ModelFileError || error == nil)
      #expect(try InterruptedRun.all(on: ModelFile(bench.modelPath)).isEmpty)
      #expect(!bench.hasJournal || error == nil)
      guard disk.isHit else { break }
    }
  }

  @Test func `a journal that cannot be removed is closed, said, and taken away later`() throws {
    try bench.reset(.apply)
    let whole = FailingDisk(.dies, at: .max)
    #expect(try bench.run(.apply, on: whole) == nil)
    try bench.reset(.apply)
    let ledger = FileLedger()
    // The last operations: close, wait, remove, wait for the folder.
    let error = try ledger.record { try bench.run(.apply, on: FailingDisk(.fails, at: whole.count - 2)) }
    #expect(error == nil)
    #expect(ledger.warnings.map(\.kind) == [.journalStays])
    #expect(ledger.changed == [bench.modelPath])
    #expect(bench.hasJournal)
    // What is over is not done again: the next run goes its way.
    try bench.bench.run("p.errata", "model.safetensors").changeInPlace(.revert)
    #expect(try same(bench.model, bench.base))
    #expect(!bench.hasJournal)
  }

  @Test func `a run beside an interrupted one is refused until that is recovered`() throws {
    try bench.kill(torn: false)
    let halfDone = try bench.model
    #expect(throws: PatchError.interruptedRun(journal: bench.journalPath, model: bench.modelPath)) {
      try bench.bench.run("p.errata", "model.safetensors").changeInPlace(.apply)
    }
    #expect(try same(bench.model, halfDone))
    try bench.recover()
    #expect(try same(bench.model, bench.edited))
  }

  @Test func `two runs on one model exclude each other`() throws {
    try bench.kill(torn: true)
    let halfDone = try bench.model
    let other = try OpenFile(bench.modelPath, .updating)
    try other.lock(exclusively: true)
    let locked = ModelFileError(.locked, file: bench.modelPath)
    #expect(throws: locked) { try bench.bench.run("p.errata", "model.safetensors").changeInPlace(.apply) }
    #expect(throws: locked) { try bench.recover() }
    #expect(try same(bench.model, halfDone))
    #expect(bench.hasJournal)
  }

  @Test func `a model that was replaced after it was opened is not changed`() throws {
    try bench.reset(.apply)
    let run = try bench.bench.run("p.errata", "model.safetensors")
    try bench.bench.folder.write(bench.base, to: "model.safetensors")
    #expect(throws: ModelFileError(.locked, file: bench.modelPath)) { try run.changeInPlace(.apply) }
    #expect(try same(bench.model, bench.base))
  }

  @Test func `a model behind a symbolic link is not changed in place`() throws {
    try bench.reset(.apply)
    try bench.bench.link("link.safetensors", to: "model.safetensors")
    let error = #expect(throws: ModelFileError.self) {
      try bench.bench.run("p.errata", "link.safetensors").changeInPlace(.apply)
    }
    #expect(error?.reason == .symbolicLink(destination: "model.safetensors"))
    #expect(try same(bench.model, bench.base))
  }

  @Test(arguments: [2, 3])
  func `a model with several names is not changed in place`(names: Int) throws {
    try bench.reset(.apply)
    for number in 1..<names {
      #expect(link(bench.modelPath, bench.bench.folder.path("twin-\(number).safetensors")) == 0)
    }
    #expect(throws: ModelFileError(.hardLinked(count: names), file: bench.modelPath)) {
      try bench.bench.run("p.errata", "model.safetensors").changeInPlace(.apply)
    }
    #expect(try same(bench.model, bench.base))
    #expect(!bench.hasJournal)
  }

  @Test(arguments: ["blobs/5f3a", "snapshots/main/model.safetensors"])
  func `nothing in the hub's cache is changed in place`(name: String) throws {
    let hub = "hub/models--owner--name"
    for folder in ["hub", hub, hub + "/blobs", hub + "/snapshots", hub + "/snapshots/main"] {
      try Folder.create(bench.bench.folder.path(folder))
    }
    try bench.bench.folder.write(bench.base, to: hub + "/blobs/5f3a")
    try bench.bench.link(hub + "/snapshots/main/model.safetensors", to: "../../blobs/5f3a")
    let error = #expect(throws: ModelFileError.self) {
      try bench.bench.run("p.errata", hub + "/" + name).changeInPlace(.apply)
    }
    #expect(error?.reason == .inHubCache)
    #expect(try same(bench.bench.folder.read(hub + "/blobs/5f3a"), bench.base))
  }

  @Test func `a run and readers exclude each other, readers do not`() throws {
    try bench.reset(.apply)
    do {
      let readers = try (0..<2).map { _ in try ModelFile(bench.modelPath) }
      for reader in readers { try reader.lockForReading() }
      #expect(throws: ModelFileError(.locked, file: bench.modelPath)) {
        try bench.bench.run("p.errata", "model.safetensors").changeInPlace(.apply)
      }
      #expect(try same(bench.model, bench.base))
    }
    let writer = try OpenFile(bench.modelPath, .updating)
    try writer.lock(exclusively: true)
    #expect(throws: ModelFileError(.locked, file: bench.modelPath)) {
      try ModelFile(bench.modelPath).lockForReading()
    }
  }

  @Test func `a run of a patch that changes nothing writes nothing`() throws {
    let model = try bench.bench.write(
      [TestTensor("z", .f32, [3, 3], bytes: [UInt8](repeating: 1, count: 36))], to: "z.safetensors")
    try bench.bench.patch([TestEdit(tensor: "z", scale: 0)], of: model, to: "z.errata")
    let disk = FailingDisk(.dies, at: .max)
    var run = try bench.bench.run("z.errata", "z.safetensors")
    run.disk = disk
    try run.changeInPlace(.apply)
    #expect(disk.count == 0)
  }
}

@Suite struct ShardedInPlaceTests {
  @Test func `a run killed between two files is recovered, asked about either`() throws {
    let bench = try Workbench()
    let tensors = [TestTensor("a", .f64, [257, 512], seed: 1), TestTensor("b", .f64, [300, 20], seed: 2)]
    let base = try bench.write(
      shards: [[tensors[0]], [tensors[1], TestTensor("c", .u8, [1], bytes: [7])]], to: "base")
    try bench.patch([TestEdit(tensor: "a"), TestEdit(tensor: "b")], of: base, to: "p.errata")
    try bench.run("p.errata", "base").write(.apply, to: bench.folder.path("edited"))
    let files = ["model-1.safetensors", "model-2.safetensors"]
    for asked in ["model", "model/model-1.safetensors", "model/model-2.safetensors"] {
      for rollingBack in [false, true] {
        try bench.copy("base", to: "model")
        var run = try bench.run("p.errata", "model")
        run.windowTileCount = 2
        // The journal, and one window of two tiles.
        run.disk = FailingDisk(.dies, at: 4 + 4 + 2 + 2)
        #expect(throws: InPlaceFailure.self) { try run.changeInPlace(.apply) }
        #expect(try bench.folder.read("model/" + files[0]) == bench.folder.read("edited/" + files[0]))
        #expect(try bench.folder.read("model/" + files[1]) == bench.folder.read("base/" + files[1]))
        let recoveries = try PatchRun.recover(
          ModelFile(bench.folder.path(asked)), rollingBack: rollingBack, threads: 2)
        #expect(recoveries.count == 1)
        for file in files {
          #expect(
            try bench.folder.read("model/" + file)
              == bench.folder.read((rollingBack ? "base/" : "edited/") + file),
            "asked about \(asked)")
        }
        #expect(try Folder.names(in: bench.folder.path("model")) == files + ["model.safetensors.index.json"])
      }
    }
  }
}
