internal import ModelFiles
internal import Transformer

/// The fields of one object in a facts file, found under their several names; each refusal names its place.
///
/// A field that is null counts as absent. A text may also be a whole number, for its digits, or an object that holds it: the datasets
/// write answers in all these ways. A list of answers stands for its first, however deep; a list of prompts or subjects is never one
/// text. In a record of several facts each list gives every fact its own element: `slice`.
struct RecordFields {
  /// The object's own place.
  let place: RecordPlace
  private let value: JSONValue
  /// Which of several facts this is.
  private let slice: Slice?

  /// One of several facts that a record writes as parallel lists.
  struct Slice {
    let index: Int
    let count: Int
  }

  /// A field that is there.
  struct Field {
    let value: JSONValue
    let place: RecordPlace
    /// What is still to be taken from lists inside it.
    let slice: Slice?
  }

  init(_ value: JSONValue, at place: RecordPlace, slice: Slice? = nil) throws(FactsError) {
    guard value.members != nil else { throw .wrongType(place, expected: "an object") }
    self.place = place
    self.value = value
    self.slice = slice
  }

  private init(_ other: RecordFields, slice: Slice) {
    (place, value) = (other.place, other.value)
    self.slice = slice
  }

  /// The fields of one of several facts.
  func sliced(_ index: Int, of count: Int) -> RecordFields {
    RecordFields(self, slice: Slice(index: index, count: count))
  }

  /// The place of a field.
  func place(_ field: String) -> RecordPlace { place.inner(field) }

  /// The names of all fields that are not null.
  var names: [String] { (value.members ?? []).filter { $0.value != .null }.map(\.key) }

  /// The first of these fields that is there, as it is written.
  private func whole(_ names: [String]) -> (name: String, value: JSONValue)? {
    for name in names {
      if let found = value[name], found != .null { return (name, found) }
    }
    return nil
  }

  /// The first of these fields that is there; of a list in a record of several facts, this fact's element.
  func first(_ names: [String]) throws(FactsError) -> Field? {
    guard let (name, value) = whole(names) else { return nil }
    guard let slice, let elements = value.elements else {
      return Field(value: value, place: place(name), slice: slice)
    }
    guard elements.count == slice.count else {
      throw .listCount(place(name), facts: slice.count, found: elements.count)
    }
    return Field(value: elements[slice.index], place: place(name).inner("[\(slice.index)]"), slice: nil)
  }

  /// Whether one of these fields is there.
  func has(_ names: [String]) -> Bool { whole(names) != nil }
  /// Whether one of these fields is there.
  func has(_ names: String...) -> Bool { has(names) }

  /// Length of the list under one of these names; `nil` where it is no list.
  func listCount(_ names: [String]) -> Int? { whole(names)?.value.elements?.count }

  /// Whether a field holds an object.
  func isObject(_ name: String) -> Bool { value[name]?.members != nil }

  /// A text, without white space at its ends, where the field is there; of a list, its first.
  func text(_ names: [String]) throws(FactsError) -> String? {
    guard let field = try first(names) else { return nil }
    return try field.value.leafText(at: field.place)?.trimmed
  }

  /// A target that must be there and say something, with the white space that the file has around it; of a list of answers, the first.
  func neededTarget(_ names: [String]) throws(FactsError) -> String {
    guard let field = try first(names) else { throw .missingField(place(names[0])) }
    guard let text = try field.value.leafText(at: field.place), !text.isBlank else {
      throw .emptyField(field.place)
    }
    return text
  }

  /// A text that no list of several can stand for, where the field is there.
  func onlyText(_ names: [String]) throws(FactsError) -> (text: String, place: RecordPlace)? {
    guard let field = try first(names) else { return nil }
    let count = field.value.leafCount
    guard count <= 1 else { throw .severalTexts(field.place, count: count) }
    return (try field.value.leafText(at: field.place) ?? "", field.place)
  }

  /// The prompt of the fact: white space at its beginning and line ends at its end belong to it, spaces at its end to the join.
  func neededPrompt(_ names: [String]) throws(FactsError) -> WrittenPrompt {
    guard let found = try onlyText(names) else { throw .missingField(place(names[0])) }
    guard !found.text.isBlank else { throw .emptyField(found.place) }
    let (prompt, join) = TextJoin.split(prompt: found.text)
    return WrittenPrompt(text: prompt, join: join, place: found.place)
  }

