#pragma once
// What a training run needs from outside.

#include <torch/torch.h>

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/files.h"
#include "base/json.h"
#include "trainer/allocation_end.h"
#include "trainer/comm/communicator.h"
#include "trainer/watch/watch.h"

namespace voxlift::trainer {

// Everything outlives the run.
struct TrainContext {
  Communicator& control;  // Host memory: agreement, scores.
  Communicator& data;     // Memory of `device`: gradients. May be `control`.
  torch::Device device;
  Files& files;
  const Clock& clock;
  // Somebody wants this rank to stop (a signal). Any rank's wish stops all.
  std::function<bool()> stop_requested;
  // Told how long steps and checkpoints take; may be null.
  AllocationEnd* allocation_end = nullptr;
  // Folder of remembered ways of convolutions (conv_probe.h); empty: none.
  std::string conv_memory = {};
  Json resolved_config;  // Name to value, kept in every checkpoint.
  // resolved.cfg for run.out, written once the run is accepted; empty: none.
  std::string configuration_file;
  // Where this rank says what it is at; null: nowhere.
  PhaseBoard* board = nullptr;
  // Knows of slow ranks; null: a run without a watch.
  Watch* watch = nullptr;

  bool is_root() const { return control.rank() == 0; }
};

}  // namespace voxlift::trainer
