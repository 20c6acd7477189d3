// The loops, included once per instruction set by kernels.c, which defines LEVEL (suffix), LANES (floats in a register),
// ROWS and GROUP (rows, and registers of a row, kept at once), and HAS_HALF (whether the processor converts f16).

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAMED(name) JOIN(name, LEVEL)
#define VECTOR NAMED(vector)
#define GROUP_WIDTH (GROUP * LANES)

typedef float VECTOR __attribute__((vector_size(4 * LANES), aligned(4)));

// `row_count` rows against a group of a panel's columns: the accumulators stay in registers over the whole rank.
#define PANEL_TILE(NAME, row_count)                                                                               \
  ERRATA_INLINE void NAMED(NAME)(const float *left, const float *panel, size_t rank, float *sums, size_t stride) { \
    VECTOR total[row_count][GROUP];                                                                               \
    const VECTOR zero = {0};                                                                                      \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < row_count; i++)                                        \
      _Pragma("clang loop unroll(full)") for (int c = 0; c < GROUP; c++) total[i][c] = zero;                      \
    for (size_t k = 0; k < rank; k++) {                                                                           \
      const VECTOR *right = (const VECTOR *)(panel + k * errata_panel_width);                                     \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < row_count; i++) {                                    \
        float factor = left[i * rank + k];                                                                        \
        _Pragma("clang loop unroll(full)") for (int c = 0; c < GROUP; c++) total[i][c] += factor * right[c];      \
      }                                                                                                           \
    }                                                                                                             \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < row_count; i++)                                        \
      _Pragma("clang loop unroll(full)") for (int c = 0; c < GROUP; c++)                                          \
        *(VECTOR *)(sums + i * stride + c * LANES) = total[i][c];                                                 \
  }

PANEL_TILE(panel_rows, ROWS)
PANEL_TILE(panel_row, 1)

static void NAMED(low_rank_sums)(const float *left, size_t rows, const float *panels, size_t panel_count,
                                 size_t rank, float *sums, size_t stride) {
  // Groups outside, rows inside: the columns of a group stay in the first-level cache for all rows of the call.
  for (size_t group = 0; group < panel_count * (errata_panel_width / GROUP_WIDTH); group++) {
    size_t p = group * GROUP_WIDTH / errata_panel_width, offset = group * GROUP_WIDTH % errata_panel_width;
    const float *panel = panels + p * rank * errata_panel_width + offset;
    float *column = sums + group * GROUP_WIDTH;
    size_t i = 0;
    for (; i + ROWS <= rows; i += ROWS) NAMED(panel_rows)(left + i * rank, panel, rank, column + i * stride, stride);
    for (; i < rows; i++) NAMED(panel_row)(left + i * rank, panel, rank, column + i * stride, stride);
  }
}

#if HAS_HALF
// The processor's own conversions give the bits of the integer code in element.h for all but NaN, of which none is made
// here: sums are numbers, and an element that is not finite stays.
ERRATA_INLINE float NAMED(float_of_half)(uint16_t w) { _Float16 h; memcpy(&h, &w, 2); return (float)h; }
ERRATA_INLINE uint16_t NAMED(half_of_float)(float x) { _Float16 h = (_Float16)x; uint16_t b; memcpy(&b, &h, 2); return b; }
ERRATA_INLINE uint16_t NAMED(add_half)(uint16_t w, float sum) {
  uint16_t r = NAMED(half_of_float)(NAMED(float_of_half)(w) + sum);
  return (w & 0x7c00u) == 0x7c00u ? w : r;
}
ERRATA_INLINE uint16_t NAMED(scale_half)(uint16_t w, float gain) {
  uint16_t r = NAMED(half_of_float)(NAMED(float_of_half)(w) * gain);
  return (w & 0x7c00u) == 0x7c00u ? w : r;
}
ERRATA_INLINE uint16_t NAMED(unscale_half)(uint16_t w, float gain) {
  uint16_t r = NAMED(half_of_float)(NAMED(float_of_half)(w) / gain);
  return (w & 0x7c00u) == 0x7c00u ? w : r;
}
#define ADD_F16 NAMED(add_half)
#define SCALE_F16 NAMED(scale_half)
#define UNSCALE_F16 NAMED(unscale_half)
#else
#define ADD_F16 add_f16
#define SCALE_F16 scale_f16
#define UNSCALE_F16 unscale_f16
#endif

