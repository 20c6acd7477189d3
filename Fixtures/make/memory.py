#!/usr/bin/env python3
"""Write <name>.memory.safetensors: what routes of memories read of a model, and the loss of SERAC's classifier, in plain PyTorch.

- `states` F32 [5, 2 · width]: of the first five facts' prompts, the means over the tokens of x / √(mean x²) of what enters blocks 0 and 2;
- `embeddings` F32 [5, 2 · width]: less their mean, of length one;
- `scope.head` F32 [3, 2 · width], random, and for pairs of a fact and a prompt, (0, 1) and (1, 0) within its scope, (0, 2), (1, 2) and (2, 3) outside,
  with d² = ‖head (state − mean) of the one and of the other, apart‖²: `scope.loss` F32 [1, 1], half the mean of d² within and half that of
  −log(1 − exp(−d²)) outside, and `scope.gradient` of it by the head, by autograd.
"""

import torch

import reference_edit
from language_model import golden_options
from tensor_file import save

LAYERS, WITHIN, OUTSIDE = [0, 2], [(0, 1), (1, 0)], [(0, 2), (1, 2), (2, 3)]


def state(lm, text):
    """One layer's mean behind the other's."""
    with torch.no_grad():
        hidden = lm.model(torch.tensor([lm.ids(text)]), use_cache=False, output_hidden_states=True).hidden_states
    # A token that stands for no bytes of the text is the model's own.
    own = [place for place, (start, end) in enumerate(lm.tokenizer.encode(text).offsets) if end > start]
    rows = [hidden[layer][0, own] for layer in LAYERS]
    return torch.cat([(x / x.pow(2).mean(-1, keepdim=True).sqrt()).mean(0) for x in rows])


def main():
    lm, name, records, out_folder = golden_options(__doc__)
    facts = [reference_edit.fact(r) for r in records[:5]]
    states = torch.stack([state(lm, f["prompt"].replace("{}", f["subject"])) for f in facts])
    less = states - states.mean(0)
    head = (torch.randn(3, states.shape[1], generator=torch.Generator().manual_seed(1)) * 0.2).requires_grad_()
    apart = lambda pairs: torch.stack([((less[a] - less[b]) @ head.T).pow(2).sum() for a, b in pairs])
    loss = 0.5 * apart(WITHIN).mean() - 0.5 * torch.log(-torch.expm1(-apart(OUTSIDE))).mean()
    loss.backward()
    save(out_folder / f"{name}.memory.safetensors",
         {"states": states, "embeddings": less / less.norm(dim=1, keepdim=True), "scope.head": head.detach(),
          "scope.loss": loss.detach().reshape(1, 1), "scope.gradient": head.grad}, {"model": name})


if __name__ == "__main__":
    main()
