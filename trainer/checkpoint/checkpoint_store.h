#pragma once
// Checkpoints on disk. Format: docs/checkpoint_format.md.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/weights/tensor_map.h"

namespace voxlift::trainer {

// Everything a run needs to go on.
struct Checkpoint {
  TensorMap model;      // Parameters and buffers.
  TensorMap optimizer;  // Momentum by parameter name.
  Json state;           // Position, identity of the run, configuration.
};

// The bytes of a checkpoint's files, as they are on disk.
struct CheckpointBytes {
  std::vector<std::byte> model;
  std::vector<std::byte> optimizer;
  std::vector<std::byte> state;
};

// The folder of a run's checkpoints: step_NNNNNNNN/, published by rename, so a
// folder of that name is complete. One thread; of several processes that write
// one checkpoint each has its own store, and only rank 0 makes, publishes and
// removes folders.
class CheckpointStore {
 public:
  CheckpointStore(Files& files, std::string dir, int64_t keep);

  // Unfinished folders of this process group end in `.suffix`, so that a late
  // write of an earlier one cannot reach them. The same on all ranks.
  void set_suffix(const std::string& suffix) { suffix_ = "." + suffix; }

  // ---- writing, in this order; each throws IoError ----

  // Rank 0. Makes the unfinished folder and in it the two tensor files, of so
  // many bytes, not yet written.
  void prepare(int64_t step, int64_t model_bytes, int64_t optimizer_bytes);

  // Any rank. Puts its bytes into file `name`; they are on disk afterwards.
  void write_share(int64_t step, const std::string& name, int64_t offset,
                   std::span<const std::byte> bytes);

  // Rank 0, when every share is on disk; `manifest` has the tensor files.
  // Adds state.json, gives the folder its name (replacing one of the same
  // step), and removes older ones as the retention says.
  void publish(int64_t step, Manifest manifest, const Json& state,
               const std::vector<int64_t>& protected_steps = {});

  // Rank 0. Removes what prepare() made; what fails is a warning.
  void abandon(int64_t step);

  // All of it at once, for one process. Throws IoError (no space, say): what
  // was there before stays, what was begun is removed.
  void save(int64_t step, const Checkpoint& checkpoint);

  // ---- reading ----

  // Steps of the published checkpoints, newest first.
  std::vector<int64_t> steps() const;

  // Reads and checks one. Throws IoError, or DataError naming file and both
  // checksums.
  CheckpointBytes read(int64_t step) const;
  Checkpoint load(int64_t step) const;

  // What read() gave, or another rank. Throws DataError.
  Checkpoint parse(int64_t step, const CheckpointBytes& bytes) const;

  // The newest step that is whole, or nothing. Damaged newer ones are named in
  // `problems`, one line each. Cost: reads their files, a piece at a time.
  std::optional<int64_t> newest_good(std::vector<std::string>* problems) const;

  // Removes what a killed writer has left.
  void remove_leftovers();

  // Rank 0 makes a file, the others look for it: do they share this folder?
  void leave_probe();
  bool sees_probe() const;
  void remove_probe();

  std::string path_of(int64_t step) const;

 private:
  std::string unfinished_path(int64_t step) const;
  std::string probe_path() const;
  void check(int64_t step) const;
  void remove_folder(int64_t step);
  void remove_quietly(const std::string& path);

  Files& files_;
  std::string dir_;
  std::string suffix_;
  int64_t keep_;
};

}  // namespace voxlift::trainer
