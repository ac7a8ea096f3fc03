#pragma once
// Sums gradients over slots and ranks while backward still runs.

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "trainer/comm/communicator.h"
#include "trainer/report/trace.h"

namespace voxlift::trainer {

struct ReducerConfig {
  // "exact": the tree over slots, the same bits on any number of ranks.
  // "fast": slots in order, then the transport's own all-reduce.
  std::string reduction = "exact";
  // Size at which a bucket is closed. Larger ones use the network better,
  // smaller ones start earlier. 0: measured at start-up (bucket_size.h), but 8
  // with "fast", whose bits may depend on it.
  int64_t bucket_mb = 0;
  // "none", or "bf16": half the bytes between ranks (compressed_sum.h). Only
  // with "fast": what is rounded depends on the number of ranks.
  std::string compress = "none";

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// One step is
//
//   for each local slot v, in order:
//     begin_slot(v); forward; set_statistics(...); backward; end_slot();
//   finish();
//
// after which every parameter's grad() is the sum over all slots of all ranks,
// valid until the next begin_slot(0).
//
// How: parameters are cut into buckets in reverse order of registration, about
// the order in which backward finishes them; with "exact" from the second step
// on in the order in which rank 0's were ready in the first. A hook on each
// parameter moves its gradient into its bucket: the first slot's into memory
// that the communicator shares with its host's ranks, if it can, so that sums
// there need no copy; every second slot's is added at once to its neighbour in
// the tree of the local slots. (Letting autograd accumulate in the bucket would
// cost a pass of zeros and turn -0 into 0.) In the last local slot a complete
// bucket goes to a thread that sums it over the ranks (docs/determinism.md
// draws the tree). Buckets are sent in bucket order on every rank, so that they
// meet.
//
// Where there is one slot in all, gradients stay where backward has put them.
//
// With compression, gradients' buckets take another way over the ranks: all of
// them exchange parts, by-passing shared memory.
//
// Statistics (batch-norm means and variances) travel as one more bucket.
//
// Threads: begin_slot .. finish from one thread. From the first begin_slot of a
// step until finish() returns, `comm` belongs to the reducer.
// Memory: max(1, log2 of local slots) times the gradients.
class GradientReducer {
 public:
  // COLLECTIVE. Parameters that need no gradient are left out. All parameters
  // share dtype and device. `local_slots` is a power of two. `comm` must
  // outlive this, and what this shows must not be used after comm.finish().
  GradientReducer(const std::vector<torch::Tensor>& parameters,
                  int64_t statistics_size, int64_t local_slots,
                  Communicator& comm, const ReducerConfig& config);
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  void begin_slot(int64_t local_slot);

  // Flat values of this slot (statistics_size of them, the parameters' dtype),
  // summed like gradients. Once per slot, between begin_slot and end_slot; a
  // slot without it counts as zeros.
  void set_statistics(const torch::Tensor& flat);

  // Parameters without a gradient in this slot count as zeros.
  void end_slot();

  // COLLECTIVE. Waits until every bucket is summed. Rethrows CommError.
  void finish();

  // Sum of set_statistics over all slots; valid like the gradients.
  torch::Tensor statistics() const;

  // Seconds that finish() has waited for communication, so far.
  double waited_s() const;

  int64_t num_buckets() const;

  // What a checkpoint must keep so that compressed sums go on as they would
  // have: by trained parameter, as of the last collect_residuals(), which the
  // next one writes over. Empty without compression.
  std::vector<torch::Tensor> residuals() const;

  // COLLECTIVE, between two steps. Nothing happens without compression.
  void collect_residuals();

  // Goes on from what residuals() hold now.
  void restore_residuals();

  // Of the buckets and of the local slots' sums, at most.
  int64_t memory_bytes() const;

  // Spans of every bucket's sum go to `trace` (may be null) from now on, which
  // must outlive this.
  void set_trace(Trace* trace);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace voxlift::trainer
