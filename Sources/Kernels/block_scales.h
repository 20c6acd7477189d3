// The scales of a block's groups: one search for each kind of steps, by the algorithms of ggml's reference quantizers (ggml-org/llama.cpp,
// `ggml/src/ggml-quants.c`, `make_qkx2_quants` and its like). Sums run in their order.
#ifndef ERRATA_BLOCK_SCALES_H
#define ERRATA_BLOCK_SCALES_H

#include "block_decoding.h"

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

#endif
