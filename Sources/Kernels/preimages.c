// One element at a time: what a change makes of it, and which elements lead to a given one. The judge of the loops of
// level_body.h, and what settles the elements that these leave open.
#include "Kernels.h"

#include "element.h"

// A fused product and sum would round once where the format rounds twice.
#pragma STDC FP_CONTRACT OFF

// How one element becomes another: what is added to it, or what it is multiplied by.
typedef struct {
  int is_scaled;
  double gain;
  errata_rounding rounding;
  float sum;
  uint64_t index;
} element_function;

ERRATA_INLINE element_function adding(errata_rounding rounding, float sum, uint64_t index) {
  return (element_function){0, 1, rounding, sum, index};
}

ERRATA_INLINE element_function scaling(double gain) { return (element_function){1, gain, {0, 0}, 0, 0}; }

// With a constant type and kind of function these fold to the one case.
ERRATA_INLINE uint64_t image(errata_type type, element_function f, uint64_t base) {
  switch (type) {
  case errata_f64: return f.is_scaled ? scale_f64(base, f.gain) : add_f64(base, f.sum);
  case errata_f32:
    return f.is_scaled ? scale_f32((uint32_t)base, (float)f.gain) : add_f32((uint32_t)base, f.sum);
  case errata_f16:
    if (f.is_scaled) return scale_f16((uint16_t)base, (float)f.gain);
    return f.rounding.is_stochastic ? add_f16_stochastic((uint16_t)base, f.sum, draw24(f.rounding.seed, f.index))
                                    : add_f16((uint16_t)base, f.sum);
  case errata_bf16:
    if (f.is_scaled) return scale_bf16((uint16_t)base, (float)f.gain);
    return f.rounding.is_stochastic ? add_bf16_stochastic((uint16_t)base, f.sum, draw24(f.rounding.seed, f.index))
                                    : add_bf16((uint16_t)base, f.sum);
  }
  return base;
}

// A number near to those that lead to this one.
ERRATA_INLINE uint64_t step_back(errata_type type, element_function f, uint64_t edited) {
  if (!f.is_scaled) return image(type, adding((errata_rounding){0, 0}, -f.sum, f.index), edited);
  switch (type) {
  case errata_f64: return unscale_f64(edited, f.gain);
  case errata_f32: return unscale_f32((uint32_t)edited, (float)f.gain);
  case errata_f16: return unscale_f16((uint16_t)edited, (float)f.gain);
  case errata_bf16: return unscale_bf16((uint16_t)edited, (float)f.gain);
  }
  return edited;
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
  return image(type, adding(rounding, sum, index), base);
}

uint64_t errata_scale_one(errata_type type, double gain, uint64_t base) { return image(type, scaling(gain), base); }

int64_t errata_ordinal(errata_type type, uint64_t bits) { return ordinal(type, bits); }

uint64_t errata_bits(errata_type type, int64_t ordinal) { return bits_at(type, ordinal); }

