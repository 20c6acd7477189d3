#include <stdint.h>
#include <string.h>

#include "Kernels.h"
#include "Network.h"

#define INLINE static inline __attribute__((always_inline))
#define EACH(index, count) _Pragma("clang loop unroll(full)") for (int index = 0; index < count; index++)

// Rows whose sums fill the registers; inputs whose panel stays in the first-level cache; panels that are packed at once.
enum { TILE_ROWS = 6, DEPTH = 256, PANELS = 4 };

typedef float four __attribute__((vector_size(16), aligned(4)));

// Four by four numbers, rows to columns.
INLINE void transpose(const float *from, size_t stride, float *to, size_t to_stride) {
  four a = *(const four *)from, b = *(const four *)(from + stride);
  four c = *(const four *)(from + 2 * stride), d = *(const four *)(from + 3 * stride);
  four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  *(four *)to = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
  *(four *)(to + to_stride) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
  ab = __builtin_shufflevector(a, b, 2, 6, 3, 7), cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  *(four *)(to + 2 * to_stride) = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
  *(four *)(to + 3 * to_stride) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
}

#define LEVEL _plain
#define LANES 4
#include "network_panels.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define LEVEL _v3
#define LANES 8
#include "network_panels.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#define LEVEL _v4
#define LANES 16
#include "network_panels.h"
#pragma clang attribute pop
#endif

void errata_many_rows_product_at(int level, int is_input_major, const float *weights, size_t stride, size_t outputs,
                                 size_t inputs, const float *x, size_t x_stride, size_t rows, float *y, size_t y_stride,
                                 int adding, const float *bias) {
#define CALL(name) \
  name(is_input_major, weights, stride, outputs, inputs, x, x_stride, rows, y, y_stride, adding, bias)
  switch (level) {
#if defined(__x86_64__)
  case 4: CALL(many_rows_v4); break;
  case 3: CALL(many_rows_v3); break;
#endif
  default: CALL(many_rows_plain); break;
  }
#undef CALL
}

void errata_many_rows_product(int is_input_major, const float *weights, size_t stride, size_t outputs, size_t inputs,
                              const float *x, size_t x_stride, size_t rows, float *y, size_t y_stride, int adding,
                              const float *bias) {
  errata_many_rows_product_at(errata_kernel_level(), is_input_major, weights, stride, outputs, inputs, x, x_stride, rows,
                              y, y_stride, adding, bias);
}
