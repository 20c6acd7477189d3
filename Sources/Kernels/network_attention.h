// Attention of one query, included once per instruction set by network_attention.c, which defines LEVEL (suffix) and LANES
// (floats in a register).

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAMED(name) JOIN(name, LEVEL)
#define VECTOR NAMED(vector)

// Rows of a batch need not be aligned to registers.
typedef float VECTOR __attribute__((vector_size(4 * LANES), aligned(4)));

INLINE float NAMED(sum_of_lanes)(VECTOR sums) {
  float lanes[LANES];
  memcpy(lanes, &sums, sizeof lanes);
  for (int width = LANES / 2; width > 0; width /= 2)
    for (int lane = 0; lane < width; lane++) lanes[lane] += lanes[lane + width];
  return lanes[0];
}

// scores[i] = q · k[i] for COUNT keys. Each sum is taken in the same order whatever COUNT is.
INLINE void NAMED(dots)(int COUNT, const float *query, const float *const *keys, size_t width, float *scores) {
  VECTOR sums[4];
  const VECTOR zero = {0};
  EACH(i, COUNT) sums[i] = zero;
  size_t k = 0;
  for (; k + LANES <= width; k += LANES) {
    VECTOR q = *(const VECTOR *)(query + k);
    EACH(i, COUNT) sums[i] += q * *(const VECTOR *)(keys[i] + k);
  }
  EACH(i, COUNT) {
    float sum = NAMED(sum_of_lanes)(sums[i]);
    for (size_t j = k; j < width; j++) sum += query[j] * keys[i][j];
    scores[i] = sum;
  }
}

// mixed[i] = Σ_p shares[p] v[p][i] for WIDTH registers of i.
INLINE void NAMED(mix)(int WIDTH, const float *values, size_t stride, const uint32_t *positions, size_t count,
                       const float *shares, float *mixed) {
  VECTOR sums[4];
  const VECTOR zero = {0};
  EACH(i, WIDTH) sums[i] = zero;
  for (size_t p = 0; p < count; p++) {
    const float *value = values + positions[p] * stride;
    EACH(i, WIDTH) sums[i] += shares[p] * *(const VECTOR *)(value + i * LANES);
  }
  EACH(i, WIDTH) *(VECTOR *)(mixed + i * LANES) = sums[i];
}

static void NAMED(attend)(const float *query, size_t query_stride, size_t heads, size_t group, size_t width,
                          float scale, float cap, const float *keys, const float *values, size_t stride,
                          const uint32_t *positions, size_t count, float *scores, float *mixed) {
  for (size_t head = 0; head < heads; head++) {
    const float *q = query + head * query_stride;
    size_t column = head / group * width;
    size_t p = 0;
    for (; p + 4 <= count; p += 4) {
      const float *four[4];
      EACH(i, 4) four[i] = keys + positions[p + i] * stride + column;
      NAMED(dots)(4, q, four, width, scores + p);
    }
    for (; p < count; p++) {
      const float *one = keys + positions[p] * stride + column;
      NAMED(dots)(1, q, &one, width, scores + p);
    }
    if (cap > 0) errata_cap(scores, scale, cap, count);
    errata_softmax(scores, cap > 0 ? 1.0f : scale, count);
    size_t i = 0;
    float *to = mixed + head * width;
    for (; i + 4 * LANES <= width; i += 4 * LANES)
      NAMED(mix)(4, values + column + i, stride, positions, count, scores, to + i);
    for (; i + LANES <= width; i += LANES)
      NAMED(mix)(1, values + column + i, stride, positions, count, scores, to + i);
    for (; i < width; i++) {
      float sum = 0;
      for (p = 0; p < count; p++) sum += scores[p] * values[positions[p] * stride + column + i];
      to[i] = sum;
    }
  }
}

#undef VECTOR
#undef NAMED
#undef JOIN
#undef JOIN_
#undef LEVEL
#undef LANES
