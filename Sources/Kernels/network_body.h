// The loops, included once per instruction set by network.c, which defines LEVEL. Plain loops without branches: the
// compiler turns them into vectors.

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAMED(name) JOIN(name, LEVEL)

// e^x to about one unit in the last place: 2ⁿ eʳ with r = x − n ln 2 in [−½ ln 2, ½ ln 2], eʳ by its Taylor polynomial.
INLINE float NAMED(exponential)(float x) {
  x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
  // Adding 1.5·2²³ rounds to a whole number and leaves it in the low bits, where it is taken from: a conversion of what is no number is
  // undefined.
  float shifted = x * 1.44269504f + 12582912.0f;
  float n = shifted - 12582912.0f;
  float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.0f + r * (1.0f + r * (0.5f + r * (1.66666667e-1f + r * (4.16666667e-2f
          + r * (8.33333333e-3f + r * 1.38888889e-3f)))));
  union { float f; uint32_t u; } power = {.f = shifted};
  power.u = (power.u - 0x4b400000u + 127u) << 23;
  return p * power.f;
}

INLINE float NAMED(sigmoid)(float x) { return 1.0f / (1.0f + NAMED(exponential)(-x)); }

// tanh(u) = 2 / (1 + e⁻²ᵘ) − 1.
INLINE float NAMED(hyperbolic_tangent)(float u) { return 2.0f * NAMED(sigmoid)(2.0f * u) - 1.0f; }

// erf by Abramowitz and Stegun, formula 7.1.26: at most 1.5e-7 off.
INLINE float NAMED(error_function)(float x) {
  float a = x < 0 ? -x : x;
  float t = 1.0f / (1.0f + 0.3275911f * a);
  float p = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  float y = 1.0f - p * NAMED(exponential)(-a * a);
  return x < 0 ? -y : y;
}

// √(2/π) (x + 0.044715 x³), the argument of GELU's tanh.
#define TANH_ARGUMENT(x) (0.7978845608f * ((x) + 0.044715f * (x) * (x) * (x)))

INLINE float NAMED(value)(errata_activation kind, float x) {
  switch (kind) {
  case errata_gelu: return 0.5f * x * (1.0f + NAMED(error_function)(x * 0.7071067812f));
  case errata_gelu_tanh: return x * NAMED(sigmoid)(2.0f * TANH_ARGUMENT(x));
  case errata_relu: return x > 0 ? x : 0;
  case errata_silu: return x * NAMED(sigmoid)(x);
  }
  return 0;
}

INLINE float NAMED(slope)(errata_activation kind, float x) {
  switch (kind) {
  case errata_gelu:
    return 0.5f * (1.0f + NAMED(error_function)(x * 0.7071067812f))
           + x * 0.3989422804f * NAMED(exponential)(-0.5f * x * x);
  case errata_gelu_tanh: {
    float s = NAMED(sigmoid)(2.0f * TANH_ARGUMENT(x));
    return s + 2.0f * x * s * (1.0f - s) * 0.7978845608f * (1.0f + 0.134145f * x * x);
  }
  case errata_relu: return x > 0 ? 1 : 0;
  case errata_silu: {
    float s = NAMED(sigmoid)(x);
    return s * (1.0f + x * (1.0f - s));
  }
  }
  return 0;
}

// A constant kind folds the switch away, so that each loop is one straight line.
#define EACH_KIND(LOOP)                          \
  switch (kind) {                                \
  case errata_gelu: LOOP(errata_gelu) break;     \
  case errata_gelu_tanh: LOOP(errata_gelu_tanh) break; \
  case errata_relu: LOOP(errata_relu) break;     \
  case errata_silu: LOOP(errata_silu) break;     \
  }

static void NAMED(activate)(errata_activation kind, const float *x, float *y, size_t count) {
#define LOOP(KIND) for (size_t i = 0; i < count; i++) y[i] = NAMED(value)(KIND, x[i]);
  EACH_KIND(LOOP)
#undef LOOP
}

static void NAMED(activate_backward)(errata_activation kind, const float *x, const float *dy, float *dx,
                                     size_t count) {
#define LOOP(KIND) for (size_t i = 0; i < count; i++) dx[i] = NAMED(slope)(KIND, x[i]) * dy[i];
  EACH_KIND(LOOP)
#undef LOOP
}

static void NAMED(activate_gated)(errata_activation kind, const float *gate, const float *up, float *y,
                                  size_t count) {
#define LOOP(KIND) for (size_t i = 0; i < count; i++) y[i] = NAMED(value)(KIND, gate[i]) * up[i];
  EACH_KIND(LOOP)
#undef LOOP
}

static void NAMED(activate_gated_backward)(errata_activation kind, const float *gate, const float *up,
                                           const float *dy, float *dgate, float *dup, size_t count) {
#define LOOP(KIND)                                               \
  for (size_t i = 0; i < count; i++) {                           \
    float outer = dy[i];                                         \
    dgate[i] = NAMED(slope)(KIND, gate[i]) * up[i] * outer;      \
    dup[i] = NAMED(value)(KIND, gate[i]) * outer;                \
  }
  EACH_KIND(LOOP)
#undef LOOP
}

