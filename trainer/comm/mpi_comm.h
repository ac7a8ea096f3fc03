#pragma once
// Ranks as MPI processes, host memory.

#include <memory>

#include "trainer/comm/communicator.h"

namespace voxlift::trainer {

// Owns MPI_Init and a duplicate of MPI_COMM_WORLD; make one per process, in
// main, before any other thread. Nothing here blocks inside MPI: requests are
// started and tested until the deadline, so a lost peer is a CommError in time.
// Needs MPI_THREAD_SERIALIZED.
//
// Sums: the ranks of a host meet in shared memory (HostGroup). Over several
// hosts each rank then carries its part of the vector, so that all of a host's
// ranks use the network at once: of h hosts each sends 2 (h-1)/h of the bytes.
// This needs hosts that are sub-trees (HostLayout); else every rank exchanges
// with every other (tree_reduce.h), or, where they are no power of two,
// MPI_Iallreduce sums. Long exchanges keep step (paced_exchange.h).
class MpiComm : public Communicator {
 public:
  // `ranks_per_host` > 0 takes so many ranks each for a host, for tests of many
  // hosts on one machine. Throws CommError if MPI does not offer
  // MPI_THREAD_SERIALIZED.
  explicit MpiComm(const CommConfig& config, int ranks_per_host = 0);
  // Without finish() MPI is left as it is: the process is about to end.
  ~MpiComm() override;
  MpiComm(const MpiComm&) = delete;
  MpiComm& operator=(const MpiComm&) = delete;

  int rank() const override;
  int size() const override;

  const char* name() const override { return "mpi"; }

  // Rank within this host, for the choice of a GPU. By
  // MPI_Comm_split_type(MPI_COMM_TYPE_SHARED).
  int local_rank() const;
  int local_size() const;
  // All ranks meet in shared memory of their hosts.
  bool uses_shared_memory() const;

  // COLLECTIVE. MPI_Iallreduce, waited for as everything here.
  void vendor_all_reduce_sum(Buffer buffer);
  // COLLECTIVE. MPI_Allreduce, which blocks without a deadline: for comparison.
  void blocking_all_reduce_sum(Buffer buffer);

  void barrier() override;
  void broadcast(Buffer buffer, int root) override;
  // As all_reduce_tree() where ranks meet in shared memory or are a power of
  // two.
  void all_reduce_sum(Buffer buffer) override;
  void all_reduce_tree(Buffer buffer,
                       const TreeArithmetic& arithmetic) override;
  // Shared memory of the host; what is summed there is not copied first.
  std::span<std::byte> allocate_shared(int64_t bytes) override;
  void all_gather(Buffer mine, Buffer all) override;
  void exchange(int peer, Buffer send, Buffer recv) override;
  // MPI_Abort: ends every rank; this process, too.
  void abort(int code) noexcept override;
  void interrupt() noexcept override;
  void set_deadlines(const CommConfig& config) override;
  // MPI_Finalize.
  void finish() override;

 private:
  // By shared memory on each host, then over the hosts.
  void sum_over_hosts(Buffer buffer, const TreeArithmetic& arithmetic);

  struct Impl;  // Keeps <mpi.h> out of this header.
  std::unique_ptr<Impl> impl_;
};

}  // namespace voxlift::trainer
