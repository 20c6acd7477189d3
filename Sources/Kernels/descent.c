#include "Rounding.h"

// The order of gains must not depend on the instruction set.
#pragma STDC FP_CONTRACT OFF

#include "element.h"
#include "levels.h"

ERRATA_INLINE void add_row(float *restrict sum, const float *restrict row, float factor, size_t width) {
  for (size_t i = 0; i < width; i++) sum[i] += factor * row[i];
}

ERRATA_INLINE size_t chunk_end(size_t first, size_t width) {
  return width - first < errata_chunk ? width : first + errata_chunk;
}

// Sums stand side by side, a place in the chunk each, and are put together in order: so every width of vectors adds alike.
ERRATA_INLINE void key_products(const float *restrict keys, size_t key_count, const float *restrict row,
                                float *restrict products, size_t width) {
  for (size_t key = 0; key < key_count; key++) {
    float sums[errata_chunk] = {0}, whole = 0;
    for (size_t first = 0; first < width; first += errata_chunk) {
      const float *own = keys + (first / errata_chunk * key_count + key) * errata_chunk;
      size_t count = chunk_end(first, width) - first;
      if (count == errata_chunk)
        for (size_t i = 0; i < errata_chunk; i++) sums[i] += own[i] * row[first + i];
      else
        for (size_t i = 0; i < count; i++) sums[i] += own[i] * row[first + i];
    }
    for (size_t i = 0; i < errata_chunk; i++) whole += sums[i];
    products[key] = whole;
  }
}

ERRATA_INLINE void set_steps(const errata_grid *grid, errata_row *r, size_t at) {
  int rank = r->ranks[at];
  r->up[at] = rank < grid->highest ? r->steps[at] * (grid->units[rank + 1] - grid->units[rank]) : 0;
  r->down[at] = rank > grid->lowest ? r->steps[at] * (grid->units[rank - 1] - grid->units[rank]) : 0;
}

ERRATA_INLINE void begin_row(const errata_grid *grid, errata_row *r, const uint8_t *restrict base_ranks,
                             const float *restrict update, const float *restrict asked, float block_price,
                             size_t neighbors, float *restrict error) {
  for (size_t i = 0; i < r->width; i++) {
    error[i] = r->steps[i] * (grid->units[r->ranks[i]] - grid->units[base_ranks[i]]) - update[i];
    r->price[i] = block_price;
    set_steps(grid, r, i);
  }
  for (size_t i = 0; i < r->width; i++)
    if (r->ranks[i] != base_ranks[i]) {
      size_t first = i / neighbors * neighbors;
      for (size_t n = first; n < first + neighbors && n < r->width; n++) r->price[n] = 0;
      i = first + neighbors - 1;
    }
  for (size_t i = 0; i < r->width; i++) {
    float wanted = error[i] + r->pull * error[i] + (asked ? asked[i] : 0);
    r->rest[i] = r->known[i] * wanted;
  }
  key_products(r->keys, r->key_count, error, r->along, r->width);
  for (size_t key = 0; key < r->key_count; key++) r->along[key] *= r->weights[key];
}

// What J falls by with the better of an element's two steps, beyond its price; 0 where it does not.
ERRATA_INLINE float gain_of(float g, float h, float up, float down, float price) {
  float rise = -up * (2 * g + up * h), fall = -down * (2 * g + down * h);
  float own = (rise > fall ? rise : fall) - price;
  return own > 0 ? own : 0;
}

// Half of J's gradient at the elements of a chunk.
ERRATA_INLINE void chunk_gradient(const errata_row *r, size_t first, size_t end, float *restrict gradient) {
  for (size_t i = first; i < end; i++) gradient[i - first] = r->rest[i];
  const float *keys = r->keys + first * r->key_count;
  for (size_t key = 0; key < r->key_count; key++, keys += errata_chunk) {
    float along = r->along[key];
    for (size_t i = 0; i < errata_chunk; i++) gradient[i] += along * keys[i];
  }
}

// The best gain of a chunk, as bits: numbers that are not negative are ordered as those, and the largest of whole numbers is what a
// compiler finds many at a time.
ERRATA_INLINE int32_t chunk_gain(const errata_row *r, size_t first, size_t end, float *restrict gradient) {
  chunk_gradient(r, first, end, gradient);
  int32_t own = 0;
  for (size_t i = first; i < end; i++) {
    float h = r->curvature[i] + r->pull * r->known[i];
    int32_t bits = (int32_t)bits_of_float(gain_of(gradient[i - first], h, r->up[i], r->down[i], r->price[i]));
    own = bits > own ? bits : own;
  }
  return own;
}

