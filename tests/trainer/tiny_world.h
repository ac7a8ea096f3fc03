#pragma once
// A generated data set, packed, and a configuration that trains a tiny network
// on it in a second.

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/files.h"
#include "dataio/manifest.h"
#include "tests/support/temp_dir.h"
#include "trainer/train_config.h"
#include "trainer/train_loop.h"

namespace voxlift::test {

class TinyWorld {
 public:
  // 4 classes; 4 * train_per_class photographs (or scans) to train on.
  explicit TinyWorld(int64_t train_per_class = 5, bool volumes = false);

  // Another data set: `make` lists the "train", then the "val" part of what it
  // writes below `dir`.
  using Make = std::function<dataio::Manifest(const std::string& dir,
                                              const std::string& split)>;
  explicit TinyWorld(const Make& make);

  // 4 slots of 2 samples, a network of width 4, 2 epochs, below `out`.
  trainer::TrainConfig config(const std::string& out) const;

  std::string file(const std::string& name) const { return temp_.file(name); }

  // Trains on `num_ranks` threads.
  trainer::TrainOutcome train(const trainer::TrainConfig& config,
                              int num_ranks = 1);
  // The same with files that fail, or somebody who wants to stop after
  // `stop_after` steps of this process.
  trainer::TrainOutcome train_with(const trainer::TrainConfig& config,
                                   int num_ranks, Files& files,
                                   int64_t stop_after = INT64_MAX);

  // The same, where the machines are taken back at `end_s` on a real clock.
  trainer::TrainOutcome train_until(const trainer::TrainConfig& config,
                                    int num_ranks, double end_s);

  // Bytes of weights and momentum after `step`.
  std::string state_after(const trainer::TrainConfig& config,
                          int64_t step) const;

 private:
  void pack(const std::string& split, bool volumes);
  void pack(const std::string& split, const dataio::Manifest& manifest);
  trainer::TrainOutcome run(const trainer::TrainConfig& config, int num_ranks,
                            Files& files, int64_t stop_after, double end_s);

  TempDir temp_;
  RealFiles files_;
  RealClock clock_;
};

}  // namespace voxlift::test
