#pragma once
// The hosts of a launch without SLURM: Open MPI's hostfile.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace voxlift::launcher {

struct Host {
  std::string name;
  int64_t slots = 1;

  bool operator==(const Host&) const = default;
};

// Lines "NAME slots=N" (slots is optional, max_slots is not looked at); "#"
// begins a comment. Throws ConfigError naming `origin`, line and word.
std::vector<Host> parse_hostfile(std::string_view text,
                                 const std::string& origin);

// Such a file.
std::string to_hostfile(std::span<const Host> hosts);

// The hosts for which `answers` is true, in order. All are asked at once, each
// by a thread of its own.
std::vector<Host> hosts_that_answer(
    std::span<const Host> hosts,
    const std::function<bool(const std::string& host)>& answers);

// How many of `ranks` ranks can run in `slots` places: all, or the largest
// power of two that fits, since that divides the slots of a run; 0 if that is
// less than `min_ranks`.
int64_t ranks_that_fit(int64_t ranks, int64_t slots, int64_t min_ranks);

}  // namespace voxlift::launcher
