#include "trainer/conv_probe.h"

#include <ATen/Context.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include <algorithm>
#include <fstream>
#include <iomanip>
#include <limits>
#include <sstream>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/fnv.h"
#include "base/log.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

using torch::Tensor;

// ---- one way on random data ----

// What a convolution is asked, and what it is told of its output.
struct Question {
  Tensor x, weight, bias;
  Tensor y_gradient;
};

struct Answer {
  Tensor y;
  Tensor x_gradient;  // Undefined where nobody wants it.
  Tensor weight_gradient;
};

Answer ask(const ConvWay& way, const ObservedConv& conv, const Question& q) {
  const Tensor x = q.x.detach().requires_grad_(conv.x_needs_gradient);
  const Tensor weight = q.weight.detach().requires_grad_(true);
  const Tensor y = way.compute(x, weight, q.bias, conv.call.options);
  if (!conv.x_needs_gradient) {
    return {y.detach(),
            {},
            torch::autograd::grad({y}, {weight}, {q.y_gradient})[0]};
  }
  const auto gradients =
      torch::autograd::grad({y}, {x, weight}, {q.y_gradient});
  return {y.detach(), gradients[0], gradients[1]};
}

std::vector<int64_t> output_sizes(const ConvCall& call) {
  return {call.sizes[0], call.options.out_channels, output_size(call, 0),
          output_size(call, 1), output_size(call, 2)};
}

Question random_question(const ObservedConv& conv,
                         const torch::Device& device) {
  const ConvCall& call = conv.call;
  const ConvOptions& o = call.options;
  const auto options = torch::dtype(call.dtype).device(device);
  const auto gaussian = [&](std::vector<int64_t> sizes) {
    return torch::randn(sizes).to(options);
  };
  torch::manual_seed(0);
  return {gaussian({call.sizes.begin(), call.sizes.end()}),
          gaussian({o.out_channels, o.in_channels / o.groups, o.kernel[0],
                    o.kernel[1], o.kernel[2]}),
          o.bias ? gaussian({o.out_channels}) : Tensor(),
          gaussian(output_sizes(call))};
}

// ---- the check against float64 ----

// A small box of the output of one sample.
struct Window {
  int64_t sample = 0;
  Triple begin = cube(0);
  Triple end = cube(0);
};

// The first corner of the first sample and the last one of the last.
std::vector<Window> windows_of(const ConvCall& call) {
  constexpr Triple kMost = {3, 2, 2};
  Window first;
  Window last = {.sample = call.sizes[0] - 1};
  for (size_t axis = 0; axis < 3; ++axis) {
    const int64_t size = output_size(call, axis);
    first.end[axis] = std::min(size, kMost[axis]);
    last.end[axis] = size;
    last.begin[axis] = size - first.end[axis];
  }
  return {first, last};
}

// A view of it in (N, C, D, H, W).
Tensor part_of(const Tensor& whole, const Window& window) {
  Tensor part = whole.narrow(0, window.sample, 1);
  for (size_t axis = 0; axis < 3; ++axis) {
    part = part.narrow(static_cast<int64_t>(axis) + 2, window.begin[axis],
                       window.end[axis] - window.begin[axis]);
  }
  return part;
}

// The part of the input that a window of the output sees: what lies inside,
// and how many zeros belong around it.
struct Field {
  Window inside;
  std::vector<int64_t> padding;  // W before and after, H, D.
};

Field field_of(const ConvCall& call, const Window& window) {
  const ConvOptions& o = call.options;
  Field field = {{.sample = window.sample}, std::vector<int64_t>(6)};
  for (size_t axis = 0; axis < 3; ++axis) {
    const int64_t begin = window.begin[axis] * o.stride[axis] - o.padding[axis];
    const int64_t end = (window.end[axis] - 1) * o.stride[axis] -
                        o.padding[axis] +
                        o.dilation[axis] * (o.kernel[axis] - 1) + 1;
    const int64_t size = call.sizes[axis + 2];
    field.inside.begin[axis] = std::clamp<int64_t>(begin, 0, size);
    field.inside.end[axis] = std::clamp<int64_t>(end, 0, size);
    field.padding[2 * (2 - axis)] = field.inside.begin[axis] - begin;
    field.padding[2 * (2 - axis) + 1] = end - field.inside.end[axis];
  }
  return field;
}

double relative_error(const Tensor& found, const Tensor& expected) {
  const double scale = expected.abs().max().item<double>();
  const double error =
      (found.to(torch::kFloat64) - expected.to(torch::kFloat64))
          .abs()
          .max()
          .item<double>();
  return std::isfinite(error)
             ? error / std::max(scale, std::numeric_limits<double>::min())
             : std::numeric_limits<double>::infinity();
}

// Output and gradients in float64, where the gradient of the output is zero but
// in the windows.
struct Expected {
  std::vector<Window> windows;
  std::vector<Tensor> y;  // Of each window.
  Tensor x_gradient;      // Whole; undefined where nobody wants it.
  Tensor weight_gradient;
};