#define ADD(type, bits, add)                                                                                \
  static void NAMED(add_all_##type)(const bits *restrict base, const float *restrict sums,                  \
                                    bits *restrict edited, size_t count) {                                  \
    for (size_t i = 0; i < count; i++) edited[i] = add(base[i], sums[i]);                                   \
  }
#define ADD_STOCHASTIC(type)                                                                                \
  static void NAMED(add_all_##type##_stochastic)(const uint16_t *restrict base, const float *restrict sums, \
                                                 uint16_t *restrict edited, size_t count, uint64_t seed,    \
                                                 uint64_t first) {                                          \
    for (size_t i = 0; i < count; i++)                                                                      \
      edited[i] = add_##type##_stochastic(base[i], sums[i], draw24(seed, first + i));                       \
  }
ADD(f64, uint64_t, add_f64)
ADD(f32, uint32_t, add_f32)
ADD(f16, uint16_t, ADD_F16)
ADD(bf16, uint16_t, add_bf16)
ADD_STOCHASTIC(f16)
ADD_STOCHASTIC(bf16)

#define SCALE(type, bits, number, scale)                                                                    \
  static void NAMED(scale_all_##type)(const bits *restrict base, number gain, bits *restrict edited,        \
                                      size_t count) {                                                       \
    for (size_t i = 0; i < count; i++) edited[i] = scale(base[i], gain);                                    \
  }
SCALE(f64, uint64_t, double, scale_f64)
SCALE(f32, uint32_t, float, scale_f32)
SCALE(f16, uint16_t, float, SCALE_F16)
SCALE(bf16, uint16_t, float, scale_bf16)

// Steps back from the edited number, then asks whether this value and neither neighbor leads to it. The marks say what
// `errata_open_elements` would ask again: 1 the guess does not, 2 the number above does, 4 the number below does.
#define ESTIMATE(name, bits, neighbor, step_back, image, ...)                                               \
  static size_t NAMED(name)(const bits *restrict edited, bits *restrict base, uint8_t *restrict marks,      \
                            size_t count, __VA_ARGS__) {                                                    \
    uint32_t marked = 0; /* 32 bits keep the lanes of the loop narrow */                                    \
    for (size_t i = 0; i < count; i++) {                                                                    \
      bits e = edited[i], guess = step_back;                                                                \
      bits above = neighbor(guess, 1), below = neighbor(guess, -1);                                         \
      uint8_t mark = (uint8_t)((image(guess) != e) | (image(above) == e) << 1 | (image(below) == e) << 2);  \
      base[i] = guess;                                                                                      \
      marks[i] = mark;                                                                                      \
      marked += mark != 0;                                                                                  \
    }                                                                                                       \
    return marked;                                                                                          \
  }
// The same for bf16 without rounding each of the three: all that rounds to e lies between two floats, half a place from it,
// both included when e is even. Counted from the lower one, that is one comparison of the bits. Neighbors are taken toward
// and away from zero; for infinities the mark leaves everything open, a NaN has itself alone.
#define ESTIMATE_BF16(name, step_back, image, ...)                                                          \
  static size_t NAMED(name)(const uint16_t *restrict edited, uint16_t *restrict base, uint8_t *restrict marks, \
                            size_t count, __VA_ARGS__) {                                                    \
    uint32_t marked = 0;                                                                                    \
    for (size_t i = 0; i < count; i++) {                                                                    \
      uint32_t e = (uint32_t)edited[i] << 16, odd = edited[i] & 1u;                                         \
      uint32_t lowest = e - 0x8000u + odd, width = 0x10000u - 2 * odd;                                      \
      uint32_t x = bits_of_float(step_back(float_of_bits(e)));                                              \
      uint32_t guess = (x + 0x7fffu + ((x >> 16) & 1u)) & 0xffff0000u;                                      \
      uint32_t here = bits_of_float(image(float_of_bits(guess))) - lowest <= width;                         \
      uint32_t outer = bits_of_float(image(float_of_bits(guess + 0x10000u))) - lowest <= width;             \
      uint32_t toward = guess & 0x7fffffffu ? guess - 0x10000u : guess ^ 0x80000000u;                       \
      uint32_t inner = bits_of_float(image(float_of_bits(toward))) - lowest <= width;                       \
      uint32_t is_negative = guess >> 31;                                                                   \
      uint32_t mark = (here ^ 1u) | outer << (1 + is_negative) | inner << (2 - is_negative);                \
      uint32_t magnitude = e & 0x7fffffffu;                                                                 \
      mark = magnitude == 0x7f800000u ? 1u : mark;                                                          \
      mark = magnitude > 0x7f800000u ? 0 : mark;                                                            \
      guess = magnitude >= 0x7f800000u ? e : guess;                                                         \
      base[i] = (uint16_t)(guess >> 16);                                                                    \
      marks[i] = (uint8_t)mark;                                                                             \
      marked += mark != 0;                                                                                  \
    }                                                                                                       \
    return marked;                                                                                          \
  }
