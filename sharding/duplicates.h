#pragma once
// Samples of a packed data set that hold the same content.

#include <cstdint>
#include <string>
#include <vector>

#include "base/files.h"

namespace voxlift::sharding {

// Samples of one content: at least two ids, in the order of their numbers.
struct DuplicateGroup {
  std::vector<std::string> ids;
  std::vector<int64_t> labels;

  bool labels_differ() const;
};

// Groups in the order of their first samples. Contents are compared by length
// and CRC-32C (of photographs) or by shape and the CRC-32C of all chunks (of
// scans): the indexes are read, no sample is. Different contents are taken for
// equal once in 2^32 pairs of the same length. Throws as Dataset.
std::vector<DuplicateGroup> find_duplicates(const std::string& dir);

// Writes `dir`/duplicates.txt, one group per line, ids separated by tabs; none
// removes it. Throws IoError.
void publish_duplicates(const std::vector<DuplicateGroup>& groups,
                        const std::string& dir, Files& files);

}  // namespace voxlift::sharding
