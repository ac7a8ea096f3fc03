#include "dataio/transform/intensity_jitter.h"

#include <algorithm>
#include <cmath>

#include "dataio/transform/check_field.h"

namespace voxlift::dataio {

namespace {

void apply_gamma(double gamma, std::span<float> voxels) {
  const auto [min, max] = std::minmax_element(voxels.begin(), voxels.end());
  const float low = *min;
  const float range = *max - low;
  if (!(range > 0.0F)) {
    return;
  }
  for (float& voxel : voxels) {
    voxel = low +
            range * std::pow((voxel - low) / range, static_cast<float>(gamma));
  }
}

void add_noise(double deviation, RandomStream draws, std::span<float> voxels) {
  for (float& voxel : voxels) {
    voxel += static_cast<float>(deviation * draws.normal());
  }
}

}  // namespace

void IntensityJitterConfig::validate(const std::string& prefix) const {
  check_field(prefix + "gamma", gamma, 1.0, 10.0, "1 to 10");
  check_field(prefix + "scale", scale, 0.0, 1.0, "0 to 1");
  check_field(prefix + "shift", shift, 0.0, 1e6, "0 to 1e6");
  check_field(prefix + "noise", noise, 0.0, 1e6, "0 to 1e6");
}

void jitter_intensity(const IntensityJitterConfig& config,
                      const AugmentStreams& streams, std::span<float> voxels) {
  RandomStream draws = streams.of(Augment::kIntensity);
  const double log_gamma = std::log(config.gamma);
  const double gamma = std::exp(draws.uniform(-log_gamma, log_gamma));
  const double factor = 1.0 + draws.uniform(-config.scale, config.scale);
  const double shift = draws.uniform(-config.shift, config.shift);
  const double deviation = draws.uniform(0.0, config.noise);
  if (config.gamma > 1.0 && !voxels.empty()) {
    apply_gamma(gamma, voxels);
  }
  if (config.scale > 0.0 || config.shift > 0.0) {
    for (float& voxel : voxels) {
      voxel = voxel * static_cast<float>(factor) + static_cast<float>(shift);
    }
  }
  if (config.noise > 0.0) {
    add_noise(deviation, streams.of(Augment::kNoise), voxels);
  }
}

}  // namespace voxlift::dataio
