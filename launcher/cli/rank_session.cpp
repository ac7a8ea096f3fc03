#include "launcher/cli/rank_session.h"

#include <cstdio>

#include "base/log.h"
#include "base/strings.h"
#include "launcher/cli/command.h"
#include "launcher/launch/cluster_env.h"
#include "trainer/comm/mpi_comm.h"
#include "trainer/comm/self_comm.h"

namespace voxlift::launcher {
namespace {

RankSession make_session(const trainer::CommConfig& config) {
  if (!read_cluster_env(process_env()).is_mpi_rank) {
    return {std::make_unique<trainer::SelfComm>(), 0};
  }
  auto mpi = std::make_unique<trainer::MpiComm>(config);
  const int local_rank = mpi->local_rank();
  set_log_rank(mpi->rank());
  return {std::move(mpi), local_rank};
}

}  // namespace

int run_as_rank(const std::string& who, const trainer::CommConfig& comm,
                const std::function<int(RankSession&)>& body) {
  RankSession session = make_session(comm);
  const std::string name =
      session.control->size() > 1
          ? str_cat(who, " [rank ", session.control->rank(), "]")
          : who;
  bool failed = true;
  const int code = run_guarded(name, [&] {
    const int result = body(session);
    failed = false;
    return result;
  });
  std::fflush(nullptr);
  if (failed) {
    session.control->abort(code);
  } else {
    session.control->finish();
  }
  return code;
}

}  // namespace voxlift::launcher
