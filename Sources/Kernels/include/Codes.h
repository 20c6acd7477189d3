// Numbers of one byte that stand for floats with a scale beside them: FP8 and whole numbers. `Formats/safetensors.md`, "Packed
// weights", says where such weights lie.
#ifndef ERRATA_CODES_H
#define ERRATA_CODES_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
  errata_code_e4m3 = 0,  // 1 sign, 4 exponent (bias 7), 3 mantissa bits; no infinities, 0x7f and 0xff are NaN
  errata_code_e5m2 = 1,  // 1 sign, 5 exponent (bias 15), 2 mantissa bits: the first byte of an F16
  errata_code_i8 = 2     // two's complement
} errata_code_type;

// floats[i] = the value of codes[i], exactly.
void errata_decode_codes(errata_code_type type, const uint8_t *codes, float *floats, size_t count);
// The same by arithmetic instead of a table: the judge of the fast one.
void errata_decode_codes_plain(errata_code_type type, const uint8_t *codes, float *floats, size_t count);

// A row of codes from column `first`, each times the scale of its group of `group` columns: floats[i] = value · scales[(first + i) / group],
// and that times `factor` unless it is 1. Each product is rounded to float.
void errata_decode_scaled(errata_code_type type, const uint8_t *codes, size_t first, size_t count, const float *scales,
                          size_t group, float factor, float *floats);

#endif
