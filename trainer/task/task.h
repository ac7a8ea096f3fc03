#pragma once
// What a network is trained for: how a batch becomes a loss and a score. The
// training loop knows tasks only through this.

#include <torch/torch.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "dataio/box.h"
#include "dataio/volume_source.h"

namespace voxlift::trainer {

// One slot's samples on the device of the network. What a data set does not
// have is undefined or empty.
struct Batch {
  torch::Tensor x_NCDHW;
  torch::Tensor label_N;    // int64.
  torch::Tensor mask_NDHW;  // uint8.
  // In voxels of the sample.
  std::vector<std::vector<dataio::LabelledBox>> boxes;
  std::vector<dataio::Shape3> contents;  // dataio::Sample::content.
  std::vector<int64_t> ids;              // Sample numbers, for messages.

  int64_t size() const { return label_N.size(0); }
};

// What the scores of one case are computed from; its length is the task's.
using CaseRow = std::vector<double>;
using CaseRows = std::vector<CaseRow>;

// How a task wants a data set for its scores.
enum class ScoredOn {
  kSamples,  // evaluate(): transformed samples, in batches.
  kScans,    // evaluate_scan(): whole scans as they are stored.
};

// Owns its network. One thread.
class Task {
 public:
  Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual ~Task() = default;

  virtual torch::nn::Module& model() = 0;

  // Names of what loss() adds up, beginning with "loss".
  virtual std::vector<std::string> sum_names() const = 0;

  // The loss summed over the samples, ready for backward; adds the sums over
  // the samples of each metric to `sums` (one per name).
  virtual torch::Tensor loss(const Batch& batch, std::span<double> sums) = 0;

  virtual ScoredOn scored_on() const { return ScoredOn::kSamples; }

  // Appends one row per sample, in the batch's order. The network is in
  // evaluation mode and gradients are off.
  virtual void evaluate(const Batch& batch, CaseRows* rows);

  // Likewise for a scan with its mask. Throws DataError naming it.
  virtual CaseRow evaluate_scan(const dataio::VolumeSource& scan);

  // Scores from the rows of all cases, in case order.
  virtual Json summarize(const CaseRows& rows) const = 0;
};

}  // namespace voxlift::trainer
