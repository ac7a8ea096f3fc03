#pragma once
// Weights of 2D networks, and of networks on colour pictures, for 3D networks
// on scans.

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

namespace voxlift::trainer {

struct ConvertConfig {
  // What 2D kernels (O, I, k, k) become. "none": they match only 2D kernels.
  // "i3d": the kernel at each of the k taps along the depth, divided by k, so
  // that a volume of equal planes gives what the 2D network gives, away from
  // the ends of the depth. "acs": stay as they are (trainer/model/acs_conv.h).
  // "2.5d": the one tap of kernels (1, k, k).
  // Sources: i3d: Carreira and Zisserman, CVPR 2017, DOI
  // 10.1109/CVPR.2017.502; acs: Yang et al., JBHI 2021, DOI
  // 10.1109/JBHI.2021.3049452.
  std::string convert = "none";
  // What a first layer's three channels become where the network has one:
  // "none", "sum" (a grey picture as three equal planes gives the same) or
  // "mean".
  std::string rgb = "none";

  // `conv`: the network's model.conv. Throws ConfigError naming `path`.field
  // and the legal values, or the two that do not go together.
  void validate(const std::string& path, const std::string& conv) const;
};

// `source` in the shape `target`, where the configuration knows a way; as it is
// where it does not. Kernels that change become float32.
torch::Tensor converted(const torch::Tensor& source,
                        const std::vector<int64_t>& target,
                        const ConvertConfig& config);

}  // namespace voxlift::trainer
