// The kernels of numbers.c for all widths, at one level: LEVEL and VECTOR are set by the including file.
#define JOIN2(name, width, level) name##_##width##level
#define JOIN(name, width, level) JOIN2(name, width, level)
#define NAME(name) JOIN(name, WIDTH, LEVEL)

#define WIDTH 1
#define ELEMENT uint8_t
#define SIGNED int8_t
#include "number_body.h"

#define WIDTH 2
#define ELEMENT uint16_t
#define SIGNED int16_t
#include "number_body.h"

#define WIDTH 4
#define ELEMENT uint32_t
#define SIGNED int32_t
#include "number_body.h"

#define WIDTH 8
#define ELEMENT uint64_t
#define SIGNED int64_t
#include "number_body.h"

#define FOR_WIDTH(name, ...)                               \
  do switch (kind.width) {                                 \
    case 1: return JOIN(name, 1, LEVEL)(__VA_ARGS__);      \
    case 2: return JOIN(name, 2, LEVEL)(__VA_ARGS__);      \
    case 4: return JOIN(name, 4, LEVEL)(__VA_ARGS__);      \
    default: return JOIN(name, 8, LEVEL)(__VA_ARGS__);     \
  } while (0)

#define AT_LEVEL2(name, level) name##level
#define AT_LEVEL1(name, level) AT_LEVEL2(name, level)
#define AT_LEVEL(name) AT_LEVEL1(name, LEVEL)

static size_t AT_LEVEL(count_different)(errata_elements kind, const void *base, const void *edited, size_t count) {
  FOR_WIDTH(count_different, base, edited, count);
}

static void AT_LEVEL(count_exponents)(errata_elements kind, const void *elements, size_t count, uint32_t *counts) {
  FOR_WIDTH(count_exponents, kind, elements, count, counts);
}

static void AT_LEVEL(find_symbols)(errata_elements kind, const uint8_t *clusters, const void *base, const void *edited,
                                   size_t count, uint64_t first, size_t context_count, errata_symbols *out) {
  FOR_WIDTH(find_symbols, kind, clusters, base, edited, count, first, context_count, out);
}

static int AT_LEVEL(add_differences)(errata_elements kind, const uint8_t *clusters, errata_coder *coder,
                                     uint8_t exception, const uint32_t *exceptions, size_t exception_count,
                                     const uint8_t *bytes, size_t length, int sign, const void *source, void *target,
                                     size_t count, uint64_t first) {
  FOR_WIDTH(add_differences, kind, clusters, coder, exception, exceptions, exception_count, bytes, length, sign, source,
            target, count, first);
}

#undef JOIN2
#undef JOIN
#undef NAME
#undef FOR_WIDTH
#undef AT_LEVEL2
#undef AT_LEVEL1
#undef AT_LEVEL
