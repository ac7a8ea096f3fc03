#pragma once
// The progress line of long commands.

#include <cstdint>
#include <string>

#include "base/clock.h"

namespace voxlift {

// Shows "name  340/1850  18%  41.2 img/s  ETA 36s  extra" on standard error:
// on a terminal one line rewritten in place, elsewhere a line now and then.
// One thread. `clock` must outlive it.
class ProgressLine {
 public:
  // `unit` names what is counted ("img", "step"). `quiet` shows nothing (for
  // ranks other than 0).
  ProgressLine(std::string name, std::string unit, int64_t total, bool quiet,
               const Clock& clock);

  // `done` of total; earlier work (a resume) is given once as the first call.
  void update(int64_t done, const std::string& extra = "");

  // Shows the final state and ends the line.
  void finish(const std::string& extra = "");

  // Items per second since the first update.
  double rate() const;

 private:
  std::string format(const std::string& extra) const;
  void show(const std::string& extra);

  std::string name_;
  std::string unit_;
  int64_t total_;
  bool quiet_;
  bool terminal_;
  const Clock& clock_;
  double interval_s_;
  int64_t first_done_ = -1;
  int64_t done_ = 0;
  double first_s_ = 0.0;
  double shown_s_ = 0.0;
};

}  // namespace voxlift
