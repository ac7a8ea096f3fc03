#include "launcher/parity/golden_network.h"

#include "base/error.h"
#include "base/strings.h"
#include "trainer/model/classifier.h"
#include "trainer/model/make_network.h"
#include "trainer/model/model_json.h"
#include "trainer/model/pyramid.h"
#include "trainer/model/unet3d.h"

namespace voxlift::launcher {
namespace {

using Outputs = std::map<std::string, torch::Tensor>;

// Golden inputs are float32 numbers, whatever the network computes in.
torch::Tensor training_input(const GoldenFile& golden, int64_t k) {
  return formula_tensor(str_cat("train_input_", k), golden.input_shape)
      .to(torch::kFloat32)
      .to(torch::kFloat64);
}

void name_stages(const std::vector<torch::Tensor>& stages, Outputs& outputs) {
  for (size_t s = 0; s < stages.size(); ++s) {
    outputs[str_cat("stage", s + 1)] = stages[s];
  }
}

GoldenNetwork build_resnet3d(const GoldenFile& golden) {
  trainer::Classifier model(
      trainer::model_config_from_json(golden.model, golden.path));
  GoldenNetwork network{.module = model.ptr(), .outputs = {}, .loss = {}};
  network.outputs = [model](const torch::Tensor& x) mutable {
    const auto found = model->forward_all(x);
    Outputs outputs = {{"pooled", found.pooled_NC},
                       {"logits", found.logits_NK}};
    name_stages(found.stages, outputs);
    return outputs;
  };
  network.loss = [model, golden](int64_t k) mutable {
    constexpr double kLabelSmoothing = 0.1;
    const torch::Tensor logits_NK = model->forward(training_input(golden, k));
    torch::Tensor label_N = torch::empty({logits_NK.size(0)}, torch::kInt64);
    for (int64_t i = 0; i < label_N.size(0); ++i) {
      label_N[i] = (3 * k + i) % logits_NK.size(1);
    }
    return torch::nn::functional::cross_entropy(
        logits_NK, label_N,
        torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(
            kLabelSmoothing));
  };
  return network;
}

GoldenNetwork build_unet3d(const GoldenFile& golden) {
  auto given = trainer::model_config_from_json(golden.model, golden.path);
  given.dropout = 0.0;
  trainer::UNet3D model(trainer::unet3d_options(given));
  GoldenNetwork network{.module = model.ptr(), .outputs = {}, .loss = {}};
  network.outputs = [model](const torch::Tensor& x) mutable {
    const auto found = model->forward_all(x);
    Outputs outputs = {{"stem", found.stem},
                       {"decoder_top", found.decoder_top},
                       {"logits", found.logits_NKDHW}};
    name_stages(found.stages, outputs);
    return outputs;
  };
  network.loss = [model, golden](int64_t k) mutable {
    const torch::Tensor logits = model->forward(training_input(golden, k));
    std::vector<int64_t> shape = logits.sizes().vec();
    const auto classes = static_cast<double>(shape[1]);
    shape.erase(shape.begin() + 1);
    // u = (s + 1) / 2.
    const torch::Tensor label =
        ((formula_tensor(str_cat("train_label_", k), shape) + 1.0) * 0.5 *
         classes)
            .floor()
            .to(torch::kInt64);
    return torch::nn::functional::cross_entropy(logits, label);
  };
  return network;
}

GoldenNetwork build_p3d(const GoldenFile& golden) {
  const Json& given = golden.model;
  const std::string& path = golden.path;
  trainer::P3dOptions options;
  for (const auto& [key, value] : given.items()) {
    if (key == "network") {
      options.modified = value == "mp3d";
    } else if (key == "depth") {
      options.depth = value.is_number()
                          ? std::to_string(value.get<int>())
                          : json_get<std::string>(given, key, path);
    } else if (key == "conversion") {
      options.conversion = json_get<std::string>(given, key, path);
    } else if (key == "slices") {
      options.slices = json_get<int64_t>(given, key, path);
    } else if (key == "in_channels") {
      options.in_channels = json_get<int64_t>(given, key, path);
    } else if (key == "base_channels") {
      options.base_channels = json_get<int64_t>(given, key, path);
    } else if (key == "norm") {
      options.norm.kind = json_get<std::string>(given, key, path);
    } else if (key == "groups") {
      options.norm.groups = json_get<int64_t>(given, key, path);
    } else {
      throw DataError(
          str_cat("'", path, "': unknown network option '", key, "'"));
    }
  }
  trainer::Pyramid model(options);
  GoldenNetwork network{.module = model.ptr(), .outputs = {}, .loss = {}};
  network.outputs = [model](const torch::Tensor& x) mutable {
    const auto found = model->forward(x);
    Outputs outputs;
    for (size_t i = 0; i < found.maps.size(); ++i) {
      outputs[str_cat("c", i + 2)] = found.maps[i];
    }
    for (size_t i = 0; i < found.levels.size(); ++i) {
      outputs[str_cat("p", i + 2)] = found.levels[i];
    }
    return outputs;
  };
  return network;
}

// Networks with one output.
GoldenNetwork build_other(const GoldenFile& golden) {
  const trainer::Network network = trainer::make_network(
      trainer::model_config_from_json(golden.model, golden.path), 0);
  return {.module = network.module,
          .outputs =
              [network](const torch::Tensor& x) {
                return Outputs{{"logits", network.forward(x)}};
              },
          .loss = {}};
}

}  // namespace

GoldenNetwork build_golden_network(const GoldenFile& golden) {
  const auto name = json_get<std::string>(golden.model, "network", golden.path);
  if (name == "resnet3d") {
    return build_resnet3d(golden);
  }
  if (name == "unet3d") {
    return build_unet3d(golden);
  }
  if (name == "p3d" || name == "mp3d") {
    return build_p3d(golden);
  }
  if (name == "genesis_unet3d" || name == "genesis_encoder") {
    return build_other(golden);
  }
  throw ConfigError(str_cat("'", golden.path, "': network '", name,
                            "' is not known; known: resnet3d, unet3d, p3d, ",
                            "mp3d, genesis_unet3d, genesis_encoder"));
}

}  // namespace voxlift::launcher
