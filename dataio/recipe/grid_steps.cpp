// Recipe steps that change the grid of a scan.

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/recipe/scan_geometry.h"
#include "dataio/recipe/step_kinds.h"
#include "dataio/transform/fit_volume.h"

namespace voxlift::dataio {

namespace {

constexpr std::array<const char*, 3> kAxes = {"depth", "height", "width"};

// A side or a margin that a step may name.
constexpr double kMaxSide = 65536.0;

bool is_whole(double number, double low) {
  return number >= low && number <= kMaxSide && number == std::trunc(number);
}

// Refuses a grid that takes more memory than a scan may.
void check_size(const std::array<double, 3>& shape, const std::string& origin) {
  const auto most = static_cast<double>(DecodeLimits().max_elements);
  if (!(shape[0] * shape[1] * shape[2] <= most)) {
    throw DataError(str_cat(origin, ": would make ", shape[0], " x ", shape[1],
                            " x ", shape[2], " voxels, more than ", most));
  }
}

Shape3 to_shape(const std::array<double, 3>& sides, const std::string& origin) {
  check_size(sides, origin);
  Shape3 shape{};
  for (size_t i = 0; i < 3; ++i) {
    shape[i] = static_cast<int64_t>(sides[i]);
  }
  return shape;
}

// D,H,W in whole voxels where 0 stands for the scan's own side.
std::optional<Shape3> parse_sides(const std::vector<double>& numbers,
                                  size_t count) {
  if (numbers.size() != count) {
    return std::nullopt;
  }
  Shape3 sides{};
  for (size_t i = 0; i < 3; ++i) {
    if (!is_whole(numbers[i], 0.0)) {
      return std::nullopt;
    }
    sides[i] = static_cast<int64_t>(numbers[i]);
  }
  return sides;
}

RecipeStep make_orient(StepArguments& arguments) {
  if (!is_orientation_code(arguments.text)) {
    return nullptr;
  }
  return [code = arguments.text](Scan& scan, const std::string& origin) {
    reorient_scan(scan, orientation_to(code, scan.image.affine, origin),
                  origin);
  };
}

double resampled_side(const Volume& image, size_t axis, double target_mm,
                      const std::string& origin) {
  const auto side = static_cast<double>(image.shape[axis]);
  if (target_mm == 0.0) {
    return side;
  }
  const double spacing = image.spacing_mm[axis];
  if (!(spacing > 0.0 && std::isfinite(spacing))) {
    throw DataError(str_cat(origin, ": spacing of ", spacing, " mm along ",
                            kAxes[axis], ", want more than 0"));
  }
  return std::max(std::round(side * spacing / target_mm), 1.0);
}

RecipeStep make_resample(StepArguments& arguments) {
  const auto& numbers = arguments.numbers;
  if (numbers.size() != 3 ||
      std::any_of(numbers.begin(), numbers.end(),
                  [](double target) { return target < 0.0; })) {
    return nullptr;
  }
  return [numbers](Scan& scan, const std::string& origin) {
    std::array<double, 3> sides{};
    for (size_t i = 0; i < 3; ++i) {
      sides[i] = resampled_side(scan.image, i, numbers[i], origin);
    }
    resize_scan(scan, to_shape(sides, origin));
  };
}

// The named sides, the scan's own where 0 is named.
std::array<double, 3> own_where_zero(const Shape3& sides, const Shape3& own) {
  std::array<double, 3> result{};
  for (size_t i = 0; i < 3; ++i) {
    result[i] = static_cast<double>(sides[i] == 0 ? own[i] : sides[i]);
  }
  return result;
}

RecipeStep make_resize(StepArguments& arguments) {
  const auto sides = parse_sides(arguments.numbers, 3);
  if (!sides) {
    return nullptr;
  }
  return [sides = *sides](Scan& scan, const std::string& origin) {
    resize_scan(scan,
                to_shape(own_where_zero(sides, scan.image.shape), origin));
  };
}

RecipeStep make_crop(StepArguments& arguments) {
  const auto sides = parse_sides(arguments.numbers, 3);
  if (!sides) {
    return nullptr;
  }
  return [sides = *sides](Scan& scan, const std::string& origin) {
    const Shape3 own = scan.image.shape;
    Shape3 length = to_shape(own_where_zero(sides, own), origin);
    for (size_t i = 0; i < 3; ++i) {
      length[i] = std::min(length[i], own[i]);
    }
    crop_scan(scan, {center_start(own, length), length}, 0.0F, origin);
  };
}

RecipeStep make_pad(StepArguments& arguments) {
  const auto sides = parse_sides(arguments.numbers, 4);
  if (!sides ||
      std::abs(arguments.numbers[3]) > std::numeric_limits<float>::max()) {
    return nullptr;
  }
  return [sides = *sides, value = static_cast<float>(arguments.numbers[3])](
             Scan& scan, const std::string& origin) {
    const Shape3 own = scan.image.shape;
    std::array<double, 3> wanted = own_where_zero(sides, own);
    for (size_t i = 0; i < 3; ++i) {
      wanted[i] = std::max(wanted[i], static_cast<double>(own[i]));
    }
    const Shape3 length = to_shape(wanted, origin);
    crop_scan(scan, {center_start(own, length), length}, value, origin);
  };
}

// The box of all voxels above `threshold`; of size 0 if there is none. NaN is
// above nothing.
VoxelBox foreground_box(const Volume& image, double threshold) {
  Shape3 low = image.shape;
  Shape3 high = {0, 0, 0};
  auto voxel = image.voxels.begin();
  for (int64_t d = 0; d < image.shape[0]; ++d) {
    for (int64_t h = 0; h < image.shape[1]; ++h) {
      for (int64_t w = 0; w < image.shape[2]; ++w) {
        if (static_cast<double>(*voxel++) > threshold) {
          low = {std::min(low[0], d), std::min(low[1], h), std::min(low[2], w)};
          high = {d + 1, std::max(high[1], h + 1), std::max(high[2], w + 1)};
        }
      }
    }
  }
  if (high[0] == 0) {
    return {};
  }
  return {low, {high[0] - low[0], high[1] - low[1], high[2] - low[2]}};
}

RecipeStep make_foreground(StepArguments& arguments) {
  const auto& numbers = arguments.numbers;
  if (numbers.size() != 2 || !is_whole(numbers[1], 0.0)) {
    return nullptr;
  }
  return [threshold = numbers[0], margin = static_cast<int64_t>(numbers[1])](
             Scan& scan, const std::string& origin) {
    VoxelBox box = foreground_box(scan.image, threshold);
    if (box.num_voxels() == 0) {
      throw DataError(str_cat(origin, ": none of ", scan.image.num_voxels(),
                              " voxels is above ", threshold));
    }
    for (size_t i = 0; i < 3; ++i) {
      box.start[i] -= margin;
      box.size[i] += 2 * margin;
    }
    crop_scan(scan, clip_box(box, scan.image.shape), 0.0F, origin);
  };
}

}  // namespace

std::vector<StepKind> grid_steps() {
  const std::string sides =
      ":D,H,W in whole voxels up to 65536, 0 for the scan's own";
  return {
      {"orient",
       "orient:CODE with one letter of R L, one of A P, one of S I, for the "
       "directions of width, height, depth (orient:RAS)",
       make_orient},
      {"resample", "resample:D,H,W in mm, 0 for the scan's own", make_resample},
      {"resize", "resize" + sides, make_resize},
      {"crop", "crop" + sides, make_crop},
      {"pad",
       "pad:D,H,W,VALUE with sides in whole voxels up to 65536, 0 for the "
       "scan's own",
       make_pad},
      {"foreground",
       "foreground:THRESHOLD,MARGIN with a margin in whole voxels",
       make_foreground},
  };
}

}  // namespace voxlift::dataio
