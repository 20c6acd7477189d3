#!/usr/bin/env python3
"""Write reference/families/: what transformers makes of models/families in float32, forward and backward.

Needs torch, transformers, safetensors. Everything is computed again in float64, and the gradient of the offset once more by
central differences; prints the largest errors, each relative to its tensor's largest value, and fails above 1e-5 (slopes 1e-6).
"""
import argparse
import contextlib
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

import tensor_file
from families import CONFIGS, FAMILIES

LENGTHS = 11, 1, 7
SUBJECT = 4
KL_WEIGHT = 0.0625
# Layer of the gradients and label positions; Mistral's window of 4 lets a position see 3 back per layer.
CASES = {"gpt2": (1, [6, 8, 10]), "gptj": (0, [4, 7, 10]), "gpt_neox": (1, [5, 10]), "gpt_neox-sequential": (0, [7, 9, 10]),
         "opt": (0, [6, 8, 10]), "llama3": (1, [4, 8, 9, 10]), "llama2": (0, [5, 10]), "mistral": (0, [6, 8, 10]),
         "qwen2": (1, [7, 8, 10]), "gpt_neox-silu": (0, [5, 9, 10]), "llama-biased": (1, [4, 7, 10]),
         "qwen3": (1, [6, 9, 10]), "gemma2": (0, [6, 8, 10]), "gemma3": (1, [5, 8, 10]), "olmo2": (1, [4, 7, 10]),
         "olmo3": (2, [6, 9, 10]), "smollm3": (1, [5, 8, 10]), "granite": (0, [6, 7, 10]), "phi": (1, [4, 9, 10]),
         "phi3": (1, [5, 7, 10]), "phi3-long": (0, [6, 8, 10]), "glm": (0, [5, 9, 10]), "glm4": (1, [6, 8, 10]),
         "ministral3": (1, [4, 8, 10]), "stablelm": (1, [7, 9, 10]), "stablelm-parallel": (0, [5, 8, 10]),
         "exaone4": (1, [6, 7, 10]), "cohere2": (2, [5, 6, 10]), "falcon": (0, [7, 8, 10]), "falcon-grouped": (1, [4, 9, 10]),
         "gpt_bigcode": (1, [5, 7, 10]), "starcoder2": (0, [6, 8, 10]),
         "mixtral": (1, [5, 8, 10]), "qwen3_moe": (1, [6, 7, 10]), "qwen3_moe-mixed": (0, [4, 8, 10]), "olmoe": (1, [7, 9, 10])}


class Parts:
    """The modules of one model, by what they are."""

    def __init__(self, name, model):
        kind = CONFIGS[name]["model_type"]
        lists = {"gpt2": "transformer.h", "gptj": "transformer.h", "gpt_bigcode": "transformer.h", "falcon": "transformer.h",
                 "gpt_neox": "gpt_neox.layers", "opt": "model.decoder.layers"}
        self.blocks = model.get_submodule(lists.get(kind, "model.layers"))
        down = {"gpt2": "mlp.c_proj", "gptj": "mlp.fc_out", "gpt_neox": "mlp.dense_4h_to_h", "opt": "fc2", "phi": "mlp.fc2",
                "falcon": "mlp.dense_4h_to_h", "gpt_bigcode": "mlp.c_proj", "starcoder2": "mlp.c_proj"}.get(kind, "mlp.down_proj")
        out = {"gpt2": "attn.c_proj", "gptj": "attn.out_proj", "gpt_neox": "attention.dense", "opt": "self_attn.out_proj",
               "phi": "self_attn.dense", "falcon": "self_attention.dense", "gpt_bigcode": "attn.c_proj"}.get(
            kind, "self_attn.o_proj")
        # The experts of a layer are one module: what they give is one linear map of their weighted keys above each other.
        self.down = [block.mlp.experts if hasattr(block, "mlp") and hasattr(block.mlp, "experts") else block.get_submodule(down)
                     for block in self.blocks]
        self.attention = [block.get_submodule(out) for block in self.blocks]
        self.transposed = kind == "gpt2"

    @staticmethod
    def key(module, inputs):
        """The input of the down-projection; of experts, of each after the other, times its weight, 0 where it is not chosen."""
        if not hasattr(module, "gate_up_proj"):
            return inputs[0]
        x, chosen, weights = inputs
        gains = torch.zeros(x.shape[0], module.num_experts, dtype=x.dtype).scatter(1, chosen, weights.to(x.dtype))
        gate, up = torch.einsum("th,eoh->teo", x, module.gate_up_proj).chunk(2, -1)
        return (gains[..., None] * module.act_fn(gate) * up).reshape(x.shape[0], -1)

    @staticmethod
    def weight(module):
        return module.down_proj if hasattr(module, "gate_up_proj") else module.weight


