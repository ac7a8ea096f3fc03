#include "trainer/task/classification.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/task/binary_summary.h"

namespace voxlift::trainer {
namespace {

constexpr int64_t kTopK = 5;
constexpr int64_t kMaxConfusionClasses = 50;

// How many classes score higher than the label; of equal scores the class with
// the lower number comes first; a label whose score is not finite comes last.
// int64 (N).
torch::Tensor label_ranks(const torch::Tensor& logits_NK,
                          const torch::Tensor& label_N) {
  const torch::Tensor label_N1 = label_N.unsqueeze(1);
  const torch::Tensor own_N1 = logits_NK.gather(1, label_N1);
  const torch::Tensor class_K =
      torch::arange(logits_NK.size(1), label_N.options());
  const torch::Tensor before_NK =
      (logits_NK > own_N1) |
      ((logits_NK == own_N1) & (class_K.unsqueeze(0) < label_N1));
  const torch::Tensor last_N = torch::full_like(label_N, logits_NK.size(1));
  return torch::where(own_N1.squeeze(1).isfinite(), before_NK.sum(1), last_N);
}

double mean_recall(const std::vector<std::vector<int64_t>>& confusion) {
  double sum = 0.0;
  int64_t present = 0;
  for (size_t label = 0; label < confusion.size(); ++label) {
    int64_t cases = 0;
    for (const int64_t n : confusion[label]) {
      cases += n;
    }
    if (cases > 0) {
      ++present;
      sum += static_cast<double>(confusion[label][label]) /
             static_cast<double>(cases);
    }
  }
  return present > 0 ? sum / static_cast<double>(present) : 0.0;
}

// Of the probability of class 1.
std::vector<ScoredCase> scored_cases(const CaseRows& rows) {
  std::vector<ScoredCase> cases;
  for (const CaseRow& row : rows) {
    cases.push_back({.score = row.at(4), .positive = row[0] == 1.0});
  }
  return cases;
}

}  // namespace

void ClassificationConfig::validate(const std::string& path) const {
  if (!(label_smoothing >= 0.0 && label_smoothing < 1.0)) {
    throw ConfigError(str_cat(path, "label_smoothing = ", label_smoothing,
                              ": must be in [0, 1)"));
  }
  if (!(threshold >= 0.0 && threshold <= 1.0)) {
    throw ConfigError(
        str_cat(path, "threshold = ", threshold, ": must be in [0, 1]"));
  }
}

Classification::Classification(Network network,
                               const ClassificationConfig& config)
    : network_(std::move(network)), config_(config) {}

Classification::Classification(Classifier model,
                               const ClassificationConfig& config)
    : Classification(Network{model.ptr(),
                             [model](const torch::Tensor& x_NCDHW) mutable {
                               return model->forward(x_NCDHW);
                             },
                             {}},
                     config) {}

std::vector<std::string> Classification::sum_names() const {
  return {"loss", "top1", "top5"};
}

torch::Tensor Classification::loss(const Batch& batch, std::span<double> sums) {
  const torch::Tensor logits_NK =
      network_.forward(batch.x_NCDHW).to(torch::kFloat32);
  const torch::Tensor loss = torch::nn::functional::cross_entropy(
      logits_NK, batch.label_N,
      torch::nn::functional::CrossEntropyFuncOptions()
          .reduction(torch::kSum)
          .label_smoothing(config_.label_smoothing));
  const torch::NoGradGuard no_grad;
  const torch::Tensor rank_N = label_ranks(logits_NK, batch.label_N);
  sums[0] += loss.item<double>();
  sums[1] += (rank_N == 0).sum().item<double>();
  sums[2] += (rank_N < kTopK).sum().item<double>();
  return loss;
}

void Classification::evaluate(const Batch& batch, CaseRows* rows) {
  const torch::Tensor logits_NK =
      network_.forward(batch.x_NCDHW).to(torch::kFloat64);
  const torch::Tensor loss_N = torch::nn::functional::cross_entropy(
      logits_NK, batch.label_N,
      torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kNone));
  std::vector<torch::Tensor> columns = {
      batch.label_N.to(torch::kFloat64), loss_N,
      label_ranks(logits_NK, batch.label_N).to(torch::kFloat64),
      logits_NK.argmax(1).to(torch::kFloat64)};
  if (logits_NK.size(1) == 2) {
    columns.push_back(logits_NK.softmax(1).select(1, 1));
  }
  const torch::Tensor table = torch::stack(columns, 1).cpu().contiguous();
  const auto* values = table.data_ptr<double>();
  for (int64_t i = 0; i < table.size(0); ++i, values += table.size(1)) {
    rows->emplace_back(values, values + table.size(1));
  }
}

Json Classification::summarize(const CaseRows& rows) const {
  const auto classes = static_cast<size_t>(
      network_.module->named_parameters()["head.fc.bias"].size(0));
  std::vector<std::vector<int64_t>> confusion(classes,
                                              std::vector<int64_t>(classes));
  double loss = 0.0;
  int64_t top1 = 0;
  int64_t top5 = 0;
  for (const CaseRow& row : rows) {
    loss += row[1];
    top1 += row[2] < 1.0 ? 1 : 0;
    top5 += row[2] < static_cast<double>(kTopK) ? 1 : 0;
    ++confusion[static_cast<size_t>(row[0])][static_cast<size_t>(row[3])];
  }
  const double n = std::max<double>(1.0, static_cast<double>(rows.size()));
  Json summary = {{"cases", rows.size()},
                  {"loss", loss / n},
                  {"top1", static_cast<double>(top1) / n},
                  {"top5", static_cast<double>(top5) / n},
                  {"mean_recall", mean_recall(confusion)}};
  if (static_cast<int64_t>(classes) <= kMaxConfusionClasses) {
    summary["confusion"] = confusion;
  }
  if (classes == 2) {
    summary.update(summarize_binary(scored_cases(rows), config_.threshold));
  }
  return summary;
}

}  // namespace voxlift::trainer
