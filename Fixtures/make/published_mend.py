#!/usr/bin/env python3
"""Write <name>.published.safetensors: an editor as the released MEND code has it, converted, and what its formulas make of a fact.

The editor is drawn at random under the released names (`mend.(x, delta).…`, `edit_lrs`, an object of a class of its own as `model_config`), for the down- and up-projections of
layers 1 and 2, saved as a pickle and read back by `convert_mend.py`. Beside its tensors stand `keys.<layer>` F32 [tokens, keyWidth] and `effects.<layer>` F32 [tokens, width] of
the first fact of the world: the update on these keys, from the pickle's own tensors: gradients of the mean of −log p, ũ and δ̃ by IDMLP, lr Σ δ̃ ũᵀ added.
"""
import tempfile

import torch

import convert_mend
import reference_edit
from language_model import golden_options
from methods import features
from tensor_file import save

LAYERS, RANK = [1, 2], 2


class Configuration:
    """Stands for the model's configuration, which the released pickle holds too."""
    width = 3


def drawn(k, o):
    generator = torch.Generator().manual_seed(5)
    draw = lambda *shape: torch.randn(*shape, generator=generator)
    state = {"model_config": Configuration(), "edit_lrs": torch.tensor([1e-3, 2e-3, 3e-3, -4e-3])}
    for x, delta in ((o, k), (k, o)):
        prefix = f"mend.({x}, {delta})."
        state |= {prefix + "u_mean": 0.1 * draw(x), prefix + "v_mean": 0.001 * draw(delta), prefix + "u_std": draw(x).abs() + 0.5,
                  prefix + "v_std": 0.01 * (draw(delta).abs() + 0.5), prefix + "u_s": draw(x), prefix + "v_s": draw(delta),
                  prefix + "k": torch.tensor([99.0])}
        for step in (0, 1):
            layer = f"{prefix}mlp.layers.{step}."
            state |= {layer + "u": 0.1 * draw(x + delta, RANK), layer + "v": 0.1 * draw(RANK, x + delta), layer + "bias": 0.1 * draw(x + delta),
                      layer + "mode_shift.weight": 0.1 * draw(len(LAYERS), x + delta), layer + "mode_scale.weight": 1 + 0.1 * draw(len(LAYERS), x + delta)}
    return state


def effect(state, k, o, mode, keys, gradients):
    own = lambda name: state[f"mend.({k}, {o}).{name}"]
    used = (keys != 0).any(-1) & (gradients != 0).any(-1)
    h = torch.cat([(keys[used] - own("u_mean")) / (own("u_std") + 1e-7), (gradients[used] - own("v_mean")) / (own("v_std") + 1e-7)], -1)
    for step in (0, 1):
        part = lambda name, step=step: own(f"mlp.layers.{step}.{name}")
        h = h + ((h @ part("v").T @ part("u").T + part("bias")) * part("mode_scale.weight")[mode] + part("mode_shift.weight")[mode]).clamp(min=0)
    update = state["edit_lrs"][2 * mode + 1] * h[:, k:].T @ h[:, :k]
    return keys @ update.T


def main():
    lm, name, records, out_folder = golden_options(__doc__)
    fact = reference_edit.fact(records[0])
    keys, gradients = features(lm, [fact], LAYERS)
    k, o = keys[LAYERS[0]].shape[1], lm.model.config.hidden_size
    state = drawn(k, o)
    with tempfile.TemporaryDirectory() as folder:
        torch.save({"model": state, "opt": {}, "step": 7}, f"{folder}/mend.pt")
        tensors, notes = convert_mend.convert(convert_mend.read(f"{folder}/mend.pt"), LAYERS)
    for mode, layer in enumerate(LAYERS):
        tensors |= {f"keys.{layer}": keys[layer].detach().contiguous(),
                    f"effects.{layer}": effect(state, k, o, mode, keys[layer].detach(), gradients[layer].detach()).contiguous()}
    save(out_folder / f"{name}.published.safetensors", tensors, notes)


if __name__ == "__main__":
    main()
