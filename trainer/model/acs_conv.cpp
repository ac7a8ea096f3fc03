#include "trainer/model/acs_conv.h"

#include <vector>

namespace voxlift::trainer {
namespace {

// What lies under the centres of the cubic convolution's windows along `axis`,
// and `stride` apart.
torch::Tensor centres(const torch::Tensor& x_NCDHW, size_t axis,
                      const ConvOptions& options) {
  const auto dim = static_cast<int64_t>(axis) + 2;
  const int64_t in = x_NCDHW.size(dim);
  const int64_t kernel = options.kernel[axis];
  const int64_t padding = options.padding[axis];
  const int64_t stride = options.stride[axis];
  const int64_t reach = options.dilation[axis] * (kernel - 1) + 1;
  const int64_t out = (in + 2 * padding - reach) / stride + 1;
  if (out == in || 2 * out == in) {
    return x_NCDHW;
  }
  std::array<int64_t, 6> pads = {};  // Of width, height, depth.
  pads[2 * (2 - axis)] = padding;
  pads[2 * (2 - axis) + 1] = padding;
  return torch::constant_pad_nd(x_NCDHW, pads)
      .slice(dim, kernel / 2, kernel / 2 + (out - 1) * stride + 1);
}

// The kernels have no taps along `axis`.
torch::Tensor conv_across(const torch::Tensor& x_NCDHW,
                          const torch::Tensor& weight_OIkk, size_t axis,
                          const ConvOptions& options) {
  Triple padding = options.padding;
  Triple dilation = options.dilation;
  padding[axis] = 0;
  dilation[axis] = 1;
  return torch::conv3d(centres(x_NCDHW, axis, options),
                       weight_OIkk.unsqueeze(static_cast<int64_t>(axis) + 2),
                       {}, options.stride, padding, dilation);
}

}  // namespace

std::array<int64_t, 3> acs_split(int64_t out_channels) {
  const int64_t third = out_channels / 3;
  const int64_t rest = out_channels % 3;
  return {third + (rest >= 1 ? 1 : 0), third + (rest == 2 ? 1 : 0), third};
}

torch::Tensor acs_conv3d(const torch::Tensor& x_NCDHW,
                         const torch::Tensor& weight_OIkk,
                         const torch::Tensor& bias_O,
                         const ConvOptions& options) {
  const std::array<int64_t, 3> split = acs_split(options.out_channels);
  std::vector<torch::Tensor> parts;
  int64_t first = 0;
  for (size_t axis = 0; axis < split.size(); ++axis) {
    if (split[axis] > 0) {
      parts.push_back(
          conv_across(x_NCDHW, weight_OIkk.slice(0, first, first + split[axis]),
                      axis, options));
    }
    first += split[axis];
  }
  const torch::Tensor y = torch::cat(parts, 1);
  return bias_O.defined() ? y + bias_O.view({1, -1, 1, 1, 1}) : y;
}

}  // namespace voxlift::trainer
