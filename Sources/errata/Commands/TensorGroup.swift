import ModelFiles

/// Tensors that look alike and differ only in the first number of their names: one row of a table.
struct TensorGroup {
  let tensor: TensorInfo
  private let before: Substring
  private let after: Substring
  private var numbers: [Int]

  /// How many tensors.
  var count: Int { max(numbers.count, 1) }

  /// "h.0–11.ln", or "h.0,2,5.ln" where numbers are missing.
  var name: String {
    guard let first = numbers.min(), let last = numbers.max(), count > 1 else { return tensor.name }
    let isRun = last - first + 1 == numbers.count
    let list = isRun ? "\(first)–\(last)" : numbers.sorted().map(String.init).joined(separator: ",")
    return before + list + after
  }

  /// Groups in the order of their first tensors; each tensor alone when not collapsed.
  static func list(_ tensors: [TensorInfo], collapsed: Bool) -> [TensorGroup] {
    struct Key: Hashable {
      let before: Substring
      let after: Substring
      let type: ElementType
      let shape: [Int]
    }
    var groups: [TensorGroup] = []
    var places: [Key: Int] = [:]
    for tensor in tensors {
      let parts = tensor.name.split(separator: ".", omittingEmptySubsequences: false)
      guard collapsed, let part = parts.first(where: { Int($0) != nil }), let number = Int(part) else {
        groups.append(TensorGroup(tensor: tensor, before: "", after: "", numbers: []))
        continue
      }
      let before = tensor.name[..<part.startIndex]
      let after = tensor.name[part.endIndex...]
      let key = Key(before: before, after: after, type: tensor.elementType, shape: tensor.shape)
      if let place = places[key] {
        groups[place].numbers.append(number)
      } else {
        places[key] = groups.count
        groups.append(TensorGroup(tensor: tensor, before: before, after: after, numbers: [number]))
      }
    }
    return groups
  }
}

extension ModelFile {
  /// Metadata of all files, each key once: shards repeat what they have in common.
  var notes: [(key: String, value: String)] {
    var seen: Set<String> = []
    return metadata.joined().filter { seen.insert($0.key).inserted }
  }
}
