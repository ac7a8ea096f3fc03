#include "tests/sharding/volume_world.h"

#include "base/random.h"
#include "sharding/volume_writer.h"

namespace voxlift::test {

dataio::Scan made_scan(const dataio::Shape3& shape, uint64_t seed,
                       bool has_mask) {
  dataio::Scan scan;
  scan.image.shape = shape;
  scan.image.spacing_mm = {2.5, 0.75, 0.75};
  scan.image.affine = {{{0, 0, 0.75, -10}, {0, 0.75, 0, 20}, {2.5, 0, 0, 5}}};
  RandomStream draws(seed, Purpose::kAugment, 0, 0);
  for (int64_t d = 0; d < shape[0]; ++d) {
    for (int64_t h = 0; h < shape[1]; ++h) {
      for (int64_t w = 0; w < shape[2]; ++w) {
        scan.image.voxels.push_back(static_cast<float>(
            100 * d + 10 * h - 7 * w + draws.uniform_int(0, 63) - 500));
        if (has_mask) {
          scan.mask.push_back(static_cast<uint8_t>(3 * w / shape[2]));
        }
      }
    }
  }
  return scan;
}

VolumeShard::VolumeShard(bool has_mask) {
  scans = {made_scan({20, 33, 40}, 1, has_mask),
           made_scan({5, 16, 17}, 2, has_mask),
           made_scan({1, 1, 1}, 3, has_mask)};
  scans[1].boxes = {{{1, 2, 3}, {2, 8.5, 9}, 0}, {{1, 4, 5}, {2, 6, 7}, 1}};
  scans[1].key_slice = 1;
  sharding::VolumeWriter writer(
      path(), {dataio::Modality::kVolume, "0123456789abcdef"}, has_mask, files);
  for (size_t i = 0; i < scans.size(); ++i) {
    writer.append(scans[i], static_cast<int64_t>(i), "case" + std::to_string(i),
                  i < 2 ? "patient0" : "patient1");
  }
  writer.finish();
}

}  // namespace voxlift::test
