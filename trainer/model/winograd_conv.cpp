#include "trainer/model/winograd_conv.h"

#include <ATen/Parallel.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include <dnnl.hpp>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/model/conv_ways.h"

namespace voxlift::trainer {
namespace {

using dnnl::convolution_backward_weights;
using dnnl::convolution_forward;
using dnnl::memory;
using torch::Tensor;

constexpr auto kFloat = memory::data_type::f32;
constexpr auto kWinograd = dnnl::algorithm::convolution_winograd;
constexpr int64_t kBlock = 16;  // Channels that lie side by side.

dnnl::engine& cpu() {
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

// ---- oneDNN's primitives, made once per shape ----

// A 2D convolution of 3x3 taps and a padding of one.
struct PlaneShape {
  int64_t planes = 0;
  int64_t in_channels = 0;
  int64_t out_channels = 0;
  int64_t height = 0;
  int64_t width = 0;
  bool adds = false;  // To what the output holds.
  int threads = 0;

  auto operator<=>(const PlaneShape&) const = default;
};

memory::desc any(const memory::dims& dims) {
  return {dims, kFloat, memory::format_tag::any};
}

struct PlaneDescs {
  explicit PlaneDescs(const PlaneShape& s)
      : x(any({s.planes, s.in_channels, s.height, s.width})),
        weight(any({s.out_channels, s.in_channels, 3, 3})),
        y(any({s.planes, s.out_channels, s.height, s.width})) {}

  memory::desc x, weight, y;
};

dnnl::primitive_attr attributes(bool adds) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (adds) {
    dnnl::post_ops ops;
    ops.append_sum(1.0F);
    attr.set_post_ops(ops);
  }
  return attr;
}

const memory::dims& strides() {
  static const memory::dims kOnes = {1, 1};
  return kOnes;
}

convolution_forward::primitive_desc forward_desc(const PlaneShape& s) {
  const PlaneDescs d(s);
  return {{dnnl::prop_kind::forward_training, kWinograd, d.x, d.weight, d.y,
           strides(), strides(), strides()},
          attributes(s.adds),
          cpu()};
}

convolution_backward_weights::primitive_desc weights_desc(const PlaneShape& s) {
  const PlaneDescs d(s);
  return {{kWinograd, d.x, d.weight, d.y, strides(), strides(), strides()},
          attributes(false),
          cpu(),
          forward_desc(s)};
}

template <typename Primitive>
struct Prepared {
  typename Primitive::primitive_desc desc;
  Primitive primitive;
};

// Never forgets: a run has few shapes.
template <typename Key, typename Value>
class Cache {
 public:
  template <typename Make>
  Value& get(const Key& key, Make make) {
    const std::scoped_lock lock(mutex_);
    auto found = values_.find(key);
    if (found == values_.end()) {
      found = values_.emplace(key, make()).first;
    }
    return found->second;
  }

 private:
  std::mutex mutex_;
  std::map<Key, Value> values_;
};

Prepared<convolution_forward>& forward_of(const PlaneShape& shape) {
  static Cache<PlaneShape, Prepared<convolution_forward>> cache;
  return cache.get(shape, [&] {
    const auto desc = forward_desc(shape);
    return Prepared<convolution_forward>{desc, convolution_forward(desc)};
  });
}

Prepared<convolution_backward_weights>& weights_of(const PlaneShape& shape) {
  static Cache<PlaneShape, Prepared<convolution_backward_weights>> cache;
  return cache.get(shape, [&] {
    const auto desc = weights_desc(shape);
    return Prepared<convolution_backward_weights>{
        desc, convolution_backward_weights(desc)};
  });
}

// ---- memory ----

memory wrap(const memory::desc& desc, const Tensor& storage,
            int64_t offset = 0) {
  return {desc, cpu(), storage.data_ptr<float>() + offset};
}

Tensor floats(int64_t count) {
  return torch::empty({count}, torch::kFloat32);
}

Tensor scratch_for(const memory::desc& desc) {
  constexpr auto kFloatBytes = static_cast<int64_t>(sizeof(float));
  return floats((static_cast<int64_t>(desc.get_size()) + kFloatBytes - 1) /
                kFloatBytes);
}

void copy(memory from, memory to) {
  dnnl::stream stream(cpu());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
}

// A volume as oneDNN wants its planes: (D, N, C / 16, H, W, 16), so that the
// planes [a, b) of all samples lie side by side.
struct Planes {
  Tensor storage;
  int64_t samples = 0, channels = 0, depth = 0, height = 0, width = 0;

  int64_t plane_floats() const { return samples * channels * height * width; }

  memory::dims dims() const { return {samples, channels, height, width}; }

  memory::desc blocked(int64_t planes) const {
    return {{planes * samples, channels, height, width},
            kFloat,
            memory::format_tag::nChw16c};
  }

