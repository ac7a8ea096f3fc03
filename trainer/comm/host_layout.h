#pragma once
// Which ranks share a host, and whether the tree over ranks fits hosts.

#include <cstdint>
#include <span>
#include <vector>

namespace voxlift::trainer {

struct HostLayout {
  std::vector<int> local_ranks;  // Of this rank's host, in order.
  int local_rank = 0;            // This rank's place among them.
  int num_hosts = 1;
  // All hosts have the same power of two of ranks, numbered one after the
  // other, and there is a power of two of hosts. Then every host's ranks are a
  // sub-tree of the tree over all ranks.
  bool is_subtree = true;

  int local_size() const { return static_cast<int>(local_ranks.size()); }
};

// `host_of_rank`: any number that ranks of one host have in common.
HostLayout host_layout(std::span<const int64_t> host_of_rank, int rank);

}  // namespace voxlift::trainer
