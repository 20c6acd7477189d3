// The product: model files and patches, under one name.
@_exported public import Floor
@_exported public import ModelFiles
@_exported public import Patches
