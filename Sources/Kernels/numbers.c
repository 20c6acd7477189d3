#include "coder.h"
#include "Kernels.h"
#include "number_stream.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// ---- Elements, once per width and level

enum { stretch = 1024 };
typedef uint8_t bytes __attribute__((vector_size(32)));

// How exponents become contexts, in forms that many elements are compared with at once.
typedef struct {
  const uint8_t *clusters;         // of each exponent, or place
  size_t cluster_count;
  bytes firsts[16];                // the first exponent of each cluster
  uint8_t lowest[16], highest[16]; // the exponents of each context; that of the exceptions holds all
} context_rule;

static context_rule rule_of(errata_elements kind, const uint8_t *clusters) {
  context_rule rule = {.clusters = clusters};
  memset(rule.highest, 255, sizeof rule.highest);
  if (kind.exponent_count > 256) return rule;
  for (uint32_t exponent = 0; exponent < kind.exponent_count; exponent++) {
    uint8_t cluster = clusters[exponent];
    if (exponent == 0 || clusters[exponent - 1] != cluster) {
      rule.firsts[cluster] = (uint8_t)exponent - (bytes){0};
      rule.lowest[cluster] = (uint8_t)exponent;
      rule.cluster_count = cluster + 1u;
    }
    rule.highest[cluster] = (uint8_t)exponent;
  }
  return rule;
}

#define LEVEL _plain
#define VECTOR 0
#include "number_widths.h"
#undef LEVEL
#undef VECTOR

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#include "number_vector.h"
#define LEVEL _v3
#define VECTOR 1
#include "number_widths.h"
#undef LEVEL
#undef VECTOR
#pragma clang attribute pop
#define CHOOSE_LEVEL(name, ...)                                       \
  do {                                                                \
    if (errata_kernel_level() >= 3) return name##_v3(__VA_ARGS__);    \
    return name##_plain(__VA_ARGS__);                                 \
  } while (0)
#else
#define CHOOSE_LEVEL(name, ...) return name##_plain(__VA_ARGS__)
#endif

size_t errata_encoded_bound(size_t count, size_t raw_length) { return header_bytes + 2 * (count + 16) + raw_length; }

size_t errata_encode_symbols(errata_coder *coder, const errata_symbols *tile, size_t count, uint8_t *bytes) {
  uint32_t state[state_count];
  for (int k = 0; k < state_count; k++) state[k] = lowest_state;
  uint8_t *words_end = bytes + header_bytes + 2 * (count + 16), *words = words_end;
  const errata_crossing *crossing = tile->crossings + tile->crossing_count;
  size_t end = count;
#if defined(__x86_64__)
  if (errata_kernel_level() >= 3) {
    encode_codes(coder, tile->codes, &crossing, count / state_count * state_count, count, state, &words);
    end = encode_vector(coder, tile->codes, &crossing, count / state_count * state_count, state, &words);
  }
#endif
  encode_codes(coder, tile->codes, &crossing, 0, end, state, &words);
  size_t word_bytes = (size_t)(words_end - words);
  memcpy(bytes, state, sizeof state);
  uint32_t word_count = (uint32_t)(word_bytes / 2);
  memcpy(bytes + sizeof state, &word_count, 4);
  memmove(bytes + header_bytes, words, word_bytes);
  memcpy(bytes + header_bytes + word_bytes, tile->raw, tile->raw_length);
  return header_bytes + word_bytes + tile->raw_length;
}

size_t errata_count_different(errata_elements kind, const void *base, const void *edited, size_t count) {
  CHOOSE_LEVEL(count_different, kind, base, edited, count);
}

void errata_count_exponents(errata_elements kind, const void *elements, size_t count, uint32_t *counts) {
  CHOOSE_LEVEL(count_exponents, kind, elements, count, counts);
}

void errata_find_symbols(errata_elements kind, const uint8_t *clusters, const void *base, const void *edited,
                         size_t count, uint64_t first, size_t context_count, errata_symbols *out) {
  CHOOSE_LEVEL(find_symbols, kind, clusters, base, edited, count, first, context_count, out);
}

int errata_add_differences(errata_elements kind, const uint8_t *clusters, errata_coder *coder, uint8_t exception,
                           const uint32_t *exceptions, size_t exception_count, const uint8_t *bytes, size_t length,
                           int sign, const void *source, void *target, size_t count, uint64_t first) {
  CHOOSE_LEVEL(add_differences, kind, clusters, coder, exception, exceptions, exception_count, bytes, length, sign,
               source, target, count, first);
}
