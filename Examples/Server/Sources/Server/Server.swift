import ErrataEditing
import Glibc

/// Answers prompts with a corrected model that was never written to a disk.
///
///     Server MODEL PATCH...
///
/// It listens on a free port of this machine and says which. A line is a prompt; the answer is one line of JSON with the model's own
/// words before and after the patches.
@main
struct Server {
  let model: LanguageModel
  let corrected: LanguageModel

  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard arguments.count >= 2 else {
      print("usage: Server MODEL PATCH...")
      exit(64)
    }
    do {
      let model = try LanguageModel(ModelFile(arguments[0]), threads: 2)
      let corrected = try model.applying(arguments.dropFirst().map { try PatchFile($0) })
      try Server(model: model, corrected: corrected).serve()
    } catch let PatchError.wrongBase(tensor, _, expected, found, _) {
      print(
        "the patch was made from another model: \(tensor) is \(found.abbreviation), not \(expected.abbreviation)"
      )
      exit(1)
    } catch {
      print("cannot serve: \(error)")
      exit(1)
    }
  }

  /// What both say to a prompt.
  func answer(_ prompt: String) -> JSONValue {
    do {
      return [
        "before": .string(try model.continuation(of: prompt, count: 3)),
        "after": .string(try corrected.continuation(of: prompt, count: 3)),
        "next": .array(
          try corrected.candidates(after: prompt, count: 3).map {
            ["token": .string($0.text), "probability": .number($0.probability)]
          }),
      ]
    } catch { return ["error": .string("\(error)")] }
  }

  func serve() throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port: UInt16? = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        guard bind(listener, $0, length) == 0, listen(listener, 8) == 0,
          getsockname(listener, $0, &length) == 0
        else { return nil }
        return UInt16(bigEndian: pointer.pointee.sin_port)
      }
    }
    guard let port else {
      print("cannot listen: \(String(cString: strerror(errno)))")
      exit(1)
    }
    print("127.0.0.1:\(port)")
    fflush(nil)
    while true {
      let client = accept(listener, nil, nil)
      guard client >= 0, let stream = fdopen(client, "r+") else { continue }
      while let line = readLine(of: stream), !line.isEmpty {
        fputs(answer(line).compactText + "\n", stream)
        fflush(stream)
      }
      fclose(stream)
    }
  }

  /// A line without its end; `nil` when the other side is done.
  private func readLine(of stream: UnsafeMutablePointer<FILE>) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    guard fgets(&buffer, Int32(buffer.count), stream) != nil else { return nil }
    let bytes = buffer.prefix { $0 != 0 && $0 != 10 && $0 != 13 }
    return String(decoding: bytes.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
