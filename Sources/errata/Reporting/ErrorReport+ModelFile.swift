import Glibc
import ModelFiles

extension ErrorReport {
  static func explain(_ error: ModelFileError) -> Explanation {
    var place = named(error.file)
    if let position = error.position { place = self.place(place, position) }
    if let tensor = error.tensor { place += ", tensor \(Quote.plain(tensor, limit: 200))" }
    if let key = error.key { place += ", key \(Quote.plain(key))" }
    if let offset = error.byteOffset, error.position == nil { place += ", byte \(offset)" }
    var (why, advice) = reason(error.reason, file: error.file, isText: error.position != nil)
    if let tensor = error.tensor { advice = nearAdvice([tensor], error.near) ?? advice }
    return Explanation(caseName(error.reason), place: place, why: why, advice: advice)
  }

  /// A path as the user knows it: what is written goes to a temporary name first, which says nothing to anybody.
  static func named(_ path: String) -> String {
    let name = Folder.name(of: path)
    guard Folder.isTemporary(name), let end = name.firstRange(of: ".errata-")?.lowerBound else { return path }
    let folder = Folder.containing(path)
    let final = String(name[name.index(after: name.startIndex)..<end])
    return folder == "." ? final : Folder.path(folder, final)
  }

  static func systemReason(_ code: Int32, _ call: String) -> String {
    switch code {
    case ENOENT: "there is no such file or folder"
    case ENOTDIR: "it is not a folder"
    case EACCES, EPERM: "permission denied"
    case EROFS: "the file system is read-only"
    case ENOSPC, EDQUOT: "the disk is full"
    case EISDIR: "it is a folder"
    case EFBIG: "it would be larger than files may be here (ulimit -f, or the file system's limit)"
    case EMFILE, ENFILE: "too many files are open"
    case ENAMETOOLONG: "the name is too long"
    case ELOOP: "its links lead in a circle"
    default: "\(call): \(String(cString: strerror(code)))"
    }
  }

  static func systemAdvice(_ code: Int32, _ file: String) -> String? {
    switch code {
    case ENOENT:
      isHubName(file)
        ? "if it is a model on the Hugging Face hub, download it first: hf download \(file) --local-dir FOLDER"
        : nil
    case ENOSPC, EDQUOT: "make room, or write to another disk"
    case EACCES, EPERM: "look at its owner and mode; outputs may go to a folder of your own"
    case EROFS: "write to another file system"
    case EMFILE, ENFILE: "raise the limit: ulimit -n 1024"
    default: nil
    }
  }

  /// Whether a path may be meant as the name of a model on the hub: owner and name, and nothing of a file's.
  private static func isHubName(_ path: String) -> Bool {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let endings = [".safetensors", ".gguf", ".json", ".jsonl", ".txt", ".errata", ".npz"]
    return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") }
      && !Folder.exists(String(parts[0])) && !endings.contains { path.hasSuffix($0) }
  }
}
