#include <math.h>
#include <pthread.h>

#include "Kernels.h"

// Each product is rounded by itself.
#pragma STDC FP_CONTRACT OFF

static float small_float(uint8_t code, int mantissa_bits, int bias) {
  int mantissa = code & ((1 << mantissa_bits) - 1);
  int exponent = (code & 0x7f) >> mantissa_bits;
  float value = exponent == 0 ? ldexpf((float)mantissa, 1 - bias - mantissa_bits)
                              : ldexpf((float)(mantissa + (1 << mantissa_bits)), exponent - bias - mantissa_bits);
  return code & 0x80 ? -value : value;
}

static float code_value(errata_code_type type, uint8_t code) {
  switch (type) {
    case errata_code_e4m3: return (code & 0x7f) == 0x7f ? NAN : small_float(code, 3, 7);
    case errata_code_e5m2:
      if ((code & 0x7f) > 0x7c) return NAN;
      if ((code & 0x7f) == 0x7c) return code & 0x80 ? -INFINITY : INFINITY;
      return small_float(code, 2, 15);
    case errata_code_i8: return (float)(int8_t)code;
  }
  return NAN;
}

// Filled once; 3 kB that stay in the first cache.
static float tables[3][256];
static pthread_once_t is_filled = PTHREAD_ONCE_INIT;

static void fill_tables(void) {
  for (int type = 0; type < 3; type++)
    for (int code = 0; code < 256; code++) tables[type][code] = code_value((errata_code_type)type, (uint8_t)code);
}

void errata_decode_codes_plain(errata_code_type type, const uint8_t *codes, float *floats, size_t count) {
  for (size_t i = 0; i < count; i++) floats[i] = code_value(type, codes[i]);
}

void errata_decode_codes(errata_code_type type, const uint8_t *restrict codes, float *restrict floats, size_t count) {
  pthread_once(&is_filled, fill_tables);
  const float *table = tables[type];
  for (size_t i = 0; i < count; i++) floats[i] = table[codes[i]];
}

void errata_decode_scaled(errata_code_type type, const uint8_t *restrict codes, size_t first, size_t count,
                          const float *restrict scales, size_t group, float factor, float *restrict floats) {
  errata_decode_codes(type, codes, floats, count);
  for (size_t start = 0; start < count;) {
    size_t index = (first + start) / group;
    size_t end = (index + 1) * group - first;
    if (end > count) end = count;
    float scale = scales[index];
    for (size_t i = start; i < end; i++) floats[i] *= scale;
    start = end;
  }
  if (factor != 1)
    for (size_t i = 0; i < count; i++) floats[i] *= factor;
}
