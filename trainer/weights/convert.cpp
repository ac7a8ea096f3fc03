#include "trainer/weights/convert.h"

#include <map>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

constexpr size_t kPlaneKernel = 4;   // Dimensions of (O, I, k, k).
constexpr size_t kVolumeKernel = 5;  // (O, I, d, k, k).

// What model.conv each conversion is for.
const std::map<std::string, std::string>& conv_of_conversion() {
  static const std::map<std::string, std::string> kConv = {
      {"i3d", "conv3d"}, {"acs", "acs"}, {"2.5d", "2.5d"}};
  return kConv;
}

torch::Tensor with_one_channel(const torch::Tensor& source,
                               const ConvertConfig& config) {
  const torch::Tensor sum = source.to(torch::kFloat32).sum(1, true);
  return config.rgb == "mean" ? sum / source.size(1) : sum;
}

torch::Tensor along_depth(const torch::Tensor& source, int64_t taps) {
  std::vector<int64_t> shape = source.sizes().vec();
  shape.insert(shape.begin() + 2, taps);
  return (source.to(torch::kFloat32) / taps)
      .unsqueeze(2)
      .expand(shape)
      .contiguous();
}

}  // namespace

void ConvertConfig::validate(const std::string& path,
                             const std::string& conv) const {
  if (rgb != "none" && rgb != "sum" && rgb != "mean") {
    throw ConfigError(
        str_cat(path, "rgb = '", rgb, "': must be none, sum or mean"));
  }
  if (convert == "none") {
    return;
  }
  const auto found = conv_of_conversion().find(convert);
  if (found == conv_of_conversion().end()) {
    throw ConfigError(str_cat(path, "convert = '", convert,
                              "': must be none, i3d, acs or 2.5d"));
  }
  if (found->second != conv) {
    throw ConfigError(str_cat(path, "convert = '", convert,
                              "' needs model.conv = '", found->second,
                              "', it is '", conv, "'"));
  }
}

torch::Tensor converted(const torch::Tensor& source,
                        const std::vector<int64_t>& target,
                        const ConvertConfig& config) {
  constexpr int64_t kColours = 3;
  torch::Tensor kernel = source;
  const bool is_kernel = target.size() >= kPlaneKernel &&
                         kernel.dim() >= static_cast<int64_t>(kPlaneKernel);
  if (config.rgb != "none" && is_kernel && kernel.size(1) == kColours &&
      target[1] == 1) {
    kernel = with_one_channel(kernel, config);
  }
  const bool is_plane = kernel.dim() == static_cast<int64_t>(kPlaneKernel) &&
                        target.size() == kVolumeKernel;
  return is_plane && config.convert != "none" ? along_depth(kernel, target[2])
                                              : kernel;
}

}  // namespace voxlift::trainer
