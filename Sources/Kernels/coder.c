#include "coder.h"

#include <stdlib.h>
#include <string.h>

errata_coder *errata_coder_create(void) {
  errata_coder *coder = calloc(1, sizeof *coder);
  if (!coder) abort();
  errata_coder_clear(coder);
  for (uint32_t mask = 0; mask < 256; mask++)
    for (uint32_t lane = 0, next = 0; lane < 8; lane++)
      if (mask >> lane & 1) coder->spread[mask] |= (uint64_t)next++ << 8 * lane;
  for (uint32_t mask = 0; mask < 256; mask++)
    for (uint32_t lane = 8, place = 8; lane-- > 0;)
      if (mask >> lane & 1) coder->gathered[mask] |= (uint64_t)lane << 8 * --place;
  return coder;
}

void errata_coder_destroy(errata_coder *coder) {
  for (size_t i = 0; i < coder->common_room; i++) free(coder->commons[i]);
  free(coder->commons);
  free(coder->entries);
  free(coder->slots);
  free(coder->codes);
  free(coder->packed);
  free(coder);
}

void errata_coder_clear(errata_coder *coder) {
  coder->table_count = 0;
  coder->common_count = 0;
  coder->last_linked = -1;
}

// Memory for one more table.
static void *grown(void *array, size_t count, size_t size) {
  void *moved = realloc(array, count * size);
  if (!moved) abort();
  return moved;
}

static void make_room(errata_coder *coder) {
  if (coder->table_count < coder->room) return;
  coder->room = coder->room ? 2 * coder->room : 8;
  coder->entries = grown(coder->entries, coder->room, sizeof *coder->entries);
  // Vectors read two bytes beyond the last slot.
  coder->slots = grown(coder->slots, coder->room + 1, sizeof *coder->slots);
  coder->codes = grown(coder->codes, coder->room, sizeof *coder->codes);
  coder->packed = grown(coder->packed, coder->room, sizeof *coder->packed);
}

// Gives each slot a symbol: those that both tables have stay, the others go to symbols that lack slots, all in ascending order.
static void lay_out(const uint16_t *shares, const uint32_t *before, uint8_t *symbols) {
  uint16_t lack[errata_symbol_limit], freed[errata_slot_count];
  memcpy(lack, shares, sizeof lack);
  size_t free_count = 0;
  for (size_t slot = 0; slot < errata_slot_count; slot++) {
    uint32_t symbol = before ? entry_symbol(before[slot]) : 0;
    if (before && lack[symbol] > 0) {
      lack[symbol]--;
      symbols[slot] = (uint8_t)symbol;
    } else {
      freed[free_count++] = (uint16_t)slot;
    }
  }
  size_t next = 0;
  for (size_t symbol = 0; symbol < errata_symbol_limit; symbol++)
    for (; lack[symbol] > 0; lack[symbol]--) symbols[freed[next++]] = (uint8_t)symbol;
}

int errata_coder_add(errata_coder *coder, const uint16_t *shares, int is_linked) {
  uint32_t sum = 0;
  for (size_t s = 0; s < errata_symbol_limit; s++) sum += shares[s];
  if ((sum != errata_slot_count && sum != 0) || coder->table_count == errata_table_limit) return 0;
  make_room(coder);
  size_t table = coder->table_count++;
  uint32_t *entries = coder->entries[table];
  errata_code *codes = coder->codes[table];
  coder->is_empty[table] = sum == 0;
  if (sum == 0) {
    memset(entries, 0, sizeof *coder->entries);
    memset(codes, 0, sizeof *coder->codes);
    return 1;
  }
  uint8_t symbols[errata_slot_count];
  lay_out(shares, is_linked && coder->last_linked >= 0 ? coder->entries[coder->last_linked] : NULL, symbols);
  if (is_linked) coder->last_linked = (int)table;
  uint16_t start = 0, rank[errata_symbol_limit] = {0};
  for (size_t s = 0; s < errata_symbol_limit; s++) {
    uint64_t share = shares[s];
    codes[s] = (errata_code){errata_reciprocal((uint16_t)share), (uint16_t)share, (uint32_t)table * errata_slot_count + start};
    coder->packed[table][s] = (uint32_t)(share - 1) % errata_slot_count | codes[s].start << 12;
    start = (uint16_t)(start + share);
  }
  for (uint32_t slot = 0; slot < errata_slot_count; slot++) {
    uint32_t symbol = symbols[slot], place = rank[symbol]++;
    entries[slot] = symbol | place << 8 | (uint32_t)(shares[symbol] - 1) << 20;
    coder->slots[table][codes[symbol].start % errata_slot_count + place] = (uint16_t)slot;
  }
  return 1;
}

const errata_common *errata_coder_pair(errata_coder *coder, uint8_t one, uint8_t other) {
  if (one > other) {
    uint8_t swap = one;
    one = other;
    other = swap;
  }
  for (size_t i = 0; i < coder->common_count; i++)
    if (coder->commons[i]->one == one && coder->commons[i]->other == other) return coder->commons[i];
  if (coder->common_count == coder->common_room) {
    coder->commons = grown(coder->commons, coder->common_room + 1, sizeof *coder->commons);
    coder->commons[coder->common_room++] = grown(NULL, 1, sizeof(errata_common));
  }
  errata_common *common = coder->commons[coder->common_count++];
  memset(common->share, 0, sizeof common->share);
  common->one = one;
  common->other = other;
  int has_slots = !coder->is_empty[one] && !coder->is_empty[other];
  for (size_t slot = 0; slot < errata_slot_count; slot++) {
    uint32_t symbol = entry_symbol(coder->entries[one][slot]);
    int is_common = has_slots && symbol == entry_symbol(coder->entries[other][slot]);
    common->rank[slot] = is_common ? common->share[symbol]++ : errata_slot_count;
  }
  uint16_t start = 0;
  for (size_t s = 0; s < errata_symbol_limit; s++) {
    common->start[s] = start;
    start = (uint16_t)(start + common->share[s]);
  }
  for (uint16_t slot = 0; slot < errata_slot_count; slot++)
    if (common->rank[slot] < errata_slot_count)
      common->slots[common->start[entry_symbol(coder->entries[one][slot])] + common->rank[slot]] = slot;
  return common;
}

uint32_t errata_coder_common(errata_coder *coder, uint8_t one, uint8_t other, uint8_t symbol) {
  return errata_coder_pair(coder, one, other)->share[symbol];
}

size_t errata_separate_exceptions(errata_coder *coder, errata_symbols *tile, uint8_t exception, uint32_t *positions) {
  size_t exceptions = 0, kept = 0;
  for (size_t i = 0; i < tile->crossing_count; i++) {
    errata_crossing crossing = tile->crossings[i];
    if (errata_coder_common(coder, crossing.base, crossing.edited, tile->codes[crossing.position] & 0xff)) {
      tile->crossings[kept++] = crossing;
    } else {
      uint16_t *code = &tile->codes[crossing.position];
      *code = (uint16_t)(exception << 8 | (*code & 0xff));
      positions[exceptions++] = crossing.position;
    }
  }
  tile->crossing_count = kept;
  return exceptions;
}
