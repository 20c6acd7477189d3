// Floats to blocks, one function a format, by the algorithms of ggml's reference quantizers (ggml-org/llama.cpp,
// `ggml/src/ggml-quants.c`, `quantize_row_*_ref`). Sums run in their order and every product and sum is rounded to
// float, so that the bytes are the same.
#ifndef ERRATA_BLOCK_ENCODING_H
#define ERRATA_BLOCK_ENCODING_H

#include "block_scales.h"

ERRATA_INLINE void put_half(uint8_t *p, float x) {
  uint16_t h = f16_of_float(x);
  memcpy(p, &h, 2);
}

// Nibbles of 32 elements; with `high`, their fifth bits too.
ERRATA_INLINE void put_nibbles(const uint8_t *q, uint8_t *nibbles, uint8_t *high) {
  for (int j = 0; j < 16; j++) nibbles[j] = (uint8_t)((q[j] & 15) | (q[j + 16] & 15) << 4);
  if (!high) return;
  uint32_t bits = 0;
  for (int j = 0; j < 32; j++) bits |= (uint32_t)(q[j] >> 4) << j;
  memcpy(high, &bits, 4);
}

// Q4_0 and Q5_0: the element of largest magnitude becomes the lowest step, −`center`.
ERRATA_INLINE float quantize_around_zero(const float *x, int center, uint8_t *q) {
  float largest = 0, extreme = 0;
  for (int j = 0; j < 32; j++)
    if (largest < magnitude(x[j])) {
      largest = magnitude(x[j]);
      extreme = x[j];
    }
  float d = extreme / (float)-center, inverse = d != 0 ? 1.0f / d : 0;
  for (int j = 0; j < 32; j++) q[j] = (uint8_t)whole(x[j] * inverse + ((float)center + 0.5f), 2 * center - 1);
  return d;
}

// Q4_1 and Q5_1: steps from the least element to the largest.
ERRATA_INLINE float quantize_from_least(const float *x, int top, uint8_t *q, float *least) {
  float low = x[0], high = x[0];
  for (int j = 1; j < 32; j++) {
    low = x[j] < low ? x[j] : low;
    high = x[j] > high ? x[j] : high;
  }
  float d = (high - low) / (float)top, inverse = d != 0 ? 1.0f / d : 0;
  for (int j = 0; j < 32; j++) q[j] = (uint8_t)whole((x[j] - low) * inverse + 0.5f, top);
  *least = low;
  return d;
}

ERRATA_INLINE void encode_q4_0(const float *x, uint8_t *b) {
  uint8_t q[32];
  put_half(b, quantize_around_zero(x, 8, q));
  put_nibbles(q, b + 2, 0);
}

ERRATA_INLINE void encode_q5_0(const float *x, uint8_t *b) {
  uint8_t q[32];
  put_half(b, quantize_around_zero(x, 16, q));
  put_nibbles(q, b + 6, b + 2);
}

ERRATA_INLINE void encode_q4_1(const float *x, uint8_t *b) {
  uint8_t q[32];
  float least;
  put_half(b, quantize_from_least(x, 15, q, &least));
  put_half(b + 2, least);
  put_nibbles(q, b + 4, 0);
}

ERRATA_INLINE void encode_q5_1(const float *x, uint8_t *b) {
  uint8_t q[32];
  float least;
  put_half(b, quantize_from_least(x, 31, q, &least));
  put_half(b + 2, least);
  put_nibbles(q, b + 8, b + 4);
}

ERRATA_INLINE void encode_q8_0(const float *x, uint8_t *b) {
  float largest = 0;
  for (int j = 0; j < 32; j++) largest = magnitude(x[j]) > largest ? magnitude(x[j]) : largest;
  float d = largest / 127.0f, inverse = d != 0 ? 1.0f / d : 0;
  put_half(b, d);
  for (int j = 0; j < 32; j++) b[2 + j] = (uint8_t)nearest_away(x[j] * inverse);
}

// Two-bit elements of 256: byte j of each half holds elements j, j + 32, j + 64 and j + 96.
ERRATA_INLINE void put_pairs(const uint8_t *q, uint8_t *pairs) {
  for (int half = 0; half < 2; half++)
    for (int j = 0; j < 32; j++) {
      const uint8_t *e = q + 128 * half + j;
      pairs[32 * half + j] = (uint8_t)((e[0] & 3) | (e[32] & 3) << 2 | (e[64] & 3) << 4 | (e[96] & 3) << 6);
    }
}

