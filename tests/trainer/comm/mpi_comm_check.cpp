// Run by mpirun: every collective of MpiComm, and its deadline. Prints what
// fails and exits with 1; with the argument "late" the last rank does not come,
// and the others must end with exit code 5.

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <vector>

#include "base/error.h"
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

void check_collectives(MpiComm& comm) {
  const int n = comm.size();
  comm.barrier();
  std::vector<float> sum(1000, 1.0F);
  comm.all_reduce_sum(buffer_of(sum));
  check(sum == std::vector<float>(1000, static_cast<float>(n)), "sum");
  std::vector<float> tree(1000, 1.0F + static_cast<float>(comm.rank()));
  tree_all_reduce(comm, buffer_of(tree), host_arithmetic());
  check(tree[999] == static_cast<float>(n * (n + 1)) / 2.0F, "tree");
  std::vector<int64_t> value = {comm.rank() == 0 ? 42 : 0};
  comm.broadcast(buffer_of(value), 0);
  check(value[0] == 42, "broadcast");
  check(all_reduce_max(comm, comm.rank()) == n - 1, "max");
  check(comm.local_size() == n, "ranks of one host");
}

int run(bool late) {
  MpiComm comm({.first_deadline_s = 20.0, .deadline_s = 1.0});
  check_collectives(comm);
  if (!late) {
    comm.finish();
    return failures == 0 ? 0 : 1;
  }
  if (comm.rank() == comm.size() - 1) {
    ::pause();  // Hangs, as a rank that waits for a dead disk does.
  }
  try {
    comm.barrier();
  } catch (const CommError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    comm.abort(static_cast<int>(error.code()));
  }
  return 1;
}

}  // namespace
}  // namespace voxlift::trainer

int main(int argc, char** argv) {
  return voxlift::trainer::run(argc > 1 && std::strcmp(argv[1], "late") == 0);
}
