#include <optional>

#include "launcher/parity/agree_check.h"
#include "trainer/metrics/roc.h"

namespace voxlift::launcher {
namespace {

Json optional_json(const std::optional<double>& value) {
  return value.has_value() ? Json(*value) : Json();
}

}  // namespace

Json agree_roc(const sharding::H5Group& input) {
  const auto score = input.dataset("score").read<double>();
  const auto positive = input.dataset("positive").read<uint8_t>();
  std::vector<trainer::ScoredCase> cases;
  for (size_t i = 0; i < score.size(); ++i) {
    cases.push_back({score[i], positive.at(i) != 0});
  }
  const auto scores =
      trainer::binary_scores(cases, input.read_attribute<double>("threshold"));
  return {{"auc", optional_json(trainer::roc_auc(cases))},
          {"accuracy", scores.accuracy},
          {"sensitivity", optional_json(scores.sensitivity)},
          {"specificity", optional_json(scores.specificity)},
          {"precision", optional_json(scores.precision)},
          {"f1", optional_json(scores.f1)},
          {"best_threshold", trainer::best_threshold(cases)}};
}

Json agree_quantile(const sharding::H5Group& input) {
  return {{"quantile", trainer::quantile(input.dataset("values").read<double>(),
                                         input.read_attribute<double>("q"))}};
}

}  // namespace voxlift::launcher
