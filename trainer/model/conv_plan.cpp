#include "trainer/model/conv_plan.h"

#include <algorithm>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {

void ConvPlan::set(const ConvCall& call, const std::string& way) {
  names_[call.key()] = way;
}

const ConvWay& ConvPlan::choose(const ConvCall& call) const {
  const auto found = names_.find(call.key());
  if (found != names_.end()) {
    for (const ConvWay& way : conv_ways()) {
      if (way.name == found->second && way.admits(call)) {
        return way;
      }
    }
  }
  return rule_for(call);
}

ConvPlan ConvPlan::from_json(const Json& json, const std::string& origin) {
  if (!json.is_object()) {
    throw DataError(str_cat("'", origin, "': the ways of its convolutions are ",
                            json.type_name(), ", must be an object"));
  }
  ConvPlan plan;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) {
      throw DataError(
          str_cat("'", origin, "': the way of '", key, "' is no text"));
    }
    plan.names_[key] = value.get<std::string>();
  }
  return plan;
}

void follow(torch::nn::Module& model, const ConvPlan& plan) {
  set_way_chooser(
      model,
      [plan](const ConvCall& call, bool /*needs_gradient*/) -> const ConvWay& {
        return plan.choose(call);
      });
}

std::vector<ObservedConv> observe_convs(torch::nn::Module& model,
                                        const std::function<void()>& body) {
  std::vector<ObservedConv> seen;
  std::map<std::string, size_t> index;
  set_way_chooser(
      model,
      [&](const ConvCall& call, bool x_needs_gradient) -> const ConvWay& {
        const auto [place, is_new] = index.emplace(
            str_cat(call.key(), x_needs_gradient ? " back" : ""), seen.size());
        if (is_new) {
          seen.push_back({call, x_needs_gradient, 0});
        }
        ++seen[place->second].count;
        return rule_for(call);
      });
  body();
  set_way_chooser(model, choose_by_rule);
  return seen;
}

}  // namespace voxlift::trainer
