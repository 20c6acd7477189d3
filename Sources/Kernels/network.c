#include "Network.h"

#include <math.h>
#include <stdint.h>

#include "Kernels.h"
#include "levels.h"

#define INLINE static inline __attribute__((always_inline))

#define LEVEL _plain
#include "network_body.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define LEVEL _v3
#include "network_body.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#define LEVEL _v4
#include "network_body.h"
#pragma clang attribute pop
#endif

void errata_activate(errata_activation kind, const float *x, float *y, size_t count) {
  CHOOSE(activate, kind, x, y, count);
}

void errata_activate_backward(errata_activation kind, const float *x, const float *dy, float *dx, size_t count) {
  CHOOSE(activate_backward, kind, x, dy, dx, count);
}

void errata_activate_gated(errata_activation kind, const float *gate, const float *up, float *y, size_t count) {
  CHOOSE(activate_gated, kind, gate, up, y, count);
}

void errata_activate_gated_backward(errata_activation kind, const float *gate, const float *up, const float *dy,
                                    float *dgate, float *dup, size_t count) {
  CHOOSE(activate_gated_backward, kind, gate, up, dy, dgate, dup, count);
}

void errata_layer_norm(const float *x, const float *weight, const float *bias, float epsilon, float *y,
                       size_t count) {
  CHOOSE(layer_norm, x, weight, bias, epsilon, y, count);
}

void errata_layer_norm_backward(const float *x, const float *weight, float epsilon, const float *dy, float *dx,
                                size_t count) {
  CHOOSE(layer_norm_backward, x, weight, epsilon, dy, dx, count);
}

void errata_rms_norm(const float *x, const float *weight, float epsilon, float *y, size_t count) {
  CHOOSE(rms_norm, x, weight, epsilon, y, count);
}

void errata_rms_norm_backward(const float *x, const float *weight, float epsilon, const float *dy, float *dx,
                              size_t count) {
  CHOOSE(rms_norm_backward, x, weight, epsilon, dy, dx, count);
}

void errata_softmax(float *x, float scale, size_t count) { CHOOSE(softmax, x, scale, count); }

void errata_cap(float *x, float scale, float cap, size_t count) { CHOOSE(cap, x, scale, cap, count); }

float errata_log_sum_exp(const float *x, size_t count) { CHOOSE(log_sum_exp, x, count); }

float errata_summarize(const float *x, size_t count, size_t *best) { CHOOSE(summarize, x, count, best); }

void errata_exp_minus(const float *x, float shift, float *y, size_t count) {
  CHOOSE(exp_minus, x, shift, y, count);
}

void errata_add_rows(const float *x, float *y, size_t count) { CHOOSE(add_rows, x, y, count); }