  // One plane of a row-major (N, C, D, H, W).
  memory::desc row_major() const {
    return {dims(), kFloat,
            memory::dims{channels * depth * height * width,
                         depth * height * width, width, 1}};
  }
};

Planes planes_like(const Tensor& x_NCDHW, int64_t channels, int64_t depth) {
  Planes planes = {{},    x_NCDHW.size(0), channels,
                   depth, x_NCDHW.size(3), x_NCDHW.size(4)};
  planes.storage = floats(depth * planes.plane_floats());
  return planes;
}

Planes to_planes(const Tensor& x_NCDHW) {
  const Tensor x = x_NCDHW.contiguous();
  Planes planes = planes_like(x, x.size(1), x.size(2));
  for (int64_t d = 0; d < planes.depth; ++d) {
    copy(wrap(planes.row_major(), x, d * planes.height * planes.width),
         wrap(planes.blocked(1), planes.storage, d * planes.plane_floats()));
  }
  return planes;
}

Tensor to_rows(const Planes& planes) {
  const Tensor y = torch::empty({planes.samples, planes.channels, planes.depth,
                                 planes.height, planes.width},
                                torch::kFloat32);
  for (int64_t d = 0; d < planes.depth; ++d) {
    copy(wrap(planes.blocked(1), planes.storage, d * planes.plane_floats()),
         wrap(planes.row_major(), y, d * planes.height * planes.width));
  }
  return y;
}

// Tap `tap` of a row-major (O, C, kD, 3, 3).
memory tap_of(const Tensor& weight, int64_t tap) {
  constexpr int64_t kTaps = 9;
  const int64_t out = weight.size(0), in = weight.size(1);
  const int64_t per_channel = weight.size(2) * kTaps;
  const memory::desc desc({out, in, 3, 3}, kFloat,
                          memory::dims{in * per_channel, per_channel, 3, 1});
  return wrap(desc, weight, tap * kTaps);
}

// ---- the convolution ----

// Which planes a depth tap joins: output [begin, end) reads input from
// begin + shift on.
struct TapPlanes {
  int64_t tap = 0;
  int64_t begin = 0;
  int64_t end = 0;
  int64_t shift = 0;