// The first ordinal whose image is at or above `wanted`, or one past the type's last. The function is monotone: from a
// good guess a few doubling steps enclose the place, bisection finds it.
ERRATA_INLINE int64_t first_reaching(errata_type type, element_function f, int64_t wanted, int64_t guess,
                                     int64_t bottom, int64_t top) {
#define REACHES(place) (ordinal(type, image(type, f, bits_at(type, place))) >= wanted)
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

ERRATA_INLINE int preimage(errata_type type, element_function f, uint64_t edited, int64_t *lowest, int64_t *highest) {
  // The last patterns of binary64 are NaNs, which only lead to themselves, so one past the top is never needed there.
  const int64_t top = type == errata_f64 ? INT64_MAX - 1 : type == errata_f32 ? INT32_MAX : INT16_MAX;
  const int64_t bottom = type == errata_f64 ? INT64_MIN + 1 : -1 - top;
  int64_t wanted = ordinal(type, edited);
  if (f.sum != f.sum) {  // takes every finite number to NaN, so only the others have a way back: themselves
    *lowest = *highest = wanted;
    return ordinal(type, image(type, f, edited)) == wanted;
  }
  int64_t guess = ordinal(type, step_back(type, f, edited));
  if (wanted > top || wanted < bottom) {
    *lowest = *highest = wanted;
    return 1;
  }
  if (guess > top || guess < bottom) guess = wanted;
  int64_t first = first_reaching(type, f, wanted, guess, bottom, top);
  int64_t next = first_reaching(type, f, wanted + 1, first > top ? top : first, bottom, top);
  *lowest = first;
  *highest = next - 1;
  return next > first;
}

// Runs a statement with constant type and kind of function, so that the code inside folds to one case each.
#define FOR_EACH_KIND(type, rounding, SUMMED)                                         \
  do {                                                                                \
    const errata_rounding nearest = {0, 0}, stochastic = {1, (rounding).seed};        \
    (void)nearest, (void)stochastic;                                                  \
    switch (type) {                                                                   \
    case errata_f64: SUMMED(errata_f64, nearest);                                     \
    case errata_f32: SUMMED(errata_f32, nearest);                                     \
    case errata_f16: if ((rounding).is_stochastic) SUMMED(errata_f16, stochastic);    \
      SUMMED(errata_f16, nearest);                                                    \
    case errata_bf16: if ((rounding).is_stochastic) SUMMED(errata_bf16, stochastic);  \
      SUMMED(errata_bf16, nearest);                                                   \
    }                                                                                 \
  } while (0)

int errata_preimage(errata_type type, errata_rounding rounding, uint64_t edited, float sum, uint64_t index,
                    int64_t *lowest, int64_t *highest) {
#define PREIMAGE(type, rounding) return preimage(type, adding(rounding, sum, index), edited, lowest, highest)
  FOR_EACH_KIND(type, rounding, PREIMAGE);
#undef PREIMAGE
  return 0;
}

int errata_unscaled_preimage(errata_type type, double gain, uint64_t edited, int64_t *lowest, int64_t *highest) {
#define PREIMAGE(type, _) return preimage(type, scaling(gain), edited, lowest, highest)
  FOR_EACH_KIND(type, ((errata_rounding){0, 0}), PREIMAGE);
#undef PREIMAGE
  return 0;
}

ERRATA_INLINE uint64_t load(errata_type type, const void *elements, size_t i) {
  switch (type) {
  case errata_f64: return ((const uint64_t *)elements)[i];
  case errata_f32: return ((const uint32_t *)elements)[i];
  default: return ((const uint16_t *)elements)[i];
  }
}

ERRATA_INLINE void store(errata_type type, void *elements, size_t i, uint64_t bits) {
  switch (type) {
  case errata_f64: ((uint64_t *)elements)[i] = bits; break;
  case errata_f32: ((uint32_t *)elements)[i] = (uint32_t)bits; break;
  default: ((uint16_t *)elements)[i] = (uint16_t)bits; break;
  }
}

// The preimage of a marked element. The mark has the answers of three numbers, so the search goes on from the neighbors
// that lead here, nearly always by one question. Patterns of NaN lead to themselves alone, so no step passes them.
ERRATA_INLINE int marked_preimage(errata_type type, element_function f, uint64_t edited, uint64_t guess, int mark,
                                  int64_t *lowest, int64_t *highest) {
  enum { step_limit = 6 };
  int64_t place = ordinal(type, guess);
  if ((mark & 1) || mark == 0) return preimage(type, f, edited, lowest, highest);
  // Whether it is the one above or the one below is a coin's throw: no branch on it.
  int64_t step = mark & 4 ? -1 : 1, end = place + step, other = place;
  int steps = 0;
  while (steps < step_limit && image(type, f, bits_at(type, end + step)) == edited) end += step, steps++;
  if (mark == 6)
    while (steps < step_limit && image(type, f, bits_at(type, other + 1)) == edited) other++, steps++;
  if (steps == step_limit) return preimage(type, f, edited, lowest, highest);
  *lowest = step < 0 ? end : other;
  *highest = step < 0 ? other : end;
  return 1;
}

// Positions of the marks of a piece of `open_piece`: without branches, as no processor foresees where they are.
enum { open_piece = 512 };
ERRATA_INLINE size_t marked_places(const uint8_t *marks, size_t count, uint16_t *places) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    places[found] = (uint16_t)i;
    found += marks[i] != 0;
  }
  return found;
}

// What both forms of `errata_open_elements` share; FUNCTION(i) is that of element i.
#define OPEN_ELEMENTS(type, FUNCTION)                                                                          \
  do {                                                                                                         \
    uint16_t places[open_piece];                                                                               \
    for (size_t start = 0; start < count; start += open_piece) {                                               \
      size_t marked = marked_places(marks + start, count - start < open_piece ? count - start : open_piece, places); \
      for (size_t place = 0; place < marked; place++) {                                                        \
        size_t i = start + places[place];                                                                      \
        uint64_t bits = load(type, edited, i);                                                                 \
        int64_t low, high;                                                                                     \
        if (!marked_preimage(type, FUNCTION(i), bits, load(type, base, i), marks[i], &low, &high)) return -1;  \
        if (low == high) {                                                                                     \
          store(type, base, i, bits_at(type, low));                                                            \
        } else {                                                                                               \
          *open++ = (errata_open){low, high, (uint32_t)(position + i), ordinal(type, bits) >= 0};              \
          found++;                                                                                             \
        }                                                                                                      \
      }                                                                                                        \
    }                                                                                                          \
    return found;                                                                                              \
  } while (0)

ptrdiff_t errata_open_elements(errata_type type, errata_rounding rounding, const void *edited, const float *sums,
                               void *base, const uint8_t *marks, size_t count, uint64_t first, size_t position,
                               errata_open *open) {
  ptrdiff_t found = 0;
#define SUMMED(type, rounding) OPEN_ELEMENTS(type, FUNCTION_##rounding)
#define FUNCTION_nearest(i) adding(nearest, sums[i], first + i)
#define FUNCTION_stochastic(i) adding(stochastic, sums[i], first + i)
  FOR_EACH_KIND(type, rounding, SUMMED);
#undef SUMMED
#undef FUNCTION_nearest
#undef FUNCTION_stochastic
  return found;
}

ptrdiff_t errata_open_unscaled(errata_type type, double gain, const void *edited, void *base, const uint8_t *marks,
                               size_t count, size_t position, errata_open *open) {
  ptrdiff_t found = 0;
#define SUMMED(type, _) OPEN_ELEMENTS(type, FUNCTION)
#define FUNCTION(i) scaling(gain)
  FOR_EACH_KIND(type, ((errata_rounding){0, 0}), SUMMED);
#undef SUMMED
#undef FUNCTION
  return found;
}
