// The coded stream of numbers.c: raw bits, symbols onto states, and what is read back. One element at a time.
#ifndef ERRATA_NUMBER_STREAM_H
#define ERRATA_NUMBER_STREAM_H

#include "coder.h"

#include <string.h>

// ---- Raw bits

typedef struct {
  uint8_t *out;
  uint64_t buffer;
  uint32_t held;  // below 32 between numbers
} raw_writer;

INLINE void put_raw(raw_writer *w, uint64_t number, uint32_t bits) {
  for (uint32_t done = 0; done < bits;) {
    uint32_t step = bits - done < 32 ? bits - done : 32;
    w->buffer |= (number >> done & (0xffffffffu >> (32 - step))) << w->held;
    w->held += step;
    done += step;
    if (w->held >= 32) {
      uint32_t low = (uint32_t)w->buffer;
      memcpy(w->out, &low, 4);
      w->out += 4;
      w->buffer >>= 32;
      w->held -= 32;
    }
  }
}

INLINE void finish_raw(raw_writer *w) {
  for (; w->held > 0; w->held = w->held > 8 ? w->held - 8 : 0) {
    *w->out++ = (uint8_t)w->buffer;
    w->buffer >>= 8;
  }
}

// ---- Encoding
//
// Bytes: sixteen states of 4 bytes; number of words, 4 bytes; words of 2 bytes; raw bits. Element i uses state i mod 16.

// One symbol onto a state. Words come last first; one is always written down, and kept where it is needed.
INLINE uint32_t encode(uint32_t x, uint64_t reciprocal, uint32_t share, const uint16_t *slots, uint8_t **words) {
  uint16_t low = (uint16_t)x;
  memcpy(*words - 2, &low, 2);
  int is_full = x >= (uint64_t)share << (32 - slot_bits);
  *words -= is_full ? 2 : 0;
  x >>= is_full ? 16 : 0;
  uint32_t quotient = (uint32_t)((unsigned __int128)(2ull * x) * reciprocal >> 64);
  return (quotient << slot_bits) + slots[x - quotient * share];
}

static __attribute__((noinline)) uint32_t encode_crossing(errata_coder *coder, errata_crossing crossing, uint32_t symbol,
                                                          uint32_t x, uint8_t **words) {
  const errata_common *common = errata_coder_pair(coder, crossing.base, crossing.edited);
  uint16_t share = common->share[symbol];
  return encode(x, errata_reciprocal(share), share, common->slots + common->start[symbol], words);
}

// Elements `end` − 1 down to `begin`.
static void encode_codes(errata_coder *coder, const uint16_t *codes, const errata_crossing **crossing, size_t begin,
                         size_t end, uint32_t *state, uint8_t **words) {
  const errata_code *table = coder->codes[0];
  const uint16_t *slots = coder->slots[0];
  uint8_t *at = *words;
  for (size_t i = end; i-- > begin;) {
    uint32_t code = codes[i], x = state[i % state_count];
    if (__builtin_expect(code >= errata_crossing_context << 8, 0)) {
      uint8_t *moved = at;
      x = encode_crossing(coder, *--*crossing, code & 0xff, x, &moved);
      at = moved;
    } else {
      x = encode(x, table[code].reciprocal, table[code].share, slots + table[code].start, &at);
    }
    state[i % state_count] = x;
  }
  *words = at;
}

// ---- Reading

typedef struct {
  uint32_t state[state_count];
  const uint8_t *words, *words_end, *raw, *raw_end;
  uint64_t buffer;
  uint32_t held;
  int failed;
} reader;

static int start(reader *r, const uint8_t *bytes, size_t length) {
  if (length < header_bytes) return 0;
  uint32_t word_count;
  memcpy(r->state, bytes, sizeof r->state);
  memcpy(&word_count, bytes + sizeof r->state, 4);
  if (word_count > (length - header_bytes) / 2) return 0;
  for (int i = 0; i < state_count; i++)
    if (r->state[i] < lowest_state) return 0;
  r->words = bytes + header_bytes;
  r->words_end = r->raw = r->words + 2 * (size_t)word_count;
  r->raw_end = bytes + length;
  r->buffer = 0;
  r->held = 0;
  r->failed = 0;
  return 1;
}

INLINE uint64_t take_raw(reader *r, uint32_t bits) {
  uint64_t value = 0;
  for (uint32_t done = 0; done < bits;) {
    uint32_t step = bits - done < 32 ? bits - done : 32;
    while (r->held < step) {
      if (r->raw_end - r->raw >= 4) {
        uint32_t low;
        memcpy(&low, r->raw, 4);
        r->buffer |= (uint64_t)low << r->held;
        r->raw += 4;
        r->held += 32;
      } else if (r->raw < r->raw_end) {
        r->buffer |= (uint64_t)*r->raw++ << r->held;
        r->held += 8;
      } else {
        r->failed = 1;
        return 0;
      }
    }
    value |= (r->buffer & (0xffffffffu >> (32 - step))) << done;
    r->buffer >>= step;
    r->held -= step;
    done += step;
  }
  return value;
}

// All bytes used, the padding zero, and the states back where the encoder began.
static int is_done(const reader *r) {
  if (r->words != r->words_end || r->raw != r->raw_end || r->held >= 8 || r->buffer != 0) return 0;
  for (int i = 0; i < state_count; i++)
    if (r->state[i] != lowest_state) return 0;
  return 1;
}

// What an element whose two sides lie in different clusters makes of the state: only the slots that both have count.
static __attribute__((noinline)) uint32_t cross(reader *r, errata_coder *coder, uint32_t context, uint32_t cluster,
                                                uint32_t symbol, uint32_t x) {
  const errata_common *common = errata_coder_pair(coder, (uint8_t)context, (uint8_t)cluster);
  uint32_t rank = common->rank[x % errata_slot_count];
  if (rank == errata_slot_count) r->failed = 1;
  return common->share[symbol] * (x >> slot_bits) + rank;
}

#endif
