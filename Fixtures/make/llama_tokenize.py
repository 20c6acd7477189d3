"""llama.cpp's tokenizers, called through its C interface in the library that xllamacpp carries."""
import ctypes

import xllamacpp.xllamacpp

LIBRARY = ctypes.CDLL(xllamacpp.xllamacpp.__file__)
# Where `vocab_only` is in `llama_model_params` (include/llama.h), of a size that is surely enough.
VOCABULARY_ONLY, PARAMETER_BYTES = 72, 256


class Parameters(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint8 * PARAMETER_BYTES)]


LIBRARY.llama_model_default_params.restype = Parameters
LIBRARY.llama_model_load_from_file.restype = ctypes.c_void_p
LIBRARY.llama_model_load_from_file.argtypes = [ctypes.c_char_p, Parameters]
LIBRARY.llama_model_get_vocab.restype = ctypes.c_void_p
LIBRARY.llama_model_get_vocab.argtypes = [ctypes.c_void_p]
LIBRARY.llama_tokenize.argtypes = [
    ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32, ctypes.c_bool, ctypes.c_bool]
SILENT = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)
LIBRARY.llama_log_set(SILENT, None)


class Llama:
    """The vocabulary of a GGUF file."""

    def __init__(self, path):
        parameters = LIBRARY.llama_model_default_params()
        parameters.bytes[VOCABULARY_ONLY] = 1
        model = LIBRARY.llama_model_load_from_file(str(path).encode(), parameters)
        assert model, f"llama.cpp does not load {path}"
        self.vocabulary = LIBRARY.llama_model_get_vocab(model)

    def encode(self, text):
        """Token numbers, special tokens in the text found and the first one added."""
        utf8 = text.encode()
        limit = 2 * len(utf8) + 16
        tokens = (ctypes.c_int32 * limit)()
        count = LIBRARY.llama_tokenize(self.vocabulary, utf8, len(utf8), tokens, limit, True, True)
        assert count >= 0
        return list(tokens[:count])
