#include "Rounding.h"

// Each product is rounded by itself.
#pragma STDC FP_CONTRACT OFF

#include "block_decoding.h"
#include "levels.h"

// Where an element's code lies in its block: low bits, and high bits where they are apart.
typedef struct {
  uint8_t low, low_shift, low_bits, high, high_shift, high_bits;
} code_place;

// Nibbles of 32 elements from byte `first`: j in the low half, j + 16 in the high one.
static code_place nibble(int e, int first) {
  return (code_place){(uint8_t)(first + e % 16), (uint8_t)(e / 16 * 4), 4, 0, 0, 0};
}

static code_place fifth(int e, int first, int high) {
  code_place place = nibble(e, first);
  place.high = (uint8_t)(high + e / 8);
  place.high_shift = (uint8_t)(e % 8);
  place.high_bits = 1;
  return place;
}

static code_place place_of(errata_block_type type, int e) {
  int sixteen = e / 16, thirty_two = e / 32;
  switch (type) {
    case errata_block_q4_0:
    case errata_block_iq4_nl: return nibble(e, 2);
    case errata_block_q4_1: return nibble(e, 4);
    case errata_block_mxfp4: return nibble(e, 1);
    case errata_block_q5_0: return fifth(e, 6, 2);
    case errata_block_q5_1: return fifth(e, 8, 4);
    case errata_block_q8_0: return (code_place){(uint8_t)(2 + e), 0, 8, 0, 0, 0};
    case errata_block_iq4_xs: return nibble(e % 32, 8 + 16 * thirty_two);
    case errata_block_q2_k:
      return (code_place){(uint8_t)(16 + e / 128 * 32 + e % 32), (uint8_t)(e % 128 / 32 * 2), 2, 0, 0, 0};
    case errata_block_q3_k:
      return (code_place){
          (uint8_t)(32 + e / 128 * 32 + e % 32), (uint8_t)(e % 128 / 32 * 2), 2, (uint8_t)(e % 32),
          (uint8_t)thirty_two, 1};
    case errata_block_q4_k:
      return (code_place){(uint8_t)(16 + thirty_two / 2 * 32 + e % 32), (uint8_t)(thirty_two % 2 * 4), 4, 0, 0, 0};
    case errata_block_q5_k:
      return (code_place){
          (uint8_t)(48 + thirty_two / 2 * 32 + e % 32), (uint8_t)(thirty_two % 2 * 4), 4, (uint8_t)(16 + e % 32),
          (uint8_t)thirty_two, 1};
    case errata_block_q6_k: {
      int half = sixteen / 8, quarter = sixteen % 8 / 2, within = sixteen % 2 * 16 + e % 16;
      return (code_place){
          (uint8_t)(half * 64 + quarter % 2 * 32 + within), (uint8_t)(quarter / 2 * 4), 4,
          (uint8_t)(128 + half * 32 + within), (uint8_t)(quarter * 2), 2};
    }
    default: return (code_place){0, 0, 0, 0, 0, 0};
  }
}

static int code_at(code_place p, const uint8_t *b) {
  int low = b[p.low] >> p.low_shift & ((1 << p.low_bits) - 1);
  int high = p.high_bits ? b[p.high] >> p.high_shift & ((1 << p.high_bits) - 1) : 0;
  return low | high << p.low_bits;
}

static void put_code(code_place p, uint8_t *b, int code) {
  int mask = (1 << p.low_bits) - 1;
  b[p.low] = (uint8_t)((b[p.low] & ~(mask << p.low_shift)) | (code & mask) << p.low_shift);
  if (!p.high_bits) return;
  mask = (1 << p.high_bits) - 1;
  b[p.high] = (uint8_t)((b[p.high] & ~(mask << p.high_shift)) | (code >> p.low_bits & mask) << p.high_shift);
}

// Ranks ascend with the value for a positive scale. E2M1 has a sign bit, and two zeros, which share a rank.
static int rank_of(errata_block_type type, int code) {
  if (type == errata_block_q8_0) return (uint8_t)(code + 128);
  if (type == errata_block_mxfp4) return code < 8 ? code + 7 : 15 - code;
  return code;
}

static int code_of(errata_block_type type, int rank) {
  if (type == errata_block_q8_0) return (uint8_t)(rank + 128);
  if (type == errata_block_mxfp4) return rank >= 7 ? rank - 7 : 15 - rank;
  return rank;
}

errata_grid errata_grid_of(errata_block_type type) {
  errata_grid grid = {0, 0, {0}};
  code_place place = place_of(type, 0);
  if (place.low_bits == 0) return grid;
  grid.highest = (1 << (place.low_bits + place.high_bits)) - 1;
  // ggml writes −127 … 127 only, and some of its products count on it.
  if (type == errata_block_q8_0) grid.lowest = 1;
  if (type == errata_block_mxfp4) grid.highest = 14;
  for (int rank = 0; rank <= grid.highest; rank++) {
    float unit = (float)rank;
    if (type == errata_block_iq4_nl || type == errata_block_iq4_xs) unit = (float)iq4_values[rank];
    if (type == errata_block_mxfp4) unit = (float)e2m1_values[code_of(type, rank)];
    grid.units[rank] = unit;
  }
  return grid;
}

void errata_get_ranks(errata_block_type type, const void *blocks, uint8_t *ranks, size_t block_count) {
  errata_block_form form = errata_block_form_of(type);
  code_place places[256];
  for (uint32_t e = 0; e < form.element_count; e++) places[e] = place_of(type, (int)e);
  const uint8_t *b = blocks;
  for (size_t i = 0; i < block_count; i++, b += form.byte_count, ranks += form.element_count)
    for (uint32_t e = 0; e < form.element_count; e++) ranks[e] = (uint8_t)rank_of(type, code_at(places[e], b));
}

void errata_put_ranks(errata_block_type type, void *blocks, const uint8_t *ranks, size_t block_count) {
  errata_block_form form = errata_block_form_of(type);
  code_place places[256];
  for (uint32_t e = 0; e < form.element_count; e++) places[e] = place_of(type, (int)e);
  uint8_t *b = blocks;
  for (size_t i = 0; i < block_count; i++, b += form.byte_count, ranks += form.element_count)
    for (uint32_t e = 0; e < form.element_count; e++)
      if (rank_of(type, code_at(places[e], b)) != ranks[e]) put_code(places[e], b, code_of(type, ranks[e]));
}

void errata_get_steps(errata_block_type type, const void *blocks, float *steps, size_t block_count) {
  errata_block_form form = errata_block_form_of(type);
  errata_grid grid = errata_grid_of(type);
  uint8_t lowest[256], highest[256], copy[512];
  memset(lowest, grid.lowest, sizeof lowest);
  memset(highest, grid.highest, sizeof highest);
  float low[256], high[256], span = grid.units[grid.highest] - grid.units[grid.lowest];
  const uint8_t *b = blocks;
  for (size_t i = 0; i < block_count; i++, b += form.byte_count, steps += form.element_count) {
    memcpy(copy, b, form.byte_count);
    errata_put_ranks(type, copy, lowest, 1);
    errata_decode_blocks(type, copy, low, 1);
    errata_put_ranks(type, copy, highest, 1);
    errata_decode_blocks(type, copy, high, 1);
    for (uint32_t e = 0; e < form.element_count; e++) steps[e] = (high[e] - low[e]) / span;
  }
}
