#include "trainer/task/binary_summary.h"

#include <optional>

namespace voxlift::trainer {
namespace {

constexpr int64_t kDraws = 1000;
constexpr double kConfidence = 0.95;
constexpr uint64_t kSeed = 0;  // The same cases give the same interval.

Json or_null(const std::optional<double>& value) {
  return value.has_value() ? Json(*value) : Json();
}

}  // namespace

Json summarize_binary(std::span<const ScoredCase> cases, double threshold) {
  const BinaryScores at = binary_scores(cases, threshold);
  Json summary = {{"auc", or_null(roc_auc(cases))},
                  {"auc_interval", Json()},
                  {"threshold", threshold},
                  {"accuracy", at.accuracy},
                  {"sensitivity", or_null(at.sensitivity)},
                  {"specificity", or_null(at.specificity)},
                  {"precision", or_null(at.precision)},
                  {"f1", or_null(at.f1)},
                  {"best_threshold", best_threshold(cases)}};
  const std::optional<Interval> interval =
      bootstrap_interval(cases, roc_auc, kDraws, kConfidence, kSeed);
  if (interval.has_value()) {
    summary["auc_interval"] = {interval->low, interval->high};
  }
  return summary;
}

}  // namespace voxlift::trainer
