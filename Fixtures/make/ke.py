#!/usr/bin/env python3
"""Write ke.safetensors: KE's network with torch's own LSTM, and its gradients by autograd.

Random numbers; outputs of 6, keys of 9, two layers, three and two tokens with a gradient, seven tokens of words, rank 5. Equations as in
nicola-decao/KnowledgeEditor, `src/models/one_shot_learner.py`, without norms by weight; ρ as in eric-mitchell/mend, `algs/efk.py`.
- `words`, `keys.<layer>`, `gradients.<layer>`: what it is told; the matrices of Formats/editor.md.
- `update.<layer>` F32 [6, 9]: Δ.
- `slope.<layer>` F32 [6, 9]: the gradient of a loss by Δ; `gradient.*`: by the matrices.
"""
import argparse
from pathlib import Path

import torch

from tensor_file import save

O, K, LAYERS, RANK, TOKENS = 6, 9, 2, 5, [3, 2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(4)
    lstm = torch.nn.LSTM(O, RANK, bidirectional=True)
    # The product has one bias for torch's two.
    for name, bias in lstm.named_parameters():
        if name.startswith("bias_hh"):
            bias.data.zero_()
    names = [("forward", ""), ("backward", "_reverse")]
    parameters = {}
    for name, suffix in names:
        parameters |= {f"{name}.x": getattr(lstm, "weight_ih_l0" + suffix),
                       f"{name}.h": getattr(lstm, "weight_hh_l0" + suffix),
                       f"{name}.b": getattr(lstm, "bias_ih_l0" + suffix)}
    count = 2 * (O + K) + 1
    own = {"Z": (8 * RANK, 2 * RANK), "z": (1, 8 * RANK)}
    for layer in range(1, LAYERS + 1):
        own |= {f"{layer}.A": (RANK, 8 * RANK), f"{layer}.a": (1, RANK), f"{layer}.B": (count, RANK), f"{layer}.b": (1, count)}
    own["rates"] = (1, LAYERS)
    parameters |= {name: (0.4 * torch.randn(*shape)).requires_grad_() for name, shape in own.items()}
    words = torch.randn(7, O)
    _, (hidden, _) = lstm(words[:, None])
    deep = torch.tanh(torch.cat([hidden[0, 0], hidden[1, 0]]) @ parameters["Z"].T + parameters["z"][0])
    out, loss = {"words": words}, 0
    for layer in range(LAYERS):
        p = {kind: parameters[f"{layer + 1}.{kind}"] for kind in "AaBb"}
        y = torch.tanh(deep @ p["A"].T + p["a"][0]) @ p["B"].T + p["b"][0]
        r1, c1, r2, c2, eta = y.split([O, K, O, K, 1])
        keys, gradients = torch.randn(TOKENS[layer], K), torch.randn(TOKENS[layer], O)
        scaled = torch.outer(r1.softmax(0), c1) * (gradients.T @ keys) + torch.outer(r2.softmax(0), c2)
        update = -parameters["rates"][0, layer].exp() * torch.sigmoid(eta) * scaled
        slope = torch.randn(O, K)
        loss = loss + (slope * update).sum()
        out |= {f"keys.{layer}": keys, f"gradients.{layer}": gradients, f"update.{layer}": update.detach(), f"slope.{layer}": slope}
    found = torch.autograd.grad(loss, list(parameters.values()))
    for (name, value), gradient in zip(parameters.items(), found):
        shape = value.shape if value.dim() == 2 else (1, value.shape[0])
        out[name] = value.detach().reshape(shape).contiguous()
        out[f"gradient.{name}"] = gradient.reshape(shape).contiguous()
    save(options.out / "ke.safetensors", out, {"layers": list(range(LAYERS))})


if __name__ == "__main__":
    main()
