// Blocks to floats, one function a format. Layouts: ggml-org/llama.cpp, `ggml/src/ggml-common.h`. Loops run over
// elements that do not depend on each other, so that the compiler can take many at once.
#ifndef ERRATA_BLOCK_DECODING_H
#define ERRATA_BLOCK_DECODING_H

#include "element.h"

ERRATA_INLINE float half_at(const uint8_t *p) {
  uint16_t h;
  memcpy(&h, p, 2);
  return float_of_f16(h);
}

// 18 bytes, 32 elements: scale, nibbles. Byte j holds elements j (low) and j + 16, as in all formats of 32.
ERRATA_INLINE void decode_q4_0(const uint8_t *b, float *x) {
  float d = half_at(b);
  for (int j = 0; j < 16; j++) {
    x[j] = (float)((b[2 + j] & 15) - 8) * d;
    x[j + 16] = (float)((b[2 + j] >> 4) - 8) * d;
  }
}

// 20 bytes, 32 elements: scale, least value, nibbles.
ERRATA_INLINE void decode_q4_1(const uint8_t *b, float *x) {
  float d = half_at(b), m = half_at(b + 2);
  for (int j = 0; j < 16; j++) {
    x[j] = (float)(b[4 + j] & 15) * d + m;
    x[j + 16] = (float)(b[4 + j] >> 4) * d + m;
  }
}

// The fifth bits of 32 elements, each where it counts 16.
ERRATA_INLINE void fifth_bits(const uint8_t *b, int *high) {
  uint32_t bits;
  memcpy(&bits, b, 4);
  for (int j = 0; j < 32; j++) high[j] = (int)(bits >> j & 1) << 4;
}

// 22 bytes, 32 elements: scale, fifth bits, nibbles.
ERRATA_INLINE void decode_q5_0(const uint8_t *b, float *x) {
  float d = half_at(b);
  int high[32];
  fifth_bits(b + 2, high);
  for (int j = 0; j < 16; j++) {
    x[j] = (float)(((b[6 + j] & 15) | high[j]) - 16) * d;
    x[j + 16] = (float)(((b[6 + j] >> 4) | high[j + 16]) - 16) * d;
  }
}

// 24 bytes, 32 elements: scale, least value, fifth bits, nibbles.
ERRATA_INLINE void decode_q5_1(const uint8_t *b, float *x) {
  float d = half_at(b), m = half_at(b + 2);
  int high[32];
  fifth_bits(b + 4, high);
  for (int j = 0; j < 16; j++) {
    x[j] = (float)((b[8 + j] & 15) | high[j]) * d + m;
    x[j + 16] = (float)((b[8 + j] >> 4) | high[j + 16]) * d + m;
  }
}

// 34 bytes, 32 elements: scale, signed bytes.
ERRATA_INLINE void decode_q8_0(const uint8_t *b, float *x) {
  float d = half_at(b);
  for (int j = 0; j < 32; j++) x[j] = (float)(int8_t)b[2 + j] * d;
}

// The formats from here to Q8_K take 256 elements. Q2_K, 84 bytes: 16 bytes of scale and offset (low, high nibble) for
// 16 elements each, two-bit elements, scale and offset of the block.
ERRATA_INLINE void decode_q2_k(const uint8_t *b, float *x) {
  float d = half_at(b + 80), m = half_at(b + 82);
  for (int group = 0; group < 16; group++) {
    float scale = d * (float)(b[group] & 15), offset = m * (float)(b[group] >> 4);
    const uint8_t *q = b + 16 + group / 8 * 32 + group % 2 * 16;
    int shift = group % 8 / 2 * 2;
    for (int j = 0; j < 16; j++) x[16 * group + j] = scale * (float)(q[j] >> shift & 3) - offset;
  }
}

// The six-bit scale of a group of 16 in Q3_K: low nibbles in bytes 0 … 7, high pairs in bytes 8 … 11.
ERRATA_INLINE int q3_k_scale(const uint8_t *s, int group) {
  int low = group < 8 ? s[group] & 15 : s[group - 8] >> 4;
  return (low | (s[8 + group % 4] >> group / 4 * 2 & 3) << 4) - 32;
}

