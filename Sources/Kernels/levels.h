// CHOOSE(name, arguments): calls name_v4, name_v3 or name_plain, by the level of this thread.
#ifndef ERRATA_LEVELS_H
#define ERRATA_LEVELS_H

#include "Kernels.h"

#if defined(__x86_64__)
#define CHOOSE(name, ...)                      \
  do switch (errata_kernel_level()) {          \
    case 4: return name##_v4(__VA_ARGS__);     \
    case 3: return name##_v3(__VA_ARGS__);     \
    default: return name##_plain(__VA_ARGS__); \
  } while (0)
#else
#define CHOOSE(name, ...) return name##_plain(__VA_ARGS__)
#endif

#endif
