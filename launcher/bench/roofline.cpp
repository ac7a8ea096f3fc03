#include "launcher/bench/roofline.h"

#include <algorithm>
#include <array>
#include <iomanip>
#include <string_view>

namespace voxlift::launcher {
namespace {

constexpr double kFloatBytes = 4.0;
constexpr const char* kForward = "convolution, forward";
constexpr const char* kBackward = "convolution, backward";
constexpr const char* kOutside = "outside of operators";

struct Kind {
  std::string_view part;  // Of an operator's name.
  std::string_view kind;
};

// The first that fits.
constexpr std::array<Kind, 16> kKinds = {{{"norm", "norm"},
                                          {"pool", "pool"},
                                          {"conv", "convolution"},
                                          {"mkldnn", "convolution"},
                                          {"to_dense", "convolution"},
                                          {"upsample", "upsampling"},
                                          {"sgd", "update"},
                                          {"linear", "matrix product"},
                                          {"addmm", "matrix product"},
                                          {"mm", "matrix product"},
                                          {"cat", "copy"},
                                          {"copy", "copy"},
                                          {"zero", "copy"},
                                          {"fill", "copy"},
                                          {"clone", "copy"},
                                          {"", "element-wise"}}};

std::string kind_of(const std::string& op) {
  const auto found =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& kind) {
        return op.find(kind.part) != std::string::npos;
      });
  if (found->kind != "convolution") {
    return std::string(found->kind);
  }
  return op.find("backward") == std::string::npos ? kForward : kBackward;
}

RooflineLine& line_of(std::vector<RooflineLine>& lines,
                      const std::string& kind) {
  const auto found =
      std::find_if(lines.begin(), lines.end(),
                   [&](const RooflineLine& line) { return line.kind == kind; });
  if (found != lines.end()) {
    return *found;
  }
  lines.push_back({.kind = kind});
  return lines.back();
}

// Work of the convolutions: what they must read, write and multiply.
void add_convolutions(const trainer::ObservedConv& conv,
                      std::vector<RooflineLine>& lines) {
  const auto count = static_cast<double>(conv.count);
  const trainer::ConvSize size = trainer::size_of(conv.call);
  const double flop = 2.0 * static_cast<double>(size.multiplications) * count;
  const double x = kFloatBytes * static_cast<double>(size.inputs) * count;
  const double w = kFloatBytes * static_cast<double>(size.weights) * count;
  const double y = kFloatBytes * static_cast<double>(size.outputs) * count;
  RooflineLine& forward = line_of(lines, kForward);
  forward.flop += flop;
  forward.bytes += x + w + y;
  RooflineLine& backward = line_of(lines, kBackward);
  const double also_x = conv.x_needs_gradient ? 1.0 : 0.0;
  backward.flop += flop * (1.0 + also_x);
  backward.bytes += x + w + y + w + x * also_x;
}

}  // namespace

std::vector<RooflineLine> roofline(const trainer::StepTrialResult& result,
                                   const MachinePeaks& peaks) {
  std::vector<RooflineLine> lines;
  double in_operators_s = 0.0;
  for (const auto& [name, total] : result.operators) {
    RooflineLine& line = line_of(lines, kind_of(name));
    line.seconds += total.seconds;
    in_operators_s += total.seconds;
    if (!line.kind.starts_with("convolution")) {
      line.bytes += static_cast<double>(total.bytes);
    }
  }
  for (const trainer::ObservedConv& conv : result.convs) {
    add_convolutions(conv, lines);
  }
  for (RooflineLine& line : lines) {
    line.floor_s =
        std::max(line.flop / peaks.flop_s, line.bytes / peaks.bytes_s);
  }
  std::sort(lines.begin(), lines.end(),
            [](const RooflineLine& a, const RooflineLine& b) {
              return a.seconds > b.seconds;
            });
  lines.push_back(
      {.kind = kOutside, .seconds = result.watched_s - in_operators_s});
  return lines;
}

void print_roofline(const std::vector<RooflineLine>& lines,
                    const MachinePeaks& peaks, std::ostream& out) {
  constexpr double kGiga = 1e9;
  constexpr double kPercent = 100.0;
  double step_s = 0.0;
  double floor_s = 0.0;
  for (const RooflineLine& line : lines) {
    step_s += line.seconds;
    floor_s += line.floor_s;
  }
  out << std::fixed << std::setprecision(1) << "peak " << peaks.flop_s / kGiga
      << " GFLOP/s (multiply-add), copy " << peaks.bytes_s / kGiga
      << " GB/s\n\n"
      << "| operations | ms | % of step | GFLOP | GFLOP/s | % of peak | GB | "
         "GB/s | floor, ms |\n|---|---|---|---|---|---|---|---|---|\n";
  for (const RooflineLine& line : lines) {
    const double seconds = std::max(line.seconds, 1e-9);
    out << "| " << line.kind << " | " << 1e3 * line.seconds << " | "
        << kPercent * line.seconds / step_s << " | " << line.flop / kGiga
        << " | " << line.flop / seconds / kGiga << " | "
        << kPercent * line.flop / seconds / peaks.flop_s << " | "
        << line.bytes / kGiga << " | " << line.bytes / seconds / kGiga << " | "
        << 1e3 * line.floor_s << " |\n";
  }
  out << "| step | " << 1e3 * step_s << " | 100.0 | | | | | | " << 1e3 * floor_s
      << " |\n";
}

}  // namespace voxlift::launcher
