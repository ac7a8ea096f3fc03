#include "dataio/transform/normaliser.h"

#include <algorithm>

namespace voxlift::dataio {

namespace {

// A constant volume has no deviation; it becomes all zero.
constexpr double kMinDeviation = 1e-12;

struct MeanAndStd {
  double mean = 0.0;
  double std = 1.0;
};

MeanAndStd numbers_of(const VolumeTransformConfig& config,
                      const VoxelMoments& moments) {
  if (config.normalize == "zscore") {
    return {moments.mean, std::max(moments.std, kMinDeviation)};
  }
  if (config.normalize == "fixed") {
    return {config.mean, config.std};
  }
  if (config.normalize == "minmax") {
    const double low =
        std::clamp(moments.min, config.clip_low, config.clip_high);
    const double high =
        std::clamp(moments.max, config.clip_low, config.clip_high);
    return {low, std::max(high - low, kMinDeviation)};
  }
  return {};
}

}  // namespace

Normaliser::Normaliser(const VolumeTransformConfig& config,
                       const VolumeFacts& facts)
    : clips_(config.clips()),
      clip_low_(static_cast<float>(config.clip_low)),
      clip_high_(static_cast<float>(config.clip_high)) {
  const MeanAndStd numbers = numbers_of(config, facts.moments);
  mean_ = static_cast<float>(numbers.mean);
  std_ = static_cast<float>(numbers.std);
  outside_ =
      config.outside == "zero" ? mean_ : static_cast<float>(facts.moments.min);
}

void Normaliser::apply(std::span<float> voxels) const {
  if (clips_) {
    for (float& voxel : voxels) {
      voxel = std::clamp(voxel, clip_low_, clip_high_);
    }
  }
  for (float& voxel : voxels) {
    voxel = (voxel - mean_) / std_;
  }
}

}  // namespace voxlift::dataio
