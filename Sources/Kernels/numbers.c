#include "Numbers.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline, unused))

enum { direct_symbols = 16, mantissa_bits = 3 };
static const uint32_t lowest_state = 1u << 16;

// ---- Symbols

INLINE uint32_t symbol_of(uint64_t number) {
  if (number < direct_symbols) return (uint32_t)number;
  uint32_t length = 64 - (uint32_t)__builtin_clzll(number);  // at least 5
  return direct_symbols + ((length - 5) << mantissa_bits) +
         (uint32_t)((number >> (length - 1 - mantissa_bits)) & ((1u << mantissa_bits) - 1));
}

// Low bits of a number that its symbol does not tell.
INLINE uint32_t raw_bits(uint32_t symbol) {
  return symbol < direct_symbols ? 0 : 1 + ((symbol - direct_symbols) >> mantissa_bits);
}

INLINE uint64_t number_of(uint32_t symbol, uint64_t raw) {
  if (symbol < direct_symbols) return symbol;
  uint64_t head = (1u << mantissa_bits) | ((symbol - direct_symbols) & ((1u << mantissa_bits) - 1));
  return head << raw_bits(symbol) | raw;
}

// ---- Elements as ordinals of 64 bits; only the low `width` bytes count

INLINE uint64_t load(uint32_t width, const void *elements, size_t i) {
  switch (width) {
  case 1: return ((const uint8_t *)elements)[i];
  case 2: { uint16_t v; memcpy(&v, (const uint8_t *)elements + 2 * i, 2); return v; }
  case 4: { uint32_t v; memcpy(&v, (const uint8_t *)elements + 4 * i, 4); return v; }
  default: { uint64_t v; memcpy(&v, (const uint8_t *)elements + 8 * i, 8); return v; }
  }
}

INLINE void store(uint32_t width, void *elements, size_t i, uint64_t bits) {
  switch (width) {
  case 1: ((uint8_t *)elements)[i] = (uint8_t)bits; break;
  case 2: { uint16_t v = (uint16_t)bits; memcpy((uint8_t *)elements + 2 * i, &v, 2); break; }
  case 4: { uint32_t v = (uint32_t)bits; memcpy((uint8_t *)elements + 4 * i, &v, 4); break; }
  default: memcpy((uint8_t *)elements + 8 * i, &bits, 8);
  }
}

// Sign and magnitude become two's complement with −0 at −1: flipping all bits but the sign of negative numbers.
// The map is its own inverse.
INLINE uint64_t ordered(uint32_t width, uint32_t is_sign_first, uint64_t bits) {
  uint64_t sign = 1ull << (8 * width - 1);
  return is_sign_first && (bits & sign) ? bits ^ (sign - 1) : bits;
}

INLINE uint64_t zigzag(uint32_t width, uint64_t difference) {
  uint32_t shift = 64 - 8 * width;
  int64_t d = (int64_t)(difference << shift) >> shift;
  return ((uint64_t)d << 1 ^ (uint64_t)(d >> 63)) << shift >> shift;
}

INLINE uint64_t unzigzag(uint64_t number) { return number >> 1 ^ (0 - (number & 1)); }

INLINE uint32_t exponent(errata_elements kind, uint32_t width, uint64_t bits) {
  (void)width;
  return (uint32_t)(bits >> kind.exponent_shift) & (kind.exponent_count - 1);
}

// Scales and quants of a block stand at fixed places, so the place is context: one each, or a few bytes together.
INLINE uint8_t position_context(errata_elements kind, uint64_t position) {
  if (kind.period == 0) return 0;
  uint64_t contexts = kind.period < errata_place_limit ? kind.period : errata_place_limit;
  return (uint8_t)(position % kind.period * contexts / kind.period);
}

#define FOR_WIDTH(kind, call)            \
  do switch ((kind).width) {             \
    case 1: return call(1);              \
    case 2: return call(2);              \
    case 4: return call(4);              \
    default: return call(8);             \
  } while (0)

INLINE size_t count_different(uint32_t width, const void *base, const void *edited, size_t count) {
  size_t different = 0;
  for (size_t i = 0; i < count; i++) different += load(width, base, i) != load(width, edited, i);
  return different;
}

