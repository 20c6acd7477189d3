#!/usr/bin/env python3
"""Write <name>.mend.safetensors: MEND's loss through an edit in plain PyTorch, by autograd.

The editor has random numbers (rank 4, layers 1 to 3 of 4) and its equations as published, with the update subtracted; and once more with a second step
that is not cut at zero (`linear.*`). For the first fact of the
world, the second as a paraphrase's stand-in and the third as a neighbor's:
- `norms` F32 [2, D], the eleven matrices of Formats/editor.md, and `gradient.*`: of 0.1 · mean −log p(target | second; W + Δ) +
  mean KL(p_W ‖ p_{W+Δ}) at the third's targets;
- `loss` F32 [1, 2]: both terms without weights; `linear.loss` and `linear.gradient.*`: the same of the other form;
- `identity.<layer>` F32 [rows, keyWidth]: the first four rows of autograd's gradient by the weight, of the first fact's loss.
"""

import torch
import torch.nn.functional as F

import reference_edit
from language_model import golden_options
from methods import features, loss, text
from tensor_file import save

LAYERS, RANK = [1, 2, 3], 4


def target_rows(lm, fact, logits):
    head, target = text(lm, fact)
    return logits[len(head) - 1:len(head) - 1 + len(target)], torch.tensor(target)


def edited_logits(lm, fact, updates):
    """Logits of prompt and target with W + Δ in some layers."""
    handles = []
    for layer, update in updates.items():
        handles.append(lm.projection(layer).register_forward_hook(
            lambda _, inputs, output, update=update: output + inputs[0] @ update.T))
    head, target = text(lm, fact)
    logits = lm.forward([head + target[:-1]])[0]
    for handle in handles:
        handle.remove()
    return logits


def updates(keys, gradients, mean, deviation, parameters, cut):
    """The update of each layer; the first `cut` steps are cut at zero."""
    d, out = keys[LAYERS[0]].shape[1], {}
    for index, layer in enumerate(LAYERS):
        kept = (keys[layer] != 0).any(1) & (gradients[layer] != 0).any(1)
        h = (torch.cat([keys[layer][kept], gradients[layer][kept]], 1) - mean) / (deviation + 1e-7)
        for step in range(2):
            u, v, b, s, c = parameters[5 * step:5 * step + 5]
            added = s[index] * (h @ v.T @ u.T + b) + c[index]
            h = h + (torch.relu(added) if step < cut else added)
        out[layer] = -parameters[10][0, index].exp() * h[:, d:].T @ h[:, :d]
    return out


def losses(lm, facts, updates):
    """Both terms, without weights."""
    rows, targets = target_rows(lm, facts[1], edited_logits(lm, facts[1], updates))
    after, _ = target_rows(lm, facts[2], edited_logits(lm, facts[2], updates))
    before, _ = target_rows(lm, facts[2], edited_logits(lm, facts[2], {}))
    local = F.kl_div(after.log_softmax(-1), before.log_softmax(-1), log_target=True, reduction="none").sum(-1).mean()
    return F.cross_entropy(rows, targets), local


def main():
    lm, name, records, out_folder = golden_options(__doc__)
    facts = [reference_edit.fact(r) for r in records[:3]]
    keys, gradients = features(lm, facts[:1], LAYERS)
    out = {}
    for layer in LAYERS:
        weight = lm.projection(layer).weight
        weight.requires_grad_()
        head, target = text(lm, facts[0])
        whole = torch.autograd.grad(loss(lm, facts[0], lm.forward([head + target[:-1]])[0]), weight)[0]
        weight.requires_grad_(False)
        out[f"identity.{layer}"] = (whole.T if lm.transposed else whole)[:4].contiguous()
    d, o = keys[1].shape[1], gradients[1].shape[1]
    width = d + o
    generator = torch.Generator().manual_seed(1)
    draw = lambda *shape, scale=1.0: torch.randn(*shape, generator=generator) * scale
    mean = torch.cat([keys[1].mean(0), gradients[1].mean(0)])
    # Three layers' and few tokens' deviations would be small where a few numbers agree.
    deviation = torch.cat([part.std(0) + 0.5 * part.std() for part in (keys[1], gradients[1])])
    parameters = []
    for _ in range(2):
        parameters += [draw(width, RANK, scale=0.1), draw(RANK, width, scale=0.2), draw(1, width, scale=0.1),
                       1 + draw(len(LAYERS), width, scale=0.2), draw(len(LAYERS), width, scale=0.1)]
    parameters.append(draw(1, len(LAYERS), scale=0.1) - 6)
    parameters = [p.requires_grad_() for p in parameters]
    names = [f"{step}.{kind}" for step in (1, 2) for kind in "UVbsc"] + ["rates"]
    for form, cut in (("", 2), ("linear.", 1)):
        edit, local = losses(lm, facts, updates(keys, gradients, mean, deviation, parameters, cut))
        total = torch.autograd.grad(0.1 * edit + local, parameters)
        out |= {f"{form}gradient.{n}": g.contiguous() for n, g in zip(names, total)}
        out[f"{form}loss"] = torch.stack([edit, local]).detach()[None]
    out |= {n: p.detach().contiguous() for n, p in zip(names, parameters)}
    out["norms"] = torch.stack([mean, deviation]).contiguous()
    save(out_folder / f"{name}.mend.safetensors", out, {"layers": LAYERS})


if __name__ == "__main__":
    main()
