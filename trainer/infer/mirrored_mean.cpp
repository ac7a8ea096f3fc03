#include "trainer/infer/mirrored_mean.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace voxlift::trainer {
namespace {

torch::Tensor mirror(const torch::Tensor& x_NCDHW, const std::string& flips,
                     size_t subset) {
  std::vector<int64_t> dims;
  for (size_t i = 0; i < flips.size(); ++i) {
    if ((subset >> i & 1U) != 0) {
      dims.push_back(2 +
                     static_cast<int64_t>(std::string("dhw").find(flips[i])));
    }
  }
  return dims.empty() ? x_NCDHW : x_NCDHW.flip(dims);
}

}  // namespace

WindowNetwork mirrored_mean(WindowNetwork network, const std::string& flips) {
  if (flips.empty()) {
    return network;
  }
  return [network = std::move(network), flips](const torch::Tensor& x_NCDHW) {
    const size_t subsets = size_t{1} << flips.size();
    torch::Tensor sum;
    for (size_t subset = 0; subset < subsets; ++subset) {
      const torch::Tensor scores =
          mirror(network(mirror(x_NCDHW, flips, subset)), flips, subset);
      sum = sum.defined() ? sum.add_(scores) : scores.clone();
    }
    return sum.div_(static_cast<double>(subsets));
  };
}

}  // namespace voxlift::trainer
