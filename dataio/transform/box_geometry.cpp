#include "dataio/transform/box_geometry.h"

#include <algorithm>

namespace voxlift::dataio {

double box_volume(const LabelledBox& box) {
  double volume = 1.0;
  for (size_t i = 0; i < 3; ++i) {
    volume *= std::max(box.high[i] - box.low[i], 0.0);
  }
  return volume;
}

LabelledBox map_box(const LabelledBox& box, const Shape3& start,
                    const std::array<double, 3>& scale) {
  LabelledBox mapped = box;
  for (size_t i = 0; i < 3; ++i) {
    const auto first = static_cast<double>(start[i]);
    mapped.low[i] = (box.low[i] - first) * scale[i];
    mapped.high[i] = (box.high[i] - first) * scale[i];
  }
  return mapped;
}

LabelledBox clip_box(const LabelledBox& box, const Shape3& shape) {
  LabelledBox clipped = box;
  for (size_t i = 0; i < 3; ++i) {
    const auto end = static_cast<double>(shape[i]);
    clipped.low[i] = std::clamp(box.low[i], 0.0, end);
    clipped.high[i] = std::clamp(box.high[i], 0.0, end);
  }
  return clipped;
}

std::vector<LabelledBox> keep_boxes(const std::vector<LabelledBox>& boxes,
                                    const Shape3& shape, double min_frac) {
  std::vector<LabelledBox> kept;
  for (const LabelledBox& box : boxes) {
    const LabelledBox clipped = clip_box(box, shape);
    const double left = box_volume(clipped);
    if (left > 0.0 && left >= min_frac * box_volume(box)) {
      kept.push_back(clipped);
    }
  }
  return kept;
}

}  // namespace voxlift::dataio
