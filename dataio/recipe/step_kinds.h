#pragma once
// The steps that a recipe can name.

#include <functional>
#include <string>
#include <vector>

#include "dataio/recipe/recipe.h"
#include "dataio/recipe/step_arguments.h"

namespace voxlift::dataio {

struct StepKind {
  std::string name;
  std::string usage;  // "clip:LOW,HIGH with LOW < HIGH", for errors.
  // Nothing if the arguments are not as in `usage`. May rewrite
  // arguments.text, which becomes the canonical text.
  std::function<RecipeStep(StepArguments& arguments)> make;
};

// Grid: orient, resample, resize, crop, pad, foreground.
std::vector<StepKind> grid_steps();

// Voxel values: clip, window, window8, scale, truncate, zscore, minmax,
// percentile, finite.
std::vector<StepKind> intensity_steps();

// Labels: map_labels.
std::vector<StepKind> label_steps();

}  // namespace voxlift::dataio
