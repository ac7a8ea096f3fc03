#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/strings.h"
#include "launcher/parity/parity_check.h"
#include "trainer/model/classifier.h"
#include "trainer/model/model_json.h"
#include "trainer/model/norm.h"
#include "trainer/optim/sgd.h"
#include "trainer/weights/load_weights.h"

namespace voxlift::launcher {
namespace {

using trainer::Classifier;
using trainer::ClassifierImpl;

constexpr double kEvalTolerance = 1e-4;   // Of absmax, float32.
constexpr double kTrainTolerance = 1e-6;  // Relative, float64.
// The recipe of the golden training steps.
constexpr double kLearningRate = 0.01;
constexpr double kLabelSmoothing = 0.1;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Names and shapes must be the same; the error counts those that differ.
ParityLine check_parameters(const GoldenFile& golden, ClassifierImpl& model) {
  int64_t differ = 0;
  size_t found = 0;
  for (const auto& [name, tensor] : trainer::named_tensors(model)) {
    const auto expected = golden.parameters.find(name);
    if (expected != golden.parameters.end()) {
      ++found;
      differ += expected->second == tensor.sizes().vec() ? 0 : 1;
    } else {
      ++differ;
    }
  }
  differ += static_cast<int64_t>(golden.parameters.size() - found);
  return {
      str_cat("parameters (", golden.parameters.size(), " names and shapes)"),
      static_cast<double>(differ), 0.0};
}

ParityLine check_output(const GoldenOutput& golden,
                        const torch::Tensor& output) {
  ParityLine line = {"eval/" + golden.name, kInfinity, kEvalTolerance};
  if (output.sizes().vec() != golden.shape) {
    line.what += str_cat(" has shape ", trainer::shape_text(output));
    return line;
  }
  const torch::Tensor flat = output.contiguous().view({-1});
  const auto* values = flat.data_ptr<float>();
  double worst = 0.0;
  for (size_t i = 0; i < golden.value.size(); ++i) {
    const double difference =
        std::abs(static_cast<double>(values[golden.flat_index[i]]) -
                 static_cast<double>(golden.value[i]));
    // NaN must not pass for a small error.
    worst = std::isnan(difference) ? kInfinity : std::max(worst, difference);
  }
  // Positions that were not kept are seen through the norm.
  const double l2 = flat.to(torch::kFloat64).norm().item<double>();
  line.error = std::max(worst / golden.absmax,
                        std::abs(l2 - golden.l2) / std::abs(golden.l2));
  return line;
}

torch::Tensor output_of(const ClassifierImpl::Outputs& outputs,
                        const std::string& name, const std::string& path) {
  if (name == "pooled") {
    return outputs.pooled_NC;
  }
  if (name == "logits") {
    return outputs.logits_NK;
  }
  for (size_t s = 0; s < outputs.stages.size(); ++s) {
    if (name == str_cat("stage", s + 1)) {
      return outputs.stages[s];
    }
  }
  throw DataError(str_cat("'", path, "': resnet3d has no output '", name, "'"));
}

void check_outputs(const GoldenFile& golden, ClassifierImpl& model,
                   std::vector<ParityLine>* lines) {
  const torch::NoGradGuard no_grad;
  model.eval();
  const auto outputs =
      model.forward_all(formula_tensor(golden.input_name, golden.input_shape)
                            .to(torch::kFloat32));
  for (const GoldenOutput& output : golden.outputs) {
    lines->push_back(
        check_output(output, output_of(outputs, output.name, golden.path)));
  }
}

double relative(double found, double expected) {
  return std::abs(found - expected) / std::max(std::abs(expected), 1e-12);
}

// The largest relative error over all names; a missing name is infinite.
template <typename NormOf>
ParityLine check_norms(const std::string& what,
                       const std::map<std::string, double>& golden,
                       const NormOf& norm_of) {
  double worst = 0.0;
  for (const auto& [name, expected] : golden) {
    const double error = relative(norm_of(name), expected);
    worst = std::isnan(error) ? kInfinity : std::max(worst, error);
  }
  return {str_cat(what, " (", golden.size(), " tensors)"), worst,
          kTrainTolerance};
}

// One step with label smoothing; returns the loss before it.
double training_step(const GoldenFile& golden, int64_t step,
                     ClassifierImpl& model) {
  const int64_t batch = golden.input_shape.front();
  const int64_t classes = golden.model.at("classes").get<int64_t>();
  const torch::Tensor x_NCDHW =
      formula_tensor(str_cat("train_input_", step), golden.input_shape)
          .to(torch::kFloat32)
          .to(torch::kFloat64);
  torch::Tensor label_N = torch::empty({batch}, torch::kInt64);
  for (int64_t i = 0; i < batch; ++i) {
    label_N[i] = (3 * step + i) % classes;
  }
  model.zero_grad();
  const torch::Tensor loss = torch::nn::functional::cross_entropy(
      model.forward(x_NCDHW), label_N,
      torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(
          kLabelSmoothing));
  loss.backward();
  for (trainer::BatchNormImpl* norm : trainer::batch_norms(model)) {
    norm->update_running(norm->slot_mean, norm->slot_var);
  }
  return loss.item<double>();
}

void check_training(const GoldenFile& golden, ClassifierImpl& model,
                    std::vector<ParityLine>* lines) {
  model.to(torch::kFloat64);
  model.train();
  trainer::TensorMap parameters;
  for (const auto& item : model.named_parameters()) {
    parameters.emplace_back(item.key(), item.value());
  }
  trainer::Sgd optimizer(parameters, {});
  double worst = 0.0;
  for (size_t k = 0; k < golden.training.loss.size(); ++k) {
    const double loss = training_step(golden, static_cast<int64_t>(k), model);
    worst = std::max(worst, relative(loss, golden.training.loss[k]));
    if (k == 0) {
      const auto named = model.named_parameters();
      lines->push_back(
          check_norms("train/grad_l2_step0", golden.training.grad_l2_step0,
                      [&named](const std::string& name) {
                        return named.contains(name)
                                   ? named[name].grad().norm().item<double>()
                                   : kInfinity;
                      }));
    }
    optimizer.step(kLearningRate);
  }
  lines->push_back(
      {str_cat("train/loss (", golden.training.loss.size(), " steps)"), worst,
       kTrainTolerance});
  const auto named = model.named_parameters();
  const auto buffers = model.named_buffers();
  lines->push_back(check_norms(
      "train/param_l2_after", golden.training.param_l2_after,
      [&](const std::string& name) {
        const auto* found = named.find(name);
        found = found != nullptr ? found : buffers.find(name);
        return found == nullptr
                   ? kInfinity
                   : found->to(torch::kFloat64).norm().item<double>();
      }));
}

// The formula's tensors must be what the file holds, float16 ones to its
// precision.
void load_weights(const std::string& weights, ClassifierImpl& model,
                  std::vector<ParityLine>* lines) {
  const RealFiles files;
  const trainer::MatchReport report = trainer::match_weights(
      model, trainer::read_weight_file(files, weights), {.load_head = true});
  lines->push_back(
      {str_cat("weights from ", base_name(weights), " (", report.matched.size(),
               " matched, ", report.missing.size(), " missing, ",
               report.unexpected.size(), " unexpected, ",
               report.reshaped.size(), " reshaped)"),
       1.0 - report.matched_frac(), 0.0});
}

}  // namespace

std::vector<ParityLine> check_resnet3d(const GoldenFile& golden,
                                       const std::string& weights) {
  Classifier model(trainer::model_config_from_json(golden.model, golden.path));
  std::vector<ParityLine> lines = {check_parameters(golden, *model)};
  if (weights.empty()) {
    fill_by_formula(*model);
  } else {
    load_weights(weights, *model, &lines);
  }
  check_outputs(golden, *model, &lines);
  if (golden.has_training && weights.empty()) {
    check_training(golden, *model, &lines);
  }
  return lines;
}

}  // namespace voxlift::launcher
