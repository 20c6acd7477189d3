// Differences of two tensors' elements as symbols, and an entropy coder for them: static tables per context, rANS, raw low
// bits. `Formats/patch.md`, "Differences" and "Numbers", defines the bytes.
//
// Source of the coder: J. Duda, "Asymmetric numeral systems", arXiv:1311.2540; interleaved states as in F. Giesen,
// "Interleaved entropy coders", arXiv:1402.3392. Tables that share slots, so that one stream is read from both sides, are ours.
#ifndef ERRATA_NUMBERS_H
#define ERRATA_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

enum {
  errata_symbol_limit = 256,  // symbols of a table: 0 … 15 stand for themselves, above are lengths and leading bits
  errata_slot_count = 4096,   // slots of a table
  errata_table_limit = 64,    // tables of a coder, at most
  errata_crossing_context = 255
};

// How elements are ordered and told apart.
typedef struct {
  uint32_t width;          // bytes of an element: 1, 2, 4 or 8
  uint32_t is_sign_first;  // 1: sign and magnitude, as floats are; 0: a plain number
  uint32_t exponent_shift; // floats: bits below the exponent
  uint32_t exponent_count; // floats: values of the exponent; 0 where no exponent is context
  uint32_t period;         // bytes of a quantized block whose position is context; 0 elsewhere
} errata_elements;

// How many elements differ in any bit.
size_t errata_count_different(errata_elements kind, const void *base, const void *edited, size_t count);

// counts[exponent] += 1 for each element.
void errata_count_exponents(errata_elements kind, const void *elements, size_t count, uint32_t *counts);

// ---- Symbols of a tile

// An element whose two exponents lie in different clusters.
typedef struct {
  uint32_t position;
  uint8_t base, edited;
} errata_crossing;

// What a tile's differences are made of. Each array has room for all elements; `raw` for 8 bytes each, and 8 more.
typedef struct {
  uint16_t *codes;             // 256 · context + symbol; the context is the cluster, the place, or errata_crossing_context
  errata_crossing *crossings;  // in ascending order
  size_t crossing_count;
  uint8_t *raw;                // raw bits, least significant first, the last byte filled with zeros
  size_t raw_length;
  uint32_t *counts;            // [contexts][256], twice: the latter half is room
} errata_symbols;

// Sets `out` from the zigzag forms of ordinal(edited) − ordinal(base), which wrap at the element's width. `clusters` holds
// the cluster of each exponent, or of each place in a quantized block, counted from `first`; other types have one context.
// `counts` are twice what occurs; half of a crossing counts in each of its clusters.
void errata_find_symbols(errata_elements kind, const uint8_t *clusters, const void *base, const void *edited,
                         size_t count, uint64_t first, size_t context_count, errata_symbols *out);

// ---- Tables

// Tables in the form that coding needs. Used by one thread at a time.
typedef struct errata_coder errata_coder;
errata_coder *errata_coder_create(void);
void errata_coder_destroy(errata_coder *coder);

// Forgets all tables.
void errata_coder_clear(errata_coder *coder);

// Adds a table: 256 shares that add up to 4096, or to 0. A linked table keeps, for each symbol, as many slots of the linked
// table before it as both have. Returns 0, and adds nothing, where the shares do not add up.
int errata_coder_add(errata_coder *coder, const uint16_t *shares, int is_linked);

// How many slots two tables have in common for a symbol.
uint32_t errata_coder_common(errata_coder *coder, uint8_t one, uint8_t other, uint8_t symbol);

// Crossings whose symbol has no slot in common get the context `exception`, and are taken off the list. `positions` has room
// for all crossings. Returns the exceptions' number.
size_t errata_separate_exceptions(errata_coder *coder, errata_symbols *tile, uint8_t exception, uint32_t *positions);

// ---- Coding

// Encodes into `bytes`, which has room for `errata_encoded_bound`; returns the length.
size_t errata_encode_symbols(errata_coder *coder, const errata_symbols *tile, size_t count, uint8_t *bytes);
size_t errata_encoded_bound(size_t count, size_t raw_length);

// target[i] = the element at ordinal(source[i]) + sign · difference i. `exceptions` are ascending positions, coded with
// the table of that index. Returns 0 when the bytes are not exactly those of `count` differences.
int errata_add_differences(errata_elements kind, const uint8_t *clusters, errata_coder *coder, uint8_t exception,
                           const uint32_t *exceptions, size_t exception_count, const uint8_t *bytes, size_t length,
                           int sign, const void *source, void *target, size_t count, uint64_t first);

#endif
