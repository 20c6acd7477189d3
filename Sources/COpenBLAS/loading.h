// Private: the functions that are looked up in the library, under their names there.

#ifndef COPENBLAS_LOADING_H
#define COPENBLAS_LOADING_H

/// The function of this name; the program ends with a message where the library is not there.
void *blas_function(int index);

/// Every function used. The order is that of the table of `loading.c`.
#define BLAS_FUNCTIONS(X)                                                                                              \
  X(openblas_get_num_threads) X(openblas_set_num_threads) X(openblas_get_config) X(openblas_get_corename)             \
  X(cblas_sgemm) X(cblas_dgemm) X(cblas_ssyrk) X(cblas_dsyrk) X(cblas_sgemv) X(cblas_dgemv)                           \
  X(cblas_sdot) X(cblas_ddot) X(cblas_dsdot) X(cblas_strsm) X(cblas_dtrsm)                                            \
  X(spotrf_) X(dpotrf_) X(slansy_) X(dlansy_) X(spocon_) X(dpocon_) X(ssyevd_) X(dsyevd_)                             \
  X(sgeqrf_) X(dgeqrf_) X(sgelqf_) X(dgelqf_) X(sorgqr_) X(dorgqr_) X(sorglq_) X(dorglq_)

#define BLAS_INDEX(name) index_##name,
enum { BLAS_FUNCTIONS(BLAS_INDEX) blas_function_count };

#endif