ERRATA_INLINE void encode_q2_k(const float *x, uint8_t *b) {
  float scales[16], offsets[16], largest_scale = 0, largest_offset = 0;
  uint8_t q[256];
  for (int half = 0; half < 2; half++) {
    lane_floats own[16], weights[16];
    put_side_by_side(x + 128 * half, 16, own);
    for (int i = 0; i < 16; i++) EACH_LANE(g) weights[i][g] = magnitude(own[i][g]);
    fit_with_offset(16, 3, own, weights, -0.5f, 0.1f, 15, 1, scales + 8 * half, offsets + 8 * half, q + 128 * half);
  }
  for (int group = 0; group < 16; group++) {
    if (scales[group] > largest_scale) largest_scale = scales[group];
    if (offsets[group] > largest_offset) largest_offset = offsets[group];
  }
  float to_scale = largest_scale > 0 ? 15.0f / largest_scale : 0;
  float to_offset = largest_offset > 0 ? 15.0f / largest_offset : 0;
  for (int group = 0; group < 16; group++) {
    int s = nearest_even(to_scale * scales[group]), o = nearest_even(to_offset * offsets[group]);
    b[group] = (uint8_t)((unsigned)s | (unsigned)o << 4);
  }
  put_half(b + 80, largest_scale > 0 ? largest_scale / 15.0f : 0);
  put_half(b + 82, largest_offset > 0 ? largest_offset / 15.0f : 0);
  for (int group = 0; group < 16; group++) {
    float d = half_at(b + 80) * (float)(b[group] & 15), m = half_at(b + 82) * (float)(b[group] >> 4);
    if (d == 0) continue;
    for (int i = 0; i < 16; i++)
      q[16 * group + i] = (uint8_t)within(nearest_even((x[16 * group + i] + m) / d), 0, 3);
  }
  put_pairs(q, b + 16);
}

ERRATA_INLINE void encode_q3_k(const float *x, uint8_t *b) {
  float scales[16], largest = 0, extreme = 0;
  int8_t first[256];
  uint8_t q[256];
  for (int group = 0; group < 16; group++) {
    scales[group] = fit_three_bits(x + 16 * group, first + 16 * group);
    if (magnitude(scales[group]) > largest) {
      largest = magnitude(scales[group]);
      extreme = scales[group];
    }
  }
  memset(b, 0, 110);
  uint8_t *s = b + 96;
  if (extreme != 0) {
    float inverse = -32.0f / extreme;
    for (int group = 0; group < 16; group++) {
      int step = within((int8_t)nearest_even(inverse * scales[group]), -32, 31) + 32;
      if (group < 8) s[group] = (uint8_t)(step & 15);
      else s[group - 8] |= (uint8_t)((step & 15) << 4);
      s[8 + group % 4] |= (uint8_t)(step >> 4 << group / 4 * 2);
    }
    put_half(b + 108, 1 / inverse);
  }
  for (int group = 0; group < 16; group++) {
    float d = half_at(b + 108) * (float)q3_k_scale(s, group);
    for (int i = 0; i < 16; i++)
      q[16 * group + i] = (uint8_t)(d == 0 ? first[16 * group + i]
                                           : within(nearest_even(x[16 * group + i] / d), -4, 3) + 4);
  }
  for (int i = 0; i < 256; i++)
    if (q[i] > 3) {
      b[i % 32] |= (uint8_t)(1 << i / 32);
      q[i] -= 4;
    }
  put_pairs(q, b + 32);
}

