// ggml's block formats: blocks of 32 to 256 elements that share scales. `Formats/gguf.md`, "Block formats", says what
// each byte means; decoding gives the bits of ggml's own code, and so does encoding.
#ifndef ERRATA_BLOCKS_H
#define ERRATA_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

// Named by ggml's number of the type, which is also the one in a GGUF file.
typedef enum {
  errata_block_q4_0 = 2,
  errata_block_q4_1 = 3,
  errata_block_q5_0 = 6,
  errata_block_q5_1 = 7,
  errata_block_q8_0 = 8,
  errata_block_q2_k = 10,
  errata_block_q3_k = 11,
  errata_block_q4_k = 12,
  errata_block_q5_k = 13,
  errata_block_q6_k = 14,
  errata_block_q8_k = 15,
  errata_block_iq4_nl = 20,
  errata_block_iq4_xs = 23,
  errata_block_tq1_0 = 34,
  errata_block_tq2_0 = 35,
  errata_block_mxfp4 = 39,
  errata_block_nvfp4 = 40,
  errata_block_q1_0 = 41,
  errata_block_q2_0 = 42,
} errata_block_type;

// What one block is: elements, bytes, and whether it can be made from floats here.
typedef struct {
  uint32_t element_count;
  uint32_t byte_count;
  int can_encode;
} errata_block_form;

// The form of a type; all zero where the type cannot be decoded here.
errata_block_form errata_block_form_of(errata_block_type type);

// floats[0 …] = the elements of whole blocks, each product and sum rounded to float, nothing fused.
void errata_decode_blocks(errata_block_type type, const void *blocks, float *floats, size_t block_count);

// Blocks from finite floats. Elements of a block decide its scales together; blocks do not see each other.
void errata_encode_blocks(errata_block_type type, const float *floats, void *blocks, size_t block_count);

// Floats as F16 or BF16, rounded to nearest, ties to even.
void errata_to_f16(const float *floats, uint16_t *elements, size_t count);
void errata_to_bf16(const float *floats, uint16_t *elements, size_t count);

// Position of the first float that is not finite, or `count`.
size_t errata_first_not_finite(const float *floats, size_t count);

#endif
