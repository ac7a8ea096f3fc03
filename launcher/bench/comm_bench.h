#pragma once
// How fast ranks sum a vector, each way that there is.

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "trainer/comm/communicator.h"

namespace voxlift::launcher {

struct CommBenchConfig {
  // Bytes of the vector, float32.
  std::vector<int64_t> sizes = {1 << 10, 1 << 15, 1 << 20, 1 << 23, 1 << 27};
  int64_t rounds = 10;
  // Ways to measure; empty: all that the communicator has.
  std::vector<std::string> ways = {};

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// COLLECTIVE. For every size, in rounds that alternate between the ways:
//
//   exact         all_reduce_tree() of memory from allocate_shared()
//   exact_copied  all_reduce_tree() of ordinary memory
//   fast          all_reduce_sum() of memory from allocate_shared()
//   exchanged     tree_all_reduce(): from rank to rank, on one host, too
//   mpi           MPI_Allreduce, where the communicator is MPI
//   mpi_polled    MPI_Iallreduce and MPI_Testall
//
// Each way's result is checked first. Rank 0 prints one JSON object a line: the
// slowest rank's seconds, n, median, p10, p90, and bus_bytes_per_s, which is
// 2 (n-1)/n times the bytes over the median (as nccl-tests count it). Throws
// ConfigError on one rank, InternalError where a sum is wrong, CommError.
void bench_all_reduce(const CommBenchConfig& config,
                      trainer::Communicator& comm, std::ostream& out);

}  // namespace voxlift::launcher
