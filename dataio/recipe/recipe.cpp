#include "dataio/recipe/recipe.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/recipe/step_kinds.h"

namespace voxlift::dataio {

namespace {

std::vector<StepKind> all_kinds() {
  std::vector<StepKind> kinds = grid_steps();
  for (auto& more : {intensity_steps(), label_steps()}) {
    kinds.insert(kinds.end(), more.begin(), more.end());
  }
  return kinds;
}

[[noreturn]] void throw_unknown(const std::string& where,
                                const std::string& name,
                                const std::vector<StepKind>& kinds) {
  std::vector<std::string> names;
  names.reserve(kinds.size());
  for (const StepKind& kind : kinds) {
    names.push_back(kind.name);
  }
  throw ConfigError(
      str_cat(where, ": no such step; nearest: ", nearest_word(name, names)));
}

}  // namespace

std::string Recipe::text() const {
  std::vector<std::string> texts;
  texts.reserve(steps_.size());
  for (const Named& named : steps_) {
    texts.push_back(named.text);
  }
  return str_join(texts, " ");
}

void Recipe::apply(Scan& scan, const std::string& origin) const {
  VOXLIFT_CHECK(
      scan.image.num_voxels() > 0 &&
          scan.image.voxels.size() ==
              static_cast<size_t>(scan.image.num_voxels()) &&
          (scan.mask.empty() || scan.mask.size() == scan.image.voxels.size()),
      "size of the scan");
  for (const Named& named : steps_) {
    named.step(scan, str_cat(origin, ": ", named.text));
  }
}

Recipe parse_recipe(std::span<const std::string> steps) {
  const std::vector<StepKind> kinds = all_kinds();
  Recipe recipe;
  for (size_t i = 0; i < steps.size(); ++i) {
    const std::string text = str_trim(steps[i]);
    const std::string where = str_cat("recipe step ", i + 1, " '", text, "'");
    const size_t colon = std::min(text.find(':'), text.size());
    const std::string name = str_trim(text.substr(0, colon));
    const auto kind =
        std::find_if(kinds.begin(), kinds.end(),
                     [&](const StepKind& k) { return k.name == name; });
    if (kind == kinds.end()) {
      throw_unknown(where, name, kinds);
    }
    StepArguments arguments = parse_arguments(
        colon < text.size() ? text.substr(colon + 1) : std::string());
    RecipeStep step = kind->make(arguments);
    if (!step) {
      throw ConfigError(str_cat(where, ": want ", kind->usage));
    }
    recipe.steps_.push_back(
        {arguments.text.empty() ? name : name + ":" + arguments.text,
         std::move(step)});
  }
  return recipe;
}

Recipe parse_recipe(const std::string& text) {
  std::istringstream words(text);
  std::vector<std::string> steps;
  for (std::string step; words >> step;) {
    steps.push_back(step);
  }
  return parse_recipe(steps);
}

}  // namespace voxlift::dataio
