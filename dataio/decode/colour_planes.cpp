// A photograph as a scan of three slices.

#include "base/files.h"
#include "dataio/decode/volume_formats.h"
#include "dataio/decode/world.h"

namespace voxlift::dataio {

Volume read_colour_planes(const VolumeFile& file, const DecodeLimits& limits,
                          VolumeNotes& notes) {
  constexpr int64_t kPlanes = 3;
  const Image image =
      decode_image(RealFiles().read(file.path), file.path, limits);
  notes.format = "photograph";
  notes.stored_type = "uint8";
  Volume volume;
  volume.shape = {kPlanes, image.height, image.width};
  volume.affine = affine_from_spacing(volume.spacing_mm);
  const auto pixels = static_cast<size_t>(image.height * image.width);
  volume.voxels.resize(kPlanes * pixels);
  for (size_t i = 0; i < pixels; ++i) {
    for (size_t plane = 0; plane < kPlanes; ++plane) {
      volume.voxels[plane * pixels + i] =
          static_cast<float>(image.rgb[kPlanes * i + plane]);
    }
  }
  return volume;
}

}  // namespace voxlift::dataio
