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

// Ranks, and what mpi_comm_check is told.
struct World {
  int ranks = 0;
  std::vector<std::string> args;
};

class MpiCommTest : public testing::TestWithParam<World> {};

TEST_P(MpiCommTest, CollectivesAgreeAndEverySumHasTheBitsOfTheTree) {
  const ChildResult result = run_ranks(GetParam().ranks, GetParam().args);
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

INSTANTIATE_TEST_SUITE_P(OneHost, MpiCommTest,
                         testing::Values(World{2, {}}, World{3, {}},
                                         World{4, {}}, World{8, {}}));

INSTANTIATE_TEST_SUITE_P(SeveralHosts, MpiCommTest,
                         testing::Values(World{2, {"hosts=1", "private"}},
                                         World{4, {"hosts=2"}},
                                         World{8, {"hosts=2"}},
                                         World{8, {"hosts=4"}}));

INSTANTIATE_TEST_SUITE_P(HostsThatAreNoSubtree, MpiCommTest,
                         testing::Values(World{3, {"hosts=2", "private"}},
                                         World{4, {"hosts=3", "private"}}));

TEST(MpiCommTest, SaysWhereHostsDoNotFitTheTree) {
  const ChildResult result = run_ranks(4, {"hosts=3", "private"});
  EXPECT_NE(result.err.find("4 ranks on 2 hosts are not in equal blocks"),
            std::string::npos)
      << result.err;
}

TEST(MpiCommTest, ARankThatHangsEndsTheOthersWithCode5InTime) {
  const ChildResult result = run_ranks(2, {"late"});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  EXPECT_NE(result.err.find("all_reduce in shared memory: rank 0 on "),
            std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("has waited 1 s; ranks not there: 1"),
            std::string::npos)
      << result.err;
}

TEST(MpiCommTest, ARankThatHangsOnAnotherHostEndsTheOthersInTime) {
  const ChildResult result = run_ranks(2, {"late", "hosts=1", "private"});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  EXPECT_NE(result.err.find("exchange with rank 1: rank 0 on "),
            std::string::npos)
      << result.err;
}

TEST(MpiCommTest, ARankThatHangsBetweenPiecesEndsTheOthersInTime) {
  const ChildResult result =
      run_ranks(2, {"late", "long", "hosts=1", "private"});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  EXPECT_NE(result.err.find("exchange with rank 1: rank 0 on "),
            std::string::npos)
      << result.err;
}

}  // namespace
}  // namespace voxlift::test
