// The product: all that the command is made of, under one name.
@_exported public import Editing
@_exported public import ErrataModels
@_exported public import ErrataPatches
@_exported public import Evaluation
