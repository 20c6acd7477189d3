#include "Kernels.h"

#include "element.h"
#include "levels.h"

// A fused product and sum would round once where the format rounds twice.
#pragma STDC FP_CONTRACT OFF

#define LEVEL _plain
#define HAS_HALF 0
#define LANES 4
#define ROWS 4
#define GROUP 2
#include "level_body.h"

// Chosen at run time by hand: ifuncs (target_clones) crash under the thread sanitizer.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define LEVEL _v3
// Eight accumulators, with the factors beside them, leave no register to be spilled: 36 instead of 22 G products per second
// (Zen 3).
#define HAS_HALF 1
#define LANES 8
#define ROWS 4
#define GROUP 2
#include "level_body.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#define LEVEL _v4
#define HAS_HALF 1
#define LANES 16
#define ROWS 8
#define GROUP 3
#include "level_body.h"
#pragma clang attribute pop
#endif

static int best_level = -1;
// Of this thread alone: a test of one level must not change what other threads compute meanwhile.
static _Thread_local int forced_level = -1;

int errata_kernel_best_level(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("x86-64-v4") ? 4 : __builtin_cpu_supports("x86-64-v3") ? 3 : 0;
#else
  return 0;
#endif
}

int errata_kernel_level(void) {
  if (forced_level >= 0) return forced_level;
  int level = __atomic_load_n(&best_level, __ATOMIC_RELAXED);
  if (level >= 0) return level;
  level = errata_kernel_best_level();
  __atomic_store_n(&best_level, level, __ATOMIC_RELAXED);
  return level;
}

void errata_kernel_force_level(int level) { forced_level = level; }

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
                            void *base, uint8_t *marks, size_t count, uint64_t first) {
  CHOOSE(estimate, type, rounding, edited, sums, base, marks, count, first);
}

void errata_scale(errata_type type, double gain, const void *base, void *edited, size_t count) {
  CHOOSE(scale, type, gain, base, edited, count);
}

size_t errata_estimate_unscaled(errata_type type, double gain, const void *edited, void *base, uint8_t *marks,
                                size_t count) {
  CHOOSE(estimate_scaled, type, gain, edited, base, marks, count);
}

void errata_add_change(const float *base, const float *edited, size_t count, double *squared_base,
                       double *squared_change) {
  CHOOSE(add_change, base, edited, count, squared_base, squared_change);
}

void errata_to_float(errata_type type, const void *elements, float *floats, size_t count) {
  CHOOSE(to_float, type, elements, floats, count);
}
