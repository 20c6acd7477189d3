extension JSONSettings {
  /// Qwen's windows, which only the upper layers have, and only when they are switched on.
  func readUpperWindows(into c: inout NetworkConfiguration) throws {
    let isOn = try flag("use_sliding_window", default: false)
    let window = try optionalInteger("sliding_window")
    let first = try optionalInteger("max_window_layers") ?? 28
    let kinds = value(["layer_types"])?.value.elements
    guard isOn, let window else { return }
    if let kinds, kinds.count == c.windows.count {
      c.windows = kinds.map { $0.text == "sliding_attention" ? window : nil }
    } else {
      c.windows = c.layers.map { $0 >= first ? window : nil }
    }
  }

  /// One window for every layer.
  func readWindow(into c: inout NetworkConfiguration) throws {
    guard let window = try optionalInteger("sliding_window") else { return }
    c.windows = c.layers.map { _ in window }
  }

  /// A window on some layers, as `layer_types` has it, or older files by how often a layer sees everything.
  ///
  /// - Parameters:
  ///   - period: every layer of this number, counted from 1, sees everything where nothing is said.
  ///   - window: where nothing is said; null is none.
  /// - Returns: for each layer whether it is one of those with a window, even where they have none.
  @discardableResult
  func readSlidingLayers(
    into c: inout NetworkConfiguration, period: Int, window: Int? = nil
  ) throws -> [Bool] {
    let width = json["sliding_window"] == nil ? window : try optionalInteger("sliding_window")
    _ = value(["sliding_window"])
    let period = try optionalInteger("sliding_window_pattern", "_sliding_window_pattern") ?? period
    let slides = try layerKinds(of: c) ?? c.layers.map { period > 0 && ($0 + 1) % period != 0 }
    c.windows = slides.map { $0 ? width : nil }
    return slides
  }

  /// For each layer whether `layer_types` gives it a window; `nil` where the file does not say.
  func layerKinds(of c: NetworkConfiguration) throws -> [Bool]? {
    guard let (key, found) = value(["layer_types"]) else { return nil }
    guard let kinds = found.elements, kinds.count == c.layers.count else {
      throw bad(key, found, "a kind for each of \(c.layerCount) layers")
    }
    return try kinds.map { kind in
      switch kind.text {
      case "sliding_attention": return true
      case "full_attention": return false
      default: throw ConfigurationError.unsupported(setting: key, value: shown(kind))
      }
    }
  }

  /// For each layer whether queries and keys are turned: 1 in `no_rope_layers`, or all but every so many.
  func turningLayers(of c: NetworkConfiguration, period: Int) throws -> [Bool] {
    let period = try optionalInteger("no_rope_layer_interval") ?? period
    guard period > 0 else {
      throw ConfigurationError.badSetting(
        "no_rope_layer_interval", found: "\(period)", expected: "1 or above")
    }
    guard let (key, found) = value(["no_rope_layers"]) else { return c.layers.map { ($0 + 1) % period != 0 } }
    guard let layers = found.elements, layers.count == c.layers.count,
      layers.allSatisfy({ [0, 1].contains($0.integer) })
    else { throw bad(key, found, "0 or 1 for each of \(c.layerCount) layers") }
    return layers.map { $0.integer == 1 }
  }
}
