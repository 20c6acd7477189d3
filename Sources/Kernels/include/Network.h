// Row kernels of the network: what lies between its matrix products. Nothing here defines stored bits, so sums may be
// taken in any order and a product fused with a sum.
#ifndef ERRATA_NETWORK_H
#define ERRATA_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include "Kernels.h"  // the element types

// Activation functions between the two halves of an MLP.
typedef enum {
  errata_gelu = 0,       // x Φ(x), Φ the normal distribution
  errata_gelu_tanh = 1,  // its approximation by tanh: GPT-2's gelu_new
  errata_relu = 2,
  errata_silu = 3        // x / (1 + e⁻ˣ)
} errata_activation;

// y[i] = f(x[i]); y may be x.
void errata_activate(errata_activation kind, const float *x, float *y, size_t count);
// dx[i] = f'(x[i]) dy[i]; dx may be dy.
void errata_activate_backward(errata_activation kind, const float *x, const float *dy, float *dx, size_t count);

// y[i] = f(gate[i]) up[i]; y may be one of both.
void errata_activate_gated(errata_activation kind, const float *gate, const float *up, float *y, size_t count);
// dgate[i] = f'(gate[i]) up[i] dy[i] and dup[i] = f(gate[i]) dy[i]; dup may be dy.
void errata_activate_gated_backward(errata_activation kind, const float *gate, const float *up, const float *dy,
                                    float *dgate, float *dup, size_t count);

// y = (x − mean) / √(variance + epsilon) · weight + bias over one row of `count`. bias may be null.
void errata_layer_norm(const float *x, const float *weight, const float *bias, float epsilon, float *y, size_t count);
// Adds the gradient of a row's input to dx.
void errata_layer_norm_backward(const float *x, const float *weight, float epsilon, const float *dy, float *dx,
                                size_t count);
// y = x / √(mean of squares + epsilon) · weight.
void errata_rms_norm(const float *x, const float *weight, float epsilon, float *y, size_t count);
void errata_rms_norm_backward(const float *x, const float *weight, float epsilon, const float *dy, float *dx,
                              size_t count);

// x ← softmax(scale · x) over one row.
void errata_softmax(float *x, float scale, size_t count);
// x[i] ← cap · tanh(scale · x[i] / cap): nearly scale · x[i] where that is small, and never beyond ±cap.
void errata_cap(float *x, float scale, float cap, size_t count);
// log Σ exp x[i] over one row.
float errata_log_sum_exp(const float *x, size_t count);
// y[i] = exp(x[i] − shift); y may be x.
void errata_exp_minus(const float *x, float shift, float *y, size_t count);

// y[r][o] = Σ_k x[r][k] w[o][k], or w[k][o] where the weights are stored input by input; + y[r][o] if `adding`.
// For few rows: the weights, f32, f16 or bf16, are read once and in place. They need no alignment, and `stride`, from one
// stored row of them to the next, counts elements. The bits of a row do not depend on how many rows there are.
void errata_few_rows_product(errata_type type, int is_input_major, const void *weights, size_t stride, size_t outputs,
                             size_t inputs, const float *x, size_t x_stride, size_t rows, float *y, size_t y_stride,
                             int adding);
// The same by one instruction set; for tests, which run side by side and so cannot force it on all.
void errata_few_rows_product_at(int level, errata_type type, int is_input_major, const void *weights, size_t stride,
                                size_t outputs, size_t inputs, const float *x, size_t x_stride, size_t rows, float *y,
                                size_t y_stride, int adding);

// The same for many rows and weights that are floats, + bias[o] unless that is null. Nothing but panels of the weights is
// copied. The bits of a row do not depend on how many rows there are.
void errata_many_rows_product(int is_input_major, const float *weights, size_t stride, size_t outputs, size_t inputs,
                              const float *x, size_t x_stride, size_t rows, float *y, size_t y_stride, int adding,
                              const float *bias);
// The same by one instruction set, for tests.
void errata_many_rows_product_at(int level, int is_input_major, const float *weights, size_t stride, size_t outputs,
                                 size_t inputs, const float *x, size_t x_stride, size_t rows, float *y, size_t y_stride,
                                 int adding, const float *bias);

// What the heads of one query take from `count` positions, whose keys and values are the rows that `positions` names,
// `stride` floats each: for head h, and its key head g = h / group, over the positions p
//   mixed[h][i] = Σ_p softmax_p(scale · q[h]·k[p][g]) v[p][g][i],
// with capped scores (errata_cap) unless `cap` is 0.
// Queries of a head lie `query_stride` floats apart, keys, values and `mixed` `width`. scores: scratch for `count` floats.
void errata_attend(const float *query, size_t query_stride, size_t heads, size_t group, size_t width, float scale,
                   float cap, const float *keys, const float *values, size_t stride, const uint32_t *positions,
                   size_t count, float *scores, float *mixed);
// The same by one instruction set, for tests.
void errata_attend_at(int level, const float *query, size_t query_stride, size_t heads, size_t group, size_t width,
                      float scale, float cap, const float *keys, const float *values, size_t stride,
                      const uint32_t *positions, size_t count, float *scores, float *mixed);

// log Σ exp x[i], and the first of the largest x[i].
float errata_summarize(const float *x, size_t count, size_t *best);

// y[i] += x[i].
void errata_add_rows(const float *x, float *y, size_t count);

#endif
