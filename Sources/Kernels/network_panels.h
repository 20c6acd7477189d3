// Products of many rows, included once per instruction set by network_panels.c, which defines LEVEL (suffix) and LANES (floats
// in a register).

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAMED(name) JOIN(name, LEVEL)
#define VECTOR NAMED(vector)
// Outputs of a panel: two registers.
#define PANEL (2 * LANES)

typedef float VECTOR __attribute__((vector_size(4 * LANES), aligned(4)));

// `depth` inputs of some outputs, panel after panel, input by input; outputs that are not there weigh nothing.
INLINE void NAMED(pack)(int is_input_major, const float *weights, size_t stride, size_t outputs, size_t depth,
                        float *panels) {
  if (outputs % PANEL) memset(panels + outputs / PANEL * PANEL * depth, 0, 4 * PANEL * depth);
  size_t o = 0;
  if (is_input_major) {
    // All panels at once: stored rows are far apart, so each is read in one go.
    for (size_t k = 0; k < depth; k++) {
      const float *from = weights + k * stride;
      float *to = panels + k * PANEL;
      for (o = 0; o + PANEL <= outputs; o += PANEL) memcpy(to + o * depth, from + o, 4 * PANEL);
      for (size_t i = o; i < outputs; i++) to[o * depth + i - o] = from[i];
    }
    return;
  }
  for (; o + 4 <= outputs; o += 4) {
    float *to = panels + o / PANEL * PANEL * depth + o % PANEL;
    size_t k = 0;
    for (; k + 4 <= depth; k += 4) transpose(weights + o * stride + k, stride, to + k * PANEL, PANEL);
    for (; k < depth; k++) EACH(i, 4) to[k * PANEL + i] = weights[(o + i) * stride + k];
  }
  for (; o < outputs; o++)
    for (size_t k = 0; k < depth; k++)
      panels[o / PANEL * PANEL * depth + k * PANEL + o % PANEL] = weights[o * stride + k];
}

// ROWS rows against a panel, the sums in registers: y = [y +] x panel [+ bias]. Each sum is one chain over the inputs, whatever
// ROWS is.
INLINE void NAMED(tile)(int ROWS, const float *panel, size_t depth, const float *x, size_t x_stride, float *y,
                        size_t y_stride, int adding, const float *bias) {
  VECTOR low[TILE_ROWS], high[TILE_ROWS];
  const VECTOR zero = {0};
  const float *row[TILE_ROWS];
  EACH(r, ROWS) {
    low[r] = high[r] = zero;
    row[r] = x + r * x_stride;
  }
  for (size_t k = 0; k < depth; k++) {
    VECTOR a = *(const VECTOR *)(panel + k * PANEL), b = *(const VECTOR *)(panel + k * PANEL + LANES);
    EACH(r, ROWS) {
      VECTOR value = row[r][k] - zero;
      low[r] += value * a;
      high[r] += value * b;
    }
  }
  EACH(r, ROWS) {
    VECTOR *first = (VECTOR *)(y + r * y_stride), *second = (VECTOR *)(y + r * y_stride + LANES);
    if (adding) { low[r] += *first; high[r] += *second; }
    if (bias) { low[r] += *(const VECTOR *)bias; high[r] += *(const VECTOR *)(bias + LANES); }
    *first = low[r];
    *second = high[r];
  }
}

static void NAMED(rows_of_panel)(const float *panel, size_t depth, const float *x, size_t x_stride, size_t rows, float *y,
                                 size_t y_stride, int adding, const float *bias) {
  size_t r = 0;
#define TILE(ROWS) \
  NAMED(tile)(ROWS, panel, depth, x + r * x_stride, x_stride, y + r * y_stride, y_stride, adding, bias)
  for (; r + TILE_ROWS <= rows; r += TILE_ROWS) TILE(TILE_ROWS);
  if (r + 4 <= rows) { TILE(4); r += 4; }
  if (r + 2 <= rows) { TILE(2); r += 2; }
  if (r < rows) TILE(1);
#undef TILE
}

// The last outputs, fewer than a panel: its sums are taken elsewhere, and those that exist are taken over.
static void NAMED(part_of_panel)(const float *panel, size_t outputs, size_t depth, const float *x, size_t x_stride,
                                 size_t rows, float *y, size_t y_stride, int adding, const float *bias) {
  float sums[TILE_ROWS * PANEL] = {0}, shift[PANEL] = {0};
  if (bias) memcpy(shift, bias, 4 * outputs);
  for (size_t r = 0; r < rows; r += TILE_ROWS) {
    size_t height = rows - r < TILE_ROWS ? rows - r : TILE_ROWS;
    for (size_t i = 0; i < height && adding; i++) memcpy(sums + i * PANEL, y + (r + i) * y_stride, 4 * outputs);
    NAMED(rows_of_panel)(panel, depth, x + r * x_stride, x_stride, height, sums, PANEL, adding, bias ? shift : 0);
    for (size_t i = 0; i < height; i++) memcpy(y + (r + i) * y_stride, sums + i * PANEL, 4 * outputs);
  }
}

static void NAMED(many_rows)(int is_input_major, const float *weights, size_t stride, size_t outputs, size_t inputs,
                             const float *x, size_t x_stride, size_t rows, float *y, size_t y_stride, int adding,
                             const float *bias) {
  float panels[PANELS * PANEL * DEPTH] __attribute__((aligned(64)));
  for (size_t k = 0; k < inputs; k += DEPTH) {
    size_t depth = inputs - k < DEPTH ? inputs - k : DEPTH;
    int adds = adding || k > 0, is_last = k + depth == inputs;
    for (size_t first = 0; first < outputs; first += PANELS * PANEL) {
      size_t count = outputs - first < PANELS * PANEL ? outputs - first : PANELS * PANEL;
      NAMED(pack)(is_input_major, weights + (is_input_major ? k * stride + first : first * stride + k), stride, count,
                  depth, panels);
      for (size_t o = 0; o < count; o += PANEL) {
        const float *own = bias && is_last ? bias + first + o : 0;
        if (o + PANEL <= count)
          NAMED(rows_of_panel)(panels + o * depth, depth, x + k, x_stride, rows, y + first + o, y_stride, adds, own);
        else
          NAMED(part_of_panel)(panels + o * depth, count - o, depth, x + k, x_stride, rows, y + first + o, y_stride, adds,
                               own);
      }
    }
  }
}

#undef PANEL
#undef VECTOR
#undef NAMED
#undef JOIN
#undef JOIN_
#undef LEVEL
#undef LANES
