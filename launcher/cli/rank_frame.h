#pragma once
// The frame of a command that runs on one rank or on many.

#include <functional>
#include <memory>
#include <string>

#include "trainer/comm/communicator.h"

namespace voxlift::launcher {

// MPI where mpirun or srun has started this process, else a group of one; MPI
// is not touched then. Make it in main's thread, once. Throws CommError.
std::unique_ptr<trainer::Communicator> open_communicator(
    const trainer::CommConfig& config);

// This rank's number within its host, for the choice of a GPU.
int local_rank_of(const trainer::Communicator& comm);

// Calls `body` on every rank. An error becomes one line on standard error and
// ends all ranks with its exit code; where body returns, the group is left in
// order and its result is the exit code. COLLECTIVE. Returns the exit code.
int run_ranks(trainer::Communicator& comm, const std::string& who,
              const std::function<int()>& body);

}  // namespace voxlift::launcher
