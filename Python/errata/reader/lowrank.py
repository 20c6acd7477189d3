"""Low-rank and scaled changes, written from patch.md alone; docstrings name the sections "Arithmetic" and "Revert"."""
import numpy as np
from .model import need

# Stored bits, the same as a binary type of numpy's, +infinity.
TYPES = {"F64": ("<u8", "<f8", 0x7FF << 52), "F32": ("<u4", "<f4", 0xFF << 23),
         "F16": ("<u2", "<f2", 0x7C00), "BF16": ("<u2", None, 0x7F80)}


class Function:
    """Arithmetic: what becomes of each element of one tensor; b are elements as arrays of their bits."""
    def __init__(self, t):
        self.kind, (self.bits, self.binary, infinity) = t["elementType"], TYPES[t["elementType"]]
        self.infinity, self.sign = np.array([infinity, 1 << 8 * np.dtype(self.bits).itemsize - 1], self.bits)

    def widen(self, b):
        """Bits as binary64 (F64) or binary32, exactly."""
        if self.kind == "BF16":
            return (b.astype("u4") << 16).view("f4")
        return b.view(self.binary).astype("f4" if self.kind == "F16" else self.binary)

    def narrow(self, x, u=None):
        """Nearest or, with u, Stochastic; in BF16 that is a carry from the low half of the bits of x plus u / 256."""
        if self.kind == "BF16":
            b = x.view("u4")
            return ((b + (0x7FFF + (b >> 16 & 1) if u is None else u >> 8)) >> 16).astype(self.bits)
        if u is not None:                                  # F16, in binary64, where all of this is exact
            a = np.abs(x).astype("f8")
            q = np.ldexp(1.0, np.maximum(np.frexp(a)[1] - 1, -14) - 10)
            part, steps = np.modf(a / q)                   # of |x| - |x0| and |x0|, in units of q
            x = np.copysign((steps + (np.floor(part * 2 ** 24) + u >= 2 ** 24)) * q, x)
        return x.astype(self.binary).view(self.bits)

    def f(self, b, s, u):
        """Adding, Scaling: infinities and NaN stay."""
        return np.where(np.isfinite(w := self.widen(b)), self.forward(w, s, u), b)

    def revert(self, b, s, u, block):
        """Revert: a guess that leads to w' while its neighbors do not is the base; bisection finds lo, hi of others."""
        def key(b):                                        # the ordinal, + 2^(n - 1)
            return np.where(b & self.sign, ~b, b ^ self.sign)

        def bits(k):                                       # and back
            return np.where(k & self.sign, k ^ self.sign, ~k)

        def first(test, low, high):                        # the smallest key to pass; high passes, and all after a pass
            while (low < high).any():
                passes = test(key(self.f(bits(middle := low + (high - low >> 1)), s, u)))
                low, high = np.where(passes, low, middle + 1), np.where(passes, middle, high)
            return high
        guess = key(self.backward(w := self.widen(b), s))
        below, same, above = (self.f(bits(x), s, u) == b for x in (guess - 1, guess, guess + 1))
        stay = np.isnan(w)                                 # they come from themselves
        out, rest = np.where(stay, b, bits(guess)), np.flatnonzero(~(same & ~below & ~above | stay))
        b, s, u = b[rest], s[rest], u[rest]                # also for `first`
        target, top = key(b), np.full(len(b), key(self.infinity), self.bits)
        lo = first(lambda y: y >= target, ~top, top)       # ~top is the key of -infinity
        hi = first(lambda y: y > target, lo, top + 1) - 1  # top + 1 is a NaN, which leads to itself
        need("nothing leads to an element", choicesMismatch=(lo <= hi).all())
        digits = np.array(unpack(block, [n + 1 for n in (hi - lo).tolist()]), self.bits)
        out[rest] = bits(np.where(b & self.sign, hi - digits, lo + digits))
        return out


class Scaled(Function):
    """Scaling: s stands for g."""
    def __init__(self, _, t):
        super().__init__(t)
        self.gain = gain(t)

    def prepare(self, e):
        return np.full(len(e), self.gain), np.zeros(len(e), "u4")

    def forward(self, w, g, u):
        return self.narrow(w * g)

    def backward(self, w, g):
        return self.narrow(w / g)


class LowRank(Function):
    def __init__(self, patch, t):
        super().__init__(t)
        self.columns, self.step = t["shape"][1], 1 if t["orientation"] == "output-major" else -1
        self.seed = int(t["seed"], 16) if t["rounding"] == "stochastic" else None

        def read(key, form):
            return np.frombuffer(patch.content(t[key]), form).astype("f4").reshape(t["rank"], -1)
        scales, *factors = read("scales", "<f4"), *(read(key, TYPES[t["factorType"]][1]) for key in ("left", "right"))
        left, right = factors[0], factors[1] * scales
        bound = (np.abs(left).max(1).astype("f8") * np.abs(right).max(1)).sum()
        need(repr(t["name"]), notFinite=all(np.isfinite(x).all() for x in (scales, *factors)) and bound < 2.0 ** 127)
        self.factors = list(zip(left, right))              # L and R, by component

    def prepare(self, e):
        """Sum: s of the elements with index e, each product and sum rounded. Stochastic: their draws u."""
        i, j = np.divmod(e, self.columns)[::self.step]
        s, z = np.zeros(len(e), "f4"), np.uint64(self.seed or 0) + (e.astype("u8") + 1) * 0x9E3779B97F4A7C15
        for left, right in self.factors:
            s = s + left[i] * right[j]
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB
        return s, ((z ^ (z >> 31)) >> 40).astype("u4")

    def forward(self, w, s, u):
        return self.narrow(w + s, None if self.seed is None else u)

    def backward(self, w, s):
        return self.narrow(w - s)


def gain(t):
    """Manifest: the bits of a binary64 for F64 elements, else of a binary32."""
    bits, binary = ("u8", "f8") if t["elementType"] == "F64" else ("u4", "f4")
    return np.array([int(t["gain"], 16)], bits).view(binary)[0]


def unpack(block, counts):
    """Revert: the digits of a tile's open elements; those with a count of 1 change nothing."""
    digits, at = [], 0
    while len(digits) < len(counts):
        end, total = len(digits), 1
        while end < len(counts) and total * counts[end] <= 1 << 64:
            total, end = total * counts[end], end + 1
        size = ((total - 1).bit_length() + 7) // 8
        value, at = int.from_bytes(block[at:at + size], "little"), at + size
        need("too short, or a number too large", choicesMismatch=at <= len(block) and value < total)
        for n in counts[len(digits):end]:
            value, digit = divmod(value, n)
            digits.append(digit)
    need("too long", choicesMismatch=at == len(block))
    return digits
