// The product: model files and networks, under one name.
@_exported public import LinearAlgebra
@_exported public import ModelFiles
@_exported public import Transformer
