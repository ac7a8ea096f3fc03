#pragma once
// Shared memory of the ranks of one host, from MPI.

#include <mpi.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "trainer/comm/host_group.h"

namespace voxlift::trainer {

// Makes windows (MPI_Win_allocate_shared) on a communicator of one host's ranks
// and keeps them until release(). Without release() they end with the process.
class MpiWindows {
 public:
  // `host` must outlive this.
  explicit MpiWindows(MPI_Comm host) : host_(host) {}

  // COLLECTIVE on the host; blocks in MPI. Zeroed memory of `bytes` a rank, or
  // nothing, on all ranks alike, where /dev/shm has not enough left or MPI
  // fails.
  std::optional<SharedWindow> make(int64_t bytes);

  // COLLECTIVE on the host.
  void release();

 private:
  bool all_agree(bool mine) const;

  MPI_Comm host_;
  std::vector<MPI_Win> windows_;
};

}  // namespace voxlift::trainer
