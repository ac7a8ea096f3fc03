#pragma once
// Before the first step: which way each convolution of this run is computed.

#include <string>
#include <vector>

#include "trainer/conv_probe.h"
#include "trainer/input/made_up_batch.h"
#include "trainer/task/task.h"
#include "trainer/train_context.h"

namespace voxlift::trainer {

// The convolutions of a forward pass of `task` over such a batch, in
// evaluation mode; leaves it in training mode.
std::vector<ObservedConv> rehearse(Task& task, const MadeUpBatch& batch,
                                   const std::string& precision,
                                   const torch::Device& device);

struct ConvSetup {
  std::string choice = "probe";  // RunConfig::conv.
  std::string precision = "float32";
  MadeUpBatch batch;
};

// COLLECTIVE. Rank 0 takes the ways that it remembers for this machine and
// measures the others; all ranks get its choice. Of choice "rules": nothing,
// which is the rules.
ConvPlan plan_convs(Task& task, const ConvSetup& setup, TrainContext& context);

}  // namespace voxlift::trainer
