extension ElementType {
  /// ggml's numbers of the types (ggml-org/llama.cpp, `ggml/include/ggml.h`, `enum ggml_type`).
  static let ggufTypes: [(code: UInt32, type: ElementType)] = [
    (0, .f32), (1, .f16), (2, .q4_0), (3, .q4_1), (6, .q5_0), (7, .q5_1), (8, .q8_0), (9, .q8_1), (10, .q2K),
    (11, .q3K), (12, .q4K), (13, .q5K), (14, .q6K), (15, .q8K), (16, .iq2XXS), (17, .iq2XS), (18, .iq3XXS),
    (19, .iq1S), (20, .iq4NL), (21, .iq3S), (22, .iq2S), (23, .iq4XS), (24, .i8), (25, .i16), (26, .i32),
    (27, .i64),
    (28, .f64), (29, .iq1M), (30, .bf16), (34, .tq1_0), (35, .tq2_0), (39, .mxfp4), (40, .nvfp4), (41, .q1_0),
    (42, .q2_0),
  ]

  /// Types that ggml once had.
  private static let removedTypes: [UInt32: String] = [
    4: "Q4_2", 5: "Q4_3", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8",
    38: "IQ4_NL_8_8",
  ]

  private static let typesByCode = Dictionary(uniqueKeysWithValues: ggufTypes.map { ($0.code, $0.type) })
  private static let codesByType = Dictionary(uniqueKeysWithValues: ggufTypes.map { ($0.type, $0.code) })

  /// The type of this number in a GGUF file.
  init?(ggufCode: UInt32) {
    guard let type = Self.typesByCode[ggufCode] else { return nil }
    self = type
  }

  /// The type's number in a GGUF file, if a tensor in one can have this type.
  var ggufCode: UInt32? { Self.codesByType[self] }

  /// What to call a number that is no type.
  static func name(ofGGUFCode code: UInt32) -> String {
    removedTypes[code].map { "\(code) (\($0), removed from ggml)" } ?? "number \(code)"
  }
}
