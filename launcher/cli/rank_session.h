#pragma once
// A command that runs on one rank or on many: its communicators and its end.

#include <functional>
#include <memory>
#include <string>

#include "trainer/comm/communicator.h"

namespace voxlift::launcher {

// The ranks of this process's group.
struct RankSession {
  std::unique_ptr<trainer::Communicator> control;  // Host memory.
  int local_rank = 0;                              // Within this host.
};

// Runs `body` as one rank: an MPI rank where mpirun or srun has started this
// process, else alone. An error of this rank ends the whole group with the
// error's exit code, after its one line ("WHO: kind: message") is out; the
// result of a body that returns is the exit code, and the group is left in
// order.
int run_as_rank(const std::string& who, const trainer::CommConfig& comm,
                const std::function<int(RankSession&)>& body);

}  // namespace voxlift::launcher
