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

// A row that descends. With e = w − w* and the row's objective J = eᵀHe:
typedef struct {
  size_t width;           // columns
  float *gradient;        // He, half of J's
  float *up, *down;       // what a step of one rank up or down adds to an element; 0 where there is none
  const float *diagonal;  // H_jj, and what an element's own curvature has beyond H
  const float *own;       // that; NULL where it has none
  float *price;           // what J must fall by beyond `least` for an element to move
  uint8_t *ranks;
  const float *steps;     // what a unit is worth in each element
} errata_row;

// gradient += factor · row of H.
void errata_add_row(float *gradient, const float *row, float factor, size_t width);

// Takes, as long as one lowers J by more than `least` and its price, the single step that lowers J most. An element that moves
// makes moving free for the `neighbors` elements it shares a group with.
//
// hessian: row j begins at j · stride, stride ≥ width. Returns the steps taken, at most `limit`; *gained grows by what J fell.
size_t errata_descend(const errata_grid *grid, errata_row *row, const float *hessian, size_t stride, float least,
                      size_t neighbors, size_t limit, double *gained);

#endif
