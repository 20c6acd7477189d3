// The shim keeps Debian's multiarch include paths out of the module map.
#include <cblas.h>
#include <lapacke.h>
