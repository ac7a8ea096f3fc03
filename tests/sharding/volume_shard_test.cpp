#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "sharding/h5.h"
#include "sharding/volume_reader.h"
#include "sharding/volume_writer.h"
#include "tests/sharding/volume_world.h"
#include "tests/support/expect_error.h"

namespace voxlift::sharding {
namespace {

using dataio::Scan;
using dataio::Shape3;
using dataio::VoxelBox;
using test::expect_error;
using test::VolumeShard;

std::vector<float> image_box(const dataio::VolumeSource& source,
                             const VoxelBox& box) {
  std::vector<float> out(static_cast<size_t>(box.num_voxels()));
  source.read_image(box, out);
  return out;
}

std::vector<uint8_t> mask_box(const dataio::VolumeSource& source,
                              const VoxelBox& box) {
  std::vector<uint8_t> out(static_cast<size_t>(box.num_voxels()));
  source.read_mask(box, out);
  return out;
}

VoxelBox whole(const Scan& scan) {
  return {{0, 0, 0}, scan.image.shape};
}

// Writes one scan and reads it back.
std::vector<float> round_trip(std::vector<float> voxels, int64_t* storage) {
  const test::TempDir temp;
  RealFiles files;
  Scan scan;
  scan.image.shape = {1, 1, static_cast<int64_t>(voxels.size())};
  scan.image.voxels = std::move(voxels);
  VolumeWriter writer(temp.file("a.h5"), {dataio::Modality::kVolume, "plan"},
                      false, files);
  writer.append(scan, 0, "a", "");
  writer.finish();
  const VolumeReader reader(temp.file("a.h5"));
  *storage = reader.index().storage[0];
  return image_box(*reader.volume(0), whole(scan));
}

TEST(VolumeShardTest, GivesWholeScansBack) {
  const VolumeShard shard;
  const VolumeReader reader(shard.path());
  ASSERT_EQ(reader.num_samples(), 3);
  for (size_t i = 0; i < shard.scans.size(); ++i) {
    const Scan& scan = shard.scans[i];
    const auto source = reader.volume(static_cast<int64_t>(i));
    EXPECT_EQ(source->facts().shape, scan.image.shape);
    EXPECT_EQ(source->facts().spacing_mm, scan.image.spacing_mm);
    EXPECT_EQ(source->facts().affine, scan.image.affine);
    EXPECT_EQ(source->facts().boxes, scan.boxes);
    EXPECT_EQ(source->facts().key_slice, scan.key_slice);
    EXPECT_EQ(image_box(*source, whole(scan)), scan.image.voxels);
    EXPECT_EQ(mask_box(*source, whole(scan)), scan.mask);
  }
  EXPECT_EQ(reader.labels(), (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(reader.index().subject[1], "patient0");
  EXPECT_EQ(reader.volume(2)->describe(),
            "case2 (shard shard-00000.h5, sample 2)");
}

TEST(VolumeShardTest, ReadsAnyBox) {
  const VolumeShard shard;
  const VolumeReader reader(shard.path());
  const Scan& scan = shard.scans[0];
  const auto source = reader.volume(0);
  RandomStream draws(9, Purpose::kAugment, 0, 0);
  for (int i = 0; i < 200; ++i) {
    VoxelBox box;
    for (size_t axis = 0; axis < 3; ++axis) {
      const int64_t side = scan.image.shape[axis];
      box.start[axis] = draws.uniform_int(0, side - 1);
      box.size[axis] = draws.uniform_int(1, side - box.start[axis]);
    }
    ASSERT_EQ(image_box(*source, box),
              test::box_of(scan.image.voxels, scan.image.shape, box));
    ASSERT_EQ(mask_box(*source, box),
              test::box_of(scan.mask, scan.image.shape, box));
  }
}

TEST(VolumeShardTest, StoresEachVoxelExactlyInTheSmallestType) {
  int64_t storage = -1;
  const std::vector<float> bytes = {0, 255, 7};
  EXPECT_EQ(round_trip(bytes, &storage), bytes);
  EXPECT_EQ(storage, 0);
  const std::vector<float> shorts = {-32768, 32767, 5};
  EXPECT_EQ(round_trip(shorts, &storage), shorts);
  EXPECT_EQ(storage, 1);
  for (const std::vector<float>& floats :
       {std::vector<float>{0.5F, 1e30F, -1e-30F},
        std::vector<float>{32768, 0, 1}}) {
    EXPECT_EQ(round_trip(floats, &storage), floats);
    EXPECT_EQ(storage, 2);
  }
}

TEST(VolumeShardTest, NumbersEveryForegroundVoxelOnce) {
  const VolumeShard shard;
  const VolumeReader reader(shard.path());
  const Scan& scan = shard.scans[0];
  const auto source = reader.volume(0);
  std::set<Shape3> found;
  for (int64_t k = 0; k < source->facts().num_foreground; ++k) {
    const Shape3 voxel = source->foreground_voxel(k);
    EXPECT_TRUE(found.insert(voxel).second);
    ASSERT_GT(mask_box(*source, {voxel, {1, 1, 1}})[0], 0);
    if (k == 50) {
      k += 15000;  // Every voxel would take seconds; the ends are enough.
    }
  }
  EXPECT_EQ(source->facts().num_foreground,
            std::count_if(scan.mask.begin(), scan.mask.end(),
                          [](uint8_t label) { return label > 0; }));
}

TEST(VolumeShardTest, MeasuresTheVoxels) {
  const test::TempDir temp;
  RealFiles files;
  Scan scan;
  scan.image.shape = {1, 2, 2};
  scan.image.voxels = {1, 2, 3, 6};
  VolumeWriter writer(temp.file("a.h5"), {dataio::Modality::kVolume, "plan"},
                      false, files);
  writer.append(scan, 0, "a", "");
  writer.finish();
  const VolumeReader reader(temp.file("a.h5"));
  const auto moments = reader.volume(0)->facts().moments;
  EXPECT_EQ(moments.mean, 3.0);
  EXPECT_DOUBLE_EQ(moments.std, std::sqrt(3.5));
  EXPECT_EQ(moments.min, 1.0);
  EXPECT_EQ(moments.max, 6.0);
}

TEST(VolumeShardTest, PassesItsOwnCheck) {
  const VolumeShard shard;
  const VolumeReader reader(shard.path());
  int64_t bytes = 0;
  for (int64_t i = 0; i < 3; ++i) {
    bytes += reader.check_sample(i);
  }
  EXPECT_EQ(bytes, reader.num_bytes());
}

TEST(VolumeShardTest, RefusesVoxelsThatAreNotFinite) {
  const test::TempDir temp;
  RealFiles files;
  Scan scan;
  scan.image.shape = {1, 1, 2};
  scan.image.voxels = {1, std::numeric_limits<float>::infinity()};
  VolumeWriter writer(temp.file("a.h5"), {dataio::Modality::kVolume, "plan"},
                      false, files);
  expect_error<DataError>([&] { writer.append(scan, 0, "caseX", ""); },
                          {"caseX", "1 of 2 voxels are NaN or infinite"});
}

TEST(VolumeShardTest, LeavesNothingBehindWithoutFinish) {
  const test::TempDir temp;
  RealFiles files;
  {
    VolumeWriter writer(temp.file("a.h5"), {dataio::Modality::kVolume, "plan"},
                        false, files);
    writer.append(test::made_scan({3, 3, 3}, 1, false), 0, "a", "");
  }
  EXPECT_TRUE(files.list_dir(temp.path()).empty());
}

// Chunks of few bytes and of many: HDF5 puts the few bytes into room that it
// has kept for them, not where a chunk was expected, the end of the file
// included.
TEST(VolumeShardTest, FindsChunksThatAreNotInOrder) {
  const test::TempDir temp;
  RealFiles files;
  const std::string path = temp.file("a.h5");
  constexpr int64_t kScans = 60;
  const auto scan_of = [](int64_t i) {
    Scan scan = test::made_scan({31 + i % 11, 40 + i % 13, 33 + i % 7},
                                static_cast<uint64_t>(i), true);
    for (float& voxel : scan.image.voxels) {
      voxel *= 0.37F;
    }
    std::fill(scan.mask.begin(), scan.mask.end(), uint8_t{0});
    std::fill_n(scan.mask.begin() + 100 * i, 3000 + 50 * i, uint8_t{1});
    return scan;
  };
  {
    VolumeWriter writer(path, {dataio::Modality::kVolume, "plan"}, true, files);
    for (int64_t i = 0; i < kScans; ++i) {
      writer.append(scan_of(i), 0, std::to_string(i), "");
    }
    writer.finish();
  }
  const VolumeReader reader(path);
  for (int64_t i = 0; i < kScans; ++i) {
    reader.check_sample(i);
    const Scan scan = scan_of(i);
    EXPECT_EQ(image_box(*reader.volume(i), whole(scan)), scan.image.voxels);
  }
}

TEST(VolumeShardTest, RefusesMoreForegroundThanAChunkHolds) {
  const test::TempDir temp;
  RealFiles files;
  const std::string path = temp.file("a.h5");
  {
    VolumeWriter writer(path, {dataio::Modality::kVolume, "plan"}, true, files);
    writer.append(test::made_scan({2, 3, 4}, 1, true), 0, "a", "p");
    writer.finish();
  }
  const auto place =
      H5File::open(path).root().dataset("mask_foreground").file_offset();
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(place.value()));
  file.put(25);
  file.close();
  expect_error<DataError>(
      [&] { const VolumeReader reader(path); },
      {"mask_foreground of chunk 0 is 25", "but a chunk has 24 voxels"});
}

// Bits all over the file: each flip is told, or changes nothing that anyone
// reads.
TEST(VolumeShardTest, TellsEveryFlippedBit) {
  const test::TempDir temp;
  RealFiles files;
  const std::string path = temp.file("a.h5");
  Scan scan = test::made_scan({2, 3, 4}, 1, true);
  scan.boxes = {{{0, 0, 0}, {1, 1, 1}, 0}};
  {
    VolumeWriter writer(path, {dataio::Modality::kVolume, "plan"}, true, files);
    writer.append(scan, 0, "a", "p");
    writer.finish();
  }
  const std::vector<std::byte> good = files.read(path);
  size_t num_told = 0;
  size_t num_unused = 0;
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto put = [&](size_t i, std::byte value) {
    file.seekp(static_cast<std::streamoff>(i));
    file.put(static_cast<char>(value));
    file.flush();
  };
  constexpr size_t kStep = 29;  // shard_damage_test tries every one.
  for (size_t i = 0; i < good.size(); i += kStep) {
    put(i, good[i] ^ static_cast<std::byte>(1U << (i % 8)));
    try {
      const VolumeReader reader(path);
      reader.check_sample(0);
      ++num_unused;
      EXPECT_EQ(image_box(*reader.volume(0), whole(scan)), scan.image.voxels);
    } catch (const DataError&) {
      ++num_told;
    }
    put(i, good[i]);
  }
  EXPECT_GT(num_told, 2 * num_unused);
}

}  // namespace
}  // namespace voxlift::sharding
