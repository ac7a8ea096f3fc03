#pragma once
// Ranks that are slower than the others, by the time that is their own.

#include <cstdint>
#include <deque>
#include <vector>

#include "trainer/watch/phase_board.h"
#include "trainer/watch/watch_config.h"

namespace voxlift::trainer {

// A rank's figures beside the ranks' median, over the last
// watch.straggler_steps steps. Seconds a step.
struct SlowRank {
  int rank = 0;
  int64_t step = 0;  // Where it was seen.
  double own_s = 0.0;
  double median_s = 0.0;
  double data_s = 0.0;  // Part of own_s: waiting for data.
  double median_data_s = 0.0;

  double factor() const { return own_s / median_s; }

  // Does it lose its time waiting for data, rather than computing?
  bool loses_in_data() const {
    return data_s - median_data_s > 0.5 * (own_s - median_s);
  }
};

// Feeds on the standings in the heartbeats. A rank is named once per episode:
// again only after it has kept pace in between. The median is the lower one, so
// that one of two ranks can be slow. One thread.
class Stragglers {
 public:
  Stragglers(int num_ranks, const WatchConfig& config);

  void heard(int rank, const Standing& standing);

  // Ranks that have become slow, since all of them have done enough steps.
  std::vector<SlowRank> newly_slow();

  // The worst moment of every rank that has ever been slow.
  const std::vector<SlowRank>& worst() const { return worst_; }

 private:
  struct Mark {
    int64_t steps = 0;
    double own_s = 0.0;
    double data_s = 0.0;
  };

  struct Track {
    std::deque<Mark> marks;
    int64_t step = 0;
    bool is_slow = false;
  };

  struct Means {
    double own_s = 0.0;
    double data_s = 0.0;
  };

  bool means_of_all(std::vector<Means>* means) const;
  void remember(const SlowRank& slow);

  WatchConfig config_;
  std::vector<Track> tracks_;
  std::vector<SlowRank> worst_;
};

}  // namespace voxlift::trainer
