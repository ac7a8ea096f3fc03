#pragma once
// A share of a data set's subjects, for experiments with fewer labels.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sharding/dataset.h"

namespace voxlift::sharding {

struct SubsetConfig {
  double fraction = 1.0;  // Of the subjects of every class, in (0, 1].
  uint64_t seed = 0;      // Which of them.

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// The ids of the samples (subjects[i], labels[i]) that are kept, ascending.
//
// A subject is kept with all its samples or not at all, and belongs to the
// largest label among them. The subjects of a class are ordered by a hash of
// (seed, subject); the first fraction of them, rounded, are kept, at least one.
// So of two fractions with one seed the smaller subset is within the larger,
// and neither depends on the order of the samples.
std::vector<int64_t> choose_subset(std::span<const std::string> subjects,
                                   std::span<const int64_t> labels,
                                   const SubsetConfig& config);

std::vector<int64_t> choose_subset(const Dataset& dataset,
                                   const SubsetConfig& config);

}  // namespace voxlift::sharding
