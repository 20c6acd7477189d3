// Row kernels of the low-rank and the scaled change: `Formats/patch.md`, "Arithmetic", is what they compute, bit for bit.
//
// Every sum runs over k = 0, 1, … with the product and the sum each rounded to float. A vector unit may take many
// elements at once; none may reorder one element's sum. That is why BLAS is not used here: its bits change with the
// processor and the thread count.
#ifndef ERRATA_KERNELS_H
#define ERRATA_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// Columns of one panel of the right factor. 48 is a whole number of registers at every vector width used.
enum { errata_panel_width = 48 };

// Element types that can be edited.
typedef enum { errata_f64 = 0, errata_f32 = 1, errata_f16 = 2, errata_bf16 = 3 } errata_type;

// How the sum's rounding to the element type is decided. Stochastic applies to f16 and bf16.
typedef struct {
  int is_stochastic;
  uint64_t seed;
} errata_rounding;

// Instruction sets: 0 plain, 3 x86-64-v3, 4 x86-64-v4.
int errata_kernel_level(void);
// The best level of this processor.
int errata_kernel_best_level(void);
// Forces a level that the processor has upon the calling thread; for tests, which compare the bits of all levels.
void errata_kernel_force_level(int level);

// sums[i][j] = Σ_k left[i][k] · panels[j / 48][k][j % 48], for `rows` rows of left and `panel_count` panels.
// left: [rows × rank]; panels: [panel_count × rank × 48]; sums: rows of `stride` floats, stride ≥ 48 · panel_count.
void errata_low_rank_sums(const float *left, size_t rows, const float *panels, size_t panel_count, size_t rank,
                          float *sums, size_t stride);
// The same by three loops: the judge of the fast one.
void errata_low_rank_sums_plain(const float *left, size_t rows, const float *panels, size_t panel_count,
                                size_t rank, float *sums, size_t stride);

// edited[i] = round(base[i] + sums[i]); elements that are not finite stay as they are.
// `first` is the index in the tensor of element 0; stochastic rounding draws by it. `base` and `edited` do not overlap.
void errata_add(errata_type type, errata_rounding rounding, const void *base, const float *sums, void *edited,
                size_t count, uint64_t first);

// edited[i] = round(base[i] · gain); elements that are not finite stay as they are. The gain is finite and above 0; for
// all types but f64 it is a float.
void errata_scale(errata_type type, double gain, const void *base, void *edited, size_t count);

// base[i] = the only value that `errata_add` takes to edited[i], where there is only one, else any value;
// marks[i] = 0 there; else there may be several, or another one. Returns how many are marked.
size_t errata_estimate_base(errata_type type, errata_rounding rounding, const void *edited, const float *sums,
                            void *base, uint8_t *marks, size_t count, uint64_t first);
// The same for `errata_scale`.
size_t errata_estimate_unscaled(errata_type type, double gain, const void *edited, void *base, uint8_t *marks,
                                size_t count);

// An edited element that more than one base element leads to: all ordinals from the lowest to the highest.
typedef struct {
  int64_t lowest, highest;
  uint32_t position;
  // Whether the edited element is +0 or above.
  uint32_t is_positive;
} errata_open;

// Settles the marked elements of an estimate: a base element that is the only one is stored, others are written to
// `open`, which has room for all that are marked; `position` is that of element 0. Returns how many are open, or −1
// where an element has no base at all.
ptrdiff_t errata_open_elements(errata_type type, errata_rounding rounding, const void *edited, const float *sums,
                               void *base, const uint8_t *marks, size_t count, uint64_t first, size_t position,
                               errata_open *open);
ptrdiff_t errata_open_unscaled(errata_type type, double gain, const void *edited, void *base, const uint8_t *marks,
                               size_t count, size_t position, errata_open *open);

// Elements as floats: exact from f16 and bf16, rounded once from f64.
void errata_to_float(errata_type type, const void *elements, float *floats, size_t count);

// What a change amounts to: Σ base², Σ (edited − base)² over elements that are finite before and after. Adds to both.
void errata_add_change(const float *base, const float *edited, size_t count, double *squared_base,
                       double *squared_change);

// One element, as bits: what `errata_add` makes of it.
uint64_t errata_add_one(errata_type type, errata_rounding rounding, uint64_t base, float sum, uint64_t index);
// What `errata_scale` makes of it.
uint64_t errata_scale_one(errata_type type, double gain, uint64_t base);

// The preimage of one edited element: all values that `errata_add` takes to it. They are neighbors in the order of the
// numbers, so two ordinals tell them. Returns 0 when there are none.
int errata_preimage(errata_type type, errata_rounding rounding, uint64_t edited, float sum, uint64_t index,
                    int64_t *lowest, int64_t *highest);
// The same for `errata_scale`.
int errata_unscaled_preimage(errata_type type, double gain, uint64_t edited, int64_t *lowest, int64_t *highest);

// Position of an element's bits in the order of the numbers: −1 is −0, 0 is +0.
int64_t errata_ordinal(errata_type type, uint64_t bits);
// The bits at a position.
uint64_t errata_bits(errata_type type, int64_t ordinal);

#include "Blocks.h"
#include "Codes.h"
#include "Network.h"
#include "Numbers.h"
#include "Rounding.h"

#endif
