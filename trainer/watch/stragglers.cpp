#include "trainer/watch/stragglers.h"

#include <algorithm>

namespace voxlift::trainer {
namespace {

// Less than this a step is noise, whatever the factor.
constexpr double kLeastLossS = 0.005;

double lower_median(std::vector<double> values) {
  const auto middle =
      values.begin() + static_cast<int64_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

Stragglers::Stragglers(int num_ranks, const WatchConfig& config)
    : config_(config), tracks_(static_cast<size_t>(num_ranks)) {}

void Stragglers::heard(int rank, const Standing& standing) {
  Track& track = tracks_.at(static_cast<size_t>(rank));
  auto& marks = track.marks;
  // The first step of a process warms up: it is no measure.
  if (standing.steps_done < 1 ||
      (!marks.empty() && marks.back().steps == standing.steps_done)) {
    return;
  }
  track.step = standing.step;
  marks.push_back({standing.steps_done, standing.own_s, standing.data_s});
  // The first mark that is far enough back stays in front.
  while (marks.size() > 2 &&
         marks[1].steps + config_.straggler_steps <= marks.back().steps) {
    marks.pop_front();
  }
}

bool Stragglers::means_of_all(std::vector<Means>* means) const {
  for (const Track& track : tracks_) {
    if (track.marks.empty()) {
      return false;
    }
    const Mark& first = track.marks.front();
    const Mark& last = track.marks.back();
    const int64_t steps = last.steps - first.steps;
    if (steps < config_.straggler_steps) {
      return false;
    }
    const auto n = static_cast<double>(steps);
    means->push_back(
        {(last.own_s - first.own_s) / n, (last.data_s - first.data_s) / n});
  }
  return true;
}

void Stragglers::remember(const SlowRank& slow) {
  const auto same = std::find_if(
      worst_.begin(), worst_.end(),
      [&](const SlowRank& known) { return known.rank == slow.rank; });
  if (same == worst_.end()) {
    worst_.push_back(slow);
  } else if (slow.factor() > same->factor()) {
    *same = slow;
  }
}

std::vector<SlowRank> Stragglers::newly_slow() {
  std::vector<SlowRank> slow_ranks;
  std::vector<Means> means;
  if (!means_of_all(&means)) {
    return slow_ranks;
  }
  std::vector<double> own;
  std::vector<double> data;
  for (const Means& mean : means) {
    own.push_back(mean.own_s);
    data.push_back(mean.data_s);
  }
  const double median_s = lower_median(own);
  const double median_data_s = lower_median(data);
  for (size_t r = 0; r < tracks_.size(); ++r) {
    const SlowRank now = {
        static_cast<int>(r), tracks_[r].step, own[r], median_s, data[r],
        median_data_s};
    const bool is_slow = own[r] > config_.straggler_factor * median_s &&
                         own[r] - median_s > kLeastLossS;
    if (is_slow) {
      remember(now);
    }
    if (is_slow && !tracks_[r].is_slow) {
      slow_ranks.push_back(now);
    }
    tracks_[r].is_slow = is_slow;
  }
  return slow_ranks;
}

}  // namespace voxlift::trainer
