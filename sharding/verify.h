#pragma once
// Reads a packed data set completely and reports all that is wrong.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace voxlift::sharding {

struct VerifyReport {
  int64_t num_shards = 0;
  int64_t num_samples = 0;  // Whose bytes were read.
  int64_t num_bytes = 0;
  // One line each: file, object and both values.
  std::vector<std::string> problems;
  // More than max_errors problems: the rest was not looked at.
  bool stopped_early = false;

  bool ok() const { return problems.empty(); }
};

// Called now and then with samples done and samples in all.
using VerifyProgress = std::function<void(int64_t done, int64_t total)>;

// Checks index.json, every shard against it, every sample's checksum, labels,
// ids and counts per class, and that no other shard lies about. Damage goes
// into the report; nothing is thrown for it. Cost: reads every byte once.
VerifyReport verify_dataset(const std::string& dir,
                            const VerifyProgress& progress,
                            int64_t max_errors = 100);

}  // namespace voxlift::sharding
