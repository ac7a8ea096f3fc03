#include "trainer/weights/published_names.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

constexpr std::string_view kParallel = "module.";
constexpr std::string_view kBackbone = "backbone.";
constexpr std::string_view kOldBoxHead = "bbox_head.";
constexpr std::string_view kEarlyShortcut = "layer1.0.downsample.";
constexpr int64_t kBoxNumbers = 4;  // dx, dy, dw, dh.

std::string without(const std::string& name, std::string_view prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

std::string network_name(const std::string& name,
                         const std::set<std::string>& known) {
  const std::string bare = without(name, kParallel);
  for (const std::string& candidate :
       {bare, str_cat("backbone.", bare), str_cat("head.", bare),
        str_cat("roi_head.", bare), without(bare, kBackbone)}) {
    if (known.contains(candidate)) {
      return candidate;
    }
  }
  return bare;
}

// Number of classes, background included, of an mmdetection 1.x box head; 0
// where `source` has none.
int64_t old_classes(const TensorMap& source) {
  for (const auto& [name, tensor] : source) {
    if (without(name, kParallel) == "bbox_head.fc_cls.weight" &&
        tensor.dim() == 2) {
      return tensor.size(0);
    }
  }
  return 0;
}

torch::Tensor background_last(const std::string& bare_name,
                              const torch::Tensor& tensor, int64_t classes) {
  if (!bare_name.starts_with(kOldBoxHead) || tensor.dim() == 0) {
    return tensor;
  }
  if (bare_name.find(".fc_cls.") != std::string::npos) {
    return tensor.roll(-1, 0);
  }
  const bool per_class = tensor.size(0) == kBoxNumbers * classes;
  return bare_name.find(".fc_reg.") != std::string::npos && per_class
             ? tensor.slice(0, kBoxNumbers)
             : tensor;
}

}  // namespace

TensorMap with_network_names(const TensorMap& source,
                             const std::set<std::string>& known) {
  const int64_t classes = old_classes(source);
  std::map<std::string, std::string> origin;  // By our name.
  TensorMap renamed;
  for (const auto& [name, tensor] : source) {
    const std::string ours = network_name(name, known);
    const auto [first, is_new] = origin.emplace(ours, name);
    if (!is_new) {
      throw DataError(str_cat("tensors '", first->second, "' and '", name,
                              "' of the file are both '", ours,
                              "' of the network"));
    }
    renamed.emplace_back(
        ours, classes > 0
                  ? background_last(without(name, kParallel), tensor, classes)
                  : tensor);
  }
  return renamed;
}

bool has_box_heads(const TensorMap& source) {
  return std::any_of(source.begin(), source.end(), [](const auto& item) {
    return item.first.find("rpn_head.") != std::string::npos ||
           item.first.find("bbox_head.") != std::string::npos;
  });
}

bool has_early_shortcut(const TensorMap& source) {
  return without_early_shortcut(source).size() < source.size();
}

TensorMap without_early_shortcut(TensorMap source) {
  std::erase_if(source, [](const auto& item) {
    const std::string bare = without(item.first, kParallel);
    return without(bare, kBackbone).starts_with(kEarlyShortcut);
  });
  return source;
}

}  // namespace voxlift::trainer
