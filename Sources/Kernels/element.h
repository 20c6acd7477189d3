// Numbers of each element type: to float and back, and their order. Integer code, so that every machine gives the same
// bits; the compiler turns it into vectors.
#ifndef ERRATA_ELEMENT_H
#define ERRATA_ELEMENT_H

#include <stdint.h>
#include <string.h>

#define ERRATA_INLINE static inline __attribute__((always_inline, unused))

ERRATA_INLINE uint32_t bits_of_float(float x) { uint32_t b; memcpy(&b, &x, 4); return b; }
ERRATA_INLINE float float_of_bits(uint32_t b) { float x; memcpy(&x, &b, 4); return x; }
ERRATA_INLINE uint64_t bits_of_double(double x) { uint64_t b; memcpy(&b, &x, 8); return b; }
ERRATA_INLINE double double_of_bits(uint64_t b) { double x; memcpy(&x, &b, 8); return x; }

// Scaling by 2^112 moves the exponent over exactly, subnormal numbers included.
ERRATA_INLINE float float_of_f16(uint16_t h) {
  uint32_t magnitude = (uint32_t)(h & 0x7fffu) << 13;
  uint32_t bits = bits_of_float(float_of_bits(magnitude) * 0x1p112f);
  bits = (h & 0x7c00u) == 0x7c00u ? magnitude | 0x7f800000u : bits;
  return float_of_bits(bits | (uint32_t)(h & 0x8000u) << 16);
}

ERRATA_INLINE uint16_t f16_of_float(float x) {
  uint32_t bits = bits_of_float(x), a = bits & 0x7fffffffu;
  uint32_t normal = (a + 0xfffu + ((a >> 13) & 1u) - 0x38000000u) >> 13;
  // One half has the spacing of f16's subnormals as its last place, so the addition itself rounds.
  uint32_t subnormal = bits_of_float(float_of_bits(a) + 0.5f) - 0x3f000000u;
  uint32_t r = a < 0x38800000u ? subnormal : normal;
  r = a >= 0x477ff000u ? 0x7c00u : r;
  r = a > 0x7f800000u ? 0x7e00u : r;
  return (uint16_t)(r | ((bits >> 16) & 0x8000u));
}

ERRATA_INLINE float float_of_bf16(uint16_t h) { return float_of_bits((uint32_t)h << 16); }