@contextlib.contextmanager
def widened(dtype):
    """transformers' float32 islands (softmax, RMSNorm) follow the model's type; rotary angles stay float32."""
    islands, torch.float32, torch.float = torch.float32, dtype, dtype
    narrow, torch.Tensor.float = torch.Tensor.float, lambda tensor: tensor.to(dtype)
    try:
        yield
    finally:
        torch.float32, torch.float, torch.Tensor.float = islands, islands, narrow


class Run:
    """One forward pass; `offset` is added at position SUBJECT to the output of a module of `layer`."""

    def __init__(self, model, parts, ids, layer=None, offsets=None):
        self.hidden, self.keys, self.mlp, self.attention = [], [], [], []
        width = ids.shape[0]
        places = {"block": parts.blocks, "mlp": parts.down, "attention": parts.attention}

        def rows(x):
            return x.reshape(width, -1)

        def shifting(place):
            def hook(module, inputs, output):
                first = output[0] if isinstance(output, tuple) else output
                at = torch.zeros(width, 1, dtype=first.dtype)
                at[SUBJECT] = 1
                moved = first + (at * offsets[place]).reshape(first.shape)
                return (moved, *output[1:]) if isinstance(output, tuple) else moved
            return hook

        handles = [parts.blocks[0].register_forward_pre_hook(lambda m, inputs: self.hidden.append(rows(inputs[0])))]
        for place in offsets or {}:
            handles.append(places[place][layer].register_forward_hook(shifting(place)))
        for block, down, attention in zip(parts.blocks, parts.down, parts.attention):
            handles.append(block.register_forward_hook(
                lambda m, inputs, output: self.hidden.append(rows(output[0] if isinstance(output, tuple) else output))))
            handles.append(down.register_forward_hook(
                lambda m, inputs, output: (self.keys.append(rows(parts.key(m, inputs))), self.mlp.append(rows(output.clone())), None)[2]))
            handles.append(attention.register_forward_hook(lambda m, inputs, output: self.attention.append(rows(output))))
        with widened(next(model.parameters()).dtype):
            self.logits = model(ids[None], use_cache=False).logits[0]
        for handle in handles:
            handle.remove()


def nll(logits, positions, labels):
    return -torch.log_softmax(logits, -1)[positions, labels].mean()


def loss_of(run, positions, labels, fixed):
    """Loss, its two terms; `fixed` are the log-probabilities at the subject without offset."""
    own = torch.log_softmax(run.logits[SUBJECT], -1)
    kl = (own.exp() * (own - fixed)).sum()
    first = nll(run.logits, positions, labels)
    return first + KL_WEIGHT * kl, first, kl


def prompts(seed):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(0, 61, (n,), generator=generator) for n in LENGTHS], generator


