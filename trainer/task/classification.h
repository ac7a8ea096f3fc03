#pragma once
// Classification: one label per sample.

#include <memory>
#include <string>

#include "trainer/model/classifier.h"
#include "trainer/model/make_network.h"
#include "trainer/task/task.h"

namespace voxlift::trainer {

struct ClassificationConfig {
  // The true class gets 1 - e + e / K, the others e / K.
  double label_smoothing = 0.1;
  // Of two classes: cases with more than this for class 1 are called so.
  double threshold = 0.5;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// Softmax cross entropy; top-1 and top-5 accuracy, a confusion matrix, mean
// per-class recall.
class Classification : public Task {
 public:
  Classification(Network network, const ClassificationConfig& config);
  Classification(Classifier model, const ClassificationConfig& config);

  torch::nn::Module& model() override { return *network_.module; }

  // "loss", "top1", "top5".
  std::vector<std::string> sum_names() const override;
  torch::Tensor loss(const Batch& batch, std::span<double> sums) override;

  // Rows: label, loss without smoothing, rank of the label (0 is best),
  // prediction; of two classes also the probability of class 1.
  void evaluate(const Batch& batch, CaseRows* rows) override;
  // {"cases", "loss", "top1", "top5", "mean_recall", "confusion"}; confusion
  // [label][prediction] only for at most 50 classes. Of two classes also what
  // trainer/task/binary_summary.h tells of class 1.
  Json summarize(const CaseRows& rows) const override;

 private:
  Network network_;  // Its outputs are logits (N, classes).
  ClassificationConfig config_;
};

}  // namespace voxlift::trainer
