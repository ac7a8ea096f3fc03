#include "launcher/allocation.h"

#include <malloc.h>

#include <climits>

namespace voxlift::launcher {

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}

}  // namespace voxlift::launcher
