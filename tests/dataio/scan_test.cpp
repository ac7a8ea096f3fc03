#include "dataio/scan.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "dataio/encode/nifti_mask.h"
#include "dataio/encode/npy_writer.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::dataio {
namespace {

using test::expect_error;

class ScanTest : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const MaskGrid& grid,
                    uint8_t value = 1) const {
    const auto count = grid.shape[0] * grid.shape[1] * grid.shape[2];
    const std::vector<uint8_t> labels(static_cast<size_t>(count), value);
    return dir_.write(name,
                      std::string(as_text(encode_nifti_mask_gz(labels, grid))));
  }

  static VolumeEntry entry(const std::string& image, const std::string& mask) {
    VolumeEntry entry;
    entry.image.path = image;
    entry.mask = VolumeFile{.path = mask};
    return entry;
  }

  test::TempDir dir_;
};

TEST_F(ScanTest, ReadsImageAndMask) {
  MaskGrid grid = {{2, 3, 4}, {1, 1, 1}, kIdentityAffine};
  const std::string image = write("image.nii.gz", grid, 7);
  grid.affine[0][3] = 0.4;  // Less than half a voxel.
  const Scan scan = read_scan(entry(image, write("mask.nii.gz", grid)));
  EXPECT_EQ(scan.image.voxels, std::vector<float>(24, 7.0F));
  EXPECT_EQ(scan.mask, std::vector<uint8_t>(24, 1));
}

TEST_F(ScanTest, RefusesAMaskOfAnotherShape) {
  const std::string image =
      write("image.nii.gz", {{2, 3, 4}, {1, 1, 1}, kIdentityAffine});
  const std::string mask =
      write("mask.nii.gz", {{2, 3, 5}, {1, 1, 1}, kIdentityAffine});
  expect_error<DataError>([&] { (void)read_scan(entry(image, mask)); },
                          {mask, "the mask is 2 x 3 x 5, the image 2 x 3 x 4"});
}

TEST_F(ScanTest, RefusesAMaskOfAnotherPlace) {
  MaskGrid grid = {{2, 3, 4}, {1, 1, 1}, kIdentityAffine};
  const std::string image = write("image.nii.gz", grid);
  grid.affine[2][3] = 5.0;
  const std::string moved = write("moved.nii.gz", grid);
  expect_error<DataError>(
      [&] { (void)read_scan(entry(image, moved)); },
      {moved,
       "voxel 0,0,0 of the mask is at (0, 0, 5) mm, of the image at (0, "
       "0, 0) mm: another affine"});
  grid.affine = kIdentityAffine;
  grid.affine[0][2] = -1.0;  // Mirrored.
  const std::string mirrored = write("mirrored.nii.gz", grid);
  expect_error<DataError>([&] { (void)read_scan(entry(image, mirrored)); },
                          {mirrored, "another affine"});
}

TEST_F(ScanTest, RefusesABoxBesideTheImage) {
  VolumeEntry entry;
  entry.image.path =
      write("image.nii.gz", {{2, 3, 4}, {1, 1, 1}, kIdentityAffine});
  entry.boxes = {{{0, 0, 0}, {1, 2, 6}, 0}};  // Reaches beyond: clipped later.
  EXPECT_EQ(read_scan(entry).boxes.size(), 1U);
  entry.boxes.push_back({{0, 3, 0}, {1, 5, 2}, 0});
  expect_error<DataError>(
      [&] { (void)read_scan(entry); },
      {"image.nii.gz: box 1 spans 3 to 5 along height, the image 0 to 3"});
}

TEST_F(ScanTest, ArraysSayNothingOfPlaces) {
  MaskGrid grid = {{2, 3, 4}, {1, 1, 1}, kIdentityAffine};
  grid.affine[0][3] = 100.0;
  const std::string image = write("image.nii.gz", grid);
  const std::string mask = dir_.write(
      "mask.npy", npy_header(grid.shape) + std::string(24 * 4, '\0'));
  EXPECT_EQ(read_scan(entry(image, mask)).mask, std::vector<uint8_t>(24, 0));
}

}  // namespace
}  // namespace voxlift::dataio