#define ESTIMATE_SUMMED(type, bits, neighbor, add) \
  ESTIMATE(estimate_##type, bits, neighbor, add(e, -sums[i]), IMAGE, const float *restrict sums)
#define ESTIMATE_DRAWN(type)                                                                                \
  ESTIMATE(estimate_##type##_stochastic, uint16_t, neighbor16, add_##type(e, -sums[i]), IMAGE,              \
           const float *restrict sums, uint64_t seed, uint64_t first)
#define ESTIMATE_SCALED(type, bits, neighbor, number, unscale) \
  ESTIMATE(estimate_scaled_##type, bits, neighbor, unscale(e, gain), IMAGE, number gain)

#define IMAGE(w) add_f64(w, sums[i])
ESTIMATE_SUMMED(f64, uint64_t, neighbor64, add_f64)
#undef IMAGE
#define IMAGE(w) add_f32(w, sums[i])
ESTIMATE_SUMMED(f32, uint32_t, neighbor32, add_f32)
#undef IMAGE
#define IMAGE(w) ADD_F16(w, sums[i])
ESTIMATE_SUMMED(f16, uint16_t, neighbor16, ADD_F16)
#undef IMAGE
#define IMAGE(w) ((w) + sums[i])
#define STEP_BACK(e) ((e) - sums[i])
ESTIMATE_BF16(estimate_bf16, STEP_BACK, IMAGE, const float *restrict sums)
#undef STEP_BACK
#undef IMAGE
#define IMAGE(w) add_f16_stochastic(w, sums[i], draw24(seed, first + i))
ESTIMATE_DRAWN(f16)
#undef IMAGE
#define IMAGE(w) add_bf16_stochastic(w, sums[i], draw24(seed, first + i))
ESTIMATE_DRAWN(bf16)
#undef IMAGE
#define IMAGE(w) scale_f64(w, gain)
ESTIMATE_SCALED(f64, uint64_t, neighbor64, double, unscale_f64)
#undef IMAGE
#define IMAGE(w) scale_f32(w, gain)
ESTIMATE_SCALED(f32, uint32_t, neighbor32, float, unscale_f32)
#undef IMAGE
#define IMAGE(w) SCALE_F16(w, gain)
ESTIMATE_SCALED(f16, uint16_t, neighbor16, float, UNSCALE_F16)
#undef IMAGE
#define IMAGE(w) ((w) * gain)
#define STEP_BACK(e) ((e) / gain)
ESTIMATE_BF16(estimate_scaled_bf16, STEP_BACK, IMAGE, float gain)
#undef STEP_BACK
#undef IMAGE

static void NAMED(scale)(errata_type type, double gain, const void *base, void *edited, size_t count) {
  switch (type) {
  case errata_f64: NAMED(scale_all_f64)(base, gain, edited, count); break;
  case errata_f32: NAMED(scale_all_f32)(base, (float)gain, edited, count); break;
  case errata_f16: NAMED(scale_all_f16)(base, (float)gain, edited, count); break;
  case errata_bf16: NAMED(scale_all_bf16)(base, (float)gain, edited, count); break;
  }
}

static size_t NAMED(estimate_scaled)(errata_type type, double gain, const void *edited, void *base, uint8_t *marks,
                                     size_t count) {
  switch (type) {
  case errata_f64: return NAMED(estimate_scaled_f64)(edited, base, marks, count, gain);
  case errata_f32: return NAMED(estimate_scaled_f32)(edited, base, marks, count, (float)gain);
  case errata_f16: return NAMED(estimate_scaled_f16)(edited, base, marks, count, (float)gain);
  case errata_bf16: return NAMED(estimate_scaled_bf16)(edited, base, marks, count, (float)gain);
  }
  return 0;
}

static void NAMED(add)(errata_type type, errata_rounding rounding, const void *base, const float *sums,
                       void *edited, size_t count, uint64_t first) {
  switch (type) {
  case errata_f64: NAMED(add_all_f64)(base, sums, edited, count); break;
  case errata_f32: NAMED(add_all_f32)(base, sums, edited, count); break;
  case errata_f16:
    if (rounding.is_stochastic)
      NAMED(add_all_f16_stochastic)(base, sums, edited, count, rounding.seed, first);
    else
      NAMED(add_all_f16)(base, sums, edited, count);
    break;
  case errata_bf16:
    if (rounding.is_stochastic)
      NAMED(add_all_bf16_stochastic)(base, sums, edited, count, rounding.seed, first);
    else
      NAMED(add_all_bf16)(base, sums, edited, count);
    break;
  }
}

static size_t NAMED(estimate)(errata_type type, errata_rounding rounding, const void *edited, const float *sums,
                              void *base, uint8_t *marks, size_t count, uint64_t first) {
  switch (type) {
  case errata_f64: return NAMED(estimate_f64)(edited, base, marks, count, sums);
  case errata_f32: return NAMED(estimate_f32)(edited, base, marks, count, sums);
  case errata_f16:
    if (rounding.is_stochastic)
      return NAMED(estimate_f16_stochastic)(edited, base, marks, count, sums, rounding.seed, first);
    return NAMED(estimate_f16)(edited, base, marks, count, sums);
  case errata_bf16:
    if (rounding.is_stochastic)
      return NAMED(estimate_bf16_stochastic)(edited, base, marks, count, sums, rounding.seed, first);
    return NAMED(estimate_bf16)(edited, base, marks, count, sums);
  }
  return 0;
}

static void NAMED(add_change)(const float *base, const float *edited, size_t count, double *squared_base,
                              double *squared_change) {
  // Lanes of float over short runs, added up in double: fast, and good to six digits.
  enum { lanes = 16, run = 1024 };
  for (size_t start = 0; start < count; start += run) {
    float bases[lanes] = {0}, changes[lanes] = {0};
    size_t end = count - start < run ? count : start + run;
    for (size_t i = start; i < end; i += lanes) {
      size_t width = end - i < lanes ? end - i : lanes;
      for (size_t j = 0; j < width; j++) {
        float b = base[i + j], c = edited[i + j] - b;
        // x − x is zero for finite numbers and NaN for all others.
        int is_finite = c - c == 0;
        bases[j] += is_finite ? b * b : 0;
        changes[j] += is_finite ? c * c : 0;
      }
    }
    for (int j = 0; j < lanes; j++) {
      *squared_base += bases[j];
      *squared_change += changes[j];
    }
  }
}

static void NAMED(to_float)(errata_type type, const void *restrict elements, float *restrict floats, size_t count) {
  switch (type) {
  case errata_f64:
    for (size_t i = 0; i < count; i++) floats[i] = (float)((const double *)elements)[i];
    break;
  case errata_f32: memcpy(floats, elements, count * 4); break;
  case errata_f16:
    for (size_t i = 0; i < count; i++) floats[i] = float_of_f16(((const uint16_t *)elements)[i]);
    break;
  case errata_bf16:
    for (size_t i = 0; i < count; i++) floats[i] = float_of_bf16(((const uint16_t *)elements)[i]);
    break;
  }
}

#undef HAS_HALF
#undef ADD_F16
#undef SCALE_F16
#undef UNSCALE_F16
#undef ADD
#undef ADD_STOCHASTIC
#undef SCALE
#undef ESTIMATE
#undef ESTIMATE_BF16
#undef ESTIMATE_SUMMED
#undef ESTIMATE_DRAWN
#undef ESTIMATE_SCALED
#undef PANEL_TILE
#undef VECTOR
#undef GROUP_WIDTH
#undef NAMED
#undef JOIN
#undef JOIN_
#undef LEVEL
#undef LANES
#undef ROWS
#undef GROUP
