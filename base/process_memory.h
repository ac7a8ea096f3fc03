#pragma once
// Memory of this process.

#include <cstdint>

namespace voxlift {

// Resident now and at its highest, from the kernel.
struct ProcessMemory {
  int64_t resident_bytes = 0;
  int64_t peak_bytes = 0;
};

// Throws DataError where the kernel does not tell.
ProcessMemory process_memory();

// The peak counts from now on. False where the kernel does not allow it.
bool restart_peak();

}  // namespace voxlift
