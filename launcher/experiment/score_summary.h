#pragma once
// Several runs' scores as one: means with their spread, and where they reach a
// level.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace voxlift::launcher {

// Of equal runs with other seeds.
struct ScoreSummary {
  int64_t n = 0;
  double mean = 0.0;
  double deviation = 0.0;  // Of the sample (n - 1); 0 for one run.
  double low = 0.0;
  double high = 0.0;
};

// `scores` must not be empty.
ScoreSummary summarize_scores(std::span<const double> scores);

struct SummaryPoint {
  double x = 0.0;  // Epochs, or the share of the labels.
  ScoreSummary y;
};

// The smallest x from which on straight lines between the means of `points`
// (ascending in x) first reach `level`: at the first point, there or before.
// Nothing if they never do.
std::optional<double> first_reaching(std::span<const SummaryPoint> points,
                                     double level, bool larger_is_better);

}  // namespace voxlift::launcher
