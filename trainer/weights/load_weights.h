#pragma once
// Weight files into a network, by name, with a report.

#include <string>
#include <vector>

#include "base/files.h"
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

  // Share of the network's tensors (those not skipped) that were matched.
  double matched_frac() const;

  // Some lines of text for a person.
  std::string text() const;
};

struct MatchConfig {
  // Copy what is not the backbone, too: heads, decoder. Otherwise they keep
  // their own start.
  bool load_head = false;
};

// Copies every tensor of `source` whose name and shape the network has,
// converting float types. Names may stand behind "module.", and the backbone's
// with or without "backbone.". num_batches_tracked counts for nothing in the
// report, since old files lack it. Changes nothing but the matched tensors.
MatchReport match_weights(torch::nn::Module& model, const TensorMap& source,
                          const MatchConfig& config);

}  // namespace voxlift::trainer