  int64_t count() const { return end - begin; }
};

// Those that join any, the one that reaches the most output planes first.
std::vector<TapPlanes> taps_of(int64_t kernel_depth, int64_t padding,
                               int64_t depth, int64_t out_depth) {
  std::vector<TapPlanes> taps;
  for (int64_t tap = 0; tap < kernel_depth; ++tap) {
    const int64_t shift = tap - padding;
    const int64_t begin = std::max<int64_t>(0, -shift);
    const int64_t end = std::min(out_depth, depth - shift);
    if (begin < end) {
      taps.push_back({tap, begin, end, shift});
    }
  }
  std::stable_sort(taps.begin(), taps.end(),
                   [](const TapPlanes& a, const TapPlanes& b) {
                     return a.count() > b.count();
                   });
  return taps;
}

PlaneShape shape_of(const Planes& x, const Planes& y, int64_t planes,
                    bool adds) {
  return {planes * x.samples,   x.channels, y.channels, x.height, x.width, adds,
          at::get_num_threads()};
}

void run_tap(const Planes& x, const Tensor& weight, const TapPlanes& tap,
             bool adds, Planes* y) {
  auto& [desc, primitive] = forward_of(shape_of(x, *y, tap.count(), adds));
  const Tensor w = scratch_for(desc.weights_desc());
  copy(tap_of(weight, tap.tap), wrap(desc.weights_desc(), w));
  const Tensor scratch = scratch_for(desc.scratchpad_desc());
  dnnl::stream stream(cpu());
  primitive.execute(
      stream, {{DNNL_ARG_SRC, wrap(desc.src_desc(), x.storage,
                                   (tap.begin + tap.shift) * x.plane_floats())},
               {DNNL_ARG_WEIGHTS, wrap(desc.weights_desc(), w)},
               {DNNL_ARG_DST, wrap(desc.dst_desc(), y->storage,
                                   tap.begin * y->plane_floats())},
               {DNNL_ARG_SCRATCHPAD, wrap(desc.scratchpad_desc(), scratch)}});
  stream.wait();
}

// Of volumes padded by `padding` planes at both ends.
Planes convolve(const Planes& x, const Tensor& weight, int64_t padding) {
  const int64_t out_depth = x.depth + 2 * padding - weight.size(2) + 1;
  Planes y = x;
  y.channels = weight.size(0);
  y.depth = out_depth;
  y.storage = floats(out_depth * y.plane_floats());
  const auto taps = taps_of(weight.size(2), padding, x.depth, out_depth);
  const bool first_is_whole =
      !taps.empty() && taps.front().count() == out_depth;
  if (!first_is_whole) {
    y.storage.zero_();
  }
  for (size_t i = 0; i < taps.size(); ++i) {
    run_tap(x, weight, taps[i], i > 0 || !first_is_whole, &y);
  }
  return y;
}

void weight_gradient_of_tap(const Planes& x, const Planes& g,
                            const TapPlanes& tap, const Tensor& gradient) {
  auto& [desc, primitive] = weights_of(shape_of(x, g, tap.count(), false));
  const Tensor w = scratch_for(desc.diff_weights_desc());
  const Tensor scratch = scratch_for(desc.scratchpad_desc());
  dnnl::stream stream(cpu());
  primitive.execute(
      stream, {{DNNL_ARG_SRC, wrap(desc.src_desc(), x.storage,
                                   (tap.begin + tap.shift) * x.plane_floats())},
               {DNNL_ARG_DIFF_DST, wrap(desc.diff_dst_desc(), g.storage,
                                        tap.begin * g.plane_floats())},
               {DNNL_ARG_DIFF_WEIGHTS, wrap(desc.diff_weights_desc(), w)},
               {DNNL_ARG_SCRATCHPAD, wrap(desc.scratchpad_desc(), scratch)}});
  stream.wait();
  copy(wrap(desc.diff_weights_desc(), w), tap_of(gradient, tap.tap));
}

Tensor weight_gradient(const Planes& x, const Planes& g, const Tensor& weight,
                       int64_t padding) {
  const Tensor gradient = torch::zeros_like(weight);
  for (const TapPlanes& tap :
       taps_of(weight.size(2), padding, x.depth, g.depth)) {
    weight_gradient_of_tap(x, g, tap, gradient);
  }
  return gradient;
}

// The convolution whose output is the gradient of the input.
Tensor mirrored(const Tensor& weight) {
  return weight.flip({2, 3, 4}).transpose(0, 1).contiguous();
}

struct WinogradFunction : torch::autograd::Function<WinogradFunction> {
  static Tensor forward(torch::autograd::AutogradContext* context,
                        const Tensor& x, const Tensor& weight,
                        int64_t padding) {
    RECORD_FUNCTION("voxlift::winograd_conv", std::vector<c10::IValue>());
    context->save_for_backward({x, weight});
    context->saved_data["padding"] = padding;
    return to_rows(convolve(to_planes(x), weight.contiguous(), padding));
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext* context,
      const torch::autograd::variable_list& gradients) {
    RECORD_FUNCTION("voxlift::winograd_conv_backward",
                    std::vector<c10::IValue>());
    const auto saved = context->get_saved_variables();
    const Tensor& weight = saved[1];
    const int64_t padding = context->saved_data["padding"].toInt();
    const Planes g = to_planes(gradients[0]);
    Tensor x_gradient;
    Tensor w_gradient;
    if (context->needs_input_grad(0)) {
      x_gradient =
          to_rows(convolve(g, mirrored(weight), weight.size(2) - 1 - padding));
    }
    if (context->needs_input_grad(1)) {
      w_gradient =
          weight_gradient(to_planes(saved[0]), g, weight.contiguous(), padding);
    }
    return {x_gradient, w_gradient, Tensor()};
  }
};

// ---- what oneDNN can do ----

bool has_winograd(const PlaneShape& shape) {
  static Cache<PlaneShape, bool> cache;
  return cache.get(shape, [&] {
    try {
      forward_of(shape);
      PlaneShape back = shape;
      std::swap(back.in_channels, back.out_channels);
      forward_of(back);
      weights_of(shape);
      return true;
    } catch (const dnnl::error&) {
      return false;
    }
  });
}

bool is_winograds_kind(const ConvCall& call) {
  const ConvOptions& o = call.options;
  return call.device == torch::kCPU && call.dtype == torch::kFloat32 &&
         call.precision == "float32" && o.groups == 1 && !o.acs &&
         o.kernel[1] == 3 && o.kernel[2] == 3 && o.stride == cube(1) &&
         o.dilation == cube(1) && o.padding[1] == 1 && o.padding[2] == 1 &&
         o.padding[0] < o.kernel[0] && o.in_channels % kBlock == 0 &&
         o.out_channels % kBlock == 0;
}

}  // namespace

bool admits_winograd(const ConvCall& call) {
  if (!is_winograds_kind(call)) {
    return false;
  }
  const auto& [n, c, d, h, w] = call.sizes;
  const bool has_output =
      d + 2 * call.options.padding[0] >= call.options.kernel[0];
  return has_output &&
         has_winograd({n, call.options.in_channels, call.options.out_channels,
                       h, w, false, call.threads});
}

Tensor winograd_conv3d(const Tensor& x_NCDHW, const Tensor& weight,
                       const Tensor& bias, const ConvOptions& options) {
  const Tensor y = WinogradFunction::apply(x_NCDHW, weight, options.padding[0]);
  return bias.defined() ? y + bias.view({1, -1, 1, 1, 1}) : y;
}

}  // namespace voxlift::trainer
