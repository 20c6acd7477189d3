internal import ModelFiles
internal import Transformer

/// The fields of one object in a facts file, found under their several names; each refusal names its place.
///
/// A field that is null counts as absent. Where a text is wanted, a list stands for its first leaf, however deep, a whole
/// number for its digits, and an object with `str` for that text: the datasets write answers in all these ways.
struct RecordFields {
  /// The object's own place.
  let place: RecordPlace
  private let value: JSONValue

  init(_ value: JSONValue, at place: RecordPlace) throws(FactsError) {
    guard value.members != nil else { throw .wrongType(place, expected: "an object") }
    self.place = place
    self.value = value
  }

  /// The place of a field.
  func place(_ field: String) -> RecordPlace { place.inner(field) }

  /// The names of all fields that are not null.
  var names: [String] { (value.members ?? []).filter { $0.value != .null }.map(\.key) }

  /// The first of these fields that is there.
  func first(_ names: [String]) -> (value: JSONValue, place: RecordPlace)? {
    for name in names {
      if let found = value[name], found != .null { return (found, place(name)) }
    }
    return nil
  }

  /// Whether one of these fields is there.
  func has(_ names: String...) -> Bool { first(names) != nil }

  /// Whether a field holds an object.
  func isObject(_ name: String) -> Bool { value[name]?.members != nil }

  /// A text, without white space at its ends, where the field is there.
  func text(_ names: String...) throws(FactsError) -> String? { try text(names) }

  private func text(_ names: [String]) throws(FactsError) -> String? {
    guard let (value, place) = first(names) else { return nil }
    return try value.leafText(at: place)?.trimmed
  }

  /// A text that must be there and say something.
  func neededText(_ names: String...) throws(FactsError) -> String {
    guard let text = try text(names) else {
      guard let (_, place) = first(names) else { throw .missingField(place(names[0])) }
      throw .emptyField(place)
    }
    guard !text.isEmpty else { throw .emptyField(first(names)?.place ?? place) }
    return text
  }

  /// A target that must be there and say something, with the white space that the file has around it.
  func neededTarget(_ names: String...) throws(FactsError) -> String {
    guard let (value, place) = first(names) else { throw .missingField(place(names[0])) }
    guard let text = try value.leafText(at: place), !text.isBlank else { throw .emptyField(place) }
    return text
  }

  /// The prompt of the fact: white space at its beginning and line ends at its end belong to it, spaces at its end to the join.
  func neededPrompt(_ names: String...) throws(FactsError) -> WrittenPrompt {
    guard let (value, place) = first(names) else { throw .missingField(place(names[0])) }
    guard let text = try value.leafText(at: place), !text.isBlank else { throw .emptyField(place) }
    let (prompt, join) = TextJoin.split(prompt: text)
    return WrittenPrompt(text: prompt, join: join, place: place)
  }

  /// What the record says of what stands between prompt and target.
  func join() throws(FactsError) -> TextJoin? {
    guard let (value, place) = first(["join"]) else { return nil }
    guard let join = value.text.flatMap({ TextJoin($0) }) else {
      throw .wrongType(place, expected: "white space or an empty text")
    }
    return join
  }

  /// An object, where the field is there.
  func object(_ name: String) throws(FactsError) -> RecordFields? {
    guard let (value, place) = first([name]) else { return nil }
    return try RecordFields(value, at: place)
  }

  /// Prompts: a text, or a list of texts. Blank ones are passed over.
  func prompts(_ names: String...) throws(FactsError) -> [String] {
    guard let (value, place) = first(names) else { return [] }
    return try value.texts(at: place).filter { !$0.isBlank }
  }

  /// Prompts with their answers: one of each, or two lists of equal length; one prompt may also
  /// have several answers, of which the first counts. Blank prompts, and prompts whose answer
  /// is blank, are passed over; where the field of answers is absent, the answer is `nil`.
  func pairs(prompts: [String], answers: [String]) throws(FactsError) -> [(prompt: String, answer: String?)] {
    guard let (value, place) = first(prompts) else { return [] }
    let texts = try value.texts(at: place)
    guard let (answer, answerPlace) = first(answers) else {
      return texts.filter { !$0.isBlank }.map { ($0, nil) }
    }
    // One prompt may have a list of answers that are all right; the first stands for them.
    guard texts.count > 1 else {
      let leaf = try answer.leafText(at: answerPlace) ?? ""
      return texts.filter { !$0.isBlank && !leaf.isBlank }.map { ($0, leaf) }
    }
    let count = answer.elements?.count ?? 1
    guard count == texts.count else {
      throw .answerCount(answerPlace, prompts: texts.count, answers: count)
    }
    let leaves = try answer.texts(at: answerPlace)
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
      guard let text = self["str"] else { throw .missingField(place.inner("str")) }
      return try text.leafText(at: place.inner("str"))
    case .bool, .number: throw .wrongType(place, expected: "a text")
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
