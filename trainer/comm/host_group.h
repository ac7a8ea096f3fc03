#pragma once
// Sums between the ranks of one host, through memory that they share. Knows
// nothing of MPI: processes or threads, whoever sees the same memory.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "trainer/comm/communicator.h"

namespace voxlift::trainer {

// One piece of memory per rank of the host, each seen by all of them.
struct SharedWindow {
  // By local rank, at the addresses where this rank sees them; equally long,
  // aligned to a cache line.
  std::vector<std::byte*> segments;
  int64_t bytes = 0;  // Of one segment.
};

// One rank's part in a host's sums. COLLECTIVE here: all ranks of the host.
//
// How: every rank sums its part of the vector over all ranks' copies, in the
// order of the tree (copy_sum.h), and writes it into all of them; before and
// after the ranks meet at a counter each in the window. So a rank reads and
// writes every byte of one vector once. A vector that does not lie in a window
// goes through one in pieces that stay in the second-level cache, the next one
// copied in before the ranks meet for the last.
//
// Threads: one.
class HostGroup {
 public:
  // What else happens to this rank's part, summed over the host, before the
  // others get it: the sum over the hosts.
  using AcrossHosts = std::function<void(Buffer part)>;
  // Returns when its first argument does, or throws; the second one tells who
  // is missing.
  using Wait = std::function<void(const std::function<bool()>& done,
                                  const std::function<std::string()>& missing)>;

  // Bytes of the window that the constructor takes.
  static int64_t window_bytes();

  // `ranks`: of this host, for messages, by local rank. The window is zeroed
  // memory, which this group has for itself.
  HostGroup(int local_rank, std::vector<int> ranks, SharedWindow window,
            Wait wait);

  // COLLECTIVE. From now on vectors in this memory are summed in place.
  void add_window(SharedWindow window);

  // COLLECTIVE. Every rank's buffer becomes the sum over the host's ranks, and
  // what `across` (may be empty) makes of it. The same memory of the same
  // window or private memory on all of them. Throws InternalError where ranks
  // disagree, and what `wait` throws.
  void all_reduce(Buffer buffer, const AcrossHosts& across);

 private:
  struct Meeting;  // In the window, one per rank.

  // A place in a window: where the vector of every rank lies.
  struct Place {
    int64_t window = 0;
    int64_t offset = 0;
  };

  std::optional<Place> find(const Buffer& buffer) const;
  std::vector<std::byte*> copies_at(Place place) const;
  void announce(int64_t window, int64_t offset, int64_t bytes);
  void check_announced() const;
  void meet();
  std::string missing_ranks() const;
  void sum_part(const std::vector<std::byte*>& copies, const Buffer& buffer,
                const AcrossHosts& across) const;
  void reduce_in_place(Place place, const Buffer& buffer,
                       const AcrossHosts& across);
  void reduce_through_window(const Buffer& buffer, const AcrossHosts& across);

  int local_rank_;
  std::vector<int> ranks_;
  Wait wait_;
  std::vector<SharedWindow> windows_;  // The first: meetings, then pieces.
  std::vector<Meeting*> meetings_;
  int64_t times_met_ = 0;
};

}  // namespace voxlift::trainer
