// Floats to blocks, one function a format, by the algorithms of ggml's reference quantizers (ggml-org/llama.cpp,
// `ggml/src/ggml-quants.c`, `quantize_row_*_ref`). Sums run in their order and every product and sum is rounded to
// float, so that the bytes are the same.
#ifndef ERRATA_BLOCK_ENCODING_H
#define ERRATA_BLOCK_ENCODING_H

#include "block_decoding.h"

ERRATA_INLINE void put_half(uint8_t *p, float x) {
  uint16_t h = f16_of_float(x);
  memcpy(p, &h, 2);
}

ERRATA_INLINE float magnitude(float x) { return float_of_bits(bits_of_float(x) & 0x7fffffffu); }
ERRATA_INLINE int within(int value, int least, int most) {
  return value < least ? least : value > most ? most : value;
}

// Toward zero, from 0 to `most`; what is not a number is 0. Scales too small for their inverse lead here.
ERRATA_INLINE int whole(float x, int most) {
  float low = x > 0 ? x : 0;
  return (int)(low < (float)most ? low : (float)most);
}

// To nearest, halves away from zero, for at most some hundreds in magnitude.
ERRATA_INLINE int nearest_away(float x) {
  float bounded = x < 128 ? x > -128 ? x : -128 : x > 0 ? 128 : 0;
  int q = (int)bounded;
  float rest = bounded - (float)q;
  return q + (rest >= 0.5f) - (rest <= -0.5f);
}

