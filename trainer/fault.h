#pragma once
// Deliberate failures, for tests and for rehearsing a recovery.

#include <cstdint>
#include <string>

namespace voxlift::trainer {

struct Fault {
  enum class Kind { kNone, kKill, kHang };
  Kind kind = Kind::kNone;
  int64_t step = 0;
  int64_t rank = 0;
};

// "" is none; "kill@step=S,rank=R" (SIGKILL) or "hang@step=S,rank=R" (SIGSTOP).
// Throws ConfigError naming `key`.
Fault parse_fault(const std::string& text, const std::string& key);

// Does it, if this is its step and rank. At most once a run: `marker` is a file
// that is made before and keeps a restarted run from failing again.
void fire_fault(const Fault& fault, int64_t step, int rank,
                const std::string& marker);

}  // namespace voxlift::trainer