  /// What the record says of what stands between prompt and target.
  func join() throws(FactsError) -> TextJoin? {
    guard let field = try first(["join"]) else { return nil }
    guard let join = field.value.text.flatMap({ TextJoin($0) }) else {
      throw .wrongType(field.place, expected: "white space or an empty text")
    }
    return join
  }

  /// The subject of the fact; empty where it is not there and not needed.
  func subject(_ names: [String], needed: Bool) throws(FactsError) -> String {
    guard let found = try onlyText(names) else {
      guard needed else { return "" }
      throw .missingField(place(names[0]))
    }
    guard !needed || !found.text.trimmed.isEmpty else { throw .emptyField(found.place) }
    return found.text.trimmed
  }

  /// An object, where the field is there.
  func object(_ name: String) throws(FactsError) -> RecordFields? {
    guard let field = try first([name]) else { return nil }
    return try RecordFields(field.value, at: field.place, slice: field.slice)
  }

  /// Prompts: a text, or a list of texts. Blank ones are passed over.
  func prompts(_ names: String...) throws(FactsError) -> [String] {
    guard let field = try first(names) else { return [] }
    return try field.value.texts(at: field.place).filter { !$0.isBlank }
  }

  /// Prompts with their answers: one of each, or two lists of equal length; one prompt may also
  /// have several answers, of which the first counts. Blank prompts, and prompts whose answer
  /// is blank, are passed over; where the field of answers is absent, the answer is `nil`.
  func pairs(prompts: [String], answers: [String]) throws(FactsError) -> [(prompt: String, answer: String?)] {
    guard let field = try first(prompts) else { return [] }
    let texts = try field.value.texts(at: field.place)
    guard let answer = try first(answers) else {
      return texts.filter { !$0.isBlank }.map { ($0, nil) }
    }
    // One prompt may have a list of answers that are all right; the first stands for them.
    guard texts.count > 1 else {
      let leaf = try answer.value.leafText(at: answer.place) ?? ""
      return texts.filter { !$0.isBlank && !leaf.isBlank }.map { ($0, leaf) }
    }
    let count = answer.value.elements?.count ?? 1
    guard count == texts.count else {
      throw .answerCount(answer.place, prompts: texts.count, answers: count)
    }
    let leaves = try answer.value.texts(at: answer.place)
    return zip(texts, leaves).filter { !$0.0.isBlank && !$0.1.isBlank }.map { ($0.0, $0.1) }
  }
}

/// A fact's prompt as its file has it.
struct WrittenPrompt {
  /// The prompt, without spaces at its end.
  let text: String
  /// These spaces, where there are any.
  let join: TextJoin?
  let place: RecordPlace
}

extension RecordPlace {
  /// The place of a field of the object here, or of an element of the list here.
  func inner(_ field: String) -> RecordPlace {
    let joint = self.field.isEmpty || field.hasPrefix("[") ? "" : "."
    return RecordPlace(file: file, record: record, field: self.field + joint + field)
  }
}

extension JSONValue {
  /// Under which names an object holds the text that it stands for: CounterFact's, zsRE's as KILT has it, RippleEdits'.
  private static let textNames = ["str", "answer", "value"]

  /// The first leaf as text; `nil` for an empty list.
  func leafText(at place: RecordPlace) throws(FactsError) -> String? {
    switch self {
    case .string(let text): return text
    case .integer(let number): return String(number)
    case .array(let values):
      for value in values {
        if let text = try value.leafText(at: place) { return text }
      }
      return nil
    case .null: return nil
    case .object:
      for name in Self.textNames {
        if let text = self[name] { return try text.leafText(at: place.inner(name)) }
      }
      throw .missingField(place.inner(Self.textNames[0]))
    case .bool, .number: throw .wrongType(place, expected: "a text")
    }
  }

  /// Texts and other leaves of nested lists.
  var leafCount: Int {
    switch self {
    case .array(let values): values.reduce(0) { $0 + $1.leafCount }
    case .null: 0
    default: 1
    }
  }

  /// The texts of a list, or of the one value that stands for a list, as they are written.
  fileprivate func texts(at place: RecordPlace) throws(FactsError) -> [String] {
    guard let elements else { return [try leafText(at: place) ?? ""] }
    var texts: [String] = []
    for (index, element) in elements.enumerated() {
      texts.append(try element.leafText(at: place.inner("[\(index)]")) ?? "")
    }
    return texts
  }
}
