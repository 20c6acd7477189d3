"""Edits of quantized GGUF files: what codes, the float model's patch carried over, and blocks quantized again keep of an edit of the float weights.

    quantized.py path/to/errata MODEL.gguf FACTS.json TEXT [--types Q8_0,Q6_K,Q4_K] [--layers 3-7] [--singles 30] [--batches 10,50]
        [--ways codes,ported,again,promoted] [--held TEXT]

MODEL's edited weights (ffn_down) are decoded to F16, which is the float model, and quantized from there by ggml's own quantizer
(in xllamacpp, from the Python index); "own" is the file as it is. FACTS are records with probes (Formats/facts.md), TEXT what
second moments are collected from, --held a text that they are not, whose loss is told. One thread; results are kept in the scratch folder, so that a second run goes on. Needs gguf,
numpy and xllamacpp.
"""
import argparse
import ctypes
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np


def quantized(source, target, kind, weights):
    """Writes a copy of a GGUF file whose edited weights are of another type."""
    import xllamacpp
    library = ctypes.CDLL(str(next(Path(xllamacpp.__file__).parent.glob("xllamacpp*.so"))))
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [ctypes.c_int, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 3, ctypes.c_void_p]
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, reader.fields["general.architecture"].contents())
    for key, field in reader.fields.items():
        if not key.startswith("GGUF.") and key != "general.architecture":
            kind_of = field.types[0]
            inner = field.types[-1] if kind_of == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(key, field.contents(), kind_of, sub_type=inner)
    for tensor in reader.tensors:
        if not re.fullmatch(weights, tensor.name):
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            continue
        numbers = np.ascontiguousarray(gguf.quants.dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        if kind == "F16":
            writer.add_tensor(tensor.name, numbers.astype(np.float16))
            continue
        type_ = gguf.GGMLQuantizationType[kind]
        block, size = gguf.GGML_QUANT_SIZES[type_]
        data = np.zeros((numbers.shape[0], numbers.shape[1] // block * size), np.uint8)
        library.ggml_quantize_chunk(type_.value, numbers.ctypes.data, data.ctypes.data, 0, *numbers.shape, None)
        writer.add_tensor(tensor.name, data, raw_dtype=type_)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class Bench:
    def __init__(self, options):
        self.options, self.scratch = options, options.scratch
        self.scratch.mkdir(parents=True, exist_ok=True)

    def errata(self, *arguments):
        done = subprocess.run([self.options.errata, *map(str, arguments), "--threads", "1"], capture_output=True, text=True,
                              check=False)
        if done.returncode not in (0, 2):
            sys.exit(f"{arguments}\n{done.stderr}")
        return done.stdout

    def kept(self, name, make):
        """The JSON of a step, made once."""
        path = self.scratch / name
        if not path.exists():
            path.write_text(json.dumps(make()))
        return json.loads(path.read_text())

    def model(self, kind):
        if kind == "own":
            return self.options.model
        path = self.scratch / f"{kind}.gguf"
        if not path.exists():
            quantized(self.options.model, path, kind, self.options.weights)
        return path

    def statistics(self):
        path = self.scratch / "model.stats"
        if not path.exists():
            self.errata("stats", self.options.model, "--corpus", self.options.text, "--layers", self.options.layers, "-o", path)
        return path

    @property
    def held(self):
        return ["--perplexity", self.options.held] if self.options.held else []

    def evaluated(self, kind, count, way):
        """Measures of `count` records at once (1: each alone), by editing the model's own codes, or the float model and carrying
        its patch over, which then has or has not what codes are chosen by."""
        records = self.options.singles if count == 1 else count
        def make():
            if way == "codes" or kind == "F16":
                return [json.loads(self.errata(
                    "eval", self.model(kind), "--data", self.options.facts, "--limit", records, "--edit", "memit", "--batch",
                    count, "--layers", self.options.layers, "--statistics", self.statistics(), "--json", *self.held))]
            return [self.ported(kind, first, count, way) for first in range(0, records, count)]
        return self.kept(f"{kind}-{count}-{way}.json", make)

    def ported(self, kind, first, count, way):
        """The float model's patch, carried over with chosen codes ("ported"), quantized again or as another type, and asked about."""
        facts = self.scratch / "some.json"
        facts.write_text(json.dumps(json.loads(Path(self.options.facts).read_text())[first:first + count]))
        patch, undo, edited = (self.scratch / name for name in ("some.errata", "some-undo.errata", "some.gguf"))
        for path in (patch, undo, edited):
            path.unlink(missing_ok=True)
        values = self.scratch / f"values-{count}-{first}.safetensors"
        self.errata("edit", self.model("F16"), "--facts", facts, "--layers", self.options.layers, "--statistics",
                    self.statistics(), "-o", patch, "--values" if values.exists() else "--save-values", values,
                    *(["--no-resolve"] if way == "again" else []))
        self.errata("apply", patch, self.model(kind), "--port", "--promote", "f16" if way == "promoted" else "keep", "--undo", undo,
                    "-o", edited)
        return json.loads(self.errata("eval", self.model(kind), "--data", facts, "--patch", undo, "--json", *self.held))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("errata", "model", "facts", "text"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--types", default="Q8_0,Q6_K,Q4_K")
    parser.add_argument("--ways", default="codes,ported,again")
    parser.add_argument("--layers", default="3-7")
    parser.add_argument("--singles", type=int, default=30)
    parser.add_argument("--batches", default="1,10,50")
    parser.add_argument("--weights", default=r"blk\.\d+\.ffn_down\.weight")
    parser.add_argument("--held", type=Path)
    parser.add_argument("--scratch", type=Path, default=Path("quantized-bench"))
    options = parser.parse_args()
    bench = Bench(options)
    before = hashlib.sha256(options.model.read_bytes()).hexdigest()
    for count in map(int, options.batches.split(",")):
        print(f"{count} at once:", flush=True)
        for kind in ["F16", "own", *filter(None, options.types.split(","))]:
            for way in ["codes"] if kind == "F16" else options.ways.split(","):
                print(f"  {kind} {way}: {summary(bench.evaluated(kind, count, way))}", flush=True)
    if hashlib.sha256(options.model.read_bytes()).hexdigest() != before:
        sys.exit("the model was changed")


def summary(results):
    """Means of the measures over the results of an edited model."""
    rows = [result["runs"][-1]["measures"] for result in results]
    names = {"efficacyExact": "taken", "score": "S", "paraphrase": "paraphrases", "neighborhood": "neighborhood"}
    shares = [f"{name} {100 * np.mean([row[key] for row in rows]):.1f}" for key, name in names.items()]
    # A measure of the whole model; before the edit it is that of the first run.
    losses = [[np.log(result["runs"][run]["measures"]["perplexity"]) for result in results
               if "perplexity" in result["runs"][run]["measures"]] for run in (0, -1)]
    if losses[0]:
        shares.append(f"loss of the held text {np.mean(losses[0]):.4f} -> {np.mean(losses[1]):.4f}")
    return ", ".join(shares)


if __name__ == "__main__":
    main()
