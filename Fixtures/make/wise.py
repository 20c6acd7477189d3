#!/usr/bin/env python3
"""Write <name>.wise.safetensors: a side weight's activations and WISE's loss with its gradient, in plain PyTorch by autograd through the whole model.

Facts 0 and 1 of the world with their own prompts, facts 2, 3 and 4 as others, layer 2, Δ = left · right with random factors of rank 3, and s the
mean length of the layer's outputs at all tokens of the other prompts:
- `left` F32 [width, 3], `right` F32 [3, keyWidth], `length` F32 [1, 1]: s;
- `activations` F32 [5, 1]: of each prompt max ‖Δ k‖ over its tokens but the first;
- `loss` F32 [1, 2]: mean −log p of the targets, each the mean over its tokens, where Δ k is added at every token; and the margins of the activations in
  units of s / 20: mean⁺(out − in + 10) over all pairs, mean⁺(out − 5) and mean⁺(20 − in), where mean⁺ is the mean over those above zero;
- `gradient` F32 [width, 3]: of the sum of both by left.
"""

import torch

import reference_edit
from language_model import golden_options
from methods import text
from tensor_file import save

LAYER, RANK = 2, 3


def activation(keys, left, right):
    return (keys[min(1, len(keys) - 1):] @ right.T @ left.T).norm(dim=1).max()


def mean_positive(values):
    values = values[values > 0]
    return values.mean() if len(values) else values.sum()


def main():
    lm, name, records, out_folder = golden_options(__doc__)
    facts = [reference_edit.fact(r) for r in records[:5]]
    prompts, targets = zip(*(text(lm, fact) for fact in facts))
    projection = lm.projection(LAYER)
    keys, outputs = ([found[i, :len(p)] for i, p in enumerate(prompts)] for found in
                     (lm.record(prompts, projection, take=take) for take in ("input", "output")))
    length = torch.cat(outputs[2:]).norm(dim=1).mean()
    generator = torch.Generator().manual_seed(7)
    right = torch.randn(RANK, keys[0].shape[1], generator=generator)
    right /= (torch.cat(keys) @ right.T).norm(dim=1).max()
    left = (torch.randn(outputs[0].shape[1], RANK, generator=generator) * length * 0.1).requires_grad_()
    activations = torch.stack([activation(k, left, right) for k in keys])
    own, others = (activations / (length / 20)).split([2, 3])
    margins = (mean_positive((others[None] - own[:, None] + 10).flatten()) + mean_positive(others - 5) + mean_positive(20 - own))

    handle = projection.register_forward_hook(lambda _, inputs, output: output + inputs[0] @ right.T @ left.T)
    losses = []
    for prompt, target in zip(prompts[:2], targets[:2]):
        logits = lm.forward([prompt + target[:-1]])[0, len(prompt) - 1:]
        losses.append(torch.nn.functional.cross_entropy(logits, torch.tensor(target)))
    handle.remove()
    loss = torch.stack(losses).mean()
    (loss + margins).backward()
    print(name, loss.item(), margins.item(), activations.tolist(), length.item())
    save(out_folder / f"{name}.wise.safetensors",
         {"left": left.detach(), "right": right, "length": length.reshape(1, 1), "activations": activations.detach().reshape(-1, 1),
          "loss": torch.stack([loss, margins]).detach().reshape(1, 2), "gradient": left.grad}, {"model": name, "layer": LAYER})


if __name__ == "__main__":
    main()
