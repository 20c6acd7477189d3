internal import Glibc

/// How much memory this process may use, in bytes.
public enum MemoryLimit {
  /// The machine's, or less where a control group, a queue's job for example, allows less, or `ERRATA_MEMORY` says so: several processes
  /// on one machine each see all of it.
  public static let byteCount: Int = {
    let machine = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    let asked = getenv(variable).flatMap { size(String(cString: $0)) }
    return
      (groupLimits(read("/proc/self/cgroup") ?? "").compactMap { read($0).flatMap(number) }
      + (asked.map { [$0] } ?? [])).reduce(machine, min)
  }()

  /// The variable that sets a limit: a number of bytes, or one with K, M, G or T behind it, as Slurm's `--mem` takes.
  public static let variable = "ERRATA_MEMORY"

  /// A size as people write it: 24G, 512M, 1000000. `nil` for what is none.
  public static func size(_ text: String) -> Int? {
    let units: [Character: Int] = ["K": 10, "M": 20, "G": 30, "T": 40]
    let shift = text.last.flatMap { units[Character($0.uppercased())] }
    guard let number = Int(shift == nil ? text : String(text.dropLast())), number > 0 else { return nil }
    let (bytes, isTooLarge) = number.multipliedReportingOverflow(by: 1 << (shift ?? 0))
    return isTooLarge ? nil : bytes
  }

  /// Files that may hold a limit: those of the groups that the process is in and of all groups around them.
  ///
  /// - Parameter groups: lines `number:controllers:path`; the unified hierarchy has no controllers.
  static func groupLimits(_ groups: String) -> [String] {
    groups.split(separator: "\n").flatMap { line -> [String] in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { return [] }
      let root: String
      if fields[1].isEmpty {
        root = "/sys/fs/cgroup"
      } else if fields[1].split(separator: ",").contains("memory") {
        root = "/sys/fs/cgroup/memory"
      } else {
        return []
      }
      let name = fields[1].isEmpty ? "memory.max" : "memory.limit_in_bytes"
      var path = fields[2].split(separator: "/").filter { $0 != ".." }
      var files = ["\(root)/\(name)"]
      while !path.isEmpty {
        files.append("\(root)/\(path.joined(separator: "/"))/\(name)")
        path.removeLast()
      }
      return files
    }
  }

  /// A limit as the file has it; `nil` for "max" and other words.
  static func number(_ text: String) -> Int? {
    Int(text.prefix { $0.isNumber }).flatMap { $0 > 0 ? $0 : nil }
  }

  private static func read(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 14)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }
}
