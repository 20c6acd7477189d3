"""The other side of network.py: torch with transformers, and the models that both run.

    network_peer.py make FOLDER llama|gpt2 F32|BF16 [--quick]
    network_peer.py serve FOLDER THREADS [native]        one job a line, as Benchmarks/Network/main.swift

Weights are turned to float32 before the first job unless `native`: then they stay as stored, and so does the arithmetic.
"""
import json, sys, time

SEQUENCES, POSITIONS = 8, 256
FACTS, CONTEXTS, PROMPT, SUBJECT, TARGETS, EDITED = 8, 6, 20, 12, 3, 1
DECODE_PROMPT, DECODED = 4, 32


def make(folder, shape, kind, quick=False):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
    torch.manual_seed(1)
    width, inner, vocabulary = (512, 1408, 4000) if quick else (2048, 5632, 32000)
    if shape == "llama":
        model = LlamaForCausalLM(LlamaConfig(
            hidden_size=width, intermediate_size=inner, num_hidden_layers=4, num_attention_heads=16,
            num_key_value_heads=4, vocab_size=vocabulary, tie_word_embeddings=False, max_position_embeddings=1024))
    else:
        model = GPT2LMHeadModel(GPT2Config(n_embd=width, n_layer=4, n_head=16, vocab_size=vocabulary))
    model.to(torch.bfloat16 if kind == "BF16" else torch.float32).save_pretrained(folder)


def serve(folder, threads, native):
    import torch
    from transformers import AutoModelForCausalLM
    torch.set_num_threads(threads)
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype="auto" if native else torch.float32, attn_implementation="sdpa").eval()
    model.requires_grad_(False)
    vocabulary = model.config.vocab_size
    blocks = model.model.layers if hasattr(model, "model") else model.transformer.h

    def tokens(sequences, positions):
        return torch.tensor([[(1 + s * 7919 + p * 104729) % vocabulary for p in range(positions)]
                             for s in range(sequences)])

    def forward():
        """All positions through all blocks; the head for the last one only."""
        ids = tokens(SEQUENCES, POSITIONS)

        def job():
            with torch.no_grad():
                logits = model(ids, use_cache=False, logits_to_keep=1).logits
            return float(logits[0, -1].float().log_softmax(-1)[0])
        return job

    def step():
        """As in the reference editors: the whole model over whole sequences, logits everywhere, the offset by a hook."""
        ids = tokens(FACTS * CONTEXTS, PROMPT)
        offsets = torch.full((FACTS * CONTEXTS, model.config.hidden_size), 0.01, requires_grad=True)
        ends = torch.arange(PROMPT - TARGETS, PROMPT)
        labels = torch.tensor([(1 + i * 7919 + 104729) % vocabulary for i in range(FACTS * CONTEXTS * TARGETS)])
        with torch.no_grad():
            before = model(ids[::CONTEXTS], use_cache=False).logits[:, SUBJECT].float().log_softmax(-1)

        def hook(_, __, output):
            hidden = output[0] if isinstance(output, tuple) else output
            hidden = hidden.clone()
            hidden[:, SUBJECT] += offsets.to(hidden.dtype)
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

        def job():
            handle = blocks[EDITED].register_forward_hook(hook)
            try:
                offsets.grad = None
                logs = model(ids, use_cache=False).logits.float().log_softmax(-1)
                wanted = logs[:, ends].reshape(-1, vocabulary).gather(1, labels[:, None])
                after = logs[::CONTEXTS, SUBJECT]
                divergence = (after.exp() * (after - before)).sum()
                (-wanted.sum() / (TARGETS * CONTEXTS) + 0.0625 * divergence).backward()
                return float(offsets.grad.double().norm())
            finally:
                handle.remove()
        return job

    def decode(sequences):
        ids = tokens(sequences, DECODE_PROMPT)

        def job():
            new, past, total = ids, None, 0
            with torch.no_grad():
                for _ in range(DECODED):
                    output = model(new, past_key_values=past, use_cache=True, logits_to_keep=1)
                    past, new = output.past_key_values, output.logits[:, -1].argmax(-1, keepdim=True)
                    total += int(new.sum())
            return total
        return job

    def sgemm():
        a = torch.rand(2048, 2048)
        return lambda: float((a @ a)[0, 0]) * 0

    jobs = {"forward": forward(), "step": step(), "decode 1": decode(1), "decode 8": decode(8), "sgemm": sgemm()}
    for line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        result = jobs[line.strip()]()
        print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "result": result}),
              flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(*sys.argv[2:5], quick="--quick" in sys.argv)
    else:
        serve(sys.argv[2], int(sys.argv[3]), "native" in sys.argv)