// To nearest, ties to even, below 2²² in magnitude: 1.5 · 2²³ has the spacing of whole numbers.
ERRATA_INLINE int nearest_even(float x) {
  return (int)(bits_of_float(x + 12582912.0f) & 0x7fffffu) - 0x400000;
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

// Eight groups side by side: element i of group g is [i][g]. Each group's sums keep their order, which is the
// reference's; side by side they fill a vector, where alone each addition would wait for the one before.
enum { lanes = 8 };
typedef float lane_floats[lanes];
#define EACH_LANE(g) for (int g = 0; g < lanes; g++)

// Eight groups of n neighbors each.
ERRATA_INLINE void put_side_by_side(const float *x, int n, lane_floats *out) {
  for (int i = 0; i < n; i++) EACH_LANE(g) out[i][g] = x[n * g + i];
}

// A scale and an offset for n elements in steps 0 … top: the best, in weighted error, of `tries` + 1 trial scales, each
// with the least-squares scale and offset of its steps, which go to `chosen`. Offsets count downward and are not
// negative.
ERRATA_INLINE void fit_with_offset(int n, int top, const lane_floats *x, const lane_floats *weights, float first,
                                   float step, int tries, int is_absolute, float *scales, float *offsets,
                                   uint8_t *chosen) {
  lane_floats low, high, sum_w, sum_x, best = {0}, inverse, scale;
  int q[32][lanes], kept[32][lanes], is_flat[lanes];
  EACH_LANE(g) {
    low[g] = high[g] = x[0][g];
    sum_w[g] = weights[0][g];
    sum_x[g] = sum_w[g] * x[0][g];
  }
  for (int i = 1; i < n; i++) EACH_LANE(g) {
    low[g] = x[i][g] < low[g] ? x[i][g] : low[g];
    high[g] = x[i][g] > high[g] ? x[i][g] : high[g];
    sum_w[g] += weights[i][g];
    sum_x[g] += weights[i][g] * x[i][g];
  }
  EACH_LANE(g) {
    low[g] = low[g] > 0 ? 0 : low[g];
    // One value: no steps. What the lane computes below is not used.
    is_flat[g] = high[g] == low[g];
    inverse[g] = (float)top / (high[g] - low[g]);
    scale[g] = is_flat[g] ? 0 : 1 / inverse[g];
  }
  for (int i = 0; i < n; i++) EACH_LANE(g) {
    kept[i][g] = is_flat[g] ? 0 : within(nearest_even(inverse[g] * (x[i][g] - low[g])), 0, top);
    float difference = scale[g] * (float)kept[i][g] + low[g] - x[i][g];
    best[g] += weights[i][g] * (is_absolute ? magnitude(difference) : difference * difference);
  }
  for (int trial = 0; trial <= tries; trial++) {
    lane_floats sum_q = {0}, sum_qq = {0}, sum_xq = {0}, trial_scale, trial_low, error = {0};
    EACH_LANE(g) inverse[g] = (first + step * (float)trial + (float)top) / (high[g] - low[g]);
    for (int i = 0; i < n; i++) EACH_LANE(g) {
      q[i][g] = within(nearest_even(inverse[g] * (x[i][g] - low[g])), 0, top);
      float wq = weights[i][g] * (float)q[i][g];
      sum_q[g] += wq;
      sum_qq[g] += wq * (float)q[i][g];
      sum_xq[g] += wq * x[i][g];
    }
    int is_better[lanes], is_any_better = 0;
    EACH_LANE(g) {
      float determinant = sum_w[g] * sum_qq[g] - sum_q[g] * sum_q[g];
      trial_scale[g] = (sum_w[g] * sum_xq[g] - sum_x[g] * sum_q[g]) / determinant;
      trial_low[g] = (sum_qq[g] * sum_x[g] - sum_q[g] * sum_xq[g]) / determinant;
      trial_scale[g] = trial_low[g] > 0 ? sum_xq[g] / sum_qq[g] : trial_scale[g];
      trial_low[g] = trial_low[g] > 0 ? 0 : trial_low[g];
      is_better[g] = (determinant > 0) & !is_flat[g];
    }
    for (int i = 0; i < n; i++) EACH_LANE(g) {
      float difference = trial_scale[g] * (float)q[i][g] + trial_low[g] - x[i][g];
      error[g] += weights[i][g] * (is_absolute ? magnitude(difference) : difference * difference);
    }
    EACH_LANE(g) {
      is_better[g] &= error[g] < best[g];
      is_any_better |= is_better[g];
      best[g] = is_better[g] ? error[g] : best[g];
      scale[g] = is_better[g] ? trial_scale[g] : scale[g];
      // The reference goes on from the better offset: later trials measure from it.
      low[g] = is_better[g] ? trial_low[g] : low[g];
    }
    for (int i = 0; is_any_better && i < n; i++) EACH_LANE(g) kept[i][g] = is_better[g] ? q[i][g] : kept[i][g];
  }
  EACH_LANE(g) {
    scales[g] = scale[g];
    offsets[g] = -low[g];
    for (int i = 0; i < n; i++) chosen[n * g + i] = (uint8_t)kept[i][g];
  }
}

// Scales without offset for eight groups of 16 in steps −32 … 31, weighted by their squares: the best of 19 trials.
ERRATA_INLINE void fit_around_zero(const float *elements, float *scales, int8_t *chosen) {
  lane_floats x[16], w[16], wx[16], largest = {0}, extreme = {0}, scale = {0}, best = {0};
  int q[16][lanes], kept[16][lanes];
  put_side_by_side(elements, 16, x);
  for (int i = 0; i < 16; i++) EACH_LANE(g) {
    extreme[g] = magnitude(x[i][g]) > largest[g] ? x[i][g] : extreme[g];
    largest[g] = magnitude(x[i][g]) > largest[g] ? magnitude(x[i][g]) : largest[g];
    w[i][g] = x[i][g] * x[i][g];
    wx[i][g] = w[i][g] * x[i][g];
  }
  for (int order = 0; order < 19; order++) {
    int trial = order == 0 ? 0 : order <= 9 ? order - 10 : order - 9;
    lane_floats inverse, sum_xq = {0}, sum_qq = {0};
    EACH_LANE(g) inverse[g] = -(32 + 0.1f * (float)trial) / extreme[g];
    for (int i = 0; i < 16; i++) EACH_LANE(g) {
      q[i][g] = within(nearest_even(inverse[g] * x[i][g]), -32, 31);
      sum_xq[g] += wx[i][g] * (float)q[i][g];
      sum_qq[g] += w[i][g] * (float)q[i][g] * (float)q[i][g];
    }
    int is_better[lanes];
    EACH_LANE(g) {
      is_better[g] = (order == 0) | ((sum_qq[g] > 0) & (sum_xq[g] * sum_xq[g] > best[g] * sum_qq[g]));
      float own = sum_qq[g] != 0 ? sum_xq[g] / sum_qq[g] : 0;
      scale[g] = is_better[g] ? own : scale[g];
      best[g] = is_better[g] ? own * sum_xq[g] : best[g];
    }
    for (int i = 0; i < 16; i++) EACH_LANE(g) kept[i][g] = is_better[g] ? q[i][g] : kept[i][g];
  }
  EACH_LANE(g) {
    int is_zero = largest[g] < 1e-15f;
    scales[g] = is_zero ? 0 : scale[g];
    for (int i = 0; i < 16; i++) chosen[16 * g + i] = (int8_t)(is_zero ? 0 : kept[i][g] + 32);
  }
}

// The same for one group in steps −4 … 3: from one scale on, single steps move as long as that lowers the error, five
// rounds at most.
ERRATA_INLINE float fit_three_bits(const float *x, int8_t *q) {
  float largest = 0, extreme = 0;
  for (int i = 0; i < 16; i++)
    if (magnitude(x[i]) > largest) {
      largest = magnitude(x[i]);
      extreme = x[i];
    }
  memset(q, 0, 16);
  if (largest < 1e-15f) return 0;
  float inverse = -4 / extreme, sum_xq = 0, sum_qq = 0;
  int8_t steps[16];
  for (int i = 0; i < 16; i++) {
    steps[i] = (int8_t)within(nearest_even(inverse * x[i]), -4, 3);
    float w = x[i] * x[i];
    sum_xq += w * x[i] * (float)steps[i];
    sum_qq += w * (float)steps[i] * (float)steps[i];
  }
  for (int round = 0, changed = 1; round < 5 && changed; round++) {
    changed = 0;
    for (int i = 0; i < 16; i++) {
      float w = x[i] * x[i], others_xq = sum_xq - w * x[i] * (float)steps[i];
      if (!(others_xq > 0)) continue;
      float others_qq = sum_qq - w * (float)steps[i] * (float)steps[i];
      int moved = within(nearest_even(x[i] * others_qq / others_xq), -4, 3);
      if (moved == steps[i]) continue;
      others_xq += w * x[i] * (float)moved;
      others_qq += w * (float)moved * (float)moved;
      if (others_qq > 0 && others_xq * others_xq * sum_qq > sum_xq * sum_xq * others_qq) {
        steps[i] = (int8_t)moved;
        sum_xq = others_xq;
        sum_qq = others_qq;
        changed = 1;
      }
    }
  }
  for (int i = 0; i < 16; i++) q[i] = (int8_t)(steps[i] + 4);
  return sum_qq > 0 ? sum_xq / sum_qq : 0;
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
