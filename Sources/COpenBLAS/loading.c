// Finding, starting and, on processors that are newer than the library, starting again.
//
// OpenBLAS chooses its kernels once, when it is loaded, by the processor's family and model. Of a model that it does not know it
// believes the least: 0.3.21 runs SSE3 kernels ("Prescott") on a Sapphire Rapids Xeon, at an eighth of the rate of its AVX-512
// ones. It can be told by OPENBLAS_CORETYPE, which is read at that moment only. So it is loaded, asked, and where it chose less than
// the processor can do, loaded again with the variable set. What the user has set is left alone.

#define _GNU_SOURCE
#include "loading.h"
#include "COpenBLAS.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char *const names[] = {"libopenblas.so.0", "libopenblas.so"};
static const char variable[] = "OPENBLAS_CORETYPE";

#define BLAS_NAME(name) #name,
static const char *const function_names[] = {BLAS_FUNCTIONS(BLAS_NAME)};

static void *functions[blas_function_count];
static char failure[512];
static blas_space space;
static char replaced[64];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int loaded;

static void *open_library(int flags) {
  void *library = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++) library = dlopen(names[i], flags);
  return library;
}

static const char *kernel_of(void *library) {
  const char *(*name)(void) = (const char *(*)(void))dlsym(library, "openblas_get_corename");
  return name ? name() : NULL;
}

/// Idle threads spin before they sleep: a tenth of a second of processor time for a command that multiplies little.
static void stop_threads(void *library) {
  void (*set)(int) = (void (*)(int))dlsym(library, "openblas_set_num_threads");
  // In no header, and missing in the build without threads.
  int (*stop)(void) = (int (*)(void))dlsym(library, "blas_thread_shutdown_");
  if (set) set(1);
  if (stop) stop();
}

const char *blas_better_kernel(const char *kernel, int has_avx2, int has_avx512) {
  // What a processor that is not known is taken for. All others were chosen for a processor that is.
  static const char *const least[] = {"Prescott", "Core2", "Katmai", "Coppermine", "Northwood", "Unknown"};
  for (size_t i = 0; i < sizeof least / sizeof *least; i++)
    if (!strcmp(kernel, least[i])) return has_avx512 ? "SkylakeX" : has_avx2 ? "Haswell" : NULL;
  return NULL;
}

static const char *better_kernel(const char *kernel) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512cd");
  return blas_better_kernel(kernel, avx2, avx512);
#else
  return NULL;
#endif
}

/// Loads the library with kernels of this name; `library` is given back for it.
static void *loaded_again(void *library, const char *kernel) {
  if (dlclose(library)) return open_library(RTLD_NOW | RTLD_LOCAL);
  setenv(variable, kernel, 1);
  library = open_library(RTLD_NOW | RTLD_LOCAL);
  unsetenv(variable);
  return library;
}

/// Address space that loading and the first products take: a work buffer for each thread and one for who calls, with their stacks.
static size_t needed_space(void) {
  const size_t of_a_thread = 64u << 20;
  const char *set = getenv("OPENBLAS_NUM_THREADS");
  long threads = set ? atol(set) : 0;
  if (threads < 1) threads = sysconf(_SC_NPROCESSORS_ONLN);
  if (threads < 1) threads = 1;
  return of_a_thread * (size_t)(threads + 1);
}

/// Where it cannot have its buffers OpenBLAS asks for them again without end. So a limit that is too low is an answer beforehand.
static int space_is_enough(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_cur == RLIM_INFINITY) return 1;
  unsigned long long pages = 0;
  FILE *own = fopen("/proc/self/statm", "r");
  if (own) {
    if (fscanf(own, "%llu", &pages) != 1) pages = 0;
    fclose(own);
  }
  unsigned long long used = pages * (unsigned long long)sysconf(_SC_PAGESIZE), wanted = used + needed_space();
  if (wanted <= limit.rlim_cur) return 1;
  space = (blas_space){limit.rlim_cur, used, wanted};
  snprintf(failure, sizeof failure, "too little address space: %llu MiB", (unsigned long long)limit.rlim_cur >> 20);
  return 0;
}

static void load(void) {
  // Where somebody else in this process uses the library, it is theirs: neither its kernels nor its threads are touched.
  void *library = open_library(RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  int is_ours = !library;
  if (is_ours && !space_is_enough()) return;
  if (!library) library = open_library(RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    snprintf(failure, sizeof failure, "%s", reason ? reason : names[0]);
    return;
  }
  if (is_ours) stop_threads(library);
  const char *set = getenv(variable), *chosen = kernel_of(library);
  const char *better = is_ours && !(set && *set) && chosen ? better_kernel(chosen) : NULL;
  if (better) {
    char before[sizeof replaced];
    snprintf(before, sizeof before, "%s", chosen);
    library = loaded_again(library, better);
    if (!library) {
      snprintf(failure, sizeof failure, "%s could not be loaded again", names[0]);
      return;
    }
    stop_threads(library);
    chosen = kernel_of(library);
    if (chosen && strcmp(chosen, before)) memcpy(replaced, before, sizeof replaced);
  }
  for (int i = 0; i < blas_function_count; i++) {
    functions[i] = dlsym(library, function_names[i]);
    if (!functions[i]) {
      snprintf(failure, sizeof failure, "%s has no %s", names[0], function_names[i]);
      return;
    }
  }
  __atomic_store_n(&loaded, 1, __ATOMIC_RELEASE);
}

const char *blas_load(void) {
  pthread_once(&once, load);
  return failure[0] ? failure : NULL;
}

blas_space blas_missing_space(void) { return space; }

int blas_is_loaded(void) { return __atomic_load_n(&loaded, __ATOMIC_ACQUIRE); }

void *blas_function(int index) {
  if (!blas_is_loaded() && blas_load()) {
    fprintf(stderr, "Error: OpenBLAS is needed and cannot be loaded: %s\n", failure);
    exit(1);
  }
  return functions[index];
}

const char *blas_replaced_kernel(void) {
  blas_load();
  return replaced[0] ? replaced : NULL;
}
