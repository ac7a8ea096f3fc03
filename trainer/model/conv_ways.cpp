#include "trainer/model/conv_ways.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/autocast.h"
#include "trainer/model/winograd_conv.h"

namespace voxlift::trainer {
namespace {

using torch::MemoryFormat;
using torch::Tensor;

std::string by(const Triple& sizes) {
  return str_cat(sizes[0], "x", sizes[1], "x", sizes[2]);
}

bool is_float32_on_cpu(const ConvCall& call) {
  return call.device == torch::kCPU && call.dtype == torch::kFloat32;
}

// ---- conv3d ----

bool admits_all(const ConvCall& /*call*/) {
  return true;
}

Tensor direct(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const ConvOptions& options) {
  return torch::conv3d(x, weight, bias, options.stride, options.padding,
                       options.dilation, options.groups);
}

Tensor channels_last(const Tensor& x, const Tensor& weight, const Tensor& bias,
                     const ConvOptions& options) {
  return direct(x.contiguous(MemoryFormat::ChannelsLast3d),
                weight.contiguous(MemoryFormat::ChannelsLast3d), bias, options)
      .contiguous();
}

// ---- onednn ----

// The conditions by which LibTorch 1.13 and 2.x choose oneDNN for float32 on
// the CPU (ATen/native/Convolution.cpp, use_mkldnn), in two parts.
constexpr int64_t kEnoughSamples = 16;
constexpr int64_t kEnoughRows = 20480;

bool is_dilated(const ConvOptions& options) {
  return options.dilation != cube(1);
}

bool is_pointwise_in_plane(const ConvCall& call) {
  const ConvOptions& o = call.options;
  return o.kernel[1] == 1 && o.kernel[2] == 1 && o.stride == cube(1) &&
         !is_dilated(o) && call.sizes[0] < kEnoughSamples && call.threads == 1;
}

bool is_small(const ConvCall& call) {
  const ConvOptions& o = call.options;
  const auto& [n, c, d, h, w] = call.sizes;
  return n == 1 && o.groups == 1 && (o.kernel[1] <= 3 || o.kernel[2] <= 3) &&
         c * d * h <= kEnoughRows;
}

bool misses_onednn(const ConvCall& call) {
  return is_pointwise_in_plane(call) || is_small(call);
}

bool admits_onednn(const ConvCall& call) {
  return is_float32_on_cpu(call) && at::hasMKLDNN() &&
         call.precision == "float32" && misses_onednn(call);
}

Tensor onednn(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const ConvOptions& options) {
  const ConvCall call = call_of(x, options);
  const auto flat =
      std::find(options.kernel.begin(), options.kernel.end(), int64_t{1});
  if (!is_small(call) && flat != options.kernel.end()) {
    // Dilation of a kernel's only tap changes nothing but LibTorch's mind.
    ConvOptions dilated = options;
    dilated.dilation[static_cast<size_t>(flat - options.kernel.begin())] = 2;
    return direct(x, weight, bias, dilated);
  }
  return direct(x.to_mkldnn(), weight, bias, options).to_dense();
}

// ---- folded ----

int64_t output_depth(int64_t depth, const ConvOptions& options) {
  return depth + 2 * options.padding[0] - options.kernel[0] + 1;
}

// Which depth tap joins output plane a with input plane b, at [a * depth + b];
// one past the last tap where none does.
Tensor tap_table(int64_t depth, const ConvOptions& options) {
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

Tensor folded_weight(const Tensor& weight, int64_t depth,
                     const ConvOptions& options) {
  const int64_t out_depth = output_depth(depth, options);
  const Tensor with_zero_tap =
      torch::constant_pad_nd(weight, {0, 0, 0, 0, 0, 1});
  return with_zero_tap
      .index_select(2, tap_table(depth, options).to(weight.device()))
      .view({options.out_channels, options.in_channels, out_depth, depth,
             options.kernel[1], options.kernel[2]})
      .permute({0, 2, 1, 3, 4, 5})
      .reshape({options.out_channels * out_depth, options.in_channels * depth,
                options.kernel[1], options.kernel[2]});
}

Tensor folded_in(MemoryFormat format, const Tensor& x, const Tensor& weight,
                 const Tensor& bias, const ConvOptions& options) {
  const int64_t depth = x.size(2);
  const int64_t out_depth = output_depth(depth, options);
  const Tensor folded_bias =
      bias.defined() ? bias.repeat_interleave(out_depth) : bias;
  const Tensor y =
      torch::conv2d(x.flatten(1, 2).contiguous(format),
                    folded_weight(weight, depth, options).contiguous(format),
                    folded_bias, {options.stride[1], options.stride[2]},
                    {options.padding[1], options.padding[2]},
                    {options.dilation[1], options.dilation[2]})
          .contiguous();
  return y.view(
      {y.size(0), options.out_channels, out_depth, y.size(2), y.size(3)});
}

Tensor folded(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const ConvOptions& options) {
  return folded_in(MemoryFormat::Contiguous, x, weight, bias, options);
}

Tensor folded_channels_last(const Tensor& x, const Tensor& weight,
                            const Tensor& bias, const ConvOptions& options) {
  return folded_in(MemoryFormat::ChannelsLast, x, weight, bias, options);
}

// More planes than this make the banded weight mostly zeros.
constexpr int64_t kMostPlanes = 8;

bool admits_folded(const ConvCall& call) {
  const ConvOptions& o = call.options;
  return o.groups == 1 && o.stride[0] == 1 && o.dilation[0] == 1 &&
         o.kernel[0] > 1 && call.sizes[2] <= kMostPlanes &&
         output_depth(call.sizes[2], o) >= 1;
}

bool folding_wins(const ConvCall& call) {
  constexpr int64_t kPlanesMeasured = 4;
  const int64_t depth = call.sizes[2];
  return is_float32_on_cpu(call) && admits_folded(call) &&
         call.options.in_channels == 1 && depth <= kPlanesMeasured &&
         call.options.kernel[0] >= depth;
}

// ---- winograd ----

// 1.8 times conv3d's speed on planes of 28 and 56 px, 1.3 on 14, less on 7.
bool winograd_wins(const ConvCall& call) {
  constexpr int64_t kLargePlane = 24;
  constexpr int64_t kManyChannels = 32;
  const auto& [n, c, d, h, w] = call.sizes;
  return h >= kLargePlane && w >= kLargePlane && c >= kManyChannels &&
         call.options.out_channels >= kManyChannels && admits_winograd(call);
}

// ---- slices ----

int64_t strided_depth(int64_t depth, const ConvOptions& o) {
  return (depth + 2 * o.padding[0] - o.dilation[0] * (o.kernel[0] - 1) - 1) /
             o.stride[0] +
         1;
}

// The output planes [begin, end) that depth tap `tap` reaches, the first of
// them from input plane `from`.
struct TapRange {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t from = 0;
};

TapRange range_of_tap(int64_t tap, int64_t depth, const ConvOptions& o) {
  const int64_t shift = tap * o.dilation[0] - o.padding[0];
  const int64_t step = o.stride[0];
  // Plane a reads a * step + shift, which must lie in [0, depth).
  const int64_t begin = shift >= 0 ? 0 : (-shift + step - 1) / step;
  const int64_t past = depth - shift;  // a * step < past.
  const int64_t end = past <= 0 ? 0 : (past + step - 1) / step;
  return {begin, std::min(end, strided_depth(depth, o)), begin * step + shift};
}

// Of the planes that `tap` reaches: (N, planes, O, H', W').
Tensor tap_sum(MemoryFormat format, const Tensor& x_NDCHW, const Tensor& weight,
               int64_t tap, const TapRange& range, const ConvOptions& o) {
  const int64_t planes = range.end - range.begin;
  const Tensor slices = x_NDCHW.slice(
      1, range.from, range.from + (planes - 1) * o.stride[0] + 1, o.stride[0]);
  const Tensor y = torch::conv2d(
      slices.flatten(0, 1).contiguous(format),
      weight.select(2, tap).contiguous(format), {}, {o.stride[1], o.stride[2]},
      {o.padding[1], o.padding[2]}, {o.dilation[1], o.dilation[2]}, o.groups);
  return y.contiguous().view(
      {x_NDCHW.size(0), planes, y.size(1), y.size(2), y.size(3)});
}

Tensor slices_in(MemoryFormat format, const Tensor& x, const Tensor& weight,
                 const Tensor& bias, const ConvOptions& options) {
  const Tensor x_NDCHW = x.transpose(1, 2).contiguous();
  const int64_t out_depth = strided_depth(x.size(2), options);
  Tensor sum;
  for (int64_t tap = 0; tap < options.kernel[0]; ++tap) {
    const TapRange range = range_of_tap(tap, x.size(2), options);
    if (range.begin >= range.end) {
      continue;
    }
    const Tensor part = tap_sum(format, x_NDCHW, weight, tap, range, options);
    const bool whole = range.end - range.begin == out_depth;
    if (whole && !sum.defined()) {
      sum = part;
      continue;
    }
    if (!sum.defined()) {
      sum = torch::zeros(
          {part.size(0), out_depth, part.size(2), part.size(3), part.size(4)},
          part.options());
    }
    sum.slice(1, range.begin, range.end).add_(part);
  }
  if (bias.defined()) {
    sum = sum + bias.view({1, 1, -1, 1, 1});
  }
  return sum.transpose(1, 2).contiguous();
}

Tensor slices(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const ConvOptions& options) {
  return slices_in(MemoryFormat::Contiguous, x, weight, bias, options);
}

Tensor slices_channels_last(const Tensor& x, const Tensor& weight,
                            const Tensor& bias, const ConvOptions& options) {
  return slices_in(MemoryFormat::ChannelsLast, x, weight, bias, options);
}

// Some tap must lie inside the volume.
bool admits_slices(const ConvCall& call) {
  for (int64_t tap = 0; tap < call.options.kernel[0]; ++tap) {
    const TapRange range = range_of_tap(tap, call.sizes[2], call.options);
    if (range.begin < range.end) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string ConvCall::key() const {
  const auto& [n, c, d, h, w] = sizes;
  const char* device_name = device == torch::kCPU ? "cpu " : "cuda ";
  const std::string dtype_name =
      dtype == torch::kFloat32 ? precision : torch::toString(dtype);
  return str_cat(device_name, dtype_name, " ", threads, " threads: ", n, "x", c,
                 "x", d, "x", h, "x", w, ", ", options.out_channels, " of ",
                 by(options.kernel), ", stride ", by(options.stride),
                 ", padding ", by(options.padding), ", dilation ",
                 by(options.dilation), ", ", options.groups, " groups");
}

ConvCall call_of(const Tensor& x_NCDHW, const ConvOptions& options) {
  ConvCall call = {.sizes = {},
                   .options = options,
                   .dtype = x_NCDHW.scalar_type(),
                   .precision = AutocastScope::precision_here(),
                   .device = x_NCDHW.device().type(),
                   .threads = at::get_num_threads()};
  std::copy_n(x_NCDHW.sizes().begin(), call.sizes.size(), call.sizes.begin());
  return call;
}

int64_t output_size(const ConvCall& call, size_t axis) {
  const ConvOptions& o = call.options;
  const int64_t reach = o.dilation[axis] * (o.kernel[axis] - 1) + 1;
  return (call.sizes[axis + 2] + 2 * o.padding[axis] - reach) / o.stride[axis] +
         1;
}

ConvSize size_of(const ConvCall& call) {
  const ConvOptions& o = call.options;
  const auto& [n, c, d, h, w] = call.sizes;
  const int64_t taps =
      o.kernel[0] * o.kernel[1] * o.kernel[2] * (o.in_channels / o.groups);
  const int64_t outputs = n * o.out_channels * output_size(call, 0) *
                          output_size(call, 1) * output_size(call, 2);
  return {.inputs = n * c * d * h * w,
          .weights = o.out_channels * taps,
          .outputs = outputs,
          .multiplications = outputs * taps};
}

const std::vector<ConvWay>& conv_ways() {
  static const std::vector<ConvWay> kWays = {
      {"conv3d", admits_all, direct},
      {"channels_last", admits_all, channels_last},
      {"onednn", admits_onednn, onednn},
      {"folded", admits_folded, folded},
      {"folded_channels_last", admits_folded, folded_channels_last},
      {"winograd", admits_winograd, winograd_conv3d},
      {"slices", admits_slices, slices},
      {"slices_channels_last", admits_slices, slices_channels_last},
  };
  return kWays;
}

const ConvWay& conv_way(const std::string& name) {
  for (const ConvWay& way : conv_ways()) {
    if (way.name == name) {
      return way;
    }
  }
  throw InternalError(str_cat("no way '", name, "' to compute a convolution"));
}

const ConvWay& rule_for(const ConvCall& call) {
  static const ConvWay& kDirect = conv_way("conv3d");
  static const ConvWay& kFolded = conv_way("folded");
  static const ConvWay& kOnednn = conv_way("onednn");
  static const ConvWay& kWinograd = conv_way("winograd");
  if (folding_wins(call)) {
    return kFolded;
  }
  if (winograd_wins(call)) {
    return kWinograd;
  }
  return !at::hasMKL() && admits_onednn(call) ? kOnednn : kDirect;
}

}  // namespace voxlift::trainer