size_t errata_count_different(errata_elements kind, const void *base, const void *edited, size_t count) {
#define CALL(width) count_different(width, base, edited, count)
  FOR_WIDTH(kind, CALL);
#undef CALL
}

INLINE void count_exponents(uint32_t width, errata_elements kind, const void *elements, size_t count,
                            uint32_t *counts) {
  for (size_t i = 0; i < count; i++) counts[exponent(kind, width, load(width, elements, i))]++;
}

void errata_count_exponents(errata_elements kind, const void *elements, size_t count, uint32_t *counts) {
#define CALL(width) count_exponents(width, kind, elements, count, counts)
  FOR_WIDTH(kind, CALL);
#undef CALL
}

INLINE void differences(uint32_t width, errata_elements kind, const uint8_t *bins, const void *base,
                        const void *edited, size_t count, uint64_t first, uint64_t *numbers, uint8_t *groups,
                        uint32_t *counts) {
  for (size_t i = 0; i < count; i++) {
    uint64_t b = load(width, base, i), e = load(width, edited, i);
    uint64_t number = zigzag(width, ordered(width, kind.is_sign_first, e) - ordered(width, kind.is_sign_first, b));
    uint8_t group = kind.exponent_count ? (uint8_t)(bins[exponent(kind, width, b)] << 4 | bins[exponent(kind, width, e)])
                                        : position_context(kind, first + i);
    numbers[i] = number;
    groups[i] = group;
    counts[group * errata_symbol_limit + symbol_of(number)]++;
  }
}

void errata_differences(errata_elements kind, const uint8_t *bins, const void *base, const void *edited, size_t count,
                        uint64_t first, uint64_t *numbers, uint8_t *groups, uint32_t *counts) {
#define CALL(width) differences(width, kind, bins, base, edited, count, first, numbers, groups, counts)
  FOR_WIDTH(kind, CALL);
#undef CALL
}

size_t errata_choose_contexts(uint8_t *groups, size_t count, const uint8_t *context_of_group, uint8_t exception,
                              uint64_t *gaps) {
  size_t exceptions = 0, next = 0;
  for (size_t i = 0; i < count; i++) {
    groups[i] = context_of_group[groups[i]];
    if (groups[i] != exception) continue;
    gaps[exceptions++] = i - next;
    next = i + 1;
  }
  return exceptions;
}

// ---- Tables

void errata_count_numbers(const uint64_t *numbers, size_t count, uint32_t *counts) {
  for (size_t i = 0; i < count; i++) counts[symbol_of(numbers[i])]++;
}

void errata_make_table(const uint32_t *counts, errata_table *table) {
  memset(table, 0, sizeof *table);
  uint64_t total = 0;
  for (int s = 0; s < errata_symbol_limit; s++) total += counts[s];
  if (total == 0) return;
  int32_t left = errata_slot_count;
  for (int s = 0; s < errata_symbol_limit; s++) {
    if (counts[s] == 0) continue;
    uint64_t share = (counts[s] * (uint64_t)errata_slot_count + total / 2) / total;
    table->frequency[s] = (uint16_t)(share == 0 ? 1 : share);
    left -= table->frequency[s];
  }
  // Rounding left some shares over, or took too many: give and take where one slot changes the length least, that is,
  // where the symbol's count per slot is largest or smallest.
  while (left != 0) {
    int best = -1;
    double best_gain = 0;
    for (int s = 0; s < errata_symbol_limit; s++) {
      if (counts[s] == 0 || (left < 0 && table->frequency[s] < 2)) continue;
      double f = table->frequency[s], gain = left > 0 ? counts[s] / (f + 0.5) : -(counts[s] / (f - 0.5));
      if (best < 0 || gain > best_gain) best = s, best_gain = gain;
    }
    int step = left > 0 ? 1 : -1;
    table->frequency[best] = (uint16_t)(table->frequency[best] + step);
    left -= step;
  }
  errata_complete_table(table);
}

