"""What others do for the same result, with torch and safetensors.

    python3 peers.py nothing                                only the imports
    python3 peers.py apply MODEL FACTORS OUT [THREADS]      load, W += (U @ V).to(type), save
    python3 peers.py solve STATISTICS KEYS                  prints the processor seconds of the reference's formulas
"""
import json, sys, time
import torch
from safetensors.torch import load_file, save_file


def apply(model, factors, out, threads=None):
    if threads:
        torch.set_num_threads(int(threads))
    tensors, factors = load_file(model), load_file(factors)
    for name in {key.rsplit(".", 1)[0] for key in factors}:
        weight = tensors[name]
        weight += (factors[name + ".left"] @ factors[name + ".right"]).to(weight.dtype)
    save_file(tensors, out)


def solve(statistics, keys):
    """MEMIT's adjusted keys as the reference computes them: float64, (λC + K Kᵀ)⁻¹ K, everything for every batch."""
    torch.set_num_threads(1)
    statistics, keys = load_file(statistics), load_file(keys)
    name = next(key for key in keys if key.endswith(".keys"))[:-5]
    total, count = statistics[name + ".second_moment_sum"], statistics[name + ".token_count"].item()
    k = keys[name + ".keys"].T.double()

    def reference():
        return torch.linalg.solve(15000 * (total / count).double() + k @ k.T, k)

    def inverse():
        return torch.inverse((total / count).double())

    seconds = {}
    for work in (reference, inverse):
        start = time.process_time()
        work()
        seconds[work.__name__] = time.process_time() - start
    print(json.dumps(seconds))


if __name__ == "__main__":
    {"nothing": lambda: None, "apply": apply, "solve": solve}[sys.argv[1]](*sys.argv[2:])
