#pragma once
// What ranks say to each other. No LibTorch here: buffers are plain memory, on
// the host or on the device that the communicator serves.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace voxlift::trainer {

enum class DType { kFloat32, kFloat64, kInt64, kUint8 };

int64_t dtype_bytes(DType dtype);

// Borrowed, contiguous memory. `data` is host memory for SelfComm, ThreadComm
// and MpiComm, device memory for NcclComm.
struct Buffer {
  void* data = nullptr;
  int64_t count = 0;
  DType dtype = DType::kUint8;

  int64_t bytes() const { return count * dtype_bytes(dtype); }

  // Elements [begin, end).
  Buffer slice(int64_t begin, int64_t end) const;
};

Buffer buffer_of(std::span<float> values);
Buffer buffer_of(std::span<double> values);
Buffer buffer_of(std::span<int64_t> values);
Buffer buffer_of(std::span<std::byte> values);

struct CommConfig {
  // How long a collective may take before its rank gives up: long for the first
  // one (peers still start, read indexes, warm up), shorter for the rest.
  double first_deadline_s = 600.0;
  double deadline_s = 180.0;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

struct TreeArithmetic;  // trainer/comm/tree_reduce.h

// A fixed group of ranks.
//
// COLLECTIVE means: all ranks call it, in the same order, with equal counts and
// dtypes. Threads: one call at a time per object; which thread does not matter.
// Errors: CommError naming operation, peers and seconds waited when the
// deadline passes or a peer is known to be lost; the group is unusable after.
class Communicator {
 public:
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual const char* name() const = 0;  // "self", "thread", "mpi", "nccl".

  // COLLECTIVE. Returns after every rank has entered.
  virtual void barrier() = 0;

  // COLLECTIVE. Every rank gets root's bytes.
  virtual void broadcast(Buffer buffer, int root) = 0;

  // COLLECTIVE. Element-wise sum in the transport's own order: the same bits on
  // every rank, but they depend on the number of ranks. float32, float64,
  // int64.
  virtual void all_reduce_sum(Buffer buffer) = 0;

  // COLLECTIVE. Element-wise sum as the balanced binary tree over the ranks,
  // for a power of two of them: the same bits however the ranks lie on hosts
  // (tree_reduce.h, whose exchanges this makes, unless the transport knows a
  // faster way to the same bits). float32, float64. `arithmetic` fits the
  // buffer's memory.
  virtual void all_reduce_tree(Buffer buffer, const TreeArithmetic& arithmetic);

  // COLLECTIVE, the same `bytes` on every rank. Zeroed memory in which sums
  // cost fewer copies, aligned to a cache line; empty where there is none
  // better than the caller's own. Belongs to the communicator, until finish().
  virtual std::span<std::byte> allocate_shared(int64_t /*bytes*/) { return {}; }

  // COLLECTIVE. `all` holds size() times mine.count elements, in rank order.
  virtual void all_gather(Buffer mine, Buffer all) = 0;

  // Sends `send` to `peer` and receives `recv` from it; the peer does the same.
  // Counts of the two may differ. Buffers must not overlap.
  virtual void exchange(int peer, Buffer send, Buffer recv) = 0;

  // Ends the whole group because this rank has failed: never returns to the
  // peers' collectives. Does not end this process.
  virtual void abort(int code) noexcept = 0;

  // Makes a call that waits in another thread, and every later one, throw
  // CommError: this rank has failed elsewhere and waits for nobody. Any thread.
  virtual void interrupt() noexcept = 0;

  // Deadlines from now on; the next collective counts as the first again.
  virtual void set_deadlines(const CommConfig& /*config*/) {}

  // COLLECTIVE. Leaves the group in order. Destructors do not: after an error
  // there is nobody to wait for.
  virtual void finish() {}
};

// COLLECTIVE on host memory. The pieces of all ranks in rank order; lengths may
// differ.
std::vector<std::vector<std::byte>> all_gather_bytes(
    Communicator& comm, std::span<const std::byte> mine);

// COLLECTIVE on host memory. The largest of all ranks' values.
int64_t all_reduce_max(Communicator& comm, int64_t value);

// COLLECTIVE. Rank 0's bytes, on every rank.
void broadcast_bytes(Communicator& comm, std::vector<std::byte>* bytes);

// COLLECTIVE. Calls `body`, which does the same on every rank and so fails on
// all of them for the same reason: then only rank 0 throws at once, and ends
// the others, who wait for it, before they can repeat its message.
void run_alike(Communicator& comm, const std::function<void()>& body);

}  // namespace voxlift::trainer