int errata_complete_table(errata_table *table) {
  uint32_t sum = 0;
  for (int s = 0; s < errata_symbol_limit; s++) {
    table->start[s] = (uint16_t)sum;
    sum += table->frequency[s];
    if (sum > errata_slot_count) return 0;
  }
  return sum == errata_slot_count || sum == 0;
}

void errata_fill_slots(const errata_table *table, uint16_t *slots) {
  uint32_t slot = 0;
  for (uint16_t s = 0; s < errata_symbol_limit; s++)
    for (uint32_t f = 0; f < table->frequency[s]; f++) slots[slot++] = s;
  while (slot < errata_slot_count) slots[slot++] = errata_symbol_limit;
}

// ---- Coder
//
// Bytes: four states of 4 bytes; number of words, 4 bytes; words of 2 bytes; raw bits, least significant first, the
// last byte filled with zeros. Number i uses state i mod 4.

size_t errata_encoded_bound(size_t count) { return 20 + 2 * (count + 4) + 8 * count + 8; }

size_t errata_encode_numbers(const uint64_t *numbers, const uint8_t *contexts, size_t count,
                             const errata_table *tables, uint8_t *bytes) {
  uint32_t state[4] = {lowest_state, lowest_state, lowest_state, lowest_state};
  // Words come last first: they are written down from the end of their largest room, then moved to the front.
  uint8_t *words_end = bytes + 20 + 2 * (count + 4), *word = words_end;
  for (size_t i = count; i-- > 0;) {
    const errata_table *table = tables + (contexts ? contexts[i] : 0);
    uint32_t symbol = symbol_of(numbers[i]), frequency = table->frequency[symbol], x = state[i & 3];
    if (x >= (uint64_t)frequency << (32 - errata_probability_bits)) {
      word -= 2;
      word[0] = (uint8_t)x;
      word[1] = (uint8_t)(x >> 8);
      x >>= 16;
    }
    uint32_t quotient = x / frequency;
    state[i & 3] = (quotient << errata_probability_bits) + (x - quotient * frequency) + table->start[symbol];
  }
  size_t word_bytes = (size_t)(words_end - word);
  memcpy(bytes, state, 16);
  uint32_t word_count = (uint32_t)(word_bytes / 2);
  memcpy(bytes + 16, &word_count, 4);
  memmove(bytes + 20, word, word_bytes);

  uint8_t *out = bytes + 20 + word_bytes;
  uint64_t buffer = 0;
  uint32_t held = 0;  // below 32 between numbers
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = raw_bits(symbol_of(numbers[i]));
    for (uint32_t done = 0; done < bits;) {
      uint32_t step = bits - done < 32 ? bits - done : 32;
      buffer |= (numbers[i] >> done & (0xffffffffu >> (32 - step))) << held;
      held += step;
      done += step;
      if (held >= 32) {
        uint32_t low = (uint32_t)buffer;
        memcpy(out, &low, 4);
        out += 4;
        buffer >>= 32;
        held -= 32;
      }
    }
  }
  for (; held > 0; held = held > 8 ? held - 8 : 0) {
    *out++ = (uint8_t)buffer;
    buffer >>= 8;
  }
  return (size_t)(out - bytes);
}

typedef struct {
  uint32_t state[4];
  const uint8_t *word, *words_end, *raw, *raw_end;
  uint64_t buffer;
  uint32_t held;
  int failed;
} decoder;

INLINE int start(decoder *d, const uint8_t *bytes, size_t length) {
  if (length < 20) return 0;
  uint32_t word_count;
  memcpy(d->state, bytes, 16);
  memcpy(&word_count, bytes + 16, 4);
  if (word_count > (length - 20) / 2) return 0;
  for (int i = 0; i < 4; i++)
    if (d->state[i] < lowest_state) return 0;
  d->word = bytes + 20;
  d->words_end = d->raw = d->word + 2 * (size_t)word_count;
  d->raw_end = bytes + length;
  d->buffer = 0;
  d->held = 0;
  d->failed = 0;
  return 1;
}