// What Q4_K and Q5_K share: scale and offset of block and groups into 16 bytes, elements into steps 0 … top.
ERRATA_INLINE void quantize_groups(const float *x, int top, float first, int tries, uint8_t *b, uint8_t *q) {
  float scales[8], offsets[8], largest_scale = 0, largest_offset = 0;
  lane_floats own[32], weights[32], squares = {0}, mean;
  put_side_by_side(x, 32, own);
  for (int i = 0; i < 32; i++) EACH_LANE(g) squares[g] += own[i][g] * own[i][g];
  EACH_LANE(g) mean[g] = __builtin_elementwise_sqrt(squares[g] / 32);
  for (int i = 0; i < 32; i++) EACH_LANE(g) weights[i][g] = mean[g] + magnitude(own[i][g]);
  fit_with_offset(32, top, own, weights, first, 0.1f, tries, 0, scales, offsets, q);
  for (int group = 0; group < 8; group++) {
    if (scales[group] > largest_scale) largest_scale = scales[group];
    if (offsets[group] > largest_offset) largest_offset = offsets[group];
  }
  float to_scale = largest_scale > 0 ? 63.0f / largest_scale : 0;
  float to_offset = largest_offset > 0 ? 63.0f / largest_offset : 0;
  uint8_t *s = b + 4;
  for (int group = 0; group < 8; group++) {
    int scale = within((uint8_t)nearest_even(to_scale * scales[group]), 0, 63);
    int offset = within((uint8_t)nearest_even(to_offset * offsets[group]), 0, 63);
    if (group < 4) {
      s[group] = (uint8_t)scale;
      s[group + 4] = (uint8_t)offset;
    } else {
      s[group + 4] = (uint8_t)((scale & 15) | (offset & 15) << 4);
      s[group - 4] |= (uint8_t)(scale >> 4 << 6);
      s[group] |= (uint8_t)(offset >> 4 << 6);
    }
  }
  put_half(b, largest_scale / 63.0f);
  put_half(b + 2, largest_offset / 63.0f);
  for (int group = 0; group < 8; group++) {
    int scale, offset;
    q4_k_scale(s, group, &scale, &offset);
    float d = half_at(b) * (float)scale, m = half_at(b + 2) * (float)offset;
    if (d == 0) continue;
    for (int i = 0; i < 32; i++)
      q[32 * group + i] = (uint8_t)within(nearest_even((x[32 * group + i] + m) / d), 0, top);
  }
}

ERRATA_INLINE void encode_q4_k(const float *x, uint8_t *b) {
  uint8_t q[256];
  quantize_groups(x, 15, -1.0f, 20, b, q);
  for (int pair = 0; pair < 4; pair++)
    for (int j = 0; j < 32; j++)
      b[16 + 32 * pair + j] = (uint8_t)(q[64 * pair + j] | q[64 * pair + 32 + j] << 4);
}

ERRATA_INLINE void encode_q5_k(const float *x, uint8_t *b) {
  uint8_t q[256];
  quantize_groups(x, 31, -0.5f, 15, b, q);
  memset(b + 16, 0, 32);
  for (int group = 0; group < 8; group++)
    for (int j = 0; j < 32; j++) b[16 + j] |= (uint8_t)(q[32 * group + j] >> 4 << group);
  for (int pair = 0; pair < 4; pair++)
    for (int j = 0; j < 32; j++)
      b[48 + 32 * pair + j] = (uint8_t)((q[64 * pair + j] & 15) | (q[64 * pair + 32 + j] & 15) << 4);
}

ERRATA_INLINE void encode_q6_k(const float *x, uint8_t *b) {
  float scales[16], largest = 0, extreme = 0;
  int8_t q[256];
  for (int half = 0; half < 2; half++) fit_around_zero(x + 128 * half, scales + 8 * half, q + 128 * half);
  for (int group = 0; group < 16; group++)
    if (magnitude(scales[group]) > largest) {
      largest = magnitude(scales[group]);
      extreme = scales[group];
    }
  memset(b, 0, 210);
  if (largest < 1e-15f) return;
  float inverse = -128.0f / extreme;
  put_half(b + 208, 1 / inverse);
  for (int group = 0; group < 16; group++) {
    int step = nearest_even(inverse * scales[group]);
    b[192 + group] = (uint8_t)(int8_t)(step < 127 ? step : 127);
    float d = half_at(b + 208) * (float)(int8_t)b[192 + group];
    if (d == 0) continue;
    for (int i = 0; i < 16; i++)
      q[16 * group + i] = (int8_t)(within(nearest_even(x[16 * group + i] / d), -32, 31) + 32);
  }
  for (int half = 0; half < 2; half++)
    for (int j = 0; j < 32; j++) {
      const int8_t *e = q + 128 * half + j;
      b[64 * half + j] = (uint8_t)((e[0] & 15) | (e[64] & 15) << 4);
      b[64 * half + 32 + j] = (uint8_t)((e[32] & 15) | (e[96] & 15) << 4);
      b[128 + 32 * half + j] = (uint8_t)(e[0] >> 4 | e[32] >> 4 << 2 | e[64] >> 4 << 4 | e[96] >> 4 << 6);
    }
}

#endif
