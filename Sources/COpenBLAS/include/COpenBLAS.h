// OpenBLAS, loaded when the first product is asked for.
//
// A command that copies bytes does not pay for starting the library, and what decides its kernels can be set before it starts.
// Names and arguments are those of CBLAS and LAPACK with 32-bit integers; LAPACK's are column-major, with LAPACKE's habit of
// finding the workspace itself. Each trap of a missing library is a message: `blas_load` first says the same as an answer.

#ifndef COPENBLAS_H
#define COPENBLAS_H

#include <stdint.h>

enum blas_order { CblasRowMajor = 101 };
enum blas_transpose { CblasNoTrans = 111, CblasTrans = 112 };
enum blas_triangle { CblasUpper = 121, CblasLower = 122 };
enum blas_diagonal { CblasNonUnit = 131 };
enum blas_side { CblasLeft = 141, CblasRight = 142 };

/// Loads the library if it is not loaded. NULL when it is there, else what the system's loader says.
const char *blas_load(void);
/// Whether it was loaded already.
int blas_is_loaded(void);
/// Where the library was not loaded because the process may have too little address space: bytes that it may have, has, and would
/// need. Else zeros.
typedef struct { uint64_t limit, used, needed; } blas_space;
blas_space blas_missing_space(void);

/// The kernels that the library runs: "Zen", "SkylakeX". Loads it.
const char *blas_kernel(void);
/// Version and options of the library. Loads it.
const char *blas_configuration(void);
/// The kernels that the library chose by itself, where another choice was made for it, else NULL. Loads it.
const char *blas_replaced_kernel(void);
/// What to ask for instead of kernels of this name on a processor with these abilities; NULL when the library knows best.
const char *blas_better_kernel(const char *kernel, int has_avx2, int has_avx512);

int32_t blas_thread_count(void);
void blas_set_thread_count(int32_t count);

void blas_sgemm(enum blas_order order, enum blas_transpose ta, enum blas_transpose tb, int32_t m, int32_t n, int32_t k,
                float alpha, const float *a, int32_t lda, const float *b, int32_t ldb, float beta, float *c, int32_t ldc);
void blas_dgemm(enum blas_order order, enum blas_transpose ta, enum blas_transpose tb, int32_t m, int32_t n, int32_t k,
                double alpha, const double *a, int32_t lda, const double *b, int32_t ldb, double beta, double *c,
                int32_t ldc);
void blas_ssyrk(enum blas_order order, enum blas_triangle triangle, enum blas_transpose t, int32_t n, int32_t k,
                float alpha, const float *a, int32_t lda, float beta, float *c, int32_t ldc);
void blas_dsyrk(enum blas_order order, enum blas_triangle triangle, enum blas_transpose t, int32_t n, int32_t k,
                double alpha, const double *a, int32_t lda, double beta, double *c, int32_t ldc);
void blas_sgemv(enum blas_order order, enum blas_transpose t, int32_t m, int32_t n, float alpha, const float *a,
                int32_t lda, const float *x, int32_t incx, float beta, float *y, int32_t incy);
void blas_dgemv(enum blas_order order, enum blas_transpose t, int32_t m, int32_t n, double alpha, const double *a,
                int32_t lda, const double *x, int32_t incx, double beta, double *y, int32_t incy);
float blas_sdot(int32_t n, const float *x, int32_t incx, const float *y, int32_t incy);
double blas_ddot(int32_t n, const double *x, int32_t incx, const double *y, int32_t incy);
double blas_dsdot(int32_t n, const float *x, int32_t incx, const float *y, int32_t incy);
void blas_strsm(enum blas_order order, enum blas_side side, enum blas_triangle triangle, enum blas_transpose t,
                enum blas_diagonal diagonal, int32_t m, int32_t n, float alpha, const float *a, int32_t lda, float *b,
                int32_t ldb);
void blas_dtrsm(enum blas_order order, enum blas_side side, enum blas_triangle triangle, enum blas_transpose t,
                enum blas_diagonal diagonal, int32_t m, int32_t n, double alpha, const double *a, int32_t lda, double *b,
                int32_t ldb);

int32_t lapack_spotrf(char triangle, int32_t n, float *a, int32_t lda);
int32_t lapack_dpotrf(char triangle, int32_t n, double *a, int32_t lda);
float lapack_slansy(char norm, char triangle, int32_t n, const float *a, int32_t lda);
double lapack_dlansy(char norm, char triangle, int32_t n, const double *a, int32_t lda);
int32_t lapack_spocon(char triangle, int32_t n, const float *a, int32_t lda, float norm, float *reciprocal);
int32_t lapack_dpocon(char triangle, int32_t n, const double *a, int32_t lda, double norm, double *reciprocal);
int32_t lapack_ssyevd(char job, char triangle, int32_t n, float *a, int32_t lda, float *values);
int32_t lapack_dsyevd(char job, char triangle, int32_t n, double *a, int32_t lda, double *values);
int32_t lapack_sgeqrf(int32_t m, int32_t n, float *a, int32_t lda, float *tau);
int32_t lapack_dgeqrf(int32_t m, int32_t n, double *a, int32_t lda, double *tau);
int32_t lapack_sgelqf(int32_t m, int32_t n, float *a, int32_t lda, float *tau);
int32_t lapack_dgelqf(int32_t m, int32_t n, double *a, int32_t lda, double *tau);
int32_t lapack_sorgqr(int32_t m, int32_t n, int32_t k, float *a, int32_t lda, const float *tau);
int32_t lapack_dorgqr(int32_t m, int32_t n, int32_t k, double *a, int32_t lda, const double *tau);
int32_t lapack_sorglq(int32_t m, int32_t n, int32_t k, float *a, int32_t lda, const float *tau);
int32_t lapack_dorglq(int32_t m, int32_t n, int32_t k, double *a, int32_t lda, const double *tau);

#endif