ERRATA_INLINE uint16_t bf16_of_float(float x) {
  uint32_t bits = bits_of_float(x);
  uint32_t r = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  r = (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u | ((bits >> 16) & 0x8000u) : r;
  return (uint16_t)r;
}

// The generator of SplitMix64 as a function of the element's index: element order does not matter.
// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).
ERRATA_INLINE uint32_t draw24(uint64_t seed, uint64_t index) {
  uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return (uint32_t)((z ^ (z >> 31)) >> 40);
}

// Rounds the magnitude up when the 24-bit fraction cut off plus the draw carries.
ERRATA_INLINE uint16_t bf16_of_float_stochastic(float x, uint32_t draw) {
  uint32_t bits = bits_of_float(x), a = bits & 0x7fffffffu;
  uint32_t r = (a >> 16) + ((((a & 0xffffu) << 8) + draw) >> 24);
  r = a > 0x7f800000u ? 0x7fc0u : r;
  r = a == 0x7f800000u ? 0x7f80u : r;
  return (uint16_t)(r | ((bits >> 16) & 0x8000u));
}

ERRATA_INLINE uint16_t f16_of_float_stochastic(float x, uint32_t draw) {
  uint32_t bits = bits_of_float(x), a = bits & 0x7fffffffu;
  uint32_t normal = ((a - 0x38000000u) >> 13) + ((((a & 0x1fffu) << 11) + draw) >> 24);
  // Below 2^-14 the spacing is 2^-24: whole steps and fraction, both exact in float.
  float steps = float_of_bits(a < 0x38800000u ? a : 0) * 0x1p24f;
  uint32_t whole = (uint32_t)(int32_t)steps;
  uint32_t fraction = (uint32_t)(int32_t)((steps - (float)(int32_t)whole) * 0x1p24f);
  uint32_t subnormal = whole + ((fraction + draw) >> 24);
  uint32_t r = a < 0x38800000u ? subnormal : normal;
  r = a >= 0x47800000u || r > 0x7c00u ? 0x7c00u : r;
  r = a > 0x7f800000u ? 0x7e00u : r;
  return (uint16_t)(r | ((bits >> 16) & 0x8000u));
}

// A number's place among all bit patterns of its type, and back. Negative numbers count down from −1, which is −0.
ERRATA_INLINE int32_t ordinal16(uint16_t b) { return b & 0x8000u ? -1 - (int32_t)(b & 0x7fffu) : (int32_t)b; }
ERRATA_INLINE uint16_t bits16(int32_t o) { return (uint16_t)(o < 0 ? 0x8000u | (uint32_t)(-1 - o) : (uint32_t)o); }
ERRATA_INLINE int32_t ordinal32(uint32_t b) {
  return b & 0x80000000u ? -1 - (int32_t)(b & 0x7fffffffu) : (int32_t)b;
}
ERRATA_INLINE uint32_t bits32(int32_t o) { return o < 0 ? 0x80000000u | ~(uint32_t)o : (uint32_t)o; }
ERRATA_INLINE int64_t ordinal64(uint64_t b) {
  return b >> 63 ? -1 - (int64_t)(b & 0x7fffffffffffffffull) : (int64_t)b;
}
ERRATA_INLINE uint64_t bits64(int64_t o) { return o < 0 ? 1ull << 63 | ~(uint64_t)o : (uint64_t)o; }

// The pattern one step from another in that order. Unsigned sums: past the last pattern follows the first.
ERRATA_INLINE uint16_t neighbor16(uint16_t b, int step) { return bits16(ordinal16(b) + step); }
ERRATA_INLINE uint32_t neighbor32(uint32_t b, int step) {
  return bits32((int32_t)((uint32_t)ordinal32(b) + (uint32_t)step));
}
ERRATA_INLINE uint64_t neighbor64(uint64_t b, int step) {
  return bits64((int64_t)((uint64_t)ordinal64(b) + (uint64_t)(int64_t)step));
}

// base + sum in the element's arithmetic; what is not finite stays.
ERRATA_INLINE uint64_t add_f64(uint64_t w, float sum) {
  double r = double_of_bits(w) + (double)sum;
  return (w & 0x7ff0000000000000ull) == 0x7ff0000000000000ull ? w : bits_of_double(r);
}
ERRATA_INLINE uint32_t add_f32(uint32_t w, float sum) {
  float r = float_of_bits(w) + sum;
  return (w & 0x7f800000u) == 0x7f800000u ? w : bits_of_float(r);
}
ERRATA_INLINE uint16_t add_f16(uint16_t w, float sum) {
  uint16_t r = f16_of_float(float_of_f16(w) + sum);
  return (w & 0x7c00u) == 0x7c00u ? w : r;
}
ERRATA_INLINE uint16_t add_bf16(uint16_t w, float sum) {
  uint16_t r = bf16_of_float(float_of_bf16(w) + sum);
  return (w & 0x7f80u) == 0x7f80u ? w : r;
}
ERRATA_INLINE uint16_t add_f16_stochastic(uint16_t w, float sum, uint32_t draw) {
  uint16_t r = f16_of_float_stochastic(float_of_f16(w) + sum, draw);
  return (w & 0x7c00u) == 0x7c00u ? w : r;
}
ERRATA_INLINE uint16_t add_bf16_stochastic(uint16_t w, float sum, uint32_t draw) {
  uint16_t r = bf16_of_float_stochastic(float_of_bf16(w) + sum, draw);
  return (w & 0x7f80u) == 0x7f80u ? w : r;
}

// base · gain in the element's arithmetic, rounded to nearest; what is not finite stays. A gain is finite and above 0.
ERRATA_INLINE uint64_t scale_f64(uint64_t w, double gain) {
  double r = double_of_bits(w) * gain;
  return (w & 0x7ff0000000000000ull) == 0x7ff0000000000000ull ? w : bits_of_double(r);
}
ERRATA_INLINE uint32_t scale_f32(uint32_t w, float gain) {
  float r = float_of_bits(w) * gain;
  return (w & 0x7f800000u) == 0x7f800000u ? w : bits_of_float(r);
}
ERRATA_INLINE uint16_t scale_f16(uint16_t w, float gain) {
  uint16_t r = f16_of_float(float_of_f16(w) * gain);
  return (w & 0x7c00u) == 0x7c00u ? w : r;
}
ERRATA_INLINE uint16_t scale_bf16(uint16_t w, float gain) {
  uint16_t r = bf16_of_float(float_of_bf16(w) * gain);
  return (w & 0x7f80u) == 0x7f80u ? w : r;
}

// A number near to those that scaling takes to this one. A quotient: a product with 1 / gain is off twice as often.
ERRATA_INLINE uint64_t unscale_f64(uint64_t w, double gain) {
  double r = double_of_bits(w) / gain;
  return (w & 0x7ff0000000000000ull) == 0x7ff0000000000000ull ? w : bits_of_double(r);
}
ERRATA_INLINE uint32_t unscale_f32(uint32_t w, float gain) {
  float r = float_of_bits(w) / gain;
  return (w & 0x7f800000u) == 0x7f800000u ? w : bits_of_float(r);
}
ERRATA_INLINE uint16_t unscale_f16(uint16_t w, float gain) {
  uint16_t r = f16_of_float(float_of_f16(w) / gain);
  return (w & 0x7c00u) == 0x7c00u ? w : r;
}
ERRATA_INLINE uint16_t unscale_bf16(uint16_t w, float gain) {
  uint16_t r = bf16_of_float(float_of_bf16(w) / gain);
  return (w & 0x7f80u) == 0x7f80u ? w : r;
}

#endif
