#include "trainer/infer/image_reader.h"

#include <memory>

#include "base/error.h"
#include "dataio/transform/fit_volume.h"

namespace voxlift::trainer {

ImageReader read_normalised(const dataio::VolumeSource& source,
                            const dataio::Normaliser& normaliser) {
  const auto workspace = std::make_shared<dataio::Workspace>();
  return [&source, normaliser, workspace](const dataio::VoxelBox& box,
                                          std::span<float> out) {
    dataio::read_padded_image(source, box, normaliser.outside(), *workspace,
                              out);
    normaliser.apply(out);
  };
}

ImageReader read_tensor(const torch::Tensor& image_DHW, float outside) {
  VOXLIFT_CHECK(image_DHW.dim() == 3 && image_DHW.is_cpu() &&
                    image_DHW.scalar_type() == torch::kFloat32,
                "an image is (D, H, W), float32, on the CPU");
  return [image_DHW, outside](const dataio::VoxelBox& box,
                              std::span<float> out) {
    torch::Tensor voxels = torch::from_blob(
        out.data(), {box.size[0], box.size[1], box.size[2]}, torch::kFloat32);
    voxels.fill_(outside);
    torch::Tensor from = image_DHW;
    const dataio::VoxelBox inside =
        dataio::clip_box(box, {from.size(0), from.size(1), from.size(2)});
    for (size_t i = 0; i < 3; ++i) {
      const auto axis = static_cast<int64_t>(i);
      from = from.narrow(axis, inside.start[i], inside.size[i]);
      voxels =
          voxels.narrow(axis, inside.start[i] - box.start[i], inside.size[i]);
    }
    voxels.copy_(from);
  };
}

}  // namespace voxlift::trainer
