#pragma once
// The side of a training crop as a pure function of the epoch.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace voxlift::trainer {

// "0:128,30:160,60:224": side 128 from epoch 0 on, 160 from epoch 30 on, ...
// Empty: one size for the whole run. Small pictures first cost less and lose
// little; source: Tan and Le, "EfficientNetV2", ICML 2021, arXiv 2104.00298,
// section 4.
class SizeSchedule {
 public:
  // Throws ConfigError naming `key` unless epochs begin with 0 and rise, and
  // sizes are at least 1.
  SizeSchedule(const std::string& text, const std::string& key);

  // The size of `epoch`; `otherwise` where the schedule is empty.
  int64_t size_at(int64_t epoch, int64_t otherwise) const;

  // The first epoch after `epoch` with an entry of its own; `last` if there is
  // none before it.
  int64_t next_change(int64_t epoch, int64_t last) const;

 private:
  std::vector<std::pair<int64_t, int64_t>> sizes_;  // Epoch, side.
};

}  // namespace voxlift::trainer
