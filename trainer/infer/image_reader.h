#pragma once
// Regions of an image for inference, the image in memory or on disk.

#include <torch/torch.h>

#include <functional>
#include <span>

#include "dataio/box.h"
#include "dataio/transform/normaliser.h"
#include "dataio/volume_source.h"

namespace voxlift::trainer {

// Fills `out` with the voxels of a box as the network sees them, W fastest. The
// box may reach beyond the volume.
using ImageReader =
    std::function<void(const dataio::VoxelBox& box, std::span<float> out)>;

// Reads from `source`, normalised; what lies beyond it as in training. `source`
// must outlive the reader. Throws DataError, IoError when it is called.
ImageReader read_normalised(const dataio::VolumeSource& source,
                            const dataio::Normaliser& normaliser);

// Reads from a float32 tensor on the CPU; `outside` lies beyond it.
ImageReader read_tensor(const torch::Tensor& image_DHW, float outside);

}  // namespace voxlift::trainer