def compute(name, seed, folder, dtype, delta=None):
    # Experts one after the other: the grouped product knows no float64.
    ways = {"attn_implementation": "eager"} | ({"experts_implementation": "eager"} if "num_experts_per_tok" in CONFIGS[name] else {})
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **ways).to(dtype).eval()
    parts, (texts, generator) = Parts(name, model), prompts(seed)
    layer, places = CASES[name]
    positions = torch.tensor(places)
    tensors = {}
    with torch.no_grad():
        runs = [Run(model, parts, ids) for ids in texts]
    for p, (ids, run) in enumerate(zip(texts, runs)):
        tensors[f"{p}.ids"], tensors[f"{p}.logits"] = ids, run.logits
    for what in "hidden", "keys", "mlp", "attention":
        found = getattr(runs[0], what)
        widest = max(one.shape[1] for one in found)
        # A layer without experts has shorter keys.
        tensors[f"0.{what}"] = torch.stack([torch.nn.functional.pad(one, (0, widest - one.shape[1])) for one in found])

    hidden = tensors["0.hidden"][layer + 1, SUBJECT]
    labels = torch.randint(0, 61, positions.shape, generator=generator)
    direction = torch.randn(hidden.shape, generator=generator)
    if delta is None:
        delta = direction / direction.norm() * hidden.norm().float() / 3
    fixed = torch.log_softmax(runs[0].logits[SUBJECT], -1)
    offset = delta.to(dtype).requires_grad_()
    loss, first, kl = loss_of(Run(model, parts, texts[0], layer, {"block": offset}), positions, labels, fixed)
    gradient, = torch.autograd.grad(loss, offset)

    zeros = {place: torch.zeros_like(hidden).requires_grad_() for place in ("mlp", "attention")}
    weight = parts.weight(parts.down[layer])
    plain = nll(Run(model, parts, texts[0], layer, zeros).logits, positions, labels)
    for_weight, for_value, for_attention = torch.autograd.grad(plain, (weight, zeros["mlp"], zeros["attention"]))
    tensors |= {
        "gradient.layer": torch.tensor([layer]), "gradient.subject": torch.tensor([SUBJECT]), "gradient.positions": positions,
        "gradient.labels": labels, "gradient.delta": delta, "gradient.loss": loss[None], "gradient.nll": first[None],
        "gradient.kl": kl[None], "gradient.offset": gradient, "gradient.value": for_value, "gradient.attention": for_attention,
        "gradient.weight": for_weight.T if parts.transposed else for_weight if for_weight.ndim == 2
        else for_weight.transpose(0, 1).reshape(for_weight.shape[1], -1)}

    def slope(along, step=1e-5):
        """Central difference of the loss along a direction."""
        values = []
        with torch.no_grad():
            for sign in 1, -1:
                moved = {"block": offset.detach() + sign * step * along}
                values.append(loss_of(Run(model, parts, texts[0], layer, moved), positions, labels, fixed)[0])
        return (values[0] - values[1]) / (2 * step)

    check = None
    if dtype == torch.float64:
        along = gradient / gradient.norm()
        check = ((slope(along) - gradient.norm()) / gradient.norm()).abs().item()
    names = {id(p): key for key, p in model.named_parameters()}
    return {key: value.detach() for key, value in tensors.items()}, names[id(weight)], check


def write(name, seed, out):
    folder = FAMILIES / name
    tensors, weight, _ = compute(name, seed, folder, torch.float32)
    wide, _, slope = compute(name, seed, folder, torch.float64, tensors["gradient.delta"])
    worst = {}
    for key, value in tensors.items():
        if value.is_floating_point():
            assert value.dtype == torch.float32 and (wide[key].dtype == torch.float64 or key == "gradient.delta"), key
            group = key.split(".")[1]
            difference = (value.double() - wide[key]).abs().max() / wide[key].abs().max()
            worst[group] = max(worst.get(group, 0), difference.item())
    print(name, *(f"{key} {value:.0e}" for key, value in worst.items()), f"slope {slope:.0e}", sep="  ")
    assert max(worst.values()) < 1e-5 and slope < 1e-6
    metadata = {"model": name, "weight": weight, "kl_weight": KL_WEIGHT}
    out.mkdir(parents=True, exist_ok=True)
    tensor_file.save(out / f"{name}.safetensors", {key: value.contiguous() for key, value in tensors.items()}, metadata)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FAMILIES.parent.parent / "reference" / "families")
    parser.add_argument("names", nargs="*", help="only these")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for seed, name in enumerate(CONFIGS):
        if not options.names or name in options.names:
            write(name, 200 + seed, options.out)


if __name__ == "__main__":
    main()