// 110 bytes: third bits (0 takes 4 away), two-bit elements, 16 six-bit scales, scale of the block.
ERRATA_INLINE void decode_q3_k(const uint8_t *b, float *x) {
  float d = half_at(b + 108);
  for (int group = 0; group < 16; group++) {
    float scale = d * (float)q3_k_scale(b + 96, group);
    const uint8_t *high = b + group % 2 * 16, *q = b + 32 + group / 8 * 32 + group % 2 * 16;
    int shift = group % 8 / 2 * 2, bit = group / 2;
    for (int j = 0; j < 16; j++)
      x[16 * group + j] = scale * (float)((q[j] >> shift & 3) - (high[j] >> bit & 1 ? 0 : 4));
  }
}

// Six-bit scale and offset of a group of 32 in Q4_K and Q5_K, packed into 12 bytes.
ERRATA_INLINE void q4_k_scale(const uint8_t *s, int group, int *scale, int *offset) {
  if (group < 4) {
    *scale = s[group] & 63;
    *offset = s[group + 4] & 63;
  } else {
    *scale = (s[group + 4] & 15) | s[group - 4] >> 6 << 4;
    *offset = s[group + 4] >> 4 | s[group] >> 6 << 4;
  }
}

// 144 bytes: scale and offset of the block, 8 six-bit scales and offsets, nibbles.
ERRATA_INLINE void decode_q4_k(const uint8_t *b, float *x) {
  float d = half_at(b), m = half_at(b + 2);
  for (int group = 0; group < 8; group++) {
    int s, o;
    q4_k_scale(b + 4, group, &s, &o);
    float scale = d * (float)s, offset = m * (float)o;
    const uint8_t *q = b + 16 + group / 2 * 32;
    int shift = group % 2 * 4;
    for (int j = 0; j < 32; j++) x[32 * group + j] = scale * (float)(q[j] >> shift & 15) - offset;
  }
}

// 176 bytes: as Q4_K, with the fifth bits between scales and nibbles.
ERRATA_INLINE void decode_q5_k(const uint8_t *b, float *x) {
  float d = half_at(b), m = half_at(b + 2);
  for (int group = 0; group < 8; group++) {
    int s, o;
    q4_k_scale(b + 4, group, &s, &o);
    float scale = d * (float)s, offset = m * (float)o;
    const uint8_t *high = b + 16, *q = b + 48 + group / 2 * 32;
    int shift = group % 2 * 4;
    for (int j = 0; j < 32; j++)
      x[32 * group + j] = scale * (float)((q[j] >> shift & 15) | (high[j] >> group & 1) << 4) - offset;
  }
}

// 210 bytes: low nibbles, high pairs, 16 signed scales, scale of the block.
ERRATA_INLINE void decode_q6_k(const uint8_t *b, float *x) {
  float d = half_at(b + 208);
  for (int group = 0; group < 16; group++) {
    float scale = d * (float)(int8_t)b[192 + group];
    int half = group / 8, quarter = group % 8 / 2, side = group % 2 * 16;
    const uint8_t *low = b + half * 64 + quarter % 2 * 32 + side, *high = b + 128 + half * 32 + side;
    int low_shift = quarter / 2 * 4, high_shift = quarter * 2;
    for (int j = 0; j < 16; j++)
      x[16 * group + j] = scale * (float)(((low[j] >> low_shift & 15) | (high[j] >> high_shift & 3) << 4) - 32);
  }
}

// 292 bytes: scale in full precision, signed bytes, sums that are not needed here.
ERRATA_INLINE void decode_q8_k(const uint8_t *b, float *x) {
  float d;
  memcpy(&d, b, 4);
  for (int j = 0; j < 256; j++) x[j] = d * (float)(int8_t)b[4 + j];
}

static const int8_t iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// 18 bytes, 32 elements: scale, nibbles that choose one of 16 uneven steps.
ERRATA_INLINE void decode_iq4_nl(const uint8_t *b, float *x) {
  float d = half_at(b);
  for (int j = 0; j < 16; j++) {
    x[j] = d * (float)iq4_values[b[2 + j] & 15];
    x[j + 16] = d * (float)iq4_values[b[2 + j] >> 4];
  }
}

