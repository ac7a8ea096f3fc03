#pragma once
// Training, validation and test parts of a manifest, and smaller parts of it.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dataio/manifest.h"

namespace voxlift::dataio {

// Throws ConfigError naming the nearest of `possible` if `split` is none.
void check_split(const std::string& split,
                 const std::vector<std::string>& possible);

struct SplitFractions {
  double train = 0.8;
  double val = 0.1;
  double test = 0.1;

  // Throws ConfigError unless all are at least 0 and the sum is 1 (to 1e-6).
  void validate() const;
};

// The entries of part `which` ("train", "val" or "test"), in their order; an
// entry without a subject is its own. Every subject is in exactly one part.
//
// Rule: subjects are put in the order of a hash of seed and subject, and cut
// where the number of entries before is nearest to the fractions' (the lower at
// a tie), so that a cut is off by at most half of the entries of the subject
// there. A new subject moves only subjects next to a cut.
//
// Throws ConfigError for another part or bad fractions; DataError if a part of
// a fraction above 0 would be empty, naming the number of subjects.
Manifest split_by_subject(Manifest manifest, const SplitFractions& fractions,
                          uint64_t seed, const std::string& which);

// For annotation-efficiency curves: of every label the share `frac` of its
// entries, rounded to the nearest (halves up), at least one; the order is kept.
// Nested: a smaller share holds nothing that a larger one lacks, for the same
// seed. Throws ConfigError unless 0 < frac <= 1.
Manifest take_fraction(Manifest manifest, double frac, uint64_t seed);

}  // namespace voxlift::dataio
