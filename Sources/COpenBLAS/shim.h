// The shim keeps Debian's multiarch include paths out of the module map.
#include <cblas.h>
#include <lapacke.h>

// Exported by OpenBLAS but in no header; the build without threads lacks it.
__attribute__((weak)) int blas_thread_shutdown_(void);

static inline void stop_blas_threads(void) {
  if (blas_thread_shutdown_) blas_thread_shutdown_();
}
