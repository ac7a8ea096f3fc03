#pragma once
// Random changes of normalised voxel values.

#include <span>
#include <string>

#include "dataio/transform/augment_streams.h"

namespace voxlift::dataio {

// In this order; each is off at its default.
struct IntensityJitterConfig {
  // x -> low + (high - low) * ((x - low) / (high - low))^g between the lowest
  // and highest value of the sample; ln g uniform in +-ln(gamma).
  double gamma = 1.0;
  double scale = 0.0;  // Factor uniform in 1 +- scale.
  double shift = 0.0;  // Added; uniform in +-shift, in normalised units.
  // Deviation of Gaussian noise, itself uniform in 0 .. noise. Cost: one
  // normal draw per voxel.
  double noise = 0.0;

  // Throws ConfigError naming `prefix` and the field.
  void validate(const std::string& prefix) const;
};

// Draws of kIntensity: gamma, scale, shift, noise, all four each time. Draws of
// kNoise: one per voxel, if there is noise.
void jitter_intensity(const IntensityJitterConfig& config,
                      const AugmentStreams& streams, std::span<float> voxels);

}  // namespace voxlift::dataio
