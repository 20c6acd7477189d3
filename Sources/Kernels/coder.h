// Inside of the coder: slots of tables, and what two tables have in common.
#ifndef ERRATA_CODER_H
#define ERRATA_CODER_H

#include "Numbers.h"

#define INLINE static inline __attribute__((always_inline, unused))

enum { direct_symbols = 16, slot_bits = 12, state_count = 16, header_bytes = 4 * state_count + 4 };
static const uint32_t lowest_state = 1u << 16;

// ⌈2⁶³ / share⌉: the high half of its product with 2x is x / share exactly, for any x of 32 bits.
INLINE uint64_t errata_reciprocal(uint16_t share) { return share ? ((1ull << 63) + share - 1) / share : 0; }

// What encoding needs of a symbol. `start` is where its slots begin in those of all tables.
typedef struct {
  uint64_t reciprocal;
  uint32_t share, start;
} errata_code;

// Slots that two tables give to the same symbol.
typedef struct {
  uint8_t one, other;
  uint16_t share[errata_symbol_limit], start[errata_symbol_limit];
  uint16_t slots[errata_slot_count];  // of symbol 0, of symbol 1, …, ascending
  uint16_t rank[errata_slot_count];   // the place of a common slot among those of its symbol; else 4096
} errata_common;

struct errata_coder {
  size_t table_count;
  int last_linked;  // −1: none
  uint8_t is_empty[errata_table_limit];
  // entries[t][slot]: symbol, 8 bits; the slot's place among those of its symbol, 12 bits; the symbol's share − 1, 12 bits.
  uint32_t (*entries)[errata_slot_count];
  uint16_t (*slots)[errata_slot_count];  // of symbol 0, of symbol 1, …, ascending
  errata_code (*codes)[errata_symbol_limit];
  uint32_t (*packed)[errata_symbol_limit];  // share − 1 and start of each code, 12 and 20 bits
  size_t room;  // tables that the arrays hold
  errata_common **commons;
  size_t common_count, common_room;
  // For each set of eight lanes: byte k of `spread` is the place of lane k among them; the last bytes of `gathered` are its lanes.
  uint64_t spread[256], gathered[256];
};

// The slots that two tables have in common, found once.
const errata_common *errata_coder_pair(errata_coder *coder, uint8_t one, uint8_t other);

INLINE uint32_t entry_symbol(uint32_t entry) { return entry & 0xff; }
INLINE uint32_t entry_rank(uint32_t entry) { return entry >> 8 & 0xfff; }
INLINE uint32_t entry_share(uint32_t entry) { return (entry >> 20) + 1; }

// ---- Symbols

// Bits after the first that a symbol tells; two for elements of 64 bits, so that all symbols fit a byte.
INLINE uint32_t told_bits(uint32_t width) { return width == 8 ? 2 : 3; }

INLINE uint32_t symbol_of(uint32_t width, uint64_t number) {
  if (number < direct_symbols) return (uint32_t)number;
  uint32_t length = 64 - (uint32_t)__builtin_clzll(number), told = told_bits(width);  // length is at least 5
  return direct_symbols + ((length - 5) << told) + (uint32_t)((number >> (length - 1 - told)) & ((1u << told) - 1));
}

// Low bits of a number that its symbol does not tell.
INLINE uint32_t raw_bits(uint32_t width, uint32_t symbol) {
  if (symbol < direct_symbols) return 0;
  return ((symbol - direct_symbols) >> told_bits(width)) + 4 - told_bits(width);
}

INLINE uint64_t number_of(uint32_t width, uint32_t symbol, uint64_t raw) {
  if (symbol < direct_symbols) return symbol;
  uint32_t told = told_bits(width);
  uint64_t head = (1u << told) | ((symbol - direct_symbols) & ((1u << told) - 1));
  return head << raw_bits(width, symbol) | raw;
}

#endif
