// Starts mpi_comm_check on several ranks.

#include <gtest/gtest.h>

#include "base/strings.h"
#include "tests/support/child_process.h"

namespace voxlift::test {
namespace {

ChildResult run_ranks(int ranks, const std::vector<std::string>& args) {
  std::vector<std::string> argv = {"mpirun", "--oversubscribe", "-n",
                                   std::to_string(ranks), MPI_COMM_CHECK};
  argv.insert(argv.end(), args.begin(), args.end());
  return run_program(
      argv, {"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
             "OMPI_MCA_mpi_yield_when_idle=1",
             "OMPI_MCA_hwloc_base_binding_policy=none"});
}

TEST(MpiCommTest, CollectivesAgreeOnTwoRanks) {
  const ChildResult result = run_ranks(2, {});
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST(MpiCommTest, CollectivesAgreeOnFourRanks) {
  const ChildResult result = run_ranks(4, {});
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST(MpiCommTest, ARankThatHangsEndsTheOthersWithCode5InTime) {
  const ChildResult result = run_ranks(2, {"late"});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  EXPECT_NE(result.err.find("barrier: rank 0"), std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("has waited 1 s"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace voxlift::test