Expected in_float64(const ObservedConv& conv, const Question& q) {
  const ConvOptions& o = conv.call.options;
  const Tensor weight = q.weight.to(torch::kFloat64).requires_grad_(true);
  const Tensor bias = q.bias.defined() ? q.bias.to(torch::kFloat64) : q.bias;
  Expected expected = {.windows = windows_of(conv.call),
                       .y = {},
                       .x_gradient = torch::zeros_like(q.x, torch::kFloat32),
                       .weight_gradient = torch::zeros_like(weight)};
  for (const Window& window : expected.windows) {
    const Field field = field_of(conv.call, window);
    const Tensor x =
        part_of(q.x, field.inside).to(torch::kFloat64).requires_grad_(true);
    const Tensor y =
        torch::conv3d(torch::constant_pad_nd(x, field.padding), weight, bias,
                      o.stride, cube(0), o.dilation, o.groups);
    const auto gradients = torch::autograd::grad(
        {y}, {x, weight}, {part_of(q.y_gradient, window).to(torch::kFloat64)});
    expected.y.push_back(y.detach());
    part_of(expected.x_gradient, field.inside).add_(gradients[0]);
    expected.weight_gradient = expected.weight_gradient + gradients[1];
  }
  return expected;
}

// `q` with an output gradient that is zero outside of the windows.
Question narrowed(Question q, const std::vector<Window>& windows) {
  const Tensor whole = q.y_gradient;
  q.y_gradient = torch::zeros_like(whole);
  for (const Window& window : windows) {
    part_of(q.y_gradient, window).add_(part_of(whole, window));
  }
  return q;
}

bool overlap(const Window& a, const Window& b) {
  bool apart = a.sample != b.sample;
  for (size_t axis = 0; axis < 3; ++axis) {
    apart |= a.end[axis] <= b.begin[axis] || b.end[axis] <= a.begin[axis];
  }
  return !apart;
}

double error_of(const Answer& found, const Expected& expected) {
  double error =
      relative_error(found.weight_gradient, expected.weight_gradient);
  for (size_t i = 0; i < expected.windows.size(); ++i) {
    error = std::max(
        error,
        relative_error(part_of(found.y, expected.windows[i]), expected.y[i]));
  }
  if (found.x_gradient.defined()) {
    error =
        std::max(error, relative_error(found.x_gradient, expected.x_gradient));
  }
  return error;
}

// ---- the race ----

class Race {
 public:
  Race(const ObservedConv& conv, const torch::Device& device,
       const ProbeOptions& options, const Clock& clock)
      : conv_(conv),
        device_(device),
        options_(options),
        clock_(clock),
        question_(random_question(conv, device)),
        expected_(in_float64(conv, question_)) {}

  WayVerdict run(const ConvWay& way) {
    WayVerdict verdict;
    verdict.way = way.name;
    try {
      verdict.error = error_of(
          ask(way, conv_, narrowed(question_, expected_.windows)), expected_);
      if (verdict.error <= max_error()) {
        verdict.seconds = time(way);
        best_s_ = std::min(best_s_, verdict.seconds);
      } else {
        verdict.refused = str_cat("computes something else (relative error ",
                                  verdict.error, ")");
      }
    } catch (const std::exception& error) {
      std::istringstream text(error.what());
      std::getline(text, verdict.refused);
    }
    return verdict;
  }

 private:
  double max_error() const {
    const bool is_float32 = conv_.call.dtype != torch::kBFloat16 &&
                            conv_.call.dtype != torch::kHalf &&
                            conv_.call.precision == "float32";
    return is_float32 ? options_.max_error_float32 : options_.max_error_16_bit;
  }

  // Once is enough for what is far behind, or takes long.
  double time(const ConvWay& way) {
    constexpr double kFarBehind = 1.5;
    constexpr double kLong_s = 0.5;
    double best_s = std::numeric_limits<double>::infinity();
    for (int64_t i = 0; i < options_.repeats; ++i) {
      const double start_s = clock_.now_s();
      ask(way, conv_, question_);
      if (device_.is_cuda()) {
        torch::cuda::synchronize(device_.index());
      }
      best_s = std::min(best_s, clock_.now_s() - start_s);
      if (best_s > kFarBehind * best_s_ || best_s > kLong_s) {
        break;
      }
    }
    return best_s;
  }

  const ObservedConv& conv_;
  torch::Device device_;
  const ProbeOptions& options_;
  const Clock& clock_;
  Question question_;
  Expected expected_;
  double best_s_ = std::numeric_limits<double>::infinity();
};

// The rule's way first.
std::vector<const ConvWay*> contestants(const ConvCall& call,
                                        std::span<const ConvWay> ways) {
  std::vector<const ConvWay*> admitted;
  for (const ConvWay& way : ways) {
    if (way.admits(call)) {
      admitted.push_back(&way);
    }
  }
  const std::string rule = rule_for(call).name;
  std::stable_partition(admitted.begin(), admitted.end(),
                        [&](const ConvWay* way) { return way->name == rule; });
  return admitted;
}

