// Products of few rows with stored weights, included once per instruction set by network_products.c, which defines LEVEL
// (suffix), LANES (floats in a register) and HAS_HALF (whether the processor turns f16 into float).

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAMED(name) JOIN(name, LEVEL)
#define VECTOR NAMED(vector)

// Stored weights need not be aligned.
typedef float VECTOR __attribute__((vector_size(4 * LANES), aligned(1)));
typedef uint32_t NAMED(words) __attribute__((vector_size(4 * LANES), aligned(1)));
typedef uint16_t NAMED(halfwords) __attribute__((vector_size(2 * LANES), aligned(1)));
#if HAS_HALF
typedef _Float16 NAMED(halves) __attribute__((vector_size(2 * LANES), aligned(1)));
#endif

// LANES weights from element `index` on, as floats.
INLINE VECTOR NAMED(load)(errata_type type, const char *weights, size_t index) {
  switch (type) {
  case errata_bf16: {
    NAMED(halfwords) stored = *(const NAMED(halfwords) *)(weights + 2 * index);
    return (VECTOR)(__builtin_convertvector(stored, NAMED(words)) << 16);
  }
  case errata_f16: {
#if HAS_HALF
    return __builtin_convertvector(*(const NAMED(halves) *)(weights + 2 * index), VECTOR);
#else
    VECTOR floats;
    for (int lane = 0; lane < LANES; lane++) floats[lane] = one_weight(type, weights, index + lane);
    return floats;
#endif
  }
  default: return *(const VECTOR *)(weights + 4 * index);
  }
}

// What is left of a tile of sums: its lanes, and the inputs from `k` on that do not fill a register.
static __attribute__((noinline)) void NAMED(finish)(errata_type type, const VECTOR *sums, int rows, int outputs,
                                                    const char *weights, size_t stride, size_t k, size_t inputs,
                                                    const float *x, size_t x_stride, float *y, size_t y_stride,
                                                    int adding) {
  for (int r = 0; r < rows; r++)
    for (int o = 0; o < outputs; o++) {
      float lanes[LANES], sum = adding ? y[r * y_stride + o] : 0;
      memcpy(lanes, &sums[r * outputs + o], sizeof lanes);
      for (int width = LANES / 2; width > 0; width /= 2)
        for (int lane = 0; lane < width; lane++) lanes[lane] += lanes[lane + width];
      sum += lanes[0];
      for (size_t i = k; i < inputs; i++) sum += x[r * x_stride + i] * one_weight(type, weights, o * stride + i);
      y[r * y_stride + o] = sum;
    }
}

// `ROWS` rows of x against `OUTPUTS` rows of weights, the sums in registers. Each sum is taken in the same order whatever
// the two counts are, so that a row's bits do not depend on its neighbors.
INLINE void NAMED(dots)(errata_type type, int ROWS, int OUTPUTS, const char *weights, size_t stride, size_t inputs,
                        const float *x, size_t x_stride, float *y, size_t y_stride, int adding) {
  VECTOR sums[4][3];
  const VECTOR zero = {0};
  EACH(r, ROWS) EACH(o, OUTPUTS) sums[r][o] = zero;
  size_t k = 0;
  for (; k + LANES <= inputs; k += LANES) {
    VECTOR w[3];
    EACH(o, OUTPUTS) w[o] = NAMED(load)(type, weights, o * stride + k);
    EACH(r, ROWS) {
      VECTOR a = *(const VECTOR *)(x + r * x_stride + k);
      EACH(o, OUTPUTS) sums[r][o] += a * w[o];
    }
  }
  VECTOR tile[12];
  EACH(r, ROWS) EACH(o, OUTPUTS) tile[r * OUTPUTS + o] = sums[r][o];
  NAMED(finish)(type, tile, ROWS, OUTPUTS, weights, stride, k, inputs, x, x_stride, y, y_stride, adding);
}

INLINE void NAMED(by_outputs)(errata_type type, const char *weights, size_t stride, size_t outputs, size_t inputs,
                              const float *x, size_t x_stride, size_t rows, float *y, size_t y_stride, int adding) {
  size_t size = type == errata_f32 ? 4 : 2;
// Outputs outside, rows inside: weights come from memory once.
#define TILE(R, O)                                                                                                \
  NAMED(dots)(type, R, O, weights + o * stride * size, stride, inputs, x + r * x_stride, x_stride,                \
              y + r * y_stride + o, y_stride, adding)
  size_t o = 0;
#define ROWS_OF(O)                               \
  size_t r = 0;                                  \
  for (; r + 4 <= rows; r += 4) TILE(4, O);      \
  if (r + 2 <= rows) { TILE(2, O); r += 2; }     \
  if (r < rows) TILE(1, O);
  for (; o + 3 <= outputs; o += 3) { ROWS_OF(3) }
  for (; o < outputs; o++) { ROWS_OF(1) }
#undef ROWS_OF
#undef TILE
}

