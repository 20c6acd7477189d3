import Editing

extension EditMethod {
  /// Options that make an edit gentler, of those that the method has: "more --layers, a smaller --clamp, or a larger --ridge".
  func gentler(joining word: String) -> String {
    var options: [String] = []
    if changesSeveralLayers { options.append("more --layers") }
    options.append(smallerStep)
    if settings.contains(.secondMomentWeight), usesSecondMoment {
      options.append("a larger --second-moment-weight")
    } else if settings.contains(.ridge) {
      options.append("a larger --ridge")
    }
    guard let last = options.last, options.count > 1 else { return options.joined() }
    return options.dropLast().joined(separator: ", ") + (options.count > 2 ? ", " : " ") + "\(word) " + last
  }

  /// The option that bounds how far a fact is taken.
  var smallerStep: String {
    let options: [RecipeSetting] = [.clamp, .bound, .learningRate]
    return options.first { settings.contains($0) }?.option.map { "a smaller \($0)" } ?? "fewer steps"
  }
}
