#include "launcher/bench/comm_bench.h"

#include <gtest/gtest.h>

#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "base/strings.h"
#include "tests/support/expect_error.h"
#include "trainer/comm/self_comm.h"
#include "trainer/comm/thread_comm.h"

namespace voxlift::launcher {
namespace {

// What rank 0 of two threads prints.
std::vector<Json> bench(const CommBenchConfig& config) {
  std::ostringstream out;
  trainer::run_thread_ranks(2, {}, [&](trainer::Communicator& comm) {
    std::ostringstream nothing;
    bench_all_reduce(config, comm, comm.rank() == 0 ? out : nothing);
  });
  std::vector<Json> lines;
  for (const std::string& line : str_split(str_trim(out.str()), '\n')) {
    lines.push_back(parse_json(line, "bench"));
  }
  return lines;
}

TEST(CommBenchTest, PrintsALinePerSizeAndWay) {
  const auto lines = bench({.sizes = {4, 4000}, .rounds = 3});
  ASSERT_EQ(lines.size(), 2U * 4U);  // Threads have no MPI_Allreduce.
  EXPECT_EQ(lines[0]["name"], "comm.allreduce");
  EXPECT_EQ(lines[0]["way"], "exact");
  EXPECT_EQ(lines[0]["n"], 3);
  EXPECT_EQ(lines[4]["bytes"], 4000);
  // For two ranks the bus carries each byte once.
  EXPECT_DOUBLE_EQ(lines[4]["bus_bytes_per_s"].get<double>() *
                       lines[4]["median"].get<double>(),
                   4000.0);
}

TEST(CommBenchTest, MeasuresTheChosenWays) {
  const auto lines = bench({.sizes = {8}, .rounds = 1, .ways = {"fast"}});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["way"], "fast");
}

TEST(CommBenchTest, NamesTheWaysThatThereAre) {
  test::expect_error<ConfigError>(
      [] { bench({.sizes = {8}, .ways = {"slow"}}); },
      {"bench.ways has 'slow'", "exact, exact_copied, fast, exchanged"});
}

TEST(CommBenchTest, RefusesOneRankAndOddSizes) {
  trainer::SelfComm alone;
  std::ostringstream out;
  test::expect_error<ConfigError>([&] { bench_all_reduce({}, alone, out); },
                                  {"needs several ranks", "mpirun -n 2"});
  test::expect_error<ConfigError>([] { bench({.sizes = {6}}); },
                                  {"bench.sizes has 6", "multiples of 4"});
  test::expect_error<ConfigError>([] { bench({.sizes = {}}); },
                                  {"bench.sizes is empty"});
  test::expect_error<ConfigError>([] { bench({.rounds = 0}); },
                                  {"bench.rounds = 0", "at least 1"});
}

}  // namespace
}  // namespace voxlift::launcher