// Adds DEPTH rows of weights to the sums. a: `[rows × DEPTH]`; sums: `[rows × SUM_STRIDE]`.
INLINE void NAMED(some_inputs)(errata_type type, int DEPTH, const char *weights, size_t stride, size_t outputs,
                               const float *a, size_t rows, float *sums) {
  size_t o = 0;
  for (; o + LANES <= outputs; o += LANES) {
    VECTOR w[DEEP];
    EACH(i, DEPTH) w[i] = NAMED(load)(type, weights, i * stride + o);
    for (size_t r = 0; r < rows; r++) {
      VECTOR sum = *(const VECTOR *)(sums + r * SUM_STRIDE + o);
      EACH(i, DEPTH) sum += a[r * DEPTH + i] * w[i];
      *(VECTOR *)(sums + r * SUM_STRIDE + o) = sum;
    }
  }
  for (; o < outputs; o++)
    for (size_t r = 0; r < rows; r++)
      for (int i = 0; i < DEPTH; i++)
        sums[r * SUM_STRIDE + o] += a[r * DEPTH + i] * one_weight(type, weights, i * stride + o);
}

// Weights `[inputs × outputs]`. Rows of y are often a power of two apart, and would push each other out of the cache:
// the sums are taken elsewhere.
INLINE void NAMED(by_inputs)(errata_type type, const char *weights, size_t stride, size_t outputs, size_t inputs,
                             const float *x, size_t x_stride, size_t rows, float *y, size_t y_stride, int adding) {
  size_t size = type == errata_f32 ? 4 : 2;
  float sums[SUM_ROWS * SUM_STRIDE], a[SUM_ROWS * DEEP];
  for (size_t first = 0; first < outputs; first += SUM_OUTPUTS)
    for (size_t row = 0; row < rows; row += SUM_ROWS) {
      size_t width = outputs - first < SUM_OUTPUTS ? outputs - first : SUM_OUTPUTS;
      size_t height = rows - row < SUM_ROWS ? rows - row : SUM_ROWS;
      const float *from = x + row * x_stride;
      float *to = y + row * y_stride + first;
      memset(sums, 0, sizeof sums);
      for (size_t r = 0; r < height && adding; r++) memcpy(sums + r * SUM_STRIDE, to + r * y_stride, 4 * width);
      size_t k = 0;
      for (; k + DEEP <= inputs; k += DEEP) {
        for (size_t r = 0; r < height; r++) memcpy(a + r * DEEP, from + r * x_stride + k, 4 * DEEP);
        NAMED(some_inputs)(type, DEEP, weights + (k * stride + first) * size, stride, width, a, height, sums);
      }
      for (; k < inputs; k++) {
        for (size_t r = 0; r < height; r++) a[r] = from[r * x_stride + k];
        NAMED(some_inputs)(type, 1, weights + (k * stride + first) * size, stride, width, a, height, sums);
      }
      for (size_t r = 0; r < height; r++) memcpy(to + r * y_stride, sums + r * SUM_STRIDE, 4 * width);
    }
}

// A constant type folds the switches away.
#define OF_TYPE(NAME, TYPE) \
  NAMED(NAME)(TYPE, weights, stride, outputs, inputs, x, x_stride, rows, y, y_stride, adding)
#define EACH_TYPE(NAME)                                           \
  switch (type) {                                                 \
  case errata_bf16: OF_TYPE(NAME, errata_bf16); break;            \
  case errata_f16: OF_TYPE(NAME, errata_f16); break;              \
  default: OF_TYPE(NAME, errata_f32); break;                      \
  }

static void NAMED(few_rows)(errata_type type, int is_input_major, const void *weights, size_t stride, size_t outputs,
                            size_t inputs, const float *x, size_t x_stride, size_t rows, float *y, size_t y_stride,
                            int adding) {
  if (is_input_major) {
    EACH_TYPE(by_inputs)
  } else {
    EACH_TYPE(by_outputs)
  }
}

#undef EACH_TYPE
#undef OF_TYPE
#undef VECTOR
#undef NAMED
#undef JOIN
#undef JOIN_
#undef LEVEL
#undef LANES
#undef HAS_HALF
