// Run by mpirun: every collective of MpiComm, and its deadline. Prints what
// fails and exits with 1. Arguments: "late": the last rank does not come, and
// the others must end with exit code 5; "long": to a sum of many pieces;
// "hosts=N": every N ranks count as a host; "private": no shared memory is
// expected.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tests/trainer/comm/uneven_values.h"
#include "trainer/comm/mpi_comm.h"
#include "trainer/comm/tree_reduce.h"

namespace voxlift::trainer {
namespace {

int failures = 0;

void check(bool ok, const char* what) {
  if (!ok) {
    std::fprintf(stderr, "failed: %s\n", what);
    ++failures;
  }
}

bool is_power_of_two(int n) {
  return (n & (n - 1)) == 0;
}

void check_small_collectives(MpiComm& comm) {
  const int n = comm.size();
  comm.barrier();
  std::vector<float> sum(1000, 1.0F);
  comm.all_reduce_sum(buffer_of(sum));
  check(sum == std::vector<float>(1000, static_cast<float>(n)), "sum");
  comm.vendor_all_reduce_sum(buffer_of(sum));
  check(sum == std::vector<float>(1000, static_cast<float>(n * n)), "vendor");
  comm.blocking_all_reduce_sum(buffer_of(sum));
  check(sum == std::vector<float>(1000, static_cast<float>(n * n * n)),
        "blocking");
  std::vector<int64_t> value = {comm.rank() == 0 ? 42 : 0};
  comm.broadcast(buffer_of(value), 0);
  check(value[0] == 42, "broadcast");
  comm.all_reduce_sum(buffer_of(value));
  check(value[0] == 42 * n, "sum of whole numbers");
  check(all_reduce_max(comm, comm.rank()) == n - 1, "max");
}

// Every way to sum gives the bits of the tree over the ranks.
void check_tree(MpiComm& comm, bool expect_shared) {
  constexpr size_t kLongest = 300'001;
  const auto bytes = static_cast<int64_t>(kLongest * sizeof(float));
  const std::span<std::byte> shared = comm.allocate_shared(bytes);
  check(shared.empty() != expect_shared, "shared memory");
  for (const size_t count : {size_t{1}, size_t{2}, size_t{7}, size_t{33},
                             size_t{1000}, size_t{131'072}, kLongest}) {
    const std::vector<float> expected = tree_sum(0, comm.size(), count);
    std::vector<float> ordinary = uneven_values(comm.rank(), count);
    std::vector<float> exchanged = ordinary;
    tree_all_reduce(comm, buffer_of(exchanged), host_arithmetic());
    check(exchanged == expected, "tree by exchanges");
    if (!shared.empty()) {
      const std::span<float> in_window(reinterpret_cast<float*>(shared.data()),
                                       count);
      std::copy(ordinary.begin(), ordinary.end(), in_window.begin());
      comm.all_reduce_tree(buffer_of(in_window), host_arithmetic());
      check(std::equal(expected.begin(), expected.end(), in_window.begin()),
            "tree in shared memory");
    }
    comm.all_reduce_tree(buffer_of(ordinary), host_arithmetic());
    check(ordinary == expected, "tree of ordinary memory");
  }
}

// Vectors of many pieces, none, and of other lengths than the peer's.
void check_exchange(MpiComm& comm) {
  const int peer = comm.rank() ^ 1;
  if (peer >= comm.size()) {
    return;
  }
  for (const auto& [low, high] : {std::pair<size_t, size_t>{0, 1'000'000},
                                  {1'000'000, 10},
                                  {30'720, 30'721},
                                  {700'000, 900'000}}) {
    const bool is_low = comm.rank() < peer;
    std::vector<float> mine = uneven_values(comm.rank(), is_low ? low : high);
    std::vector<float> theirs(is_low ? high : low);
    comm.exchange(peer, buffer_of(mine), buffer_of(theirs));
    check(theirs == uneven_values(peer, theirs.size()), "exchange");
  }
}

struct Options {
  bool late = false;
  bool is_long = false;
  bool expect_shared = true;
  int ranks_per_host = 0;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    options.late = options.late || std::strcmp(argv[i], "late") == 0;
    options.is_long = options.is_long || std::strcmp(argv[i], "long") == 0;
    if (std::strcmp(argv[i], "private") == 0) {
      options.expect_shared = false;
    }
    if (std::strncmp(argv[i], "hosts=", 6) == 0) {
      options.ranks_per_host = std::atoi(argv[i] + 6);
    }
  }
  return options;
}

[[noreturn]] void hang() {
  while (true) {
    ::pause();  // As a rank that waits for a dead disk does.
  }
}

// The last rank does not come to a sum.
int run_late(MpiComm& comm, size_t count) {
  if (comm.rank() == comm.size() - 1) {
    hang();
  }
  try {
    std::vector<float> values(count, 1.0F);
    comm.all_reduce_sum(buffer_of(values));
  } catch (const CommError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    comm.abort(static_cast<int>(error.code()));
  }
  return 1;
}

int run(const Options& options) {
  MpiComm comm(
      {.first_deadline_s = 20.0, .deadline_s = options.late ? 1.0 : 20.0},
      options.ranks_per_host);
  check(comm.uses_shared_memory() == options.expect_shared, "shared memory");
  check(options.ranks_per_host > 0 || comm.local_size() == comm.size(),
        "ranks of one host");
  check_small_collectives(comm);
  check_exchange(comm);
  if (is_power_of_two(comm.size())) {
    check_tree(comm, options.expect_shared);
  }
  if (options.late) {
    return run_late(comm, options.is_long ? 1'000'000 : 1000);
  }
  comm.finish();
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace voxlift::trainer

int main(int argc, char** argv) {
  return voxlift::trainer::run(voxlift::trainer::parse(argc, argv));
}
