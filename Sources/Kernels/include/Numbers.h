// Differences of two tensors' elements as small whole numbers, and an entropy coder for them: static tables per context,
// rANS, raw low bits. `Formats/patch.md`, "Differences" and "Numbers", defines the bytes.
//
// Source of the coder: J. Duda, "Asymmetric numeral systems", arXiv:1311.2540; four interleaved states as in F. Giesen,
// "Interleaved entropy coders", arXiv:1402.3392.
#ifndef ERRATA_NUMBERS_H
#define ERRATA_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

// Symbols: 0 … 15 stand for themselves; above, a symbol holds a number's length and its three bits after the first.
enum { errata_symbol_limit = 496, errata_probability_bits = 12, errata_slot_count = 4096, errata_place_limit = 62 };

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

// numbers[i]: the zigzag form of ordinal(edited) − ordinal(base), which wraps at the element's width.
// groups[i]: 16 · bin of the base exponent + bin of the edited exponent (bins below 16); without exponents, the context
// of the element's position, counted from `first`. counts[group][symbol] += 1.
void errata_differences(errata_elements kind, const uint8_t *bins, const void *base, const void *edited, size_t count,
                        uint64_t first, uint64_t *numbers, uint8_t *groups, uint32_t *counts);

// Turns groups into contexts by `context_of_group`, and lists where the context `exception` stands: gaps[j] elements lie
// between the exception before (or the start) and exception j. `gaps` has room for `count`. Returns the exceptions' number.
size_t errata_choose_contexts(uint8_t *groups, size_t count, const uint8_t *context_of_group, uint8_t exception,
                              uint64_t *gaps);

// One context's table: for each symbol its share of 4096 and the sum of the shares before it.
typedef struct {
  uint16_t frequency[errata_symbol_limit];
  uint16_t start[errata_symbol_limit];
} errata_table;

// counts[symbol] += 1 for each number.
void errata_count_numbers(const uint64_t *numbers, size_t count, uint32_t *counts);

// Shares proportional to counts, at least 1 for each symbol that occurs, 4096 in all; an empty table stays zero.
void errata_make_table(const uint32_t *counts, errata_table *table);

// Sets `start` from `frequency`. Returns 0 unless the shares add up to 4096, or to 0.
int errata_complete_table(errata_table *table);

// Fills the symbol of each of the 4096 slots; an empty table's slots hold `errata_symbol_limit`.
void errata_fill_slots(const errata_table *table, uint16_t *slots);

// Encodes into `bytes`, which has room for `errata_encoded_bound`; returns the length. `contexts` may be null: all 0.
size_t errata_encode_numbers(const uint64_t *numbers, const uint8_t *contexts, size_t count,
                             const errata_table *tables, uint8_t *bytes);
size_t errata_encoded_bound(size_t count);

// Decodes numbers of one context. Returns 0 when the bytes are not exactly those of `count` numbers.
int errata_decode_numbers(const uint8_t *bytes, size_t length, const errata_table *table, const uint16_t *slots,
                          size_t count, uint64_t *numbers);

// target[i] = the element at ordinal(source[i]) + sign · difference i. `exceptions` are ascending positions.
// Returns 0 when the bytes are not exactly those of `count` differences.
int errata_add_differences(errata_elements kind, const uint8_t *clusters, uint8_t exception,
                           const uint32_t *exceptions, size_t exception_count, const uint8_t *bytes, size_t length,
                           const errata_table *tables, const uint16_t *slots, int sign, const void *source,
                           void *target, size_t count, uint64_t first);

#endif
