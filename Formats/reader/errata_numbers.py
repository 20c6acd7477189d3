"""The number coder and the blocks of differences, written from patch.md alone; docstrings name its sections."""
import struct
import numpy as np
from errata_model import SIZES, need

# Differences: bytes of an element, lowest bit of its exponent, bits of its exponent; without exponents 0 and 0.
FORMS = {"F64": (8, 52, 11), "F32": (4, 23, 8), "C64": (4, 23, 8), "BF16": (2, 7, 8), "F16": (2, 10, 5),
         "F8_E5M2": (1, 2, 5), "F8_E5M2FNUZ": (1, 2, 5), "F8_E4M3": (1, 3, 4), "F8_E4M3FNUZ": (1, 3, 4),
         "I64": (8, 0, 0), "U64": (8, 0, 0), "I32": (4, 0, 0), "U32": (4, 0, 0), "I16": (2, 0, 0), "U16": (2, 0, 0)}
PLACE_LIMIT = 62
LARGEST_SYMBOL = 16 + 8 * (64 - 5) + 7
SLOTS, LOWEST_STATE = 4096, 1 << 16


def refuse_unless(passed, detail="differences"):
    need(detail, blockDecoding=passed)


class Cursor:
    """Reads a block from its start; asking for more than there is refuses the block."""
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        refuse_unless(self.at + count <= len(self.data), "the block ends early")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self):
        """Counts and lengths: seven bits a byte, low bits first, at most five bytes."""
        value = 0
        for shift in range(0, 35, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        refuse_unless(False, "a length of more than five bytes")

    def rest(self):
        return self.take(len(self.data) - self.at)


class Table:
    """Numbers: for each of 4096 slots its symbol, the symbol's share, and the slot's place within the share."""
    def __init__(self, cursor):
        self.symbols, self.shares, self.places = [], [], []
        symbol = -1
        for _ in range(cursor.number()):
            symbol += 1 + cursor.number()
            share = cursor.number()
            refuse_unless(symbol <= LARGEST_SYMBOL and 0 < share <= SLOTS - len(self.symbols), "a table")
            self.symbols += [symbol] * share
            self.shares += [share] * share
            self.places += range(share)
        refuse_unless(len(self.symbols) in (0, SLOTS), "the shares of a table")


def decode_numbers(data, tables, contexts):
    """Numbers: one for each entry of `contexts`, coded with the table of that index; all bytes must be used."""
    refuse_unless(len(data) >= 20, "no states")
    *states, word_count = struct.unpack("<5I", data[:20])
    raw_start = 20 + 2 * word_count
    refuse_unless(raw_start <= len(data) and min(states) >= LOWEST_STATE, "states or words")
    words = np.frombuffer(data[20:raw_start], "<u2").tolist()
    symbols, next_word = [], 0
    try:
        for i, context in enumerate(contexts):
            table, x = tables[context], states[i & 3]
            slot = x % SLOTS
            symbols.append(table.symbols[slot])
            x = table.shares[slot] * (x // SLOTS) + table.places[slot]
            if x < LOWEST_STATE:
                x = x << 16 | words[next_word]
                next_word += 1
            states[i & 3] = x
    except IndexError:                                     # an empty table, or no words left
        refuse_unless(False, "a number that no table has, or a word too few")
    refuse_unless(states == [LOWEST_STATE] * 4 and next_word == word_count, "states at the end, or words left")
    return join_raw_bits(np.array(symbols, "i8"), data[raw_start:])


def join_raw_bits(symbols, data):
    """Numbers: what symbols and raw bits make. The first bits of a number, 1 and t, stand above its raw bits."""
    counts = np.where(symbols < 16, 0, 1 + (symbols - 16) // 8)
    starts = np.cumsum(counts) - counts
    total = int(counts.sum())
    padding = int.from_bytes(data, "little") >> total if len(data) == (total + 7) // 8 else 1
    refuse_unless(padding == 0, "raw bits")
    # A number's raw bits begin anywhere in a byte: those of eight bytes from there, and what is above in the ninth.
    buffer = data + bytes(9)
    eight = np.ndarray(len(data) + 1, "<u8", buffer, strides=(1,))[starts // 8]
    ninth = np.frombuffer(buffer, "u1")[starts // 8 + 8].astype("u8")
    shift, counts = (starts % 8).astype("u8"), counts.astype("u8")
    raw = eight >> shift | np.where(shift > 0, ninth << (np.uint64(64) - np.maximum(shift, 1)), np.uint64(0))
    heads = np.where(symbols < 16, symbols, 8 | symbols % 8).astype("u8")
    return heads << counts | raw & ((np.uint64(1) << counts) - np.uint64(1))


def exponent_contexts(cursor, exponents, exponent_count):
    """Differences: the tables of clusters and exceptions, and the context of every element."""
    clusters = cursor.take(1)[0]
    refuse_unless(1 <= clusters <= 16, "number of clusters")
    firsts = [int.from_bytes(cursor.take(2), "little") for _ in range(clusters - 1)]
    refuse_unless(all(a < b for a, b in zip([0, *firsts], [*firsts, exponent_count])), "clusters")
    *tables, gap_table = [Table(cursor) for _ in range(clusters + 2)]
    exception_count, length = cursor.number(), cursor.number()
    refuse_unless(exception_count <= len(exponents), "number of exceptions")
    gaps = decode_numbers(cursor.take(length), [gap_table], [0] * exception_count)
    refuse_unless((gaps < len(exponents)).all(), "gaps")
    positions = np.cumsum(gaps.astype("i8") + 1) - 1
    refuse_unless((positions < len(exponents)).all(), "positions of exceptions")
    contexts = np.searchsorted(firsts, exponents, side="right")
    contexts[positions] = clusters
    return tables, contexts.tolist()


def place_contexts(cursor, kind, first, count):
    """Differences: the tables of a type without exponents, and the context of each element from `first` on."""
    block_length, bits = SIZES[kind]
    period = bits // 8 if block_length > 1 else 1
    k = min(period, PLACE_LIMIT)
    return [Table(cursor) for _ in range(k)], ((first + np.arange(count)) % period * k // period).tolist()


def add_differences(block, kind, source, first, sign):
    """Differences: the other side of a tile that begins at byte `first`; sign is 1 for apply, -1 for revert."""
    width, exponent_shift, exponent_bits = FORMS.get(kind, (1, 0, 0))
    bits = np.frombuffer(source, f"<u{width}")
    cursor = Cursor(block)
    if exponent_bits:
        exponents = bits >> exponent_shift & (1 << exponent_bits) - 1
        tables, contexts = exponent_contexts(cursor, exponents.astype("i8"), 1 << exponent_bits)
    else:
        tables, contexts = place_contexts(cursor, kind, first // width, len(bits))
    z = decode_numbers(cursor.rest(), tables, contexts)
    d = (z >> np.uint64(1) ^ np.uint64(0) - (z & np.uint64(1))).astype(bits.dtype)
    places = ordinals(bits) if exponent_bits else bits
    places = places + d if sign > 0 else places - d        # modulo 2^n
    return (ordinals(places) if exponent_bits else places).tobytes()


def ordinals(bits):
    """Arithmetic, Ordinal, as a number modulo 2^n; the way back is the same."""
    sign = bits.dtype.type(1 << 8 * bits.itemsize - 1)
    return np.where(bits & sign, bits ^ (sign - bits.dtype.type(1)), bits)
