#include "dataio/transform/fit_volume.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "dataio/transform/resample.h"

namespace voxlift::dataio {

namespace {

int64_t floor_half(int64_t value) {
  return value >> 1;
}

void check_length(const Shape3& length, size_t num_voxels) {
  VOXLIFT_CHECK(
      static_cast<int64_t>(num_voxels) == length[0] * length[1] * length[2],
      "number of voxels");
}

}  // namespace

Shape3 center_start(const Shape3& size, const Shape3& length) {
  Shape3 start;
  for (size_t i = 0; i < 3; ++i) {
    start[i] = floor_half(size[i] - length[i]);
  }
  return start;
}

Shape3 draw_start(const Shape3& size, const Shape3& length, int64_t max_shift,
                  RandomStream& draws) {
  Shape3 start = center_start(size, length);
  for (size_t i = 0; i < 3; ++i) {
    const int64_t room = size[i] - length[i];
    const int64_t low =
        std::max(start[i] - max_shift, std::min<int64_t>(0, room));
    const int64_t high =
        std::min(start[i] + max_shift, std::max<int64_t>(0, room));
    start[i] = draws.uniform_int(low, high);
  }
  return start;
}

template <typename T>
void place_box(std::span<const T> voxels, const VoxelBox& inside,
               const Shape3& start, const Shape3& length, T outside,
               std::span<T> out) {
  check_length(length, out.size());
  check_length(inside.size, voxels.size());
  std::fill(out.begin(), out.end(), outside);
  if (inside.num_voxels() == 0) {
    return;
  }
  auto from = voxels.begin();
  for (int64_t d = 0; d < inside.size[0]; ++d) {
    for (int64_t h = 0; h < inside.size[1]; ++h) {
      const int64_t row = (inside.start[0] - start[0] + d) * length[1] +
                          inside.start[1] - start[1] + h;
      std::copy_n(from, inside.size[2],
                  out.begin() + row * length[2] + inside.start[2] - start[2]);
      from += inside.size[2];
    }
  }
}

template void place_box(std::span<const float>, const VoxelBox&, const Shape3&,
                        const Shape3&, float, std::span<float>);
template void place_box(std::span<const uint8_t>, const VoxelBox&,
                        const Shape3&, const Shape3&, uint8_t,
                        std::span<uint8_t>);

VoxelBox clip_box(const VoxelBox& box, const Shape3& shape) {
  VoxelBox inside;
  for (size_t i = 0; i < 3; ++i) {
    const int64_t end = std::min(box.start[i] + box.size[i], shape[i]);
    inside.start[i] = std::max<int64_t>(box.start[i], 0);
    inside.size[i] = std::max<int64_t>(end - inside.start[i], 0);
  }
  return inside;
}

void read_padded_image(const VolumeSource& source, const VoxelBox& box,
                       float outside, Workspace& workspace,
                       std::span<float> out) {
  const VoxelBox inside = clip_box(box, source.facts().shape);
  std::vector<float>& voxels = workspace.floats;
  voxels.resize(static_cast<size_t>(inside.num_voxels()));
  if (inside.num_voxels() > 0) {
    source.read_image(inside, voxels);
  }
  place_box<float>(voxels, inside, box.start, box.size, outside, out);
}

void read_padded_mask(const VolumeSource& source, const VoxelBox& box,
                      Workspace& workspace, std::span<uint8_t> out) {
  const VoxelBox inside = clip_box(box, source.facts().shape);
  std::vector<uint8_t>& voxels = workspace.bytes;
  voxels.resize(static_cast<size_t>(inside.num_voxels()));
  if (inside.num_voxels() > 0) {
    source.read_mask(inside, voxels);
  }
  place_box<uint8_t>(voxels, inside, box.start, box.size, 0, out);
}

void resize_volume(const Volume& volume, const Shape3& length,
                   std::span<float> out) {
  resample_linear(volume.voxels, volume.shape,
                  centred_taps(volume.shape, length), out);
}

}  // namespace voxlift::dataio
