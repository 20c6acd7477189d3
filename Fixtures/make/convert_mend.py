#!/usr/bin/env python3
"""Turn a published MEND editor (a pickle of eric-mitchell/mend) into a file that `errata train MODEL --from` binds to its model.

    python3 convert_mend.py mend.pt --layers 45,46,47 --out mend.safetensors

Nothing in the pickle is run: all classes but those of tensors become empty ones. Of an archive with "model" in it (as its trainer saves) that part is read. The released code
has a network for each shape of weight, `mend.(x, delta)`, with inputs of x and output gradients of delta numbers; an editor of errata changes down-projections, whose inputs
are the longer side, so that one is taken, and what was for other weights is told. --layers names the blocks of the released configuration, which the file does not say
(GPT-2 XL 45,46,47; GPT-J 25,26,27). Needs torch and safetensors.

Source of names and shapes: eric-mitchell/mend, `algs/mend.py` (GradientTransform, MEND.state_dict, get_shape) and `nn.py` (IDMLP, LRLinear), `trainer.py` (save_state).
"""
import argparse
import json
import pickle
import re
import types

import torch
from safetensors.torch import save_file

SAFE = {("collections", "OrderedDict"), ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_parameter"),
        ("torch", "FloatStorage"), ("torch", "HalfStorage"), ("torch", "DoubleStorage"), ("torch", "LongStorage"), ("torch", "BoolStorage"),
        ("torch", "BFloat16Storage"), ("torch", "IntStorage"), ("torch.serialization", "_get_layout"), ("torch", "device")}


class Nothing(dict):
    """In the place of every class that is no tensor's."""
    def __init__(self, *_, **__):
        super().__init__()

    def __setstate__(self, _):
        pass


class Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        return super().find_class(module, name) if (module, name) in SAFE else Nothing


def read(path):
    module = types.SimpleNamespace(Unpickler=Unpickler, load=lambda f, **how: Unpickler(f, **how).load(), __name__="pickle")
    state = torch.load(path, map_location="cpu", pickle_module=module, weights_only=False)
    return state["model"] if "model" in state and "edit_lrs" not in state else state


def refuse(condition, reason):
    if condition:
        raise SystemExit(f"convert_mend.py: {reason}")


def convert(state, layers):
    """Tensors and notes of Formats/editor.md, without a model."""
    refuse("edit_lrs" not in state, "it has no edit_lrs: this is no MEND editor")
    shapes = sorted({(int(m[1]), int(m[2])) for key in state if (m := re.match(r"mend\.\((\d+), (\d+)\)\.", key))})
    refuse(not shapes, "it has a network for each weight and none for each shape (config.mend.shared was off)")
    down = [shape for shape in shapes if shape[0] > shape[1]]
    refuse(len(down) != 1, f"of its networks {shapes} not one alone is of down-projections, whose inputs are longer than their outputs")
    (k, o), prefix = down[0], f"mend.{down[0]}."
    part = {key[len(prefix):]: value for key, value in state.items() if key.startswith(prefix)}
    steps = sorted({key.split(".")[2] for key in part if key.startswith("mlp.layers.")})
    refuse(steps != ["0", "1"], f"its network has the layers {steps}, and two joint ones are known (config.mend: combine, n_hidden 1)")
    number = lambda key: part[key].float()
    rank, count = part["mlp.layers.0.u"].shape[1], len(layers)
    modes = part["mlp.layers.0.mode_scale.weight"].shape[0]
    refuse(modes != count, f"it is of {modes} blocks, and --layers names {count}")
    rates = state["edit_lrs"].float()
    refuse(len(rates) % count != 0, f"it has {len(rates)} rates for {count} blocks")
    each = len(rates) // count                      # in the order of a block's weights, of which the down-projection is the last
    rates = rates[each - 1::each]
    tensors = {"norms": torch.stack([torch.cat([number("u_mean"), number("v_mean")]), torch.cat([number("u_std"), number("v_std")])]),
               "rates": rates.abs().clamp_min(1e-30).log()[None]}
    for step in (0, 1):
        layer, own = f"mlp.layers.{step}.", f"{step + 1}."
        tensors |= {own + "U": number(layer + "u"), own + "V": number(layer + "v"), own + "b": number(layer + "bias")[None],
                    own + "s": number(layer + "mode_scale.weight"), own + "c": number(layer + "mode_shift.weight")}
    for name, tensor in tensors.items():
        refuse(not tensor.isfinite().all(), f"{name} is not finite: was it trained?")
    wanted = {"U": (k + o, rank), "V": (rank, k + o), "b": (1, k + o), "s": (count, k + o), "c": (count, k + o)}
    for step in "12":
        for name, shape in wanted.items():
            refuse(tensors[f"{step}.{name}"].shape != shape, f"{step}.{name} has the shape {tuple(tensors[f'{step}.{name}'].shape)}, not {shape}")
    identity = {"editor": "mend", "layers": layers, "rank": rank, "signs": [1 if rate >= 0 else -1 for rate in rates.tolist()],
                "leftOut": len(state["edit_lrs"]) - count}
    return ({name: tensor.contiguous() for name, tensor in tensors.items()},
            {"kind": "editor", "identity": json.dumps(identity, separators=(",", ":")), "keyWidth": str(k), "outputWidth": str(o),
             "rank": str(rank), "steps": "0"})                    # the part of an archive that is read does not tell them


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pickle")
    parser.add_argument("--layers", required=True, type=lambda text: sorted({int(part) for part in text.split(",")}))
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    tensors, notes = convert(read(options.pickle), options.layers)
    save_file(tensors, options.out, notes)
    left = json.loads(notes["identity"])["leftOut"]
    print(f"{options.out}: blocks {options.layers}, rank {notes['rank']}, {left} weights of other shapes left out")


if __name__ == "__main__":
    main()
