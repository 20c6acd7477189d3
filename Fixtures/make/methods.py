#!/usr/bin/env python3
"""Write <name>.methods.safetensors: UltraEdit, FT-L and PMET's values in plain PyTorch, by autograd through the whole model.

For the first facts of the world, without contexts but for PMET's values:
- `ultraedit.effects.<layer>` F32 [tokens, width]: the update on the keys of all tokens of prompt and target but the last, in the
  order of the facts; the update is a combination of these keys, so nothing of it is lost. `ultraedit.norms` F32 [1, layers]:
  its norms. `ultraedit.second.effects.<layer>`: the same for the next facts, with the statistics of both batches.
- `ft.losses` F32 [steps, facts]: losses before each pass; `ft.effect` F32 [tokens, width]: the change of the weight after the last
  one, on the same keys of its layer; `ft.gradient` F32 [tokens, width]: the first gradient, on these keys.
- `pmet.losses` F32 [facts, steps], NaN after a fact is done; `pmet.starts`, `pmet.values` F32 [facts, width].
"""
import argparse
import json
from pathlib import Path

import torch
import torch.nn.functional as F

import reference_edit
from language_model import LanguageModel
from tensor_file import save

FACTS, STEPS = 2, 5


def text(lm, fact):
    """Token ids of the prompt and of the target after it."""
    prompt = fact["prompt"].replace("{}", fact["subject"])
    head = lm.ids(prompt)
    return head, lm.ids(f"{prompt} {fact['target']}")[len(head):]


def loss(lm, fact, logits):
    head, target = text(lm, fact)
    return -torch.stack([F.log_softmax(logits[len(head) - 1 + j], -1)[t] for j, t in enumerate(target)]).mean()


def features(lm, facts, layers):
    """Per layer keys [tokens, inputWidth] and gradients by the projection's output [tokens, width]."""
    keys, gradients = {l: [] for l in layers}, {l: [] for l in layers}
    for fact in facts:
        head, target = text(lm, fact)
        kept, handles = {}, []
        for layer in layers:
            def hook(_, inputs, output, layer=layer, kept=kept):
                output = output if output.requires_grad else output.detach().requires_grad_()
                output.retain_grad()
                kept[layer] = inputs[0].detach()[0], output
                return output
            handles.append(lm.projection(layer).register_forward_hook(hook))
        loss(lm, fact, lm.forward([head + target[:-1]])[0]).backward()
        for handle in handles:
            handle.remove()
        for layer in layers:
            keys[layer].append(kept[layer][0])
            gradients[layer].append(kept[layer][1].grad[0])
    return {l: torch.cat(keys[l]) for l in layers}, {l: torch.cat(gradients[l]) for l in layers}


def ultraedit(lm, facts, layers, rate, seen):
    """Updates by layer (float64) and the keys; `seen`, features of earlier batches, is added to."""
    keys, gradients = features(lm, facts, layers)
    seen += [torch.cat([keys[l], gradients[l]], 1).double() for l in layers]
    mean, deviation = torch.cat(seen).mean(0), torch.cat(seen).std(0)
    updates = {}
    for layer in layers:
        h = keys[layer].double()
        normed = (torch.cat([h, gradients[layer].double()], 1) - mean) / deviation
        size = normed[:, :h.shape[1]].square().sum(1, keepdim=True)
        wanted = -rate * size * normed[:, h.shape[1]:]
        updates[layer] = torch.linalg.solve(h.T @ h + torch.eye(h.shape[1], dtype=h.dtype), h.T @ wanted).T
    return updates, keys


def fine_tune(lm, facts, layer, rate, bound, steps):
    """Losses of each step, the first gradient and the change of the weight [outputWidth, inputWidth]."""
    weight = lm.projection(layer).weight
    start = weight.detach().clone()
    weight.requires_grad_()
    optimizer, curve, first = torch.optim.Adam([weight], rate), [], None
    for _ in range(steps):
        losses = torch.stack([loss(lm, f, lm.forward([[*text(lm, f)[0], *text(lm, f)[1]]])[0]) for f in facts])
        curve.append(losses.detach())
        optimizer.zero_grad()
        losses.mean().backward()
        first = weight.grad.clone() if first is None else first
        optimizer.step()
        with torch.no_grad():
            weight.copy_(weight.clamp(start - bound, start + bound))
    weight.requires_grad_(False)
    change = weight.detach() - start
    weight.data.copy_(start)
    turn = (lambda m: m.T) if lm.transposed else (lambda m: m)
    return torch.stack(curve), turn(first), turn(change)


