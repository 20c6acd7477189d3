public import ModelFiles

/// Why a patch cannot be carried over to another form of its model.
public enum PortError: Error, Equatable, Sendable {
  // What the patch is
  /// Neither patch nor model says of which family it is, or it is none that we know.
  case unknownFamily(file: String, family: String?)
  /// Only factors can be carried over; what else there is.
  case notLowRank(patch: String, parts: [String])
  /// The patch changes nothing that could be carried over.
  case nothingLowRank(patch: String)
  /// The family has no such weight.
  case unknownTensor(tensor: String, patch: String, family: String)
  /// The patch was made by a version that took no sample, so nothing tells whether the model is the same.
  case noSample(tensor: String, patch: String)

  // What the model is
  /// The model is of another family.
  case otherFamily(model: String, expected: String, found: String)
  /// The model does not have the tensor under any name of its family.
  case noSuchTensor(tensor: String, model: String, names: [String], near: [String])
  /// Rows are ordered by head, and nothing tells how many there are.
  case unknownHeadCount(tensor: String, model: String)
  /// The weights are not those of the patch's base.
  case otherWeights(tensor: String, file: String, correlation: Double, threshold: Double)
  /// The change is there already.
  case appliedAlready(tensor: String, file: String)

  // What is to be written
  /// Elements of this type cannot be read, or not written, as numbers.
  case notConvertible(tensor: String, file: String, elementType: ElementType)
  /// Elements of the new type are too small for a weight.
  case outOfRange(tensor: String, index: Int, elementType: ElementType)
  /// An undo of this name is there already: writing over it could make some model lose its way back.
  case undoExists(path: String)
  /// Tensors of another type need a new file.
  case promotionNeedsNewFile(tensor: String, file: String, from: ElementType, to: ElementType)
  /// The files hold bytes that no tensor covers, so an undo could not give them back.
  case notRestorable(model: String)
  /// The factors are so much larger than the patch that only a model of that size would justify them.
  case needsModel(tensor: String, patch: String, byteCount: Int)
  /// llama.cpp has no such architecture.
  case noArchitecture(family: String)
}
