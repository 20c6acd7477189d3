import ModelFiles
import TestSupport
import Testing

/// Parts of tensors that hold several of one kind.
@Suite struct TensorSliceTests {
  @Test func `a part has one name`() {
    #expect(TensorSlice("a.weight[12]")?.stack == "a.weight" && TensorSlice("a.weight[12]")?.index == 12)
    for name in ["a", "[1]", "a[]", "a[01]", "a[-1]", "a[1", "a1]", "a[1x]", "a[1234567]", "a[１]"] {
      #expect(TensorSlice(name) == nil, "\(name)")
    }
  }

  @Test func `a part lies in its tensor`() throws {
    let folder = try TemporaryFolder()
    let numbers = (0..<24).map { Float($0) }
    try SafetensorsWriter.write(
      [
        NewTensor(name: "a", elementType: .f32, shape: [3, 2, 4], elements: numbers),
        NewTensor(name: "b", elementType: .f32, shape: [4, 6], elements: numbers),
        NewTensor(name: "a[1]", elementType: .f32, shape: [1], elements: [7] as [Float]),
        NewTensor(name: "c", elementType: .f32, shape: [0, 2, 4], elements: [] as [Float]),
      ], to: folder.path("model.safetensors"))
    let model = try ModelFile(folder.path)
    let part = try model.tensor("a[2]")
    #expect(part.shape == [2, 4] && part.name == "a[2]")
    let bytes = try model.file(of: part).read(part.byteCount, at: part.byteRange.lowerBound)
    #expect(ElementType.f32.decoded(bytes) == Array(numbers[16...]))
    // A tensor of the whole name comes first.
    #expect(try model.tensor("a[1]").shape == [1])
    for name in ["a[3]", "b[0]", "c[0]", "d[0]"] {
      #expect(throws: ModelFileError.self) { try model.tensor(name) }
      #expect(!model.holds(name))
    }
  }
}