std::string winner(const std::vector<WayVerdict>& ways,
                   const ProbeOptions& options) {
  const WayVerdict* best = nullptr;
  for (const WayVerdict& way : ways) {
    const bool is_first = best == nullptr;
    const bool is_rule = best == &ways.front();
    const double limit_s =
        is_first ? 0.0 : best->seconds * (is_rule ? options.needed_gain : 1.0);
    if (way.refused.empty() && (is_first || way.seconds < limit_s)) {
      best = &way;
    }
  }
  return best == nullptr ? "" : best->way;
}

bool is_large_enough(const ConvCall& call, const ProbeOptions& options) {
  const auto windows = windows_of(call);
  return size_of(call).multiplications >= options.min_multiplications &&
         !overlap(windows[0], windows[1]);
}

}  // namespace

std::vector<ConvVerdict> probe_convs(std::span<const ObservedConv> convs,
                                     std::span<const ConvWay> ways,
                                     const torch::Device& device,
                                     const ProbeOptions& options,
                                     const Clock& clock) {
  const torch::AutoGradMode with_gradients(true);
  const double end_s = clock.now_s() + options.budget_s;
  std::vector<ConvVerdict> verdicts;
  for (const ObservedConv& conv : convs) {
    ConvVerdict verdict = {conv, rule_for(conv.call).name, {}};
    if (is_large_enough(conv.call, options) && clock.now_s() < end_s) {
      Race race(conv, device, options, clock);
      for (const ConvWay* way : contestants(conv.call, ways)) {
        verdict.ways.push_back(race.run(*way));
      }
      // Where all are refused the rule stands: nothing better is known.
      const std::string best = winner(verdict.ways, options);
      verdict.chosen = best.empty() ? verdict.chosen : best;
    }
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

// ---- memory ----

namespace {

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) {
      return line.substr(line.find(':') + 2);
    }
  }
  return "unknown processor";
}

// LibTorch's own list of what it was built with, a line each.
std::string library_names() {
  std::istringstream lines(at::show_config());
  std::string names = str_cat("LibTorch ", TORCH_VERSION);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("DNN v") != std::string::npos ||
        line.find("CuDNN") != std::string::npos ||
        line.find("CUDA Runtime") != std::string::npos ||
        line.find("CPU capability") != std::string::npos) {
      names += str_cat(";", line);
    }
  }
  return names;
}

}  // namespace

std::string probe_identity(const torch::Device& device) {
  return str_cat(device.is_cuda() ? "GPU; " : "", processor_name(), "; ",
                 library_names());
}

RememberedWays::RememberedWays(Files& files, const std::string& folder,
                               const std::string& identity)
    : files_(files),
      folder_(folder),
      path_(join_path(
          folder, str_cat("conv_ways-", hex(fnv1a64(identity), 16), ".json"))),
      identity_(identity) {
  load();
}

void RememberedWays::load() {
  if (folder_.empty() || !files_.exists(path_)) {
    return;
  }
  try {
    const Json json = parse_json(as_text(files_.read(path_)), path_);
    if (json_get<std::string>(json, "identity", path_) == identity_) {
      plan_ = ConvPlan::from_json(json_get<Json>(json, "ways", path_), path_);
    }
  } catch (const Error& error) {
    log_warning(str_cat("convolutions are timed again: ", error.what()));
  }
}

void RememberedWays::take(std::span<const ConvVerdict> verdicts) {
  for (const ConvVerdict& verdict : verdicts) {
    if (!verdict.ways.empty() && !plan_.has(verdict.conv.call)) {
      plan_.set(verdict.conv.call, verdict.chosen);
    }
  }
}

void RememberedWays::add(std::span<const ConvVerdict> verdicts,
                         const Clock& clock) {
  if (folder_.empty()) {
    take(verdicts);
    return;
  }
  constexpr double kWaitS = 10.0;
  try {
    files_.make_dirs(folder_);
    const FileLock lock(path_ + ".lock", kWaitS, clock);
    load();
    take(verdicts);
    const Json json = {{"identity", identity_}, {"ways", plan_.to_json()}};
    files_.publish(path_, json.dump(2) + "\n");
  } catch (const Error& error) {
    take(verdicts);
    log_warning(
        str_cat("the ways of convolutions are not remembered: ", error.what()));
  }
}

std::string describe(std::span<const ConvVerdict> verdicts) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2);
  for (const ConvVerdict& verdict : verdicts) {
    text << verdict.conv.call.key()
         << (verdict.conv.x_needs_gradient ? "" : ", no input gradient") << " ("
         << verdict.conv.count << " times)\n  " << verdict.chosen;
    text << (verdict.ways.empty() ? ", too small to be timed" : "") << "\n";
    for (const WayVerdict& way : verdict.ways) {
      text << "    " << std::left << std::setw(21) << way.way;
      if (way.refused.empty()) {
        text << std::right << std::setw(9) << 1e3 * way.seconds
             << " ms, relative error " << std::scientific
             << std::setprecision(1) << way.error << std::fixed
             << std::setprecision(2) << "\n";
      } else {
        text << "  REFUSED: " << way.refused << "\n";
      }
    }
  }
  return text.str();
}

}  // namespace voxlift::trainer
