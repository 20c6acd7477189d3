#include "Kernels.h"

// A fused product and sum would round once where ggml's plain code rounds twice.
#pragma STDC FP_CONTRACT OFF

#include "block_encoding.h"

// type, elements, bytes, whether it can be encoded
#define ALL_FORMATS(FORMAT) \
  FORMAT(q4_0, 32, 18, 1)   \
  FORMAT(q4_1, 32, 20, 1)   \
  FORMAT(q5_0, 32, 22, 1)   \
  FORMAT(q5_1, 32, 24, 1)   \
  FORMAT(q8_0, 32, 34, 1)   \
  FORMAT(q2_k, 256, 84, 1)  \
  FORMAT(q3_k, 256, 110, 1) \
  FORMAT(q4_k, 256, 144, 1) \
  FORMAT(q5_k, 256, 176, 1) \
  FORMAT(q6_k, 256, 210, 1) \
  FORMAT(q8_k, 256, 292, 0) \
  FORMAT(iq4_nl, 32, 18, 0) \
  FORMAT(iq4_xs, 256, 136, 0) \
  FORMAT(tq1_0, 256, 54, 0) \
  FORMAT(tq2_0, 256, 66, 0) \
  FORMAT(mxfp4, 32, 17, 0)  \
  FORMAT(nvfp4, 64, 36, 0)  \
  FORMAT(q1_0, 128, 18, 0)  \
  FORMAT(q2_0, 64, 18, 0)

errata_block_form errata_block_form_of(errata_block_type type) {
#define FORM(name, elements, bytes, can_encode) \
  case errata_block_##name: return (errata_block_form){elements, bytes, can_encode};
  switch (type) { ALL_FORMATS(FORM) }
#undef FORM
  return (errata_block_form){0, 0, 0};
}

#define DECODE(name, elements, bytes, can_encode) \
  case errata_block_##name:                       \
    for (size_t i = 0; i < block_count; i++) decode_##name(b + bytes * i, x + elements * i); \
    return;
#define ENCODE(name, elements, bytes) \
  case errata_block_##name:           \
    for (size_t i = 0; i < block_count; i++) encode_##name(x + elements * i, b + bytes * i); \
    return;

// The same code for one instruction set: everything is inlined into these two.
#define LEVEL(level)                                                                                              \
  static void decode##level(errata_block_type type, const uint8_t *restrict b, float *restrict x,                 \
                            size_t block_count) {                                                                 \
    switch (type) { ALL_FORMATS(DECODE) }                                                                         \
  }                                                                                                               \
  static void encode##level(errata_block_type type, const float *restrict x, uint8_t *restrict b,                 \
                            size_t block_count) {                                                                 \
    switch (type) {                                                                                               \
      ENCODE(q4_0, 32, 18)                                                                                        \
      ENCODE(q4_1, 32, 20)                                                                                        \
      ENCODE(q5_0, 32, 22)                                                                                        \
      ENCODE(q5_1, 32, 24)                                                                                        \
      ENCODE(q8_0, 32, 34)                                                                                        \
      ENCODE(q2_k, 256, 84)                                                                                       \
      ENCODE(q3_k, 256, 110)                                                                                      \
      ENCODE(q4_k, 256, 144)                                                                                      \
      ENCODE(q5_k, 256, 176)                                                                                      \
      ENCODE(q6_k, 256, 210)                                                                                      \
    default: return;                                                                                              \
    }                                                                                                             \
  }

LEVEL(_plain)

// Encoding K-quants gains 1.5 times, decoding 1.1 to 4 times where memory does not bound it.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
LEVEL(_v3)
#pragma clang attribute pop
#endif

void errata_decode_blocks(errata_block_type type, const void *blocks, float *floats, size_t block_count) {
#if defined(__x86_64__)
  if (errata_kernel_level() >= 3) return decode_v3(type, blocks, floats, block_count);
#endif
  decode_plain(type, blocks, floats, block_count);
}

void errata_encode_blocks(errata_block_type type, const float *floats, void *blocks, size_t block_count) {
#if defined(__x86_64__)
  if (errata_kernel_level() >= 3) return encode_v3(type, floats, blocks, block_count);
#endif
  encode_plain(type, floats, blocks, block_count);
}

void errata_to_f16(const float *restrict floats, uint16_t *restrict elements, size_t count) {
  for (size_t i = 0; i < count; i++) elements[i] = f16_of_float(floats[i]);
}

void errata_to_bf16(const float *restrict floats, uint16_t *restrict elements, size_t count) {
  for (size_t i = 0; i < count; i++) elements[i] = bf16_of_float(floats[i]);
}

size_t errata_first_not_finite(const float *floats, size_t count) {
  for (size_t start = 0; start < count; start += 256) {
    size_t length = count - start < 256 ? count - start : 256;
    uint32_t found = 0;
    for (size_t i = 0; i < length; i++) found |= (bits_of_float(floats[start + i]) & 0x7f800000u) == 0x7f800000u;
    for (size_t i = 0; found && i < length; i++)
      if ((bits_of_float(floats[start + i]) & 0x7f800000u) == 0x7f800000u) return start + i;
  }
  return count;
}
