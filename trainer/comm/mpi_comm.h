#pragma once
// Ranks as MPI processes, host memory.

#include <memory>

#include "trainer/comm/communicator.h"

namespace voxlift::trainer {

// Owns MPI_Init and a duplicate of MPI_COMM_WORLD; make one per process, in
// main, before any other thread. Nothing here blocks inside MPI: requests are
// started and tested until the deadline, so a lost peer is a CommError in time.
// Needs MPI_THREAD_SERIALIZED.
class MpiComm : public Communicator {
 public:
  // Throws CommError if MPI does not offer MPI_THREAD_SERIALIZED.
  explicit MpiComm(const CommConfig& config);
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

  void barrier() override;
  void broadcast(Buffer buffer, int root) override;
  void all_reduce_sum(Buffer buffer) override;
  void all_gather(Buffer mine, Buffer all) override;
  void exchange(int peer, Buffer send, Buffer recv) override;
  // MPI_Abort: ends every rank; this process, too.
  void abort(int code) noexcept override;
  void interrupt() noexcept override;
  void set_deadlines(const CommConfig& config) override;
  // MPI_Finalize.
  void finish() override;

 private:
  struct Impl;  // Keeps <mpi.h> out of this header.
  std::unique_ptr<Impl> impl_;
};

}  // namespace voxlift::trainer
