"""The number coder and the blocks of differences, written from patch.md alone; docstrings name its sections."""
import bisect, struct
import numpy as np
from .model import SIZES, need

# Differences: bytes of an element, lowest bit of its exponent, bits of its exponent; without exponents 0 and 0.
FORMS = {"F64": (8, 52, 11), "F32": (4, 23, 8), "C64": (4, 23, 8), "BF16": (2, 7, 8), "F16": (2, 10, 5),
         "F8_E5M2": (1, 2, 5), "F8_E5M2FNUZ": (1, 2, 5), "F8_E4M3": (1, 3, 4), "F8_E4M3FNUZ": (1, 3, 4),
         "I64": (8, 0, 0), "U64": (8, 0, 0), "I32": (4, 0, 0), "U32": (4, 0, 0), "I16": (2, 0, 0), "U16": (2, 0, 0)}
EXPONENT_CLUSTERS, PLACE_CLUSTERS, SYMBOLS = 15, 64, 256
SLOTS, LOWEST_STATE, STATES = 4096, 1 << 16, 16


def refuse_unless(passed, detail="differences"):
    need(detail, blockDecoding=passed)


class Bits:
    """Differences: bits fill bytes from their low bit; asking for more than there are refuses the block."""
    def __init__(self, data, at=0):
        self.data, self.at, self.end = data, at, 8 * len(data)

    def take(self, count):
        refuse_unless(self.at + count <= self.end, "the block ends early")
        first = self.at // 8
        value = int.from_bytes(self.data[first:first + count // 8 + 2], "little") >> self.at % 8
        self.at += count
        return value & (1 << count) - 1

    def count(self):
        length = 0
        while not self.take(1):
            length += 1
            refuse_unless(length <= 32, "a count")
        return (1 << length | self.take(length)) - 1

    def signed(self):
        value = self.count()
        return -(value + 1) // 2 if value & 1 else value // 2

    def finish(self):
        """Padding: the next byte."""
        refuse_unless(self.take(-self.at % 8) == 0, "padding")
        return self.at // 8


def read_table(bits):
    """Numbers: the shares of a table by symbol, ascending."""
    count, shares, symbol, length = bits.count(), {}, -1, 6
    refuse_unless(count <= SYMBOLS, "symbols of a table")
    rest = bits.count() if count else 0
    refuse_unless(rest < count or count == 0, "the symbol of what is left")
    for index in range(count):
        symbol += 1 + bits.count()
        refuse_unless(symbol < SYMBOLS, "a symbol")
        shares[symbol] = 0
        if index != rest:
            length += bits.signed()
            refuse_unless(0 <= length <= 11, "a share")
            kept = min(length, 4)
            shares[symbol] = (1 << kept | bits.take(kept)) << length - kept
    if count:
        left = SLOTS - sum(shares.values())
        refuse_unless(left >= 1, "the shares of a table")
        shares[next(s for s in shares if shares[s] == 0)] = left
    return shares


def lay_out(shares, before=None):
    """Numbers: the symbol of each slot; `before` holds those of the table before, if slots are shared."""
    lack, slots = dict(shares), [None] * (SLOTS if shares else 0)
    for slot in range(len(slots)):
        symbol = before[slot] if before else None
        if lack.get(symbol, 0):
            lack[symbol] -= 1
            slots[slot] = symbol
    rest = iter([symbol for symbol in sorted(lack) for _ in range(lack[symbol])])
    return [next(rest) if symbol is None else symbol for symbol in slots]


class Tables:
    """Numbers: slots of all tables, and for sets of slots how many there are and which place each has."""
    def __init__(self, shares, clusters):
        self.slots, self.clusters, self.places, before = [], clusters, {}, None
        for index, table in enumerate(shares):
            self.slots.append(lay_out(table, before if index < clusters else None))
            before = self.slots[-1] or before

    def place(self, one, other, slot):
        """(f, c): of the slots that both tables give to the slot's symbol, their number and how many are lower."""
        if (one, other) not in self.places:
            counts, places = {}, [None] * SLOTS
            for at, (a, b) in enumerate(zip(self.slots[one], self.slots[other])):
                if a == b:
                    places[at] = counts.get(a, 0)
                    counts[a] = places[at] + 1
            self.places[one, other] = counts, places
        counts, places = self.places[one, other]
        refuse_unless(places[slot] is not None, "a slot that the other side does not have")
        return counts[self.slots[one][slot]], places[slot]


def decode(data, tables, contexts, told, step):
    """Numbers: `step` makes of i and z the context of the element's other side; all bytes must be used."""
    refuse_unless(len(data) >= 4 * STATES + 4, "no states")
    *states, word_count = struct.unpack(f"<{STATES + 1}I", data[:4 * STATES + 4])
    words = Bits(data, 8 * (4 * STATES + 4))
    raw = Bits(data, words.at + 16 * word_count)
    refuse_unless(raw.at <= raw.end and min(states) >= LOWEST_STATE, "states or words")
    words.end = raw.at
    for i, context in enumerate(contexts):
        x, slots = states[i % STATES], tables.slots[context]
        refuse_unless(slots, "a context without a table")
        slot = x % SLOTS
        z = symbol = slots[slot]
        if symbol >= 16:
            count = (symbol - 16 >> told) + 4 - told
            z = (1 << told | symbol - 16 & (1 << told) - 1) << count | raw.take(count)
        other = step(i, z)
        f, c = tables.place(context, other if context < tables.clusters else context, slot)
        x = f * (x // SLOTS) + c
        states[i % STATES] = x << 16 | words.take(16) if x < LOWEST_STATE else x
    refuse_unless(states == [LOWEST_STATE] * STATES and words.at == words.end, "states at the end, or words left")
    refuse_unless(raw.finish() == len(data), "raw bits")


def read_contexts(block, kind, source_bits, first):
    """Differences: tables, contexts of all elements, and what makes a context of an element; and the rest of the block."""
    width, shift, exponent_bits = FORMS.get(kind, (1, 0, 0))
    block_length, size = SIZES[kind]
    if not exponent_bits and block_length == 1:
        bits = Bits(block)
        return Tables([read_table(bits)], 0), [0] * len(source_bits), None, bits.finish()
    limit, extent = (EXPONENT_CLUSTERS, 1 << exponent_bits) if exponent_bits else (PLACE_CLUSTERS, size // 8)
    refuse_unless(len(block) > 0 and 1 <= block[0] <= limit and len(block) >= 2 * block[0] - 1, "clusters")
    firsts = struct.unpack(f"<{block[0] - 1}H", block[1:2 * block[0] - 1])
    refuse_unless(all(a < b for a, b in zip([0, *firsts], [*firsts, extent])), "clusters")
    if not exponent_bits:
        bits = Bits(block, 8 * (2 * block[0] - 1))
        tables, clusters = Tables([read_table(bits) for _ in range(block[0])], 0), np.searchsorted(firsts, range(extent), "right")
        return tables, clusters[(first + np.arange(len(source_bits))) % extent].tolist(), None, bits.finish()

    def cluster(element):
        return bisect.bisect_right(firsts, element >> shift & (1 << exponent_bits) - 1)
    bits = Bits(block, 8 * (2 * block[0] - 1))
    tables = Tables([read_table(bits) for _ in range(block[0] + 1)], block[0])
    contexts, position = [cluster(element) for element in source_bits], -1
    for _ in range(bits.count()):
        position += 1 + bits.count()
        refuse_unless(position < len(contexts), "positions of exceptions")
        contexts[position] = block[0]
    return tables, contexts, cluster, bits.finish()


def add_differences(block, kind, source, first, sign):
    """Differences: the other side of a tile that begins at byte `first`; sign is 1 for apply, -1 for revert."""
    width, _, exponent_bits = FORMS.get(kind, (1, 0, 0))
    elements = np.frombuffer(source, f"<u{width}").tolist()
    tables, contexts, cluster, at = read_contexts(block, kind, elements, first // width)
    top = 1 << 8 * width - 1

    def ordinal(bits):                                     # Arithmetic, Ordinal, modulo 2^n; the way back is the same
        return bits ^ top - 1 if exponent_bits and bits & top else bits

    def step(i, z):
        place = ordinal(elements[i]) + sign * (z >> 1 ^ -(z & 1))
        elements[i] = ordinal(place % (2 * top))
        return cluster(elements[i]) if cluster else 0
    decode(block[at:], tables, contexts, 2 if width == 8 else 3, step)
    return np.array(elements, f"<u{width}").tobytes()
