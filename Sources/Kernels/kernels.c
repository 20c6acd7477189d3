#include "Kernels.h"

#include "element.h"

// A fused product and sum would round once where the format rounds twice.
#pragma STDC FP_CONTRACT OFF

#define LEVEL _plain
#define LANES 4
#define ROWS 1
#include "level_body.h"

// Chosen at run time by hand: ifuncs (target_clones) crash under the thread sanitizer.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define LEVEL _v3
#define LANES 8
#define ROWS 2
#include "level_body.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#define LEVEL _v4
#define LANES 16
#define ROWS 8
#include "level_body.h"
#pragma clang attribute pop
#endif

static int chosen_level = -1;

int errata_kernel_best_level(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("x86-64-v4") ? 4 : __builtin_cpu_supports("x86-64-v3") ? 3 : 0;
#else
  return 0;
#endif
}

int errata_kernel_level(void) {
  int level = __atomic_load_n(&chosen_level, __ATOMIC_RELAXED);
  if (level >= 0) return level;
  level = errata_kernel_best_level();
  __atomic_store_n(&chosen_level, level, __ATOMIC_RELAXED);
  return level;
}

void errata_kernel_force_level(int level) { __atomic_store_n(&chosen_level, level, __ATOMIC_RELAXED); }

#if defined(__x86_64__)
#define CHOOSE(name, ...)                              \
  do switch (errata_kernel_level()) {                  \
    case 4: return name##_v4(__VA_ARGS__);             \
    case 3: return name##_v3(__VA_ARGS__);             \
    default: return name##_plain(__VA_ARGS__);         \
  } while (0)
#else
#define CHOOSE(name, ...) return name##_plain(__VA_ARGS__)
#endif

void errata_low_rank_sums(const float *left, size_t rows, const float *panels, size_t panel_count, size_t rank,
                          float *sums, size_t stride) {
  CHOOSE(low_rank_sums, left, rows, panels, panel_count, rank, sums, stride);
}

void errata_low_rank_sums_plain(const float *left, size_t rows, const float *panels, size_t panel_count,
                                size_t rank, float *sums, size_t stride) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < panel_count * errata_panel_width; j++) {
      const float *column = panels + j / errata_panel_width * rank * errata_panel_width + j % errata_panel_width;
      float sum = 0;
      for (size_t k = 0; k < rank; k++) {
        float product = left[i * rank + k] * column[k * errata_panel_width];
        sum = sum + product;
      }
      sums[i * stride + j] = sum;
    }
}

void errata_add(errata_type type, errata_rounding rounding, const void *base, const float *sums, void *edited,
                size_t count, uint64_t first) {
  CHOOSE(add, type, rounding, base, sums, edited, count, first);
}

size_t errata_estimate_base(errata_type type, errata_rounding rounding, const void *edited, const float *sums,
                            void *base, uint8_t *ambiguous, size_t count, uint64_t first) {
  CHOOSE(estimate, type, rounding, edited, sums, base, ambiguous, count, first);
}

void errata_to_float(errata_type type, const void *elements, float *floats, size_t count) {
  CHOOSE(to_float, type, elements, floats, count);
}

uint64_t errata_add_one(errata_type type, errata_rounding rounding, uint64_t base, float sum, uint64_t index) {
  switch (type) {
  case errata_f64: return add_f64(base, sum);
  case errata_f32: return add_f32((uint32_t)base, sum);
  case errata_f16:
    return rounding.is_stochastic ? add_f16_stochastic((uint16_t)base, sum, draw24(rounding.seed, index))
                                  : add_f16((uint16_t)base, sum);
  case errata_bf16:
    return rounding.is_stochastic ? add_bf16_stochastic((uint16_t)base, sum, draw24(rounding.seed, index))
                                  : add_bf16((uint16_t)base, sum);
  }
  return base;
}

int64_t errata_ordinal(errata_type type, uint64_t bits) {
  switch (type) {
  case errata_f64: return ordinal64(bits);
  case errata_f32: return ordinal32((uint32_t)bits);
  default: return ordinal16((uint16_t)bits);
  }
}

uint64_t errata_bits(errata_type type, int64_t ordinal) {
  switch (type) {
  case errata_f64: return bits64(ordinal);
  case errata_f32: return bits32((int32_t)ordinal);
  default: return bits16((int32_t)ordinal);
  }
}

int errata_preimage(errata_type type, errata_rounding rounding, uint64_t edited, float sum, uint64_t index,
                    int64_t *lowest, int64_t *highest) {
  const int64_t top = type == errata_f64 ? INT64_MAX : type == errata_f32 ? INT32_MAX : INT16_MAX;
  const int64_t bottom = -1 - top, wanted = errata_ordinal(type, edited);
#define IMAGE(ordinal) \
  errata_ordinal(type, errata_add_one(type, rounding, errata_bits(type, ordinal), sum, index))
  // Adding is monotone, so both ends are found by bisection; from a good guess a few doubling steps enclose them.
  errata_rounding nearest = {0, 0};
  int64_t guess = errata_ordinal(type, errata_add_one(type, nearest, edited, -sum, index));
  for (int end = 0; end < 2; end++) {
    // `low` is below the end sought (image < wanted, or ≤ wanted for the upper end), `high` is not.
#define BELOW(ordinal) (IMAGE(ordinal) < wanted + end)
    int64_t low = guess, high = guess;
    uint64_t step = 1;
    if (BELOW(guess)) {
      while (high < top && BELOW(high)) {
        low = high;
        high = (uint64_t)top - (uint64_t)high <= step ? top : high + (int64_t)step;
        step *= 2;
      }
      if (BELOW(high)) low = high;  // nothing above the type's last number
    } else {
      while (low > bottom && !BELOW(low)) {
        high = low;
        low = (uint64_t)low - (uint64_t)bottom <= step ? bottom : low - (int64_t)step;
        step *= 2;
      }
      if (!BELOW(low)) high = low;  // nothing below the type's first number
    }
    while (low < high && (uint64_t)high - (uint64_t)low > 1) {
      int64_t middle = low + (int64_t)(((uint64_t)high - (uint64_t)low) / 2);
      if (BELOW(middle)) low = middle; else high = middle;
    }
    if (end == 0) {
      if (IMAGE(high) != wanted) return 0;
      *lowest = high;
    } else {
      *highest = BELOW(high) ? high : high - 1;
    }
  }
  return 1;
#undef BELOW
#undef IMAGE
}