def pmet_value(lm, fact, contexts, layer, settings):
    """Two offsets, on the outputs of attention and of the feed-forward; the wanted output of the latter."""
    block = lm.blocks[layer]
    modules = [block.mlp, block.attn.c_proj if lm.transposed else block.self_attn.o_proj]
    rows, positions = reference_edit.inputs(lm, fact, contexts)
    target = text(lm, fact)[1]
    first = [len(row) - 1 for row in rows]
    rows = [row + target[:-1] for row in rows] + [lm.ids(fact["subject"] + " is a")]
    positions = positions + [lm.subject_last(fact["subject"], fact["subject"])]
    starts = [lm.record(rows, m)[0, positions[0]].clone() for m in modules]
    offsets = [torch.zeros_like(s, requires_grad=True) for s in starts]
    handles = []
    for module, offset in zip(modules, offsets):
        def hook(_, __, output, offset=offset):
            hidden = (output[0] if isinstance(output, tuple) else output).clone()
            hidden[range(len(rows)), positions] += offset
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden
        handles.append(module.register_forward_hook(hook))
    optimizer, unedited, factor, curve = torch.optim.Adam(offsets, settings["learning_rate"]), None, 1.0, []
    for step in range(settings["steps"]):
        logits = F.log_softmax(lm.forward(rows), -1)
        said = torch.stack([logits[i, first[i] + j] for i in range(len(first)) for j in range(len(target))])
        wanted = torch.tensor(target * len(first))
        nll = -said.gather(1, wanted[:, None]).mean()
        essence = logits[-1, positions[-1]]
        unedited = essence.detach() if unedited is None else unedited
        kl = settings["kl_weight"] * (essence.exp() * (essence - unedited)).sum()
        decay = settings["weight_decay"] * sum(o.norm() / s.norm() ** 2 for o, s in zip(offsets, starts))
        total = factor * nll + kl + decay
        curve.append(total.item())
        if total < 0.05:
            break
        factor = 1.0
        if (said.argmax(-1) == wanted).all():
            factor = 0.1
            if kl <= 0.01:
                break
        if step == settings["steps"] - 1:
            break
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        with torch.no_grad():
            for o, s in zip(offsets, starts):
                o *= min(1, settings["clamp"] * s.norm() / o.norm())
    for handle in handles:
        handle.remove()
    return starts[0], (starts[0] + offsets[0]).detach(), curve


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--contexts", type=Path, required=True)
    parser.add_argument("--layers", default="1,2")
    parser.add_argument("--rate", type=float, default=1e-3, help="of UltraEdit")
    parser.add_argument("--training-rate", type=float, default=1e-3)
    parser.add_argument("--bound", type=float, default=1e-2)
    parser.add_argument("--clamp", type=float, required=True, help="of PMET's values")
    parser.add_argument("--learning-rate", type=float, required=True, help="of PMET's values")
    parser.add_argument("--steps", type=int, default=12, help="of PMET's values")
    parser.add_argument("--out", type=Path, required=True, help="folder")
    options = parser.parse_args()
    torch.set_num_threads(1)
    lm, name = LanguageModel.load(options.model), options.model.name
    facts = [reference_edit.fact(r) for r in json.loads(options.facts.read_text())[:2 * FACTS]]
    contexts = json.loads(options.contexts.read_text())
    layers = [int(l) for l in options.layers.split(",")]
    settings = {**reference_edit.SETTINGS, "kl_weight": 1.0, "steps": options.steps, "clamp": options.clamp,
                "learning_rate": options.learning_rate}
    tensors, seen = {}, []
    for prefix, part in (("ultraedit", facts[:FACTS]), ("ultraedit.second", facts[FACTS:])):
        updates, keys = ultraedit(lm, part, layers, options.rate, seen)
        for layer in layers:
            tensors[f"{prefix}.effects.{layer}"] = (keys[layer].double() @ updates[layer].T).float()
        tensors[f"{prefix}.norms"] = torch.tensor([[updates[l].norm() for l in layers]])
    layer = layers[-1]
    keys = features(lm, facts[:FACTS], [layer])[0][layer]
    curve, gradient, change = fine_tune(lm, facts[:FACTS], layer, options.training_rate, options.bound, STEPS)
    tensors |= {"ft.losses": curve, "ft.gradient": keys @ gradient.T, "ft.effect": keys @ change.T}
    print("ft", curve.mean(1))
    found = [pmet_value(lm, f, contexts, layer, settings) for f in facts[:FACTS]]
    nothing = float("nan")
    tensors["pmet.losses"] = torch.tensor([c + [nothing] * (options.steps - len(c)) for _, _, c in found])
    tensors["pmet.starts"] = torch.stack([s for s, _, _ in found])
    tensors["pmet.values"] = torch.stack([v for _, v, _ in found])
    print("pmet", tensors["pmet.losses"])
    save(options.out / f"{name}.methods.safetensors", {k: v.contiguous() for k, v in tensors.items()},
         {"layers": layers, "rate": options.rate, "training_rate": options.training_rate, "bound": options.bound,
          "settings": settings, "facts": facts, "contexts": contexts})


if __name__ == "__main__":
    main()
