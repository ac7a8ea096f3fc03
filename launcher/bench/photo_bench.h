#pragma once
// How fast photographs become batches, and what the fast path costs in quality.

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace voxlift::launcher {

struct PhotoBenchConfig {
  std::string data;                    // A packed data set of photographs.
  std::vector<int64_t> workers = {1};  // Measured one after the other.
  double seconds = 20.0;               // For all rounds together.
  int64_t round_samples = 640;         // Samples of a round, timed.
  int64_t batch = 32;
  int64_t image_size = 224;
  uint64_t seed = 0;
  bool exact = true;  // Measure exact_decode, too.

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// Measures, in alternating rounds over the same samples with the same draws:
//   path   the training path: read, verify, decode, crop, resize, reformulate,
//          normalise, collate into batches
//   bare   libjpeg-turbo decoding the same crops at the same scales, the
//          encoded bytes already in memory, the pixels thrown away
//   exact  path with exact_decode, if wanted
// Prints one JSON object a line: img/s of each, the ratios of the rounds,
// memory. Decoded with so many threads; at least three rounds.
// Throws DataError, IoError.
void bench_photo(const PhotoBenchConfig& config, std::ostream& out);

struct PhotoQualityConfig {
  std::string data;
  int64_t draws = 5;  // Crops of each picture.
  int64_t image_size = 224;
  uint64_t seed = 0;
};

// Prints the peak signal-to-noise ratio (peak 255) of the fast training path
// against exact_decode over all pictures and draws: smallest, 5th percentile,
// median, and how many samples were decoded at each scale; first all of them,
// then those of each scale.
void bench_photo_quality(const PhotoQualityConfig& config, std::ostream& out);

}  // namespace voxlift::launcher
