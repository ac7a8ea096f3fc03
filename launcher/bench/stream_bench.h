#pragma once
// What a packed data set costs before the first batch, and over many epochs.

#include <cstdint>
#include <iosfwd>
#include <string>

namespace voxlift::launcher {

struct StreamBenchConfig {
  std::string data;  // A packed data set.
  int64_t workers = 1;
  int64_t batch = 32;
  int64_t image_size = 64;  // Photographs; scans become 48^3.
  int64_t epochs = 20;      // Of bench_memory().
  uint64_t seed = 0;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// Prints one JSON object: seconds to open the data set, to assign an epoch and
// to the first batch, from the start; memory of the index and the assignment,
// and the index's bytes per sample. Throws DataError, IoError.
void bench_start(const StreamBenchConfig& config, std::ostream& out);

// Streams all samples `epochs` times; prints the resident memory after each
// epoch and, last, the largest over that of the second one (the first fills
// buffers). Throws DataError, IoError.
void bench_memory(const StreamBenchConfig& config, std::ostream& out);

}  // namespace voxlift::launcher
