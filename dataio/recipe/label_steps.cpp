// Recipe steps that change the labels of a mask.

#include <array>
#include <cstdint>
#include <map>
#include <numeric>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/recipe/step_kinds.h"

namespace voxlift::dataio {

namespace {

std::optional<uint8_t> parse_label(const std::string& text) {
  const auto label = parse_int(str_trim(text));
  if (!label || *label < 0 || *label > 255) {
    return std::nullopt;
  }
  return static_cast<uint8_t>(*label);
}

// "1=1,2=1"; empty if it is not of that form or names a label twice.
std::map<uint8_t, uint8_t> parse_label_map(const std::string& text) {
  std::map<uint8_t, uint8_t> result;
  for (const std::string& field : str_split(text, ',')) {
    const auto sides = str_split(field, '=');
    const auto from = parse_label(sides[0]);
    const auto to = sides.size() == 2 ? parse_label(sides[1]) : std::nullopt;
    if (!from || !to || !result.emplace(*from, *to).second) {
      return {};
    }
  }
  return result;
}

RecipeStep make_map_labels(StepArguments& arguments) {
  const auto pairs = parse_label_map(arguments.text);
  if (pairs.empty()) {
    return nullptr;
  }
  std::array<uint8_t, 256> table{};
  std::iota(table.begin(), table.end(), uint8_t{0});
  std::vector<std::string> fields;
  for (const auto& [from, to] : pairs) {
    table[from] = to;
    fields.push_back(str_cat(int{from}, "=", int{to}));
  }
  arguments.text = str_join(fields, ",");
  return [table](Scan& scan, const std::string& origin) {
    if (scan.mask.empty()) {
      throw DataError(str_cat(origin, ": the scan has no mask"));
    }
    for (uint8_t& label : scan.mask) {
      label = table[label];
    }
  };
}

}  // namespace

std::vector<StepKind> label_steps() {
  return {{"map_labels",
           "map_labels:OLD=NEW,... with labels of 0 to 255, each OLD once",
           make_map_labels}};
}

}  // namespace voxlift::dataio
