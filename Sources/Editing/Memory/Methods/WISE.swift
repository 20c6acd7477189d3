internal import Patches

extension MemoryMethod {
  /// WISE: beside one layer's down-projection stands a side weight that has learned the facts; a prompt that activates it is read and gone on with
  /// through both, and every other one as if it were not there.
  ///
  /// Published with a side weight as large as the layer's own, of which each shard of 500 edits changes a fifth, at a late layer; here it has a
  /// small rank, and each fact its own unless told otherwise. Published activations are means over tokens; here the greatest counts, as released
  /// for long prompts: a mean is less the more is said around the subject.
  ///
  /// - Source: arXiv:2405.14768; zjunlp/EasyEdit `models/wise/WISE.py`, and `hparams/WISE`: 70 steps.
  public static let wise = MemoryMethod(
    name: "wise",
    summary:
      "a weight of small rank beside one layer's has learned the facts; prompts that activate it go through both, all others through none of it",
    route: .activation(layer: 0, threshold: 1), action: .replaceWeight, steps: 70, routes: [])
}
