// Choosing the codes of a quantized row by an objective, its scales kept. `Design/quantized.md` says what for.
#ifndef ERRATA_ROUNDING_H
#define ERRATA_ROUNDING_H

#include "Blocks.h"

// The values that the elements of a block type choose from: offset + step · units[rank], rank = lowest … highest; offset and
// step are the element's own and come from its block's scales.
typedef struct {
  int lowest;
  int highest;
  float units[256];
} errata_grid;

// The grid of a type; `highest` is 0 where elements have no codes of their own, or where it is not known here.
errata_grid errata_grid_of(errata_block_type type);

// ranks[0 …] = the ranks of the elements of whole blocks.
void errata_get_ranks(errata_block_type type, const void *blocks, uint8_t *ranks, size_t block_count);

// Gives elements other ranks. Codes of elements that have their rank already are not touched: some types have two codes for one
// value.
void errata_put_ranks(errata_block_type type, void *blocks, const uint8_t *ranks, size_t block_count);

// steps[0 …] = what one unit is worth in each element of whole blocks.
void errata_get_steps(errata_block_type type, const void *blocks, float *steps, size_t block_count);

// Elements whose gains are looked at together.
enum { errata_chunk = 64 };

// A row that descends: J = Σ known·e² + Σ weight·(key · e)², e = w − w*, and what `pull` says beyond.
typedef struct {
  size_t width;             // columns
  size_t key_count;
  const float *keys;        // chunk by chunk, in it key by key: errata_chunk elements of it, zeros beyond the width
  const float *weights;     // of the keys
  const float *known;       // the diagonal of P
  const float *curvature;   // the diagonal of H = P + Σ weight·key·keyᵀ
  float pull;               // the element's own part of what the rows before ask: pull·known beyond H
  float *rest;              // half of J's gradient, but for the keys' part
  float *along;             // weight·(key · e) of each key
  float *up, *down;         // what a step of one rank up or down adds to an element; 0 where there is none
  float *price;             // what J must fall by beyond `least` for an element to move
  uint8_t *ranks;
  const float *steps;       // what a unit is worth in each element
  int32_t *best;            // room for a number for each chunk
} errata_row;

// gradient += factor · row.
void errata_add_row(float *sum, const float *row, float factor, size_t width);

// products[key] = key · row, the same for every instruction set.
void errata_key_products(const float *keys, size_t key_count, const float *row, float *products, size_t width);

// Begins a row from its ranks: error = what it has moved from the base's ranks − update; rest, along, up, down and price follow.
//
// asked: what the rows before ask of each element, to be weighed by known; NULL without.
void errata_begin_row(const errata_grid *grid, errata_row *row, const uint8_t *base_ranks, const float *update,
                      const float *asked, float block_price, size_t neighbors, float *error);

// Takes, as long as one lowers J by more than `least` and its price, the single step that lowers J most, as far as is known: the
// gains of a chunk are looked at again when its turn has come, and all of them before it ends. An element that moves makes moving free
// for the `neighbors` elements it shares a group with.
//
// Returns the steps taken, at most `limit`.
size_t errata_descend(const errata_grid *grid, errata_row *row, float least, size_t neighbors, size_t limit);

#endif
