#pragma once
// Checkpoints on disk. Format: docs/checkpoint_format.md.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/worker.h"
#include "trainer/weights/tensor_map.h"

namespace voxlift::trainer {

// Everything a run needs to go on.
struct Checkpoint {
  TensorMap model;      // Parameters and buffers.
  TensorMap optimizer;  // Momentum by parameter name.
  Json state;           // Position, identity of the run, configuration.
};

struct CheckpointConfig {
  int64_t every_steps = 500;  // 0: only at the end and when stopped.
  int64_t keep = 3;           // Newest ones kept.

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// The folder of a run's checkpoints: step_NNNNNNNN/, published by rename, so a
// folder of that name is complete. One thread, one process.
class CheckpointStore {
 public:
  CheckpointStore(Files& files, std::string dir, int64_t keep);

  // Writes and publishes; of those up to this step, keeps the newest `keep`.
  // Replaces one of the same step. Throws IoError (no space, say): what was
  // there before stays, what was begun is removed.
  void save(int64_t step, const Checkpoint& checkpoint);

  // Steps of the published checkpoints, newest first.
  std::vector<int64_t> steps() const;

  // Reads and checks one. Throws IoError, or DataError naming file and both
  // checksums.
  Checkpoint load(int64_t step) const;

  // The newest step whose checkpoint load()s, or nothing. Damaged newer ones
  // are named in `problems`, one line each.
  std::optional<int64_t> newest_good(std::vector<std::string>* problems) const;

  // Removes what a killed writer has left.
  void remove_leftovers();

  std::string path_of(int64_t step) const;

 private:
  void write_files(const std::string& dir, const Checkpoint& checkpoint);
  void remove_older_than(int64_t saved_step);
  void remove_quietly(const std::string& path);

  Files& files_;
  std::string dir_;
  int64_t keep_;
};

// Saves on a thread of its own, one checkpoint at a time.
class CheckpointWriter {
 public:
  explicit CheckpointWriter(CheckpointStore& store) : store_(store) {}

  // Takes over a snapshot and returns; waits for the one before. Rethrows its
  // error.
  void save(int64_t step, Checkpoint checkpoint);

  // Is one being written?
  bool busy() const { return busy_.load(); }

  // Rethrows the error of one that has failed; does not wait.
  void poll();

  // Waits for the last one. Rethrows its error.
  void finish();

 private:
  CheckpointStore& store_;
  std::atomic<bool> busy_{false};
  std::unique_ptr<Worker> worker_;
};

}  // namespace voxlift::trainer
