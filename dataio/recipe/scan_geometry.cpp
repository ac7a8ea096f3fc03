#include "dataio/recipe/scan_geometry.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/transform/box_geometry.h"
#include "dataio/transform/fit_volume.h"
#include "dataio/transform/resample.h"

namespace voxlift::dataio {

namespace {

// World axes 0, 1, 2 and their ends, the positive one first.
constexpr std::array<const char*, 3> kLetters = {"RL", "AP", "SI"};

struct Direction {
  size_t world_axis = 0;
  bool negative = false;
};

std::optional<Direction> direction_of(char letter) {
  for (size_t axis = 0; axis < 3; ++axis) {
    if (letter == kLetters[axis][0] || letter == kLetters[axis][1]) {
      return Direction{axis, letter == kLetters[axis][1]};
    }
  }
  return std::nullopt;
}

// Cosines: [world axis][voxel axis].
std::array<std::array<double, 3>, 3> cosines(const Affine& affine,
                                             const std::string& origin) {
  constexpr std::array<const char*, 3> kNames = {"depth", "height", "width"};
  std::array<std::array<double, 3>, 3> result{};
  for (size_t i = 0; i < 3; ++i) {
    const double length = std::hypot(affine[0][i], affine[1][i], affine[2][i]);
    if (!(length > 0.0 && std::isfinite(length))) {
      throw DataError(str_cat(origin, ": the affine has no direction along ",
                              kNames[i], " (length ", length,
                              " mm, want more than 0)"));
    }
    for (size_t r = 0; r < 3; ++r) {
      result[r][i] = affine[r][i] / length;
    }
  }
  return result;
}

// New voxel x stands where old voxel offset + sum of step[i] * x[i] stood.
using VoxelMap = std::array<std::array<double, 4>, 3>;

Affine compose(const Affine& affine, const VoxelMap& map) {
  Affine result{};
  for (size_t r = 0; r < 3; ++r) {
    for (size_t c = 0; c < 4; ++c) {
      for (size_t k = 0; k < 3; ++k) {
        result[r][c] += affine[r][k] * map[k][c];
      }
    }
    result[r][3] += affine[r][3];
  }
  return result;
}

template <typename T>
std::vector<T> turned(const std::vector<T>& voxels, const Shape3& shape,
                      const Orientation& orientation) {
  std::vector<T> out(voxels.size());
  orientation.apply(std::span<const T>(voxels), shape, std::span<T>(out));
  return out;
}

template <typename T>
std::vector<T> cropped(const std::vector<T>& voxels, const Shape3& shape,
                       const VoxelBox& box, T outside) {
  std::vector<T> out(static_cast<size_t>(box.num_voxels()), outside);
  const VoxelBox inside = clip_box(box, shape);
  for (int64_t d = 0; d < inside.size[0]; ++d) {
    for (int64_t h = 0; h < inside.size[1]; ++h) {
      const int64_t from =
          ((inside.start[0] + d) * shape[1] + inside.start[1] + h) * shape[2] +
          inside.start[2];
      const int64_t to = ((inside.start[0] - box.start[0] + d) * box.size[1] +
                          inside.start[1] - box.start[1] + h) *
                             box.size[2] +
                         inside.start[2] - box.start[2];
      std::copy_n(voxels.begin() + from, inside.size[2], out.begin() + to);
    }
  }
  return out;
}

void crop_boxes(Scan& scan, const VoxelBox& box, const std::string& origin) {
  for (size_t i = 0; i < scan.boxes.size(); ++i) {
    const LabelledBox moved =
        clip_box(map_box(scan.boxes[i], box.start, {1.0, 1.0, 1.0}), box.size);
    if (!(box_volume(moved) > 0.0)) {
      throw DataError(str_cat(origin, ": nothing is left of box ", i,
                              " in the crop of ", box.size[0], " x ",
                              box.size[1], " x ", box.size[2], " voxels"));
    }
    scan.boxes[i] = moved;
  }
}

void crop_key_slice(Scan& scan, const VoxelBox& box,
                    const std::string& origin) {
  if (scan.key_slice < 0) {
    return;
  }
  const int64_t moved = scan.key_slice - box.start[0];
  if (moved < 0 || moved >= box.size[0]) {
    throw DataError(str_cat(origin, ": key slice ", scan.key_slice,
                            " is outside of the crop, slices ", box.start[0],
                            " to ", box.start[0] + box.size[0] - 1));
  }
  scan.key_slice = moved;
}

}  // namespace

bool is_orientation_code(const std::string& code) {
  std::array<bool, 3> seen{};
  for (const char letter : code) {
    if (const auto direction = direction_of(letter)) {
      seen[direction->world_axis] = true;
    }
  }
  return code.size() == 3 && seen[0] && seen[1] && seen[2];
}

Orientation orientation_to(const std::string& code, const Affine& affine,
                           const std::string& origin) {
  VOXLIFT_CHECK(is_orientation_code(code), "orientation code");
  const auto cosine = cosines(affine, origin);
  std::array<size_t, 3> order = {0, 1, 2};  // order[i]: world axis of i.
  std::array<size_t, 3> best = order;
  double best_sum = -1.0;
  do {
    const double sum = std::abs(cosine[order[0]][0]) +
                       std::abs(cosine[order[1]][1]) +
                       std::abs(cosine[order[2]][2]);
    if (sum > best_sum) {
      best_sum = sum;
      best = order;
    }
  } while (std::next_permutation(order.begin(), order.end()));
  std::array<size_t, 3> axis{};
  std::array<bool, 3> reversed{};
  for (size_t out = 0; out < 3; ++out) {
    const Direction wanted = *direction_of(code[2 - out]);
    const auto in = static_cast<size_t>(
        std::find(best.begin(), best.end(), wanted.world_axis) - best.begin());
    axis[out] = in;
    reversed[out] = (cosine[wanted.world_axis][in] < 0.0) != wanted.negative;
  }
  return {axis, reversed};
}

void reorient_scan(Scan& scan, const Orientation& orientation,
                   const std::string& origin) {
  const auto& axis = orientation.axis();
  const auto& reversed = orientation.reversed();
  if (scan.key_slice >= 0 && axis[0] != 0) {
    throw DataError(str_cat(origin, ": key slice ", scan.key_slice,
                            " lies across depth, which would become another "
                            "axis"));
  }
  Volume& image = scan.image;
  const Shape3 before = image.shape;
  image.voxels = turned(image.voxels, before, orientation);
  if (!scan.mask.empty()) {
    scan.mask = turned(scan.mask, before, orientation);
  }
  for (LabelledBox& box : scan.boxes) {
    box = orientation.apply(box, before);
  }
  if (scan.key_slice >= 0 && reversed[0]) {
    scan.key_slice = before[0] - 1 - scan.key_slice;
  }
  VoxelMap map{};
  const auto spacing = image.spacing_mm;
  for (size_t i = 0; i < 3; ++i) {
    map[axis[i]][i] = reversed[i] ? -1.0 : 1.0;
    map[axis[i]][3] =
        reversed[i] ? static_cast<double>(before[axis[i]] - 1) : 0.0;
    image.spacing_mm[i] = spacing[axis[i]];
  }
  image.shape = orientation.apply(before);
  image.affine = compose(image.affine, map);
}

void crop_scan(Scan& scan, const VoxelBox& box, float outside,
               const std::string& origin) {
  crop_key_slice(scan, box, origin);
  crop_boxes(scan, box, origin);
  Volume& image = scan.image;
  image.voxels = cropped(image.voxels, image.shape, box, outside);
  if (!scan.mask.empty()) {
    scan.mask = cropped<uint8_t>(scan.mask, image.shape, box, 0);
  }
  VoxelMap map{};
  for (size_t i = 0; i < 3; ++i) {
    map[i][i] = 1.0;
    map[i][3] = static_cast<double>(box.start[i]);
  }
  image.shape = box.size;
  image.affine = compose(image.affine, map);
}

void resize_scan(Scan& scan, const Shape3& shape) {
  Volume& image = scan.image;
  const Shape3 before = image.shape;
  if (shape == before) {
    return;
  }
  const auto num_voxels = static_cast<size_t>(shape[0] * shape[1] * shape[2]);
  std::vector<float> voxels(num_voxels);
  resample_linear(image.voxels, before, centred_taps(before, shape), voxels);
  image.voxels = std::move(voxels);
  if (!scan.mask.empty()) {
    std::vector<uint8_t> mask(num_voxels);
    resample_nearest(scan.mask, before, shape, mask);
    scan.mask = std::move(mask);
  }
  if (scan.key_slice >= 0) {
    scan.key_slice = nearest_position(scan.key_slice, shape[0], before[0]);
  }
  VoxelMap map{};
  std::array<double, 3> scale{};
  for (size_t i = 0; i < 3; ++i) {
    const auto old_size = static_cast<double>(before[i]);
    const auto new_size = static_cast<double>(shape[i]);
    const double step = old_size / new_size;
    map[i][i] = step;
    map[i][3] = 0.5 * step - 0.5;
    scale[i] = new_size / old_size;
    image.spacing_mm[i] *= step;
  }
  for (LabelledBox& box : scan.boxes) {
    box = map_box(box, {0, 0, 0}, scale);
  }
  image.shape = shape;
  image.affine = compose(image.affine, map);
}

}  // namespace voxlift::dataio
