#include "dataio/transform/elastic.h"

#include <algorithm>
#include <cmath>

#include "dataio/transform/check_field.h"
#include "dataio/transform/resize.h"

namespace voxlift::dataio {

namespace {

// Calls visit(voxel) for all voxels of `box`, W fastest.
template <typename Visit>
void for_each(const VoxelBox& box, const Visit& visit) {
  for (int64_t d = 0; d < box.size[0]; ++d) {
    for (int64_t h = 0; h < box.size[1]; ++h) {
      for (int64_t w = 0; w < box.size[2]; ++w) {
        visit(Shape3{box.start[0] + d, box.start[1] + h, box.start[2] + w});
      }
    }
  }
}

// The two inputs around a place (voxel i spans i to i + 1), clamped.
Tap tap_at(double place, int64_t length) {
  const double position =
      std::clamp(place - 0.5, 0.0, static_cast<double>(length - 1));
  const auto low = static_cast<int64_t>(position);
  return {low, std::min(low + 1, length - 1),
          static_cast<float>(position - static_cast<double>(low))};
}

float blend(float low, float high, float weight) {
  return low + weight * (high - low);
}

}  // namespace

void ElasticConfig::validate(const std::string& prefix) const {
  check_field(prefix + "prob", prob, 0.0, 1.0, "0 to 1");
  check_field<int64_t>(prefix + "points", points, 2, 16, "2 to 16");
  check_field(prefix + "max_voxels", max_voxels, 0.0, 100.0, "0 to 100");
}

ElasticField::ElasticField(const ElasticConfig& config, const Shape3& shape,
                           RandomStream& draws)
    : shape_(shape), points_(config.points) {
  for (size_t i = 0; i < 3; ++i) {
    const double distance =
        static_cast<double>(shape[i] - 1) / static_cast<double>(points_ - 1);
    reach_[i] = std::min(config.max_voxels, distance / 6.0);
  }
  displacements_.resize(static_cast<size_t>(points_ * points_ * points_));
  for (auto& displacement : displacements_) {
    for (size_t i = 0; i < 3; ++i) {
      displacement[i] = draws.uniform(-1.0, 1.0) * reach_[i];
    }
  }
}

std::array<double, 3> ElasticField::at(const Shape3& voxel) const {
  std::array<int64_t, 3> cell{};
  std::array<double, 3> weight{};
  for (size_t i = 0; i < 3; ++i) {
    const double position =
        shape_[i] == 1 ? 0.0
                       : static_cast<double>(voxel[i] * (points_ - 1)) /
                             static_cast<double>(shape_[i] - 1);
    cell[i] = std::min(static_cast<int64_t>(position), points_ - 2);
    weight[i] = position - static_cast<double>(cell[i]);
  }
  std::array<double, 3> sum{};
  for (size_t corner = 0; corner < 8; ++corner) {
    double share = 1.0;
    int64_t index = 0;
    for (size_t i = 0; i < 3; ++i) {
      const bool far = (corner >> i & 1U) == 1U;
      share *= far ? weight[i] : 1.0 - weight[i];
      index = index * points_ + cell[i] + (far ? 1 : 0);
    }
    const auto& displacement = displacements_[static_cast<size_t>(index)];
    for (size_t i = 0; i < 3; ++i) {
      sum[i] += share * displacement[i];
    }
  }
  return sum;
}

WarpGrid::WarpGrid(const ElasticField& field, const VoxelBox& box,
                   const Shape3& shape)
    : field_(field), box_(box), shape_(shape) {
  for (size_t i = 0; i < 3; ++i) {
    scale_[i] =
        static_cast<double>(box.size[i]) / static_cast<double>(shape[i]);
    const auto margin =
        static_cast<int64_t>(std::ceil(field.reach()[i] * scale_[i]));
    needed_.start[i] = box.start[i] - margin;
    needed_.size[i] = box.size[i] + 2 * margin;
  }
}

std::array<double, 3> WarpGrid::place(const Shape3& voxel) const {
  std::array<double, 3> result = field_.at(voxel);
  for (size_t i = 0; i < 3; ++i) {
    result[i] = static_cast<double>(box_.start[i]) +
                (static_cast<double>(voxel[i]) + 0.5 + result[i]) * scale_[i];
  }
  return result;
}

void WarpGrid::sample_linear(std::span<const float> voxels,
                             std::span<float> out) const {
  auto to = out.begin();
  for_each({{0, 0, 0}, shape_}, [&](const Shape3& voxel) {
    const auto from = place(voxel);
    std::array<Tap, 3> tap;
    for (size_t i = 0; i < 3; ++i) {
      tap[i] = tap_at(from[i] - static_cast<double>(needed_.start[i]),
                      needed_.size[i]);
    }
    const auto line = [&](int64_t d, int64_t h) {
      const float* row =
          voxels.data() + (d * needed_.size[1] + h) * needed_.size[2];
      return blend(row[tap[2].low], row[tap[2].high], tap[2].weight);
    };
    const auto slice = [&](int64_t d) {
      return blend(line(d, tap[1].low), line(d, tap[1].high), tap[1].weight);
    };
    *to++ = blend(slice(tap[0].low), slice(tap[0].high), tap[0].weight);
  });
}

void WarpGrid::sample_nearest(std::span<const uint8_t> voxels,
                              std::span<uint8_t> out) const {
  auto to = out.begin();
  for_each({{0, 0, 0}, shape_}, [&](const Shape3& voxel) {
    const auto from = place(voxel);
    int64_t index = 0;
    for (size_t i = 0; i < 3; ++i) {
      const auto nearest =
          static_cast<int64_t>(std::floor(from[i])) - needed_.start[i];
      index = index * needed_.size[i] +
              std::clamp<int64_t>(nearest, 0, needed_.size[i] - 1);
    }
    *to++ = voxels[static_cast<size_t>(index)];
  });
}

LabelledBox WarpGrid::map(const LabelledBox& box) const {
  VoxelBox near;  // Sample voxels that could show the box.
  for (size_t i = 0; i < 3; ++i) {
    const auto first = static_cast<double>(box_.start[i]);
    const auto end = static_cast<double>(shape_[i]);
    const double low = (box.low[i] - first) / scale_[i] - field_.reach()[i];
    const double high = (box.high[i] - first) / scale_[i] + field_.reach()[i];
    near.start[i] = static_cast<int64_t>(std::clamp(std::floor(low), 0.0, end));
    near.size[i] = static_cast<int64_t>(std::clamp(std::ceil(high), 0.0, end)) -
                   near.start[i];
  }
  LabelledBox mapped = box;
  mapped.low = mapped.high = {0.0, 0.0, 0.0};
  bool found = false;
  for_each(near, [&](const Shape3& voxel) {
    const auto from = place(voxel);
    for (size_t i = 0; i < 3; ++i) {
      if (from[i] < box.low[i] || from[i] >= box.high[i]) {
        return;
      }
    }
    for (size_t i = 0; i < 3; ++i) {
      const auto low = static_cast<double>(voxel[i]);
      mapped.low[i] = found ? std::min(mapped.low[i], low) : low;
      mapped.high[i] = found ? std::max(mapped.high[i], low + 1.0) : low + 1.0;
    }
    found = true;
  });
  return mapped;
}

}  // namespace voxlift::dataio
