#pragma once
// Writes checkpoints while training goes on, every rank its part of the bytes.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/worker.h"
#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/checkpoint/tensor_share.h"
#include "trainer/comm/communicator.h"

namespace voxlift::trainer {

// What to save. The tensors are those of the running training, not copies.
struct SaveRequest {
  int64_t step = 0;
  TensorMap model;
  TensorMap optimizer;
  Json state;  // Rank 0's is written.
  std::vector<int64_t> protected_steps;
};

// How one ended; the same on every rank.
struct SaveOutcome {
  int64_t step = 0;
  int64_t bytes = 0;  // Of the tensor files.
  double wall_s = 0.0;
  ExitCode code = ExitCode::kOk;  // Of the first rank that failed, with
  std::string message;            // its rank, host and file.
};

// One checkpoint at a time, in phases. In each, a thread of every rank works on
// its own; poll(), which a rank calls between two steps, finds out by a small
// all_gather that all have ended, and begins the next:
//   copy     each rank copies its part of the tensors to host memory;
//            rank 0 makes the unfinished folder
//   write    each rank writes its part and fsyncs it
//   publish  rank 0 writes state.json and, last, the manifest with the
//            checksums of all parts, and renames the folder
// Where all bytes are rank 0's, it does the three at a stretch.
//
// The tensors must not change before wait_copied() has returned: the training
// calls it just before it moves them, mostly long after the copy has ended.
//
// All functions on one thread. No collective ever runs on another one.
class CheckpointSaver {
 public:
  struct Options {
    int64_t align_bytes = 1 << 20;
    bool alone = false;  // Rank 0 writes everything.
  };

  // The same options on every rank. All references must outlive it.
  CheckpointSaver(Communicator& control, CheckpointStore& store,
                  const Clock& clock, const Options& options);
  // Waits for this rank's thread.
  ~CheckpointSaver();
  CheckpointSaver(const CheckpointSaver&) = delete;
  CheckpointSaver& operator=(const CheckpointSaver&) = delete;

  void set_alone(bool alone) { options_.alone = alone; }

  // Is one in flight? The same on every rank.
  bool busy() const { return phase_ != Phase::kIdle; }

  // Begins one; there must be none in flight. All ranks call it alike; nothing
  // is communicated. Cost: the state's JSON and the start of a thread.
  void start(SaveRequest request);

  // Returns when this rank's tensors may change. Local.
  void wait_copied();

  // COLLECTIVE. What has ended, if it has. Costs nothing unless busy().
  std::optional<SaveOutcome> poll();

  // COLLECTIVE. Waits for the one in flight. The ranks meet every few seconds,
  // so that a slow disk is not taken for a lost rank.
  SaveOutcome wait();

 private:
  enum class Phase { kIdle, kCopy, kWrite, kPublish };

  // Of this rank's thread, in the current phase.
  struct Result {
    std::optional<ExitCode> code;  // Nothing while it works.
    std::string message;
    uint32_t model_crc = 0;  // Of its parts, once they are written.
    uint32_t optimizer_crc = 0;
  };

  // What all ranks know of each other's results.
  struct Agreement {
    bool all_ended = true;
    ExitCode code = ExitCode::kOk;  // Of the first rank that has failed.
    std::vector<int64_t> values;    // Per rank: code, the two checksums.
  };

  void begin(Phase phase);
  void work(Phase phase);
  void copy();
  void prepare();
  void write();
  uint32_t write_file(const char* name, const TensorShare& share);
  void publish();
  ManifestFile manifest_of(const char* name, const TensorShare& share,
                           size_t which) const;
  void finish_work(ExitCode code, const std::string& message);
  void wait_worked(double at_most_s);

  Agreement agree();
  std::optional<SaveOutcome> advance();
  SaveOutcome end();
  SaveOutcome fail(ExitCode code);
  int num_writers() const;

  bool is_root() const { return control_.rank() == 0; }

  bool single_writer() const;

  Communicator& control_;
  CheckpointStore& store_;
  const Clock& clock_;
  Options options_;

  Phase phase_ = Phase::kIdle;
  SaveRequest request_;
  double started_s_ = 0.0;
  TensorShare model_;
  TensorShare optimizer_;
  std::vector<int64_t> checksums_;  // As in Agreement, when all have written.

  std::mutex mutex_;
  std::condition_variable changed_;
  bool copied_ = true;
  Result result_;
  std::unique_ptr<Worker> worker_;  // Last: it uses the members above.
};

}  // namespace voxlift::trainer
