import Glibc

/// What must hold before a command may open a file.
enum StandardStreams {
  /// Descriptors that the system's libraries take for themselves, and some for files.
  private static let needed = 12

  /// Opens the three streams where the caller closed them: else the first files opened get their numbers, and answers
  /// would land in them.
  static func fill() {
    for descriptor in Int32(0)...2 where fcntl(descriptor, F_GETFD) < 0 {
      let null = open("/dev/null", descriptor == 0 ? O_RDONLY : O_WRONLY)
      if null >= 0, null != descriptor {
        dup2(null, descriptor)
        close(null)
      }
    }
  }

  /// Why this process cannot work, if it cannot.
  static func obstacle() -> String? {
    for index in 0..<Int(CommandLine.argc) {
      guard let argument = CommandLine.unsafeArgv[index] else { continue }
      let bytes = Array(UnsafeBufferPointer(start: argument, count: strlen(argument))).map {
        UInt8(bitPattern: $0)
      }
      if String(validating: bytes, as: UTF8.self) == nil {
        return "argument \(index) is not UTF-8: \(String(decoding: bytes, as: UTF8.self))\n"
          + "  try:   rename the file, or give it a link with a name in UTF-8"
      }
    }
    var limit = rlimit()
    let open = RLIMIT_NOFILE
    if getrlimit(__rlimit_resource_t(open.rawValue), &limit) == 0, limit.rlim_cur < 1024,
      limit.rlim_cur < limit.rlim_max
    {
      limit.rlim_cur = min(limit.rlim_max, 1024)
      setrlimit(__rlimit_resource_t(open.rawValue), &limit)
    }
    var taken: [Int32] = []
    defer { for descriptor in taken { close(descriptor) } }
    for _ in 0..<needed {
      let descriptor = dup(2)
      guard descriptor >= 0 else {
        return "this process may open \(taken.count) more files, and needs \(needed)\n"
          + "  try:   raise the limit: ulimit -n 256"
      }
      taken.append(descriptor)
    }
    return nil
  }
}
