#include "trainer/metrics/roc.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/random.h"

namespace voxlift::trainer {
namespace {

std::vector<ScoredCase> sorted_by_score(std::span<const ScoredCase> cases) {
  std::vector<ScoredCase> sorted(cases.begin(), cases.end());
  for (ScoredCase& one : sorted) {
    if (std::isnan(one.score)) {
      one.score = -std::numeric_limits<double>::infinity();
    }
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.score < b.score; });
  return sorted;
}

int64_t count_positives(std::span<const ScoredCase> cases) {
  return std::count_if(cases.begin(), cases.end(),
                       [](const auto& one) { return one.positive; });
}

// A threshold that `high` is above and `low`, which is smaller, is not; midway
// where both are finite.
double between(double low, double high) {
  if (!std::isfinite(low)) {
    return std::nextafter(high, low);
  }
  return std::isfinite(high) ? 0.5 * (low + high) : low;
}

std::optional<double> share(int64_t part, int64_t whole) {
  return whole > 0 ? std::optional(static_cast<double>(part) /
                                   static_cast<double>(whole))
                   : std::nullopt;
}

}  // namespace

std::optional<double> roc_auc(std::span<const ScoredCase> cases) {
  const auto total = static_cast<int64_t>(cases.size());
  const int64_t positives = count_positives(cases);
  if (positives == 0 || positives == total) {
    return std::nullopt;
  }
  const std::vector<ScoredCase> sorted = sorted_by_score(cases);
  double wins = 0.0;  // Of positives over negatives.
  int64_t negatives_below = 0;
  for (size_t begin = 0; begin < sorted.size();) {
    size_t end = begin;
    int64_t tied_positives = 0;
    while (end < sorted.size() && sorted[end].score == sorted[begin].score) {
      tied_positives += sorted[end++].positive ? 1 : 0;
    }
    const auto tied_negatives =
        static_cast<int64_t>(end - begin) - tied_positives;
    wins += static_cast<double>(tied_positives) *
            (static_cast<double>(negatives_below) +
             0.5 * static_cast<double>(tied_negatives));
    negatives_below += tied_negatives;
    begin = end;
  }
  return wins / (static_cast<double>(positives) *
                 static_cast<double>(total - positives));
}

BinaryScores binary_scores(std::span<const ScoredCase> cases,
                           double threshold) {
  int64_t hits = 0;
  int64_t false_alarms = 0;
  for (const ScoredCase& one : cases) {
    const bool called = one.score > threshold;
    hits += called && one.positive ? 1 : 0;
    false_alarms += called && !one.positive ? 1 : 0;
  }
  const int64_t positives = count_positives(cases);
  const auto total = static_cast<int64_t>(cases.size());
  const int64_t rejections = total - positives - false_alarms;
  BinaryScores scores;
  scores.threshold = threshold;
  scores.accuracy = share(hits + rejections, total).value_or(0.0);
  scores.sensitivity = share(hits, positives);
  scores.specificity = share(rejections, total - positives);
  scores.precision = share(hits, hits + false_alarms);
  scores.f1 = share(2 * hits, hits + false_alarms + positives);
  return scores;
}

double best_threshold(std::span<const ScoredCase> cases) {
  constexpr double kUndecided = 0.5;
  const auto total = static_cast<int64_t>(cases.size());
  const int64_t positives = count_positives(cases);
  if (positives == 0 || positives == total) {
    return kUndecided;
  }
  const std::vector<ScoredCase> sorted = sorted_by_score(cases);
  // Of the threshold behind case i: positives missed, negatives rejected.
  int64_t missed = 0;
  int64_t rejected = 0;
  double best = -1.0;
  double threshold = kUndecided;
  for (size_t i = 0; i + 1 < sorted.size(); ++i) {
    missed += sorted[i].positive ? 1 : 0;
    rejected += sorted[i].positive ? 0 : 1;
    const double sum = *share(positives - missed, positives) +
                       *share(rejected, total - positives);
    if (sorted[i].score < sorted[i + 1].score && sum > best) {
      best = sum;
      threshold = between(sorted[i].score, sorted[i + 1].score);
    }
  }
  // Worse than a coin: calling nobody positive is better.
  return best >= 1.0 ? threshold : sorted.back().score;
}

std::optional<Interval> bootstrap_interval(std::span<const ScoredCase> cases,
                                           const CaseStatistic& statistic,
                                           int64_t draws, double confidence,
                                           uint64_t seed) {
  VOXLIFT_CHECK(draws > 0 && confidence > 0.0 && confidence < 1.0,
                "bootstrap arguments");
  std::vector<double> values;
  std::vector<ScoredCase> resample(cases.size());
  for (int64_t draw = 0; draw < draws && !cases.empty(); ++draw) {
    RandomStream random(seed, Purpose::kShuffle, 1,
                        static_cast<uint64_t>(draw));
    for (ScoredCase& one : resample) {
      one = cases[static_cast<size_t>(
          random.uniform_int(0, static_cast<int64_t>(cases.size()) - 1))];
    }
    if (const auto value = statistic(resample)) {
      values.push_back(*value);
    }
  }
  if (values.empty()) {
    return std::nullopt;
  }
  const double tail = 0.5 * (1.0 - confidence);
  return Interval{quantile(values, tail), quantile(values, 1.0 - tail)};
}

double quantile(std::vector<double> values, double q) {
  VOXLIFT_CHECK(!values.empty(), "quantile of nothing");
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, values.size() - 1);
  const double weight = place - static_cast<double>(below);
  return values[below] + weight * (values[above] - values[below]);
}

}  // namespace voxlift::trainer