// Sums with eight partial sums, so that they run in vectors and lose less to rounding than one long sum.
#define SUM(RESULT, EXPRESSION)                                              \
  do {                                                                       \
    float parts[8] = {0};                                                    \
    size_t i = 0;                                                            \
    for (; i + 8 <= count; i += 8)                                           \
      for (size_t l = 0; l < 8; l++) { size_t j = i + l; parts[l] += (EXPRESSION); } \
    for (; i < count; i++) { size_t j = i; parts[0] += (EXPRESSION); }       \
    RESULT = ((parts[0] + parts[4]) + (parts[1] + parts[5])) + ((parts[2] + parts[6]) + (parts[3] + parts[7])); \
  } while (0)

static void NAMED(layer_norm)(const float *x, const float *weight, const float *bias, float epsilon, float *y,
                              size_t count) {
  float sum, squares;
  SUM(sum, x[j]);
  float mean = sum / count;
  SUM(squares, (x[j] - mean) * (x[j] - mean));
  float scale = 1.0f / sqrtf(squares / count + epsilon);
  if (bias)
    for (size_t i = 0; i < count; i++) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
  else
    for (size_t i = 0; i < count; i++) y[i] = (x[i] - mean) * scale * weight[i];
}

// With n = (x − mean) s and g = weight · dy: dx = s (g − mean g − n mean(g n)).
static void NAMED(layer_norm_backward)(const float *x, const float *weight, float epsilon, const float *dy,
                                       float *dx, size_t count) {
  float sum, squares, gradient, along;
  SUM(sum, x[j]);
  float mean = sum / count;
  SUM(squares, (x[j] - mean) * (x[j] - mean));
  float scale = 1.0f / sqrtf(squares / count + epsilon);
  SUM(gradient, weight[j] * dy[j]);
  SUM(along, weight[j] * dy[j] * (x[j] - mean));
  gradient /= count;
  along *= scale * scale / count;
  for (size_t i = 0; i < count; i++) dx[i] += scale * (weight[i] * dy[i] - gradient - (x[i] - mean) * along);
}

static void NAMED(rms_norm)(const float *x, const float *weight, float epsilon, float *y, size_t count) {
  float squares;
  SUM(squares, x[j] * x[j]);
  float scale = 1.0f / sqrtf(squares / count + epsilon);
  for (size_t i = 0; i < count; i++) y[i] = x[i] * scale * weight[i];
}

static void NAMED(rms_norm_backward)(const float *x, const float *weight, float epsilon, const float *dy, float *dx,
                                     size_t count) {
  float squares, along;
  SUM(squares, x[j] * x[j]);
  float scale = 1.0f / sqrtf(squares / count + epsilon);
  SUM(along, weight[j] * dy[j] * x[j]);
  along *= scale * scale / count;
  for (size_t i = 0; i < count; i++) dx[i] += scale * (weight[i] * dy[i] - x[i] * along);
}

static float NAMED(largest)(const float *x, size_t count) {
  float parts[8];
  for (size_t l = 0; l < 8; l++) parts[l] = x[0];
  size_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (size_t l = 0; l < 8; l++) parts[l] = x[i + l] > parts[l] ? x[i + l] : parts[l];
  for (; i < count; i++) parts[0] = x[i] > parts[0] ? x[i] : parts[0];
  float most = parts[0];
  for (size_t l = 1; l < 8; l++) most = parts[l] > most ? parts[l] : most;
  return most;
}

static void NAMED(exp_minus)(const float *x, float shift, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = NAMED(exponential)(x[i] - shift);
}

static void NAMED(softmax)(float *x, float scale, size_t count) {
  if (count == 0) return;
  float shift = scale * NAMED(largest)(x, count), sum;
  for (size_t i = 0; i < count; i++) x[i] = NAMED(exponential)(scale * x[i] - shift);
  SUM(sum, x[j]);
  float share = 1.0f / sum;
  for (size_t i = 0; i < count; i++) x[i] *= share;
}

// Near 0 the difference in `hyperbolic_tangent` would lose digits that a cap multiplies, so its series serves there.
static void NAMED(cap)(float *x, float scale, float cap, size_t count) {
  float share = scale / cap;
  for (size_t i = 0; i < count; i++) {
    float u = share * x[i], v = u * u;
    float near = u * (1.0f + v * (-3.33333333e-1f + v * (1.33333333e-1f + v * (-5.39682540e-2f
                 + v * 2.18694885e-2f))));
    x[i] = cap * (v < 0.04f ? near : NAMED(hyperbolic_tangent)(u));
  }
}

static float NAMED(log_sum_exp)(const float *x, size_t count) {
  if (count == 0) return -INFINITY;
  float shift = NAMED(largest)(x, count), sum;
  SUM(sum, NAMED(exponential)(x[j] - shift));
  return shift + logf(sum);
}

// The first of equals, as for the plain loop `if (x[i] > x[best]) best = i`; also where numbers are no numbers.
static float NAMED(summarize)(const float *x, size_t count, size_t *best) {
  *best = 0;
  if (count == 0) return -INFINITY;
  float most = NAMED(largest)(x, count), sum;
  size_t block = 0;
  for (; block + 16 <= count; block += 16) {
    int found = 0;
    for (size_t l = 0; l < 16; l++) found |= x[block + l] == most;
    if (found) break;
  }
  for (size_t i = block; i < count; i++)
    if (x[i] == most) { *best = i; break; }
  SUM(sum, NAMED(exponential)(x[j] - most));
  return most + logf(sum);
}

static void NAMED(add_rows)(const float *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += x[i];
}

#undef SUM
#undef EACH_KIND
#undef TANH_ARGUMENT
#undef NAMED
#undef JOIN
#undef JOIN_
#undef LEVEL
