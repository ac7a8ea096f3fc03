#include "trainer/model/conv_ways.h"

#include <vector>

namespace voxlift::trainer {
namespace {

int64_t output_depth(int64_t depth, const ConvOptions& options) {
  return depth + 2 * options.padding[0] - options.kernel[0] + 1;
}

// Which depth tap joins output plane a with input plane b, at [a * depth + b];
// one past the last tap where none does.
torch::Tensor tap_table(int64_t depth, const ConvOptions& options) {
  const int64_t taps = options.kernel[0];
  std::vector<int64_t> table;
  for (int64_t a = 0; a < output_depth(depth, options); ++a) {
    for (int64_t b = 0; b < depth; ++b) {
      const int64_t tap = b - a + options.padding[0];
      table.push_back(tap >= 0 && tap < taps ? tap : taps);
    }
  }
  return torch::tensor(table, torch::kLong);
}

torch::Tensor folded_weight(const torch::Tensor& weight, int64_t depth,
                            const ConvOptions& options) {
  const int64_t out_depth = output_depth(depth, options);
  const torch::Tensor with_zero_tap =
      torch::constant_pad_nd(weight, {0, 0, 0, 0, 0, 1});
  return with_zero_tap.index_select(2, tap_table(depth, options))
      .view({options.out_channels, options.in_channels, out_depth, depth,
             options.kernel[1], options.kernel[2]})
      .permute({0, 2, 1, 3, 4, 5})
      .reshape({options.out_channels * out_depth, options.in_channels * depth,
                options.kernel[1], options.kernel[2]});
}

}  // namespace

torch::Tensor folded_conv3d(const torch::Tensor& x_NCDHW,
                            const torch::Tensor& weight,
                            const torch::Tensor& bias,
                            const ConvOptions& options) {
  const int64_t depth = x_NCDHW.size(2);
  const int64_t out_depth = output_depth(depth, options);
  const torch::Tensor folded_bias =
      bias.defined() ? bias.repeat_interleave(out_depth) : bias;
  const torch::Tensor y = torch::conv2d(
      x_NCDHW.flatten(1, 2), folded_weight(weight, depth, options), folded_bias,
      {options.stride[1], options.stride[2]},
      {options.padding[1], options.padding[2]},
      {options.dilation[1], options.dilation[2]});
  return y.view(
      {y.size(0), options.out_channels, out_depth, y.size(2), y.size(3)});
}

bool folding_wins(const torch::Tensor& x_NCDHW, const ConvOptions& options) {
  constexpr int64_t kMostPlanes = 4;
  const int64_t depth = x_NCDHW.size(2);
  return x_NCDHW.is_cpu() && x_NCDHW.scalar_type() == torch::kFloat32 &&
         options.groups == 1 && options.in_channels == 1 &&
         options.stride[0] == 1 && options.dilation[0] == 1 &&
         depth <= kMostPlanes && options.kernel[0] >= depth &&
         output_depth(depth, options) >= 1;
}

}  // namespace voxlift::trainer