INLINE uint64_t take_raw(decoder *d, uint32_t bits) {
  uint64_t value = 0;
  for (uint32_t done = 0; done < bits;) {
    uint32_t step = bits - done < 32 ? bits - done : 32;
    while (d->held < step) {
      if (d->raw_end - d->raw >= 4) {
        uint32_t low;
        memcpy(&low, d->raw, 4);
        d->buffer |= (uint64_t)low << d->held;
        d->raw += 4;
        d->held += 32;
      } else if (d->raw < d->raw_end) {
        d->buffer |= (uint64_t)*d->raw++ << d->held;
        d->held += 8;
      } else {
        d->failed = 1;
        return 0;
      }
    }
    value |= (d->buffer & (0xffffffffu >> (32 - step))) << done;
    d->buffer >>= step;
    d->held -= step;
    done += step;
  }
  return value;
}

INLINE uint64_t next_number(decoder *d, size_t turn, const errata_table *table, const uint16_t *slots) {
  uint32_t x = d->state[turn & 3], slot = x & (errata_slot_count - 1), symbol = slots[slot];
  if (symbol == errata_symbol_limit) {
    d->failed = 1;
    return 0;
  }
  x = table->frequency[symbol] * (x >> errata_probability_bits) + slot - table->start[symbol];
  if (x < lowest_state) {
    if (d->word == d->words_end) {
      d->failed = 1;
      return 0;
    }
    x = x << 16 | (uint32_t)d->word[0] | (uint32_t)d->word[1] << 8;
    d->word += 2;
  }
  d->state[turn & 3] = x;
  uint32_t bits = raw_bits(symbol);
  return bits ? number_of(symbol, take_raw(d, bits)) : symbol;
}

// All bytes used, the padding zero, and the states back where the encoder began.
INLINE int is_done(const decoder *d) {
  if (d->failed || d->word != d->words_end || d->raw != d->raw_end || d->held >= 8 || d->buffer != 0) return 0;
  for (int i = 0; i < 4; i++)
    if (d->state[i] != lowest_state) return 0;
  return 1;
}

int errata_decode_numbers(const uint8_t *bytes, size_t length, const errata_table *table, const uint16_t *slots,
                          size_t count, uint64_t *numbers) {
  decoder d;
  if (!start(&d, bytes, length)) return 0;
  for (size_t i = 0; i < count && !d.failed; i++) numbers[i] = next_number(&d, i, table, slots);
  return is_done(&d);
}

INLINE int add_differences(uint32_t width, errata_elements kind, const uint8_t *clusters, uint8_t exception,
                           const uint32_t *exceptions, size_t exception_count, const uint8_t *bytes, size_t length,
                           const errata_table *tables, const uint16_t *slots, int sign, const void *source,
                           void *target, size_t count, uint64_t first) {
  decoder d;
  if (!start(&d, bytes, length)) return 0;
  size_t next = 0, position = exception_count ? exceptions[0] : (size_t)-1;
  for (size_t i = 0; i < count; i++) {
    uint64_t bits = load(width, source, i);
    uint32_t context;
    if (!kind.exponent_count) {
      context = position_context(kind, first + i);
    } else if (i == position) {
      context = exception;
      next++;
      position = next < exception_count ? exceptions[next] : (size_t)-1;
    } else {
      context = clusters[exponent(kind, width, bits)];
    }
    uint64_t step = unzigzag(next_number(&d, i, tables + context, slots + context * errata_slot_count));
    uint64_t place = ordered(width, kind.is_sign_first, bits) + (sign > 0 ? step : 0 - step);
    store(width, target, i, ordered(width, kind.is_sign_first, place));
  }
  return is_done(&d) && next == exception_count;
}

int errata_add_differences(errata_elements kind, const uint8_t *clusters, uint8_t exception,
                           const uint32_t *exceptions, size_t exception_count, const uint8_t *bytes, size_t length,
                           const errata_table *tables, const uint16_t *slots, int sign, const void *source,
                           void *target, size_t count, uint64_t first) {
#define CALL(width)                                                                                              \
  add_differences(width, kind, clusters, exception, exceptions, exception_count, bytes, length, tables, slots, \
                  sign, source, target, count, first)
  FOR_WIDTH(kind, CALL);
#undef CALL
}
