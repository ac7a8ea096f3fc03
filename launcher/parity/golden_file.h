#pragma once
// Golden vectors: what a published network gives for weights and inputs that
// follow from a formula over their names.

#include <torch/torch.h>

#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace voxlift::launcher {

// Values of one output at some positions of its flattened tensor.
struct GoldenOutput {
  std::string name;
  std::vector<int64_t> shape;
  double absmax = 0.0;
  double l2 = 0.0;
  std::vector<int64_t> flat_index;
  std::vector<float> value;
};

// Some SGD steps in float64.
struct GoldenTraining {
  std::vector<double> loss;                      // Per step.
  std::map<std::string, double> grad_l2_step0;   // By published name.
  std::map<std::string, double> param_l2_after;  // The same.
};

struct GoldenFile {
  std::string path;
  Json model;  // Which network.
  std::string input_name;
  std::vector<int64_t> input_shape;
  std::map<std::string, std::vector<int64_t>> parameters;  // Name to shape.
  std::vector<GoldenOutput> outputs;
  bool has_training = false;
  GoldenTraining training;
};

// Throws IoError, or DataError naming file and object.
GoldenFile read_golden_file(const std::string& path);

// 2 u - 1 for u uniform in [0, 1): top 24 bits of a SplitMix64 over the FNV-1a
// hash of `name` and the flat index. float64, in the given shape.
torch::Tensor formula_tensor(const std::string& name,
                             const std::vector<int64_t>& shape);

// Fills every parameter and buffer of `model` from its name: running means 0.1
// s, running variances and norm weights 1 + 0.2 s, biases 0.1 s, other weights
// s sqrt(6 / fan in), counters 0, where s = formula_tensor.
void fill_by_formula(torch::nn::Module& model);

}  // namespace voxlift::launcher
