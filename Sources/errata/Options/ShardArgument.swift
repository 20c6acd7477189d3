import ArgumentParser
import Editing

/// A part of several, as people write it – 2/5 – or as the launcher says: auto, auto/5.
struct ShardArgument: ExpressibleByArgument {
  private enum Asked: Equatable {
    case given(Corpus.Shard)
    case launched(count: Int?)
  }
  private let asked: Asked
  /// What stands for the part in the name of a file.
  static let placeholder = "{shard}"

  init?(argument: String) {
    let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
    if parts[0] == "auto" {
      guard parts.count <= 2 else { return nil }
      guard parts.count == 2 else {
        asked = .launched(count: nil)
        return
      }
      guard let count = Int(parts[1]), count > 0 else { return nil }
      asked = .launched(count: count)
      return
    }
    guard parts.count == 2, let number = Int(parts[0]), let count = Int(parts[1]),
      let shard = Corpus.Shard(number, of: count)
    else { return nil }
    asked = .given(shard)
  }

  /// Which part it is.
  ///
  /// - Parameter variable: looks a variable of the environment up.
  func place(_ variable: (String) -> String? = Launcher.environment) throws -> Corpus.Shard {
    switch asked {
    case .given(let shard): shard
    case .launched(let count): try Launcher.place(count: count, variable)
    }
  }

  /// The name of a part's own file: `{shard}` becomes 2-of-5, with as many digits as the last part has.
  ///
  /// - Throws: `ValidationError` where all parts would get one name, or there are none to tell apart.
  static func name(_ path: String, option: String, of shard: ShardArgument?) throws -> String {
    guard path.contains(placeholder) else {
      if let shard, case .launched = shard.asked, try shard.place().count > 1 {
        throw ValidationError(
          "All parts would write \(path): put \(placeholder) into \(option), as in part-\(placeholder).safetensors."
        )
      }
      return path
    }
    guard let shard else { throw ValidationError("\(placeholder) in \(option) is for --shard.") }
    let place = try shard.place()
    let width = String(place.count).count
    let number = String(repeating: "0", count: width - String(place.number).count) + String(place.number)
    return path.replacing(placeholder, with: "\(number)-of-\(place.count)")
  }
}

extension Corpus.Shard {
  /// As people say it.
  var words: String { "\(number) of \(count)" }
}
