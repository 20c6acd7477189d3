#!/usr/bin/env python3
"""Write models/packed/: one tiny model in every packed form that is read in place, and reference/packed.safetensors: what it computes.

Needs torch, transformers, safetensors. The model is models/families/qwen3, its matrices packed here; scales are chosen so that no two
groups have the same and none is 1. The reference unpacks them in float32 by torch's own casts and runs transformers on the result.
"""
import json
import shutil

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

import tensor_file
from families import FAMILIES

BASE = FAMILIES / "qwen3"
OUT = FAMILIES.parent / "packed"
E4M3, E5M2 = torch.float8_e4m3fn, torch.float8_e5m2


def grid(values, rows, columns, shape):
    """A grid of scales spread over a weight."""
    return values.repeat_interleave(rows, 0).repeat_interleave(columns, 1)[: shape[0], : shape[1]]


def scales_of(weight, rows, columns, top, dtype):
    """For blocks of a weight: their largest magnitude over `top`, and a little more."""
    height, width = (-(-weight.shape[0] // rows)), (-(-weight.shape[1] // columns))
    values = torch.empty(height, width)
    for i in range(height):
        for j in range(width):
            part = weight[i * rows:(i + 1) * rows, j * columns:(j + 1) * columns]
            values[i, j] = part.abs().max() / top * (1 + 0.01 * ((3 * i + j) % 7))
    if dtype == torch.float8_e8m0fnu:
        return torch.exp2(torch.ceil(torch.log2(values))).to(dtype)
    return values.to(dtype)


def packed(weight, form):
    """Codes, scales as they are stored, and the numbers that they mean."""
    rows, columns = form["block"](weight.shape)
    stored = scales_of(weight, rows, columns, form["top"], form["scales"])
    spread = grid(stored.float(), rows, columns, weight.shape)
    factor = form.get("factor", 1)
    codes = weight / (spread * factor)
    codes = codes.round().clamp(-127, 127).to(torch.int8) if form["codes"] == torch.int8 else codes.to(form["codes"])
    numbers = codes.float() * spread
    return codes, stored.reshape(form["shape"](stored)), numbers * factor if factor != 1 else numbers


def compressed(**weights):
    return {"quant_method": "compressed-tensors", "format": weights.pop("format"), "quantization_status": "compressed",
            "ignore": ["lm_head"], "kv_cache_scheme": None, "sparsity_config": {},
            "config_groups": {"group_0": {"targets": ["Linear"], "output_activations": None, "input_activations": None,
                                          "weights": {"dynamic": False, "symmetric": True, **weights}}}}


def whole(shape):
    return shape[0], shape[1]


def outputs(shape):
    return 1, shape[1]


FORMS = {
    # Blocks that do not divide the sides, as the last ones of a real weight.
    "fp8-block": {"codes": E4M3, "top": 448, "block": lambda shape: (12, 20), "scales": torch.float32, "name": "weight_scale_inv",
                  "shape": lambda s: s.shape,
                  "config": {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [12, 20],
                             "modules_to_not_convert": ["lm_head"]}},
    "fp8-powers": {"codes": E4M3, "top": 448, "block": lambda shape: (8, 8), "scales": torch.float8_e8m0fnu,
                   "name": "weight_scale_inv", "shape": lambda s: s.shape,
                   "config": {"quant_method": "fp8", "scale_fmt": "ue8m0", "activation_scheme": "dynamic",
                              "weight_block_size": [8, 8]}},
    "fp8-tensor": {"codes": E4M3, "top": 448, "block": whole, "scales": torch.bfloat16, "name": "weight_scale_inv",
                   "shape": lambda s: (), "beside": {"activation_scale": torch.tensor(0.25, dtype=torch.bfloat16)},
                   "config": {"quant_method": "fp8", "activation_scheme": "static", "weight_block_size": None}},
    "fp8-output": {"codes": E5M2, "top": 57344, "block": outputs, "scales": torch.float32, "name": "weight_scale",
                   "shape": lambda s: s.shape,
                   "config": compressed(format="float-quantized", num_bits=8, type="float", strategy="channel")},
    "int8-group": {"codes": torch.int8, "top": 127, "block": lambda shape: (1, 4), "scales": torch.bfloat16, "name": "weight_scale",
                   "shape": lambda s: s.shape,
                   "config": compressed(format="int-quantized", num_bits=8, type="int", strategy="group", group_size=4)},
    "int8-bitsandbytes": {"codes": torch.int8, "top": 1, "factor": 7.874015718698502e-3, "block": outputs, "scales": torch.float32,
                          "name": "SCB", "shape": lambda s: (s.shape[0],),
                          "beside": {"weight_format": torch.tensor(0, dtype=torch.uint8)},
                          "config": {"quant_method": "bitsandbytes", "load_in_8bit": True, "load_in_4bit": False}},
}


def write(name, form, reference, ids):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads((BASE / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": form["config"]}, indent=1) + "\n")
    stored, plain = {}, {}
    for key, weight in load_file(BASE / "model.safetensors").items():
        if "_proj" not in key:
            stored[key], plain[key] = weight, weight.float()
            continue
        codes, scales, plain[key] = packed(weight.float(), form)
        stem = key.removesuffix("weight")
        stored[key], stored[stem + form["name"]] = codes, scales
        for ending, value in form.get("beside", {}).items():
            stored[stem + ending] = value.clone()
    save_file({key: value.contiguous() for key, value in stored.items()}, folder / "model.safetensors")
    model = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32, attn_implementation="eager").eval()
    missing, unknown = model.load_state_dict(plain, strict=False)
    assert not unknown and all("lm_head" in key for key in missing)
    with torch.no_grad():
        reference[f"{name}.logits"] = model(ids[None]).logits[0]
    down = "model.layers.1.mlp.down_proj.weight"
    reference[f"{name}.down"] = plain[down]
    print(name, (folder / "model.safetensors").stat().st_size)


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    ids = torch.randint(0, 61, (9,), generator=torch.Generator().manual_seed(77))
    every = torch.arange(256, dtype=torch.uint8)
    reference = {"ids": ids, "e4m3.values": every.view(E4M3).float(), "e5m2.values": every.view(E5M2).float()}
    for name, form in FORMS.items():
        write(name, form, reference, ids)
    tensor_file.save(FAMILIES.parent.parent / "reference" / "packed.safetensors",
                     {key: value.contiguous() for key, value in reference.items()}, {})


if __name__ == "__main__":
    main()
