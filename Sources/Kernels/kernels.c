#include "Kernels.h"

#include "element.h"
#include "levels.h"

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
                            void *base, uint8_t *ambiguous, size_t count, uint64_t first) {
  CHOOSE(estimate, type, rounding, edited, sums, base, ambiguous, count, first);
}

void errata_add_change(const float *base, const float *edited, size_t count, double *squared_base,
                       double *squared_change) {
  CHOOSE(add_change, base, edited, count, squared_base, squared_change);
}

void errata_to_float(errata_type type, const void *elements, float *floats, size_t count) {
  CHOOSE(to_float, type, elements, floats, count);
}

// With a constant type and rounding these fold to the one case.
ERRATA_INLINE uint64_t add_one(errata_type type, errata_rounding rounding, uint64_t base, float sum, uint64_t index) {
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

ERRATA_INLINE int64_t ordinal(errata_type type, uint64_t bits) {
  switch (type) {
  case errata_f64: return ordinal64(bits);
  case errata_f32: return ordinal32((uint32_t)bits);
  default: return ordinal16((uint16_t)bits);
  }
}

ERRATA_INLINE uint64_t bits_at(errata_type type, int64_t ordinal) {
  switch (type) {
  case errata_f64: return bits64(ordinal);
  case errata_f32: return bits32((int32_t)ordinal);
  default: return bits16((int32_t)ordinal);
  }
}

uint64_t errata_add_one(errata_type type, errata_rounding rounding, uint64_t base, float sum, uint64_t index) {
  return add_one(type, rounding, base, sum, index);
}

int64_t errata_ordinal(errata_type type, uint64_t bits) { return ordinal(type, bits); }

uint64_t errata_bits(errata_type type, int64_t ordinal) { return bits_at(type, ordinal); }

// The first ordinal whose image is at or above `wanted`, or one past the type's last. Adding is monotone: from a good
// guess a few doubling steps enclose the place, bisection finds it.
ERRATA_INLINE int64_t first_reaching(errata_type type, errata_rounding rounding, int64_t wanted, int64_t guess,
                                     float sum, uint64_t index, int64_t bottom, int64_t top) {
#define REACHES(place) (ordinal(type, add_one(type, rounding, bits_at(type, place), sum, index)) >= wanted)
  int64_t below, reaching;
  uint64_t step = 1;
  if (REACHES(guess)) {
    reaching = below = guess;
    do {
      if (reaching == bottom) return bottom;
      below = (uint64_t)reaching - (uint64_t)bottom <= step ? bottom : reaching - (int64_t)step;
      step *= 2;
    } while (REACHES(below) && (reaching = below, 1));
  } else {
    below = reaching = guess;
    do {
      if (below == top) return top + 1;
      reaching = (uint64_t)top - (uint64_t)below <= step ? top : below + (int64_t)step;
      step *= 2;
    } while (!REACHES(reaching) && (below = reaching, 1));
  }
  while ((uint64_t)reaching - (uint64_t)below > 1) {
    int64_t middle = below + (int64_t)(((uint64_t)reaching - (uint64_t)below) / 2);
    if (REACHES(middle)) reaching = middle; else below = middle;
  }
  return reaching;
#undef REACHES
}

ERRATA_INLINE int preimage(errata_type type, errata_rounding rounding, uint64_t edited, float sum, uint64_t index,
                           int64_t *lowest, int64_t *highest) {
  // The last patterns of binary64 are NaNs, which only lead to themselves, so one past the top is never needed there.
  const int64_t top = type == errata_f64 ? INT64_MAX - 1 : type == errata_f32 ? INT32_MAX : INT16_MAX;
  const int64_t bottom = type == errata_f64 ? INT64_MIN + 1 : -1 - top;
  const errata_rounding nearest = {0, 0};
  int64_t wanted = ordinal(type, edited);
  if (sum != sum) {  // takes every finite number to NaN, so only the others have a way back: themselves
    *lowest = *highest = wanted;
    return ordinal(type, add_one(type, rounding, edited, sum, index)) == wanted;
  }
  int64_t guess = ordinal(type, add_one(type, nearest, edited, -sum, index));
  if (wanted > top || wanted < bottom) {
    *lowest = *highest = wanted;
    return 1;
  }
  if (guess > top || guess < bottom) guess = wanted;
  int64_t first = first_reaching(type, rounding, wanted, guess, sum, index, bottom, top);
  int64_t next = first_reaching(type, rounding, wanted + 1, first > top ? top : first, sum, index, bottom, top);
  *lowest = first;
  *highest = next - 1;
  return next > first;
}

int errata_preimage(errata_type type, errata_rounding rounding, uint64_t edited, float sum, uint64_t index,
                    int64_t *lowest, int64_t *highest) {
  const errata_rounding nearest = {0, 0}, stochastic = {1, rounding.seed};
#define PREIMAGE(type, rounding) return preimage(type, rounding, edited, sum, index, lowest, highest)
  switch (type) {
  case errata_f64: PREIMAGE(errata_f64, nearest);
  case errata_f32: PREIMAGE(errata_f32, nearest);
  case errata_f16:
    if (rounding.is_stochastic) PREIMAGE(errata_f16, stochastic);
    PREIMAGE(errata_f16, nearest);
  case errata_bf16:
    if (rounding.is_stochastic) PREIMAGE(errata_bf16, stochastic);
    PREIMAGE(errata_bf16, nearest);
  }
  return 0;
#undef PREIMAGE
}
