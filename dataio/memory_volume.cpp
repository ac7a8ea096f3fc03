#include "dataio/memory_volume.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::dataio {

namespace {

template <typename T>
void copy_box(const std::vector<T>& voxels, const Shape3& shape,
              const VoxelBox& box, std::span<T> out) {
  for (size_t i = 0; i < 3; ++i) {
    VOXLIFT_CHECK(box.start[i] >= 0 && box.size[i] >= 0 &&
                      box.start[i] + box.size[i] <= shape[i],
                  "box outside the volume");
  }
  VOXLIFT_CHECK(static_cast<int64_t>(out.size()) == box.num_voxels(),
                "size of the output");
  auto to = out.begin();
  for (int64_t d = 0; d < box.size[0]; ++d) {
    for (int64_t h = 0; h < box.size[1]; ++h) {
      const int64_t row = (box.start[0] + d) * shape[1] + box.start[1] + h;
      to = std::copy_n(voxels.begin() + row * shape[2] + box.start[2],
                       box.size[2], to);
    }
  }
}

class MemoryVolume : public VolumeSource {
 public:
  MemoryVolume(Scan scan, std::string origin)
      : image_(std::move(scan.image)),
        mask_(std::move(scan.mask)),
        origin_(std::move(origin)) {
    check_finite();
    VOXLIFT_CHECK(mask_.empty() || mask_.size() == image_.voxels.size(),
                  "size of the mask");
    facts_.shape = image_.shape;
    facts_.spacing_mm = image_.spacing_mm;
    facts_.affine = image_.affine;
    facts_.moments = measure_voxels(image_.voxels);
    facts_.has_mask = !mask_.empty();
    facts_.num_foreground = std::count_if(mask_.begin(), mask_.end(),
                                          [](uint8_t m) { return m > 0; });
    facts_.boxes = std::move(scan.boxes);
    facts_.key_slice = scan.key_slice;
  }

  const VolumeFacts& facts() const override { return facts_; }

  std::string describe() const override { return origin_; }

  void read_image(const VoxelBox& box, std::span<float> out) const override {
    copy_box(image_.voxels, image_.shape, box, out);
  }

  void read_mask(const VoxelBox& box, std::span<uint8_t> out) const override {
    VOXLIFT_CHECK(facts_.has_mask, "there is no mask");
    copy_box(mask_, image_.shape, box, out);
  }

  Shape3 foreground_voxel(int64_t k) const override {
    VOXLIFT_CHECK(k >= 0 && k < facts_.num_foreground, "foreground voxel");
    int64_t i = -1;
    for (int64_t left = k; left >= 0; ++i) {
      left -= mask_[static_cast<size_t>(i + 1)] > 0 ? 1 : 0;
    }
    const int64_t row = i / image_.shape[2];
    return {row / image_.shape[1], row % image_.shape[1], i % image_.shape[2]};
  }

 private:
  void check_finite() const {
    const auto num_bad =
        std::count_if(image_.voxels.begin(), image_.voxels.end(),
                      [](float voxel) { return !std::isfinite(voxel); });
    if (num_bad > 0) {
      throw DataError(str_cat(origin_, ": ", num_bad, " of ",
                              image_.num_voxels(),
                              " voxels are NaN or infinite"));
    }
  }

  Volume image_;
  std::vector<uint8_t> mask_;
  std::string origin_;
  VolumeFacts facts_;
};

}  // namespace

VoxelMoments measure_voxels(std::span<const float> voxels) {
  VOXLIFT_CHECK(!voxels.empty(), "moments of nothing");
  const auto count = static_cast<double>(voxels.size());
  double sum = 0.0;
  for (const float voxel : voxels) {
    sum += voxel;
  }
  const double mean = sum / count;
  double squares = 0.0;
  for (const float voxel : voxels) {
    squares += (voxel - mean) * (voxel - mean);
  }
  const auto [min, max] = std::minmax_element(voxels.begin(), voxels.end());
  return {mean, std::sqrt(squares / count), *min, *max};
}

std::unique_ptr<VolumeSource> make_memory_volume(Volume image,
                                                 std::vector<uint8_t> mask,
                                                 const std::string& origin) {
  return make_memory_volume(Scan{std::move(image), std::move(mask), {}, -1},
                            origin);
}

std::unique_ptr<VolumeSource> make_memory_volume(Scan scan,
                                                 const std::string& origin) {
  return std::make_unique<MemoryVolume>(std::move(scan), origin);
}

}  // namespace voxlift::dataio
