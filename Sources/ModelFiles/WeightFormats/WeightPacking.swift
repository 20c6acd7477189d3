/// How the weights of a folder are packed, as far as this version decodes it.
package struct WeightPacking: Sendable {
  private let model: ModelFile
  private let format: WeightFormat
  private let layout: PackingLayout

  /// The packing of a model; `nil` where its matrices are plain numbers.
  ///
  /// - Throws: `ConfigurationError.quantized` where the method is none that is known, `unsupported` for a setting of one that is.
  package init?(of model: ModelFile) throws {
    guard let quantization = model.quantization else { return nil }
    guard let format = WeightFormat.table.first(where: { $0.method == quantization.method }) else {
      throw ConfigurationError.quantized(quantization)
    }
    self.model = model
    self.format = format
    layout = try format.read(PackingSettings(quantization.settings))
  }

  /// What is packed, in words.
  package var words: String { layout.words }

  private static let weightEnding = ".weight"

  /// What a tensor stands beside, where its name is that of a scale or another number of a packed weight.
  package func weight(beside tensor: String) -> String? {
    for ending in format.scales + format.others where tensor.hasSuffix("." + ending) {
      let stem = String(tensor.dropLast(ending.count + 1))
      let weight = stem + Self.weightEnding
      // Scales of keys and values stand beside attention, not beside one weight.
      guard let info = try? model.tensor(weight) else {
        return format.others.contains(ending) ? stem : nil
      }
      return CodeType(info.elementType) == nil ? nil : weight
    }
    return nil
  }

  /// The packed form of a weight; `nil` for one that is stored as plain numbers.
  ///
  /// - Throws: `ConfigurationError` where its scales are missing or have a form that the settings do not tell of.
  package func weight(_ tensor: TensorInfo) throws -> PackedWeight? {
    guard tensor.shape.count == 2, let type = CodeType(tensor.elementType) else { return nil }
    let ending = tensor.name.hasSuffix(Self.weightEnding) ? Self.weightEnding.count : 0
    let names = format.scales.map { tensor.name.dropLast(ending) + "." + $0 }
    guard let name = names.first(where: model.contains) else {
      throw ConfigurationError.missingTensor(names: names, near: model.names(near: names))
    }
    let scales = try model.tensor(name)
    guard scales.elementType.isEditable || [.f8E8M0, .u8].contains(scales.elementType) else {
      throw ConfigurationError.badSetting(
        name, found: scales.elementType.rawValue, expected: "F32, BF16, F16 or F8_E8M0")
    }
    for form in layout.forms {
      let extents = form.extents(of: tensor.shape)
      let rows = (tensor.shape[0] + extents.rows - 1) / extents.rows
      let columns = (tensor.shape[1] + extents.columns - 1) / extents.columns
      guard Self.isGrid(scales.shape, rows, columns) else { continue }
      return PackedWeight(
        codes: tensor, type: type, scales: scales, scaleColumns: columns, rowGroup: extents.rows,
        columnGroup: extents.columns, factor: layout.factor)
    }
    throw ConfigurationError.badSetting(
      name, found: Self.shown(scales.shape),
      expected: "those of \(layout.words), for a weight of \(Self.shown(tensor.shape))")
  }

  /// Whether a shape is that of a grid, where an extent of 1 may be left out.
  private static func isGrid(_ shape: [Int], _ rows: Int, _ columns: Int) -> Bool {
    shape.count <= 2 && shape.filter { $0 != 1 } == [rows, columns].filter { $0 != 1 }
  }

  private static func shown(_ shape: [Int]) -> String {
    shape.isEmpty ? "one number" : shape.map { "\($0)" }.joined(separator: " × ")
  }
}
