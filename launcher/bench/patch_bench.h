#pragma once
// How fast random 3D patches come out of packed scans.

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace voxlift::launcher {

struct PatchBenchConfig {
  std::string data;                       // A packed data set of scans.
  std::vector<int64_t> sizes = {48, 96};  // Sides of cubic patches.
  std::vector<int64_t> workers = {1};     // Reading threads.
  int64_t rounds = 5;
  int64_t round_patches = 200;
  uint64_t seed = 0;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// Reads patches at uniform positions of uniformly drawn scans (those that are
// large enough), checksums compared, as float32. Prints one JSON object a line:
// patches per second of the rounds, for each size and number of workers.
// Throws ConfigError if no scan is large enough, DataError, IoError.
void bench_patches(const PatchBenchConfig& config, std::ostream& out);

}  // namespace voxlift::launcher
