#include "launcher/parity/parity_check.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/strings.h"
#include "launcher/parity/golden_network.h"
#include "trainer/model/norm.h"
#include "trainer/optim/sgd.h"
#include "trainer/weights/load_weights.h"

namespace voxlift::launcher {
namespace {

constexpr double kEvalTolerance = 1e-4;   // Of absmax, float32.
constexpr double kTrainTolerance = 1e-6;  // Relative, float64.
// The recipe of the golden training steps.
constexpr double kLearningRate = 0.01;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Names and shapes must be the same; the error counts those that differ.
ParityLine check_parameters(const GoldenFile& golden,
                            torch::nn::Module& model) {
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

void check_outputs(const GoldenFile& golden, const GoldenNetwork& network,
                   std::vector<ParityLine>* lines) {
  const torch::NoGradGuard no_grad;
  network.module->eval();
  const auto outputs =
      network.outputs(formula_tensor(golden.input_name, golden.input_shape)
                          .to(torch::kFloat32));
  for (const GoldenOutput& output : golden.outputs) {
    const auto found = outputs.find(output.name);
    if (found == outputs.end()) {
      throw DataError(str_cat("'", golden.path,
                              "': the network has no output '", output.name,
                              "'"));
    }
    lines->push_back(check_output(output, found->second));
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

// Forward and backward of step `k`; returns the loss.
double training_step(const GoldenNetwork& network, int64_t k) {
  network.module->zero_grad();
  const torch::Tensor loss = network.loss(k);
  loss.backward();
  for (trainer::BatchNormImpl* norm : trainer::batch_norms(*network.module)) {
    norm->update_running(norm->slot_mean, norm->slot_var);
  }
  return loss.item<double>();
}

ParityLine check_gradients(const GoldenFile& golden,
                           const torch::nn::Module& model) {
  const auto named = model.named_parameters();
  return check_norms("train/grad_l2_step0", golden.training.grad_l2_step0,
                     [&named](const std::string& name) {
                       return named.contains(name)
                                  ? named[name].grad().norm().item<double>()
                                  : kInfinity;
                     });
}

ParityLine check_trained(const GoldenFile& golden,
                         const torch::nn::Module& model) {
  const auto named = model.named_parameters();
  const auto buffers = model.named_buffers();
  return check_norms(
      "train/param_l2_after", golden.training.param_l2_after,
      [&](const std::string& name) {
        const auto* found = named.find(name);
        found = found != nullptr ? found : buffers.find(name);
        return found == nullptr
                   ? kInfinity
                   : found->to(torch::kFloat64).norm().item<double>();
      });
}

void check_training(const GoldenFile& golden, const GoldenNetwork& network,
                    std::vector<ParityLine>* lines) {
  network.module->to(torch::kFloat64);
  network.module->train();
  trainer::TensorMap parameters;
  for (const auto& item : network.module->named_parameters()) {
    parameters.emplace_back(item.key(), item.value());
  }
  trainer::Sgd optimizer(parameters, {});
  double worst = 0.0;
  for (size_t k = 0; k < golden.training.loss.size(); ++k) {
    const double loss = training_step(network, static_cast<int64_t>(k));
    worst = std::max(worst, relative(loss, golden.training.loss[k]));
    if (k == 0) {
      lines->push_back(check_gradients(golden, *network.module));
    }
    optimizer.step(kLearningRate);
  }
  lines->push_back(
      {str_cat("train/loss (", golden.training.loss.size(), " steps)"), worst,
       kTrainTolerance});
  if (!golden.training.param_l2_after.empty()) {
    lines->push_back(check_trained(golden, *network.module));
  }
}

// The formula's tensors must be what the file holds, float16 ones to its
// precision.
void load_weights(const std::string& weights, torch::nn::Module& model,
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

std::vector<ParityLine> check_network(const GoldenFile& golden,
                                      const std::string& weights) {
  const GoldenNetwork network = build_golden_network(golden);
  std::vector<ParityLine> lines = {check_parameters(golden, *network.module)};
  if (weights.empty()) {
    fill_by_formula(*network.module);
  } else {
    load_weights(weights, *network.module, &lines);
  }
  check_outputs(golden, network, &lines);
  if (golden.has_training && weights.empty()) {
    check_training(golden, network, &lines);
  }
  return lines;
}

}  // namespace voxlift::launcher