// Takes the step of a chunk that gains so much, the first of equals.
ERRATA_INLINE void take(const errata_grid *grid, errata_row *r, size_t first, int32_t gain,
                        const float *restrict gradient, size_t neighbors) {
  size_t at = first;
  for (;; at++) {
    float h = r->curvature[at] + r->pull * r->known[at];
    if ((int32_t)bits_of_float(gain_of(gradient[at - first], h, r->up[at], r->down[at], r->price[at])) == gain) break;
  }
  float g = gradient[at - first], h = r->curvature[at] + r->pull * r->known[at], a = r->up[at], b = r->down[at];
  int rises = -a * (2 * g + a * h) > -b * (2 * g + b * h);
  float factor = rises ? a : b;
  r->ranks[at] = (uint8_t)(r->ranks[at] + (rises ? 1 : -1));
  set_steps(grid, r, at);
  r->rest[at] += factor * (r->known[at] + r->pull * r->known[at]);
  const float *keys = r->keys + first * r->key_count + (at - first);
  for (size_t key = 0; key < r->key_count; key++)
    r->along[key] += r->weights[key] * factor * keys[key * errata_chunk];
  r->best[first / errata_chunk] = INT32_MAX;
  if (r->price[at] == 0) return;
  // All that share its scales may move now.
  size_t free = at / neighbors * neighbors;
  for (size_t i = free; i < free + neighbors && i < r->width; i++) {
    r->price[i] = 0;
    r->best[i / errata_chunk] = INT32_MAX;
  }
}

ERRATA_INLINE size_t descend(const errata_grid *grid, errata_row *r, float least, size_t neighbors, size_t limit) {
  size_t chunks = (r->width + errata_chunk - 1) / errata_chunk, taken = 0;
  int32_t least_bits = (int32_t)bits_of_float(least);
  float gradient[errata_chunk];
  int is_last_look = 1;
  for (size_t c = 0; c < chunks; c++) r->best[c] = INT32_MAX;
  while (taken < limit) {
    int32_t most = 0;
    for (size_t c = 0; c < chunks; c++) most = r->best[c] > most ? r->best[c] : most;
    if (most <= least_bits) {
      if (is_last_look) break;
      // What other chunks' steps have made better is not known yet.
      for (size_t c = 0; c < chunks; c++) r->best[c] = INT32_MAX;
      is_last_look = 1;
      continue;
    }
    size_t chunk = 0;
    while (r->best[chunk] != most) chunk++;
    size_t first = chunk * errata_chunk, end = chunk_end(first, r->width);
    int32_t gain = chunk_gain(r, first, end, gradient);
    r->best[chunk] = gain;
    if (gain <= least_bits) continue;
    int32_t other = 0;
    for (size_t c = 0; c < chunks; c++) other = r->best[c] > other ? r->best[c] : other;
    if (other > gain) continue;
    take(grid, r, first, gain, gradient, neighbors);
    is_last_look = 0;
    taken++;
  }
  return taken;
}

#define LEVEL(level)                                                                                                   \
  static void add_row##level(float *sum, const float *row, float factor, size_t width) {                               \
    add_row(sum, row, factor, width);                                                                                  \
  }                                                                                                                    \
  static void key_products##level(const float *keys, size_t key_count, const float *row, float *products,              \
                                  size_t width) {                                                                      \
    key_products(keys, key_count, row, products, width);                                                               \
  }                                                                                                                    \
  static void begin_row##level(const errata_grid *grid, errata_row *row, const uint8_t *base_ranks,                    \
                               const float *update, const float *asked, float block_price, size_t neighbors,           \
                               float *error) {                                                                         \
    begin_row(grid, row, base_ranks, update, asked, block_price, neighbors, error);                                    \
  }                                                                                                                    \
  static size_t descend##level(const errata_grid *grid, errata_row *row, float least, size_t neighbors,                \
                               size_t limit) {                                                                         \
    return descend(grid, row, least, neighbors, limit);                                                                \
  }

LEVEL(_plain)
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
LEVEL(_v3)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
LEVEL(_v4)
#pragma clang attribute pop
#endif

void errata_add_row(float *sum, const float *row, float factor, size_t width) {
  CHOOSE(add_row, sum, row, factor, width);
}

void errata_key_products(const float *keys, size_t key_count, const float *row, float *products, size_t width) {
  CHOOSE(key_products, keys, key_count, row, products, width);
}

void errata_begin_row(const errata_grid *grid, errata_row *row, const uint8_t *base_ranks, const float *update,
                      const float *asked, float block_price, size_t neighbors, float *error) {
  CHOOSE(begin_row, grid, row, base_ranks, update, asked, block_price, neighbors, error);
}

size_t errata_descend(const errata_grid *grid, errata_row *row, float least, size_t neighbors, size_t limit) {
  CHOOSE(descend, grid, row, least, neighbors, limit);
}
