#include "launcher/experiment/score_summary.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace voxlift::launcher {

ScoreSummary summarize_scores(std::span<const double> scores) {
  VOXLIFT_CHECK(!scores.empty(), "no scores");
  const auto n = static_cast<double>(scores.size());
  const double mean = std::accumulate(scores.begin(), scores.end(), 0.0) / n;
  double squares = 0.0;
  for (const double score : scores) {
    squares += (score - mean) * (score - mean);
  }
  const auto [low, high] = std::minmax_element(scores.begin(), scores.end());
  return {.n = static_cast<int64_t>(scores.size()),
          .mean = mean,
          .deviation = n > 1.0 ? std::sqrt(squares / (n - 1.0)) : 0.0,
          .low = *low,
          .high = *high};
}

std::optional<double> first_reaching(std::span<const SummaryPoint> points,
                                     double level, bool larger_is_better) {
  const auto above = [&](const SummaryPoint& point) {
    return larger_is_better ? point.y.mean - level : level - point.y.mean;
  };
  for (size_t i = 0; i < points.size(); ++i) {
    const double here = above(points[i]);
    if (here < 0.0) {
      continue;
    }
    if (i == 0) {
      return points[0].x;
    }
    const double before = above(points[i - 1]);  // Below 0.
    const double part = before / (before - here);
    return points[i - 1].x + part * (points[i].x - points[i - 1].x);
  }
  return std::nullopt;
}

}  // namespace voxlift::launcher
