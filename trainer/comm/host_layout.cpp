#include "trainer/comm/host_layout.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <set>

namespace voxlift::trainer {
namespace {

// Blocks of `block` ranks each have a host of their own.
bool hosts_are_blocks(std::span<const int64_t> host_of_rank, size_t block) {
  for (size_t r = 0; r < host_of_rank.size(); ++r) {
    const size_t first = r / block * block;
    const bool same_as_first = host_of_rank[r] == host_of_rank[first];
    const bool same_as_before = r > 0 && host_of_rank[r] == host_of_rank[r - 1];
    if (!same_as_first || (r == first && same_as_before)) {
      return false;
    }
  }
  return true;
}

}  // namespace

HostLayout host_layout(std::span<const int64_t> host_of_rank, int rank) {
  const int64_t host = host_of_rank[static_cast<size_t>(rank)];
  HostLayout layout;
  for (size_t r = 0; r < host_of_rank.size(); ++r) {
    if (host_of_rank[r] == host) {
      layout.local_ranks.push_back(static_cast<int>(r));
    }
  }
  const auto& local = layout.local_ranks;
  layout.local_rank = static_cast<int>(
      std::find(local.begin(), local.end(), rank) - local.begin());
  const std::set<int64_t> hosts(host_of_rank.begin(), host_of_rank.end());
  layout.num_hosts = static_cast<int>(hosts.size());
  layout.is_subtree = std::has_single_bit(local.size()) &&
                      std::has_single_bit(hosts.size()) &&
                      local.size() * hosts.size() == host_of_rank.size() &&
                      hosts_are_blocks(host_of_rank, local.size());
  return layout;
}

}  // namespace voxlift::trainer
