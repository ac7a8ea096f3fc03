#include "trainer/weights/import_weights.h"

#include <set>
#include <string_view>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/model/model_json.h"
#include "trainer/weights/published_names.h"

namespace voxlift::trainer {
namespace {

// Rows of the last layer, or 0. A detector's has one more, for the background.
int64_t classes_in(const TensorMap& source) {
  for (const auto& [name, tensor] : source) {
    if (tensor.dim() == 0) {
      continue;
    }
    for (const std::string_view last :
         {"fc.weight", "decode_head.conv_seg.weight",
          "out_tr.final_conv.weight"}) {
      if (name == last || name.ends_with(str_cat(".", last))) {
        return tensor.size(0);
      }
    }
    if (name.ends_with("bbox_head.fc_cls.weight")) {
      return tensor.size(0) - 1;
    }
  }
  return 0;
}

// The tensors that the file gave; counters of batch norms, too.
TensorMap taken(const torch::nn::Module& network, const MatchReport& report) {
  const std::set<std::string> matched(report.matched.begin(),
                                      report.matched.end());
  const std::set<std::string> counted(report.counters.begin(),
                                      report.counters.end());
  TensorMap tensors;
  for (const auto& [name, tensor] : named_tensors(network)) {
    if (matched.contains(name) || counted.contains(name)) {
      tensors.emplace_back(name, tensor.detach().clone());
    }
  }
  return tensors;
}

}  // namespace

void ImportConfig::validate(const std::string& path,
                            const std::string& conv) const {
  if (!(min_matched_frac >= 0.0 && min_matched_frac <= 1.0)) {
    throw ConfigError(str_cat(path, "min-matched-frac = ", min_matched_frac,
                              ": must be in [0, 1]"));
  }
  if (shortcuts != "keep" && shortcuts != "drop") {
    throw ConfigError(
        str_cat(path, "shortcuts = '", shortcuts, "': must be keep or drop"));
  }
  convert.validate(path, conv);
}

ModelConfig complete_model(ModelConfig model, const TensorMap& source,
                           const ImportConfig& config) {
  constexpr int64_t kDefaultClasses = 2;
  if (model.classes == 0) {
    const int64_t found = classes_in(source);
    model.classes = found > 0 ? found : kDefaultClasses;
  }
  const bool basic = model.resnet.depth == "18" || model.resnet.depth == "34";
  if (config.shortcuts == "keep" && basic && model.resnet.shortcut == "B" &&
      has_early_shortcut(source)) {
    model.resnet.force_downsample = true;
  }
  return model;
}

Imported import_weights(torch::nn::Module& network, const ModelConfig& model,
                        const NetworkWeights& source,
                        const ImportConfig& config) {
  const TensorMap& tensors = source.tensors;
  const MatchReport report =
      match_weights(network,
                    config.shortcuts == "drop" && !model.resnet.force_downsample
                        ? without_early_shortcut(tensors)
                        : tensors,
                    {.load_head = config.heads, .convert = config.convert});
  if (report.matched_frac() < config.min_matched_frac) {
    throw ConfigError(str_cat(
        "'", source.origin, "': only ", report.matched.size(), " of ",
        report.matched.size() + report.missing.size() + report.reshaped.size(),
        " tensors of the network match, min-matched-frac = ",
        config.min_matched_frac));
  }
  return {{taken(network, report), to_json(model), source.origin}, report};
}

}  // namespace voxlift::trainer
