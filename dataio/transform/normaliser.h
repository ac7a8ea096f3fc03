#pragma once
// Voxel values as a network wants them.

#include <span>

#include "dataio/transform/volume_transform.h"
#include "dataio/volume_source.h"

namespace voxlift::dataio {

// x -> (clip(x) - mean) / std with the numbers that the configuration asks for,
// for one scan. A value; any thread.
class Normaliser {
 public:
  Normaliser(const VolumeTransformConfig& config, const VolumeFacts& facts);

  // What stands beyond the scan, before normalisation.
  float outside() const { return outside_; }

  void apply(std::span<float> voxels) const;

 private:
  bool clips_ = false;
  float clip_low_ = 0.0F;
  float clip_high_ = 0.0F;
  float mean_ = 0.0F;
  float std_ = 1.0F;
  float outside_ = 0.0F;
};

}  // namespace voxlift::dataio
