// Each function as it is called: looked up, and for LAPACK with its workspace asked for and given.

#include "COpenBLAS.h"
#include "loading.h"
#include <stdlib.h>

#define FUNCTION(name, type) ((type)blas_function(index_##name))

const char *blas_kernel(void) { return FUNCTION(openblas_get_corename, const char *(*)(void))(); }
const char *blas_configuration(void) { return FUNCTION(openblas_get_config, const char *(*)(void))(); }
int32_t blas_thread_count(void) { return FUNCTION(openblas_get_num_threads, int (*)(void))(); }
void blas_set_thread_count(int32_t count) { FUNCTION(openblas_set_num_threads, void (*)(int))(count); }

typedef enum blas_order order_t;
typedef enum blas_transpose trans_t;
typedef enum blas_triangle tri_t;
typedef enum blas_diagonal diag_t;
typedef enum blas_side side_t;

#define PRODUCTS(x, T)                                                                                                 \
  void blas_##x##gemm(order_t o, trans_t ta, trans_t tb, int32_t m, int32_t n, int32_t k, T alpha, const T *a,        \
                      int32_t lda, const T *b, int32_t ldb, T beta, T *c, int32_t ldc) {                              \
    typedef void (*f)(order_t, trans_t, trans_t, int, int, int, T, const T *, int, const T *, int, T, T *, int);      \
    FUNCTION(cblas_##x##gemm, f)(o, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);                            \
  }                                                                                                                    \
  void blas_##x##syrk(order_t o, tri_t u, trans_t t, int32_t n, int32_t k, T alpha, const T *a, int32_t lda, T beta,  \
                      T *c, int32_t ldc) {                                                                             \
    typedef void (*f)(order_t, tri_t, trans_t, int, int, T, const T *, int, T, T *, int);                             \
    FUNCTION(cblas_##x##syrk, f)(o, u, t, n, k, alpha, a, lda, beta, c, ldc);                                         \
  }                                                                                                                    \
  void blas_##x##gemv(order_t o, trans_t t, int32_t m, int32_t n, T alpha, const T *a, int32_t lda, const T *v,       \
                      int32_t incx, T beta, T *y, int32_t incy) {                                                      \
    typedef void (*f)(order_t, trans_t, int, int, T, const T *, int, const T *, int, T, T *, int);                    \
    FUNCTION(cblas_##x##gemv, f)(o, t, m, n, alpha, a, lda, v, incx, beta, y, incy);                                  \
  }                                                                                                                    \
  T blas_##x##dot(int32_t n, const T *v, int32_t incx, const T *y, int32_t incy) {                                    \
    typedef T (*f)(int, const T *, int, const T *, int);                                                               \
    return FUNCTION(cblas_##x##dot, f)(n, v, incx, y, incy);                                                           \
  }                                                                                                                    \
  void blas_##x##trsm(order_t o, side_t s, tri_t u, trans_t t, diag_t d, int32_t m, int32_t n, T alpha, const T *a,   \
                      int32_t lda, T *b, int32_t ldb) {                                                                \
    typedef void (*f)(order_t, side_t, tri_t, trans_t, diag_t, int, int, T, const T *, int, T *, int);                \
    FUNCTION(cblas_##x##trsm, f)(o, s, u, t, d, m, n, alpha, a, lda, b, ldb);                                         \
  }

PRODUCTS(s, float)
PRODUCTS(d, double)

double blas_dsdot(int32_t n, const float *x, int32_t incx, const float *y, int32_t incy) {
  typedef double (*f)(int, const float *, int, const float *, int);
  return FUNCTION(cblas_dsdot, f)(n, x, incx, y, incy);
}

// Behind the arguments that its documentation names, a Fortran routine takes the length of each text: 1.

static void *workspace(size_t bytes) {
  void *memory = malloc(bytes ? bytes : 1);
  // As everywhere else in the process: who cannot have memory ends.
  if (!memory) abort();
  return memory;
}

// Workspace lengths come back as a number of the matrix's type, rounded down where it is a float: one more unit in the last place
// is the length for sure.
static size_t length(double asked) { return asked < 1 ? 1 : (size_t)(asked * (1 + 0x1p-22)) + 1; }

#define FACTORIZATIONS(x, T)                                                                                           \
  int32_t lapack_##x##potrf(char u, int32_t n, T *a, int32_t lda) {                                                   \
    typedef void (*f)(const char *, const int *, T *, const int *, int *, size_t);                                     \
    int info = 0;                                                                                                      \
    FUNCTION(x##potrf_, f)(&u, &n, a, &lda, &info, 1);                                                                 \
    return info;                                                                                                       \
  }                                                                                                                    \
  int32_t lapack_##x##pocon(char u, int32_t n, const T *a, int32_t lda, T norm, T *reciprocal) {                      \
    typedef void (*f)(const char *, const int *, const T *, const int *, const T *, T *, T *, int *, int *, size_t);  \
    T *work = workspace(3 * sizeof(T) * (size_t)n);                                                                    \
    int *counts = workspace(sizeof(int) * (size_t)n), info = 0;                                                        \
    FUNCTION(x##pocon_, f)(&u, &n, a, &lda, &norm, reciprocal, work, counts, &info, 1);                                \
    free(work);                                                                                                        \
    free(counts);                                                                                                      \
    return info;                                                                                                       \
  }                                                                                                                    \
  int32_t lapack_##x##syevd(char job, char u, int32_t n, T *a, int32_t lda, T *values) {                              \
    typedef void (*f)(const char *, const char *, const int *, T *, const int *, T *, T *, const int *, int *,        \
                      const int *, int *, size_t, size_t);                                                             \
    f call = FUNCTION(x##syevd_, f);                                                                                   \
    int info = 0, query = -1, count = 0;                                                                               \
    T asked = 0;                                                                                                       \
    call(&job, &u, &n, a, &lda, values, &asked, &query, &count, &query, &info, 1, 1);                                  \
    if (info) return info;                                                                                             \
    int wanted = (int)length((double)asked);                                                                           \
    T *work = workspace(sizeof(T) * (size_t)wanted);                                                                   \
    int *counts = workspace(sizeof(int) * (size_t)count);                                                              \
    call(&job, &u, &n, a, &lda, values, work, &wanted, counts, &count, &info, 1, 1);                                   \
    free(work);                                                                                                        \
    free(counts);                                                                                                      \
    return info;                                                                                                       \
  }                                                                                                                    \
  FACTOR(x, T, geqrf) FACTOR(x, T, gelqf) FORM(x, T, orgqr) FORM(x, T, orglq)

#define FACTOR(x, T, name)                                                                                             \
  int32_t lapack_##x##name(int32_t m, int32_t n, T *a, int32_t lda, T *tau) {                                         \
    typedef void (*f)(const int *, const int *, T *, const int *, T *, T *, const int *, int *);                       \
    f call = FUNCTION(x##name##_, f);                                                                                  \
    int info = 0, query = -1;                                                                                          \
    T asked = 0;                                                                                                       \
    call(&m, &n, a, &lda, tau, &asked, &query, &info);                                                                 \
    if (info) return info;                                                                                             \
    int wanted = (int)length((double)asked);                                                                           \
    T *work = workspace(sizeof(T) * (size_t)wanted);                                                                   \
    call(&m, &n, a, &lda, tau, work, &wanted, &info);                                                                  \
    free(work);                                                                                                        \
    return info;                                                                                                       \
  }

#define FORM(x, T, name)                                                                                               \
  int32_t lapack_##x##name(int32_t m, int32_t n, int32_t k, T *a, int32_t lda, const T *tau) {                        \
    typedef void (*f)(const int *, const int *, const int *, T *, const int *, const T *, T *, const int *, int *);   \
    f call = FUNCTION(x##name##_, f);                                                                                  \
    int info = 0, query = -1;                                                                                          \
    T asked = 0;                                                                                                       \
    call(&m, &n, &k, a, &lda, tau, &asked, &query, &info);                                                             \
    if (info) return info;                                                                                             \
    int wanted = (int)length((double)asked);                                                                           \
    T *work = workspace(sizeof(T) * (size_t)wanted);                                                                   \
    call(&m, &n, &k, a, &lda, tau, work, &wanted, &info);                                                              \
    free(work);                                                                                                        \
    return info;                                                                                                       \
  }

FACTORIZATIONS(s, float)
FACTORIZATIONS(d, double)

// The library's own slansy returns a float as C does, not a double as some Fortran compilers of old did.
float lapack_slansy(char norm, char u, int32_t n, const float *a, int32_t lda) {
  typedef float (*f)(const char *, const char *, const int *, const float *, const int *, float *, size_t, size_t);
  float *work = workspace(sizeof(float) * (size_t)n);
  float result = FUNCTION(slansy_, f)(&norm, &u, &n, a, &lda, work, 1, 1);
  free(work);
  return result;
}

double lapack_dlansy(char norm, char u, int32_t n, const double *a, int32_t lda) {
  typedef double (*f)(const char *, const char *, const int *, const double *, const int *, double *, size_t, size_t);
  double *work = workspace(sizeof(double) * (size_t)n);
  double result = FUNCTION(dlansy_, f)(&norm, &u, &n, a, &lda, work, 1, 1);
  free(work);
  return result;
}
