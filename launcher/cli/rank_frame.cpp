#include "launcher/cli/rank_frame.h"

#include "base/error.h"
#include "base/strings.h"
#include "launcher/cli/command.h"
#include "launcher/launch/cluster_env.h"
#include "trainer/comm/mpi_comm.h"
#include "trainer/comm/self_comm.h"

namespace voxlift::launcher {

std::unique_ptr<trainer::Communicator> open_communicator(
    const trainer::CommConfig& config) {
  const ClusterEnv env = read_cluster_env(process_env());
  if (env.is_mpi_rank) {
    return std::make_unique<trainer::MpiComm>(config);
  }
  if (env.num_launched > 1) {
    throw ConfigError(str_cat(
        "one of ", env.num_launched, " processes of a launch that Open ",
        "MPI does not know of: start them with voxlift-launch, mpirun ",
        "or srun --mpi=pmix"));
  }
  return std::make_unique<trainer::SelfComm>();
}

int local_rank_of(const trainer::Communicator& comm) {
  const auto* mpi = dynamic_cast<const trainer::MpiComm*>(&comm);
  return mpi == nullptr ? 0 : mpi->local_rank();
}

int run_ranks(trainer::Communicator& comm, const std::string& who,
              const std::function<int()>& body) {
  bool failed = true;
  const std::string name =
      comm.size() > 1 ? str_cat(who, " [rank ", comm.rank(), "]") : who;
  const int code = run_guarded(name, [&] {
    const int result = body();
    comm.finish();
    failed = false;
    return result;
  });
  if (failed) {
    comm.abort(code);
  }
  return code;
}

}  // namespace voxlift::launcher
