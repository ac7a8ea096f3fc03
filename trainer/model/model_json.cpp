#include "trainer/model/model_json.h"

#include <functional>
#include <map>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

// Calls visit(key, field) for every option: the one list of keys.
template <typename Config, typename Visit>
void for_each_field(Config& config, const Visit& visit) {
  auto& resnet = config.resnet;
  visit("network", config.network);
  visit("depth", resnet.depth);
  visit("classes", config.classes);
  visit("dropout", config.dropout);
  visit("in_channels", resnet.in_channels);
  visit("stem_channels", resnet.stem_channels);
  visit("base_channels", resnet.base_channels);
  visit("depth_stride", resnet.depth_stride);
  visit("stem_stride", resnet.stem_stride);
  visit("stem_pool", resnet.stem_pool);
  visit("strides", resnet.strides);
  visit("dilations", resnet.dilations);
  visit("shortcut", resnet.shortcut);
  visit("style", resnet.style);
  visit("conv", resnet.conv);
  visit("force_downsample", resnet.force_downsample);
  visit("deep_stem", resnet.deep_stem);
  visit("avg_down", resnet.avg_down);
  visit("zero_init_residual", resnet.zero_init_residual);
  visit("norm", resnet.norm.kind);
  visit("groups", resnet.norm.groups);
  visit("head_channels", config.head_channels);
  visit("conversion", config.conversion);
  visit("slices", config.slices);
}

// Numbers may be written as text ("depth": "18").
Json as_number(const Json& value) {
  if (value.is_string()) {
    if (const auto number = parse_int(value.get<std::string>())) {
      return *number;
    }
  }
  return value;
}

template <typename Field>
void set_field(const Json& json, const std::string& key, Field& field,
               const std::string& origin) {
  if (!json.contains(key)) {
    return;
  }
  Json one = {{key, json.at(key)}};
  if constexpr (std::is_same_v<Field, int64_t>) {
    one[key] = as_number(one[key]);
  }
  if constexpr (std::is_same_v<Field, std::string>) {
    if (one[key].is_number_integer()) {
      one[key] = std::to_string(one[key].get<int64_t>());
    }
  }
  field = json_get<Field>(one, key, origin);
}

}  // namespace

Json to_json(const ModelConfig& config) {
  Json json;
  for_each_field(config, [&json](const char* key, const auto& field) {
    json[key] = field;
  });
  return json;
}

ModelConfig model_config_from_json(const Json& given,
                                   const std::string& origin) {
  ModelConfig config;
  Json json = given;
  if (json.contains("shortcut_type")) {  // The published code's name.
    json["shortcut"] = json["shortcut_type"];
    json.erase("shortcut_type");
  }
  const Json known = to_json(config);
  for (const auto& [key, value] : json.items()) {
    if (!known.contains(key)) {
      throw DataError(
          str_cat("'", origin, "': unknown network option '", key, "'"));
    }
  }
  for_each_field(config, [&](const char* key, auto& field) {
    set_field(json, key, field, origin);
  });
  return config;
}

}  // namespace voxlift::trainer
