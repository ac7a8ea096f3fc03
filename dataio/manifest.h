#pragma once
// Which files make a data set, and what each of them is.

#include <cstdint>
#include <string>
#include <vector>

namespace voxlift::dataio {

// What one sample decodes to.
enum class Modality { kPhotograph, kVolume };

const char* modality_name(Modality modality);  // "photograph", "volume".
// Throws DataError naming `origin` for any other text.
Modality parse_modality(const std::string& name, const std::string& origin);

struct SourceEntry {
  std::string path;  // Where its bytes are.
  std::string id;    // Path below the data set's root: unique, stable.
  int64_t label = 0;
};

// Entries are in the order of their samples: sorted by (label, id) for class
// folders, in list order where there is a list.
struct Manifest {
  Modality modality = Modality::kPhotograph;
  std::vector<std::string> classes;  // Position = label.
  std::vector<SourceEntry> entries;
  // Files and folders that were seen and left out, each with the reason.
  std::vector<std::string> ignored;
};

}  // namespace voxlift::dataio
