#include <stdint.h>
#include <string.h>

#include "Kernels.h"
#include "element.h"

#define INLINE static inline __attribute__((always_inline))
#define EACH(index, count) _Pragma("clang loop unroll(full)") for (int index = 0; index < count; index++)

// Sums that are taken at once where weights are stored input by input: they stay in the first-level cache.
enum { SUM_ROWS = 8, SUM_OUTPUTS = 512, SUM_STRIDE = SUM_OUTPUTS + 16, DEEP = 8 };

INLINE float one_weight(errata_type type, const char *weights, size_t index) {
  uint32_t word;
  uint16_t half;
  switch (type) {
  case errata_bf16: memcpy(&half, weights + 2 * index, 2); return float_of_bf16(half);
  case errata_f16: memcpy(&half, weights + 2 * index, 2); return float_of_f16(half);
  default: memcpy(&word, weights + 4 * index, 4); return float_of_bits(word);
  }
}

#define LEVEL _plain
#define LANES 4
#define HAS_HALF 0
#include "network_products.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define LEVEL _v3
#define LANES 8
#define HAS_HALF 1
#include "network_products.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#define LEVEL _v4
#define LANES 16
#define HAS_HALF 1
#include "network_products.h"
#pragma clang attribute pop
#endif

void errata_few_rows_product_at(int level, errata_type type, int is_input_major, const void *weights, size_t stride,
                                size_t outputs, size_t inputs, const float *x, size_t x_stride, size_t rows, float *y,
                                size_t y_stride, int adding) {
#define CALL(name) name(type, is_input_major, weights, stride, outputs, inputs, x, x_stride, rows, y, y_stride, adding)
  switch (level) {
#if defined(__x86_64__)
  case 4: CALL(few_rows_v4); break;
  case 3: CALL(few_rows_v3); break;
#endif
  default: CALL(few_rows_plain); break;
  }
#undef CALL
}

void errata_few_rows_product(errata_type type, int is_input_major, const void *weights, size_t stride, size_t outputs,
                             size_t inputs, const float *x, size_t x_stride, size_t rows, float *y, size_t y_stride,
                             int adding) {
  errata_few_rows_product_at(errata_kernel_level(), type, is_input_major, weights, stride, outputs, inputs, x, x_stride,
                             rows, y, y_stride, adding);
}
