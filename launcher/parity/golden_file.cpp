#include "launcher/parity/golden_file.h"

#include <cmath>

#include "base/fnv.h"
#include "base/random.h"
#include "sharding/h5.h"
#include "trainer/weights/tensor_map.h"

namespace voxlift::launcher {
namespace {

using sharding::H5Group;

std::map<std::string, double> numbers(const H5Group& group) {
  std::map<std::string, double> values;
  for (const std::string& name : group.attribute_names()) {
    values[name] = group.read_attribute<double>(name);
  }
  return values;
}

GoldenOutput read_output(const H5Group& group, const std::string& name) {
  return {.name = name,
          .shape = group.read_array_attribute<int64_t>("shape"),
          .absmax = group.read_attribute<double>("absmax"),
          .l2 = group.read_attribute<double>("l2"),
          .flat_index = group.dataset("flat_index").read<int64_t>(),
          .value = group.dataset("value").read<float>()};
}

GoldenTraining read_training(const H5Group& train) {
  GoldenTraining training;
  training.loss =
      train.has("loss")
          ? train.dataset("loss").read<double>()
          : std::vector<double>{train.read_attribute<double>("cross_entropy")};
  training.grad_l2_step0 = numbers(train.group("grad_l2_step0"));
  if (train.has("param_l2_after")) {
    training.param_l2_after = numbers(train.group("param_l2_after"));
  }
  return training;
}

// The weight of a norm layer is the one-dimensional one.
torch::Tensor value_for(const std::string& name, const torch::Tensor& like) {
  const torch::Tensor s = formula_tensor(name, like.sizes().vec());
  if (name.ends_with("running_mean") || name.ends_with("bias")) {
    return 0.1 * s;
  }
  if (name.ends_with("running_var") || like.dim() == 1) {
    return 1.0 + 0.2 * s;
  }
  const double fan_in =
      static_cast<double>(like.numel()) / static_cast<double>(like.size(0));
  return std::sqrt(6.0 / fan_in) * s;
}

}  // namespace

GoldenFile read_golden_file(const std::string& path) {
  const H5Group root = sharding::H5File::open(path).root();
  GoldenFile golden;
  golden.path = path;
  golden.model = parse_json(root.read_string_attribute("model"), path);
  golden.input_name = root.read_string_attribute("input_name");
  golden.input_shape = root.read_array_attribute<int64_t>("input_shape");
  const H5Group parameters = root.group("parameters");
  for (const std::string& name : parameters.attribute_names()) {
    golden.parameters[name] = parameters.read_array_attribute<int64_t>(name);
  }
  const H5Group outputs = root.group("eval");
  for (const std::string& name : outputs.children()) {
    golden.outputs.push_back(read_output(outputs.group(name), name));
  }
  golden.has_training = root.has("train");
  if (golden.has_training) {
    golden.training = read_training(root.group("train"));
  }
  return golden;
}

torch::Tensor formula_tensor(const std::string& name,
                             const std::vector<int64_t>& shape) {
  constexpr uint64_t kStep = 0x9E3779B97F4A7C15ULL;
  torch::Tensor tensor = torch::empty(shape, torch::kFloat64);
  auto* values = tensor.data_ptr<double>();
  const uint64_t hash = fnv1a64(name);
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    const uint64_t bits = mix64(hash + (static_cast<uint64_t>(i) + 1) * kStep);
    values[i] = 2.0 * (static_cast<double>(bits >> 40) * 0x1.0p-24) - 1.0;
  }
  return tensor;
}

void fill_by_formula(torch::nn::Module& model) {
  const torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : trainer::named_tensors(model)) {
    torch::Tensor target = tensor;
    if (name.ends_with("num_batches_tracked")) {
      target.zero_();
    } else {
      // Values are defined as float32, whatever the network computes in.
      target.copy_(value_for(name, tensor).to(torch::kFloat32));
    }
  }
}

}  // namespace voxlift::launcher
