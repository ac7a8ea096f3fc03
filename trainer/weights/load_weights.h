#pragma once
// Weight files into a network, by name, with a report.

#include <string>
#include <vector>

#include "base/files.h"
#include "trainer/weights/convert.h"
#include "trainer/weights/tensor_map.h"

namespace voxlift::trainer {

// Reads .safetensors, .pth (zip or legacy), a checkpoint folder of ours (its
// model.safetensors) or the folder of a finished run (its last checkpoint),
// told by content. Throws IoError, DataError, ConfigError naming a run that has
// not finished.
TensorMap read_weight_file(const Files& files, const std::string& path);

struct MatchReport {
  std::vector<std::string> matched;     // Copied.
  std::vector<std::string> missing;     // In the network only: kept as it was.
  std::vector<std::string> unexpected;  // In the file only: not used.
  std::vector<std::string> reshaped;    // "name: file (..), network (..)".
  std::vector<std::string> skipped;     // Left out on request.
  std::vector<std::string> counters;    // num_batches_tracked: copied.
  std::vector<std::string> converted;   // Of matched: "name: (..) as (..)".

  // Share of the network's tensors (those not skipped) that were matched.
  double matched_frac() const;

  // Some lines of text for a person, at most so many names a list.
  std::string text(size_t max_names = 8) const;
};

struct MatchConfig {
  // Copy what is not the backbone, too: heads, decoder. Otherwise they keep
  // their own start.
  bool load_head = false;
  ConvertConfig convert = {};
};

// Copies every tensor of `source` whose name and shape the network has,
// converting float types; names as trainer/weights/published_names.h, shapes as
// trainer/weights/convert.h. num_batches_tracked counts for nothing in the
// report, since old files lack it. Changes nothing but the matched tensors.
// Throws DataError where two tensors of the file have one name in the network.
MatchReport match_weights(torch::nn::Module& model, const TensorMap& source,
                          const MatchConfig& config);

}  // namespace voxlift::trainer
