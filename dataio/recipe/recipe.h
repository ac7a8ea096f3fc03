#pragma once
// What is done to every scan before it is packed: named steps, one after the
// other. docs/scan_transforms.md lists them.

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "dataio/scan.h"

namespace voxlift::dataio {

// Changes a scan. Throws DataError naming `origin`. Any thread.
using RecipeStep = std::function<void(Scan& scan, const std::string& origin)>;

// Steps in their order; a value. An empty recipe changes nothing.
class Recipe {
 public:
  // Canonical: steps that do the same have the same text ("clip:-1000.0, 4e2"
  // is "clip:-1000,400"). Separated by blanks, and parse_recipe() reads it.
  std::string text() const;

  bool empty() const { return steps_.empty(); }

  // Throws DataError naming `origin` and the step; the scan is then unusable.
  // Any thread. Memory: at most one more copy of the image at a time.
  void apply(Scan& scan, const std::string& origin) const;

 private:
  friend Recipe parse_recipe(std::span<const std::string> steps);

  struct Named {
    std::string text;
    RecipeStep step;
  };

  std::vector<Named> steps_;
};

// Steps like "orient:RAS" or "resample:1,1,1". Throws ConfigError naming the
// step, its place, and the nearest known step or what its numbers should be.
Recipe parse_recipe(std::span<const std::string> steps);

// The steps of one text, separated by blanks: "orient:RAS clip:-1000,400".
Recipe parse_recipe(const std::string& text);

}  // namespace voxlift::dataio
