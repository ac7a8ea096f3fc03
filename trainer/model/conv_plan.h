#pragma once
// Which way each convolution of a run is computed: part of what makes its bits.

#include <torch/torch.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "trainer/model/conv.h"

namespace voxlift::trainer {

class ConvPlan {
 public:
  void set(const ConvCall& call, const std::string& way);

  // rule_for() where nothing was set, or where this build does not have that
  // way for the call.
  const ConvWay& choose(const ConvCall& call) const;

  bool has(const ConvCall& call) const { return names_.contains(call.key()); }

  bool empty() const { return names_.empty(); }

  // An object: key of the call to name of the way.
  Json to_json() const { return names_; }

  // Throws DataError naming `origin`. Ways that this build lacks stay in it.
  static ConvPlan from_json(const Json& json, const std::string& origin);

 private:
  std::map<std::string, std::string> names_;
};

// Every convolution of `model` follows `plan`.
void follow(torch::nn::Module& model, const ConvPlan& plan);

struct ObservedConv {
  ConvCall call;
  bool x_needs_gradient = false;
  int64_t count = 0;  // How often it was called.
};

// The different calls while `body` runs the model, in order; by rule.
std::vector<ObservedConv> observe_convs(torch::nn::Module& model,
                                        const std::function<void()>& body);

}  // namespace voxlift::trainer
