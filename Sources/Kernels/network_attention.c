#include <stdint.h>
#include <string.h>

#include "Kernels.h"
#include "Network.h"

#define INLINE static inline __attribute__((always_inline))
#define EACH(index, count) _Pragma("clang loop unroll(full)") for (int index = 0; index < count; index++)

#define LEVEL _plain
#define LANES 4
#include "network_attention.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define LEVEL _v3
#define LANES 8
#include "network_attention.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#define LEVEL _v4
#define LANES 16
#include "network_attention.h"
#pragma clang attribute pop
#endif

void errata_attend_at(int level, const float *query, size_t query_stride, size_t heads, size_t group, size_t width,
                      float scale, float cap, const float *keys, const float *values, size_t stride,
                      const uint32_t *positions, size_t count, float *scores, float *mixed) {
#define CALL(name) \
  name(query, query_stride, heads, group, width, scale, cap, keys, values, stride, positions, count, scores, mixed)
  switch (level) {
#if defined(__x86_64__)
  case 4: CALL(attend_v4); break;
  case 3: CALL(attend_v3); break;
#endif
  default: CALL(attend_plain); break;
  }
#undef CALL
}

void errata_attend(const float *query, size_t query_stride, size_t heads, size_t group, size_t width, float scale,
                   float cap, const float *keys, const float *values, size_t stride, const uint32_t *positions,
                   size_t count, float *scores, float *mixed) {
  errata_attend_at(errata_kernel_level(), query, query_stride, heads, group, width, scale, cap, keys, values, stride,
                   positions, count, scores, mixed);
}
