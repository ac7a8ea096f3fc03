#pragma once
// Measures which way of computing each convolution of a network is fastest on
// this machine, and refuses ways that compute something else.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "base/json.h"
#include "trainer/model/conv_plan.h"

namespace voxlift::trainer {

// What was seen of one way for one call.
struct WayVerdict {
  std::string way;
  double seconds = 0.0;  // Forward and backward, the best of a few.
  double error = 0.0;  // Largest, of output and gradients, relative to float64.
  std::string refused;  // Why, in a few words; empty: it may be used.
};

struct ConvVerdict {
  ObservedConv conv;
  std::string chosen;
  std::vector<WayVerdict> ways;  // The rule's first.
};

struct ProbeOptions {
  // Calls with fewer multiplications (forward) are left to the rules: starting
  // a run should cost seconds.
  int64_t min_multiplications = 20'000'000;
  int64_t repeats = 3;
  // The calls left when so much time has passed are decided by rule: other
  // ranks wait meanwhile.
  double budget_s = 90.0;
  // Another way replaces the rule's only if it takes less than this share of
  // its time: near ties are decided the same way each time.
  double needed_gain = 0.93;
  double max_error_float32 = 2e-4;
  double max_error_16_bit = 5e-2;
};

// Times `ways` on random data of each call's shape, forward and backward, and
// compares two small windows of the output and what they give back to input and
// weight with float64. A way that throws is refused. Of calls too small for
// that, `ways` is empty and `chosen` the rule's.
std::vector<ConvVerdict> probe_convs(std::span<const ObservedConv> convs,
                                     std::span<const ConvWay> ways,
                                     const torch::Device& device,
                                     const ProbeOptions& options,
                                     const Clock& clock);

// The processor's name, LibTorch's version and what it says it was built with,
// and whether the device is a GPU: what a verdict is valid for. Not which GPU:
// hosts with the same processor and other GPUs need memories of their own
// (run.conv_memory).
std::string probe_identity(const torch::Device& device);

// The ways that earlier runs have chosen, a file for each identity.
class RememberedWays {
 public:
  // Without a folder it remembers nothing beyond its own life. What `folder`
  // has for `identity`. A file that cannot be read costs a warning and another
  // probe.
  RememberedWays(Files& files, const std::string& folder,
                 const std::string& identity);

  const ConvPlan& plan() const { return plan_; }

  // Adds the choices that were measured, unless another run has been faster,
  // and writes the file; if it cannot, warns.
  void add(std::span<const ConvVerdict> verdicts, const Clock& clock);

 private:
  void load();
  void take(std::span<const ConvVerdict> verdicts);

  Files& files_;
  std::string folder_;
  std::string path_;
  std::string identity_;
  ConvPlan plan_;
};

// A table for people: a line for each call, the ways with their times.
std::string describe(std::span<const ConvVerdict> verdicts);

}  // namespace voxlift::trainer