// 136 bytes, 256 elements: scale, high pairs and low nibbles of 8 scales, nibbles as above.
ERRATA_INLINE void decode_iq4_xs(const uint8_t *b, float *x) {
  float d = half_at(b);
  uint16_t high;
  memcpy(&high, b + 2, 2);
  for (int group = 0; group < 8; group++) {
    int s = (b[4 + group / 2] >> group % 2 * 4 & 15) | (high >> 2 * group & 3) << 4;
    float scale = d * (float)(s - 32);
    const uint8_t *q = b + 8 + 16 * group;
    for (int j = 0; j < 16; j++) {
      x[32 * group + j] = scale * (float)iq4_values[q[j] & 15];
      x[32 * group + j + 16] = scale * (float)iq4_values[q[j] >> 4];
    }
  }
}

// −1, 0 or 1: digit number `power` (1, 3, 9, 27, 81 for the first to the fifth) of a byte that holds five.
ERRATA_INLINE float ternary_digit(uint8_t byte, uint8_t power) {
  return (float)(((uint8_t)(byte * power) * 3 >> 8) - 1);
}

// 54 bytes, 256 elements: 48 bytes of five digits, 4 of four, scale.
ERRATA_INLINE void decode_tq1_0(const uint8_t *b, float *x) {
  static const uint8_t powers[5] = {1, 3, 9, 27, 81};
  float d = half_at(b + 52);
  for (int n = 0; n < 5; n++) {
    for (int j = 0; j < 32; j++) x[32 * n + j] = d * ternary_digit(b[j], powers[n]);
    for (int j = 0; j < 16; j++) x[160 + 16 * n + j] = d * ternary_digit(b[32 + j], powers[n]);
  }
  for (int n = 0; n < 4; n++)
    for (int j = 0; j < 4; j++) x[240 + 4 * n + j] = d * ternary_digit(b[48 + j], powers[n]);
}

// 66 bytes, 256 elements: two-bit elements, scale.
ERRATA_INLINE void decode_tq2_0(const uint8_t *b, float *x) {
  float d = half_at(b + 64);
  for (int group = 0; group < 8; group++)
    for (int j = 0; j < 32; j++)
      x[32 * group + j] = d * (float)((b[group / 4 * 32 + j] >> group % 4 * 2 & 3) - 1);
}

// The values of E2M1, doubled; the scales below are halved.
static const int8_t e2m1_values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// 17 bytes, 32 elements: scale 2^(e − 127), nibbles.
ERRATA_INLINE void decode_mxfp4(const uint8_t *b, float *x) {
  float d = float_of_bits(b[0] < 2 ? 0x00200000u << b[0] : (uint32_t)(b[0] - 1) << 23);
  for (int j = 0; j < 16; j++) {
    x[j] = d * (float)e2m1_values[b[1 + j] & 15];
    x[j + 16] = d * (float)e2m1_values[b[1 + j] >> 4];
  }
}

// Half of an unsigned E4M3 number; 7F, its NaN, counts as zero. The sign bit is not used.
ERRATA_INLINE float half_of_e4m3(uint8_t b) {
  int exponent = b >> 3 & 15, significand = b & 7;
  float normal = float_of_bits((uint32_t)(exponent + 119) << 23 | (uint32_t)significand << 20);
  float value = exponent == 0 ? (float)significand * 0x1p-10f : normal;
  return b == 0x7f ? 0 : value;
}

// 36 bytes, 64 elements: four scales, nibbles of 16 elements each.
ERRATA_INLINE void decode_nvfp4(const uint8_t *b, float *x) {
  for (int group = 0; group < 4; group++) {
    float d = half_of_e4m3(b[group]);
    for (int j = 0; j < 8; j++) {
      x[16 * group + j] = d * (float)e2m1_values[b[4 + 8 * group + j] & 15];
      x[16 * group + j + 8] = d * (float)e2m1_values[b[4 + 8 * group + j] >> 4];
    }
  }
}

// 18 bytes, 128 elements: scale, signs (1 is plus), in order.
ERRATA_INLINE void decode_q1_0(const uint8_t *b, float *x) {
  float d = half_at(b);
  for (int j = 0; j < 128; j++) x[j] = b[2 + j / 8] >> j % 8 & 1 ? d : -d;
}

// 18 bytes, 64 elements: scale, two-bit elements, in order.
ERRATA_INLINE void decode_q2_0(const uint8_t *b, float *x) {
  float d = half_at(b);
  for (int j = 0; j < 64; j++) x[j] = (float)((b[2 + j / 4] >> j % 4 * 2 & 3) - 1) * d;
}

#endif
