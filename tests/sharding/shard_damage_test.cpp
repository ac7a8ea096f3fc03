// Every bit of a small data set is flipped, and it is cut at many places: each
// time verify says so, and reading gives the right content or an error.
// Minutes: label slow; scripts/prove/shard_damage.sh runs it.

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "sharding/dataset.h"
#include "sharding/shard.h"
#include "sharding/verify.h"
#include "sharding/volume_writer.h"
#include "tests/sharding/packed_world.h"
#include "tests/sharding/volume_world.h"

namespace voxlift::sharding {
namespace {

// A data set whose one shard can be damaged and mended.
class DamagedSet {
 public:
  explicit DamagedSet(const std::string& dir)
      : dir_(dir),
        path_(join_path(dir, "shard-00000.h5")),
        good_(RealFiles().read(path_)),
        file_(path_, std::ios::in | std::ios::out | std::ios::binary),
        content_(read_all()) {}

  size_t size() const { return good_.size(); }

  void flip(size_t byte, int bit) {
    put(byte, good_[byte] ^ static_cast<std::byte>(1U << bit));
  }

  void mend(size_t byte) { put(byte, good_[byte]); }

  void cut(size_t length) {
    ASSERT_EQ(::truncate(path_.c_str(), static_cast<off_t>(length)), 0);
  }

  bool verify_is_content() const { return verify_dataset(dir_, nullptr).ok(); }

  // False: a reader would get something else without being told.
  bool reads_right_or_throws() const {
    try {
      return read_all() == content_;
    } catch (const Error&) {
      return true;
    }
  }

 private:
  void put(size_t byte, std::byte value) {
    file_.seekp(static_cast<std::streamoff>(byte));
    file_.put(static_cast<char>(value));
    file_.flush();
  }

  // All that a training would see.
  std::vector<float> read_all() const {
    const Dataset dataset(dir_, {});
    std::vector<float> all;
    for (int64_t id = 0; id < dataset.num_samples(); ++id) {
      all.push_back(static_cast<float>(dataset.label(id)));
      if (dataset.modality() == dataio::Modality::kPhotograph) {
        for (const std::byte b : dataset.read(id)) {
          all.push_back(static_cast<float>(std::to_integer<int>(b)));
        }
      } else {
        add_scan(*dataset.volume(id), all);
      }
    }
    return all;
  }

  static void add_scan(const dataio::VolumeSource& source,
                       std::vector<float>& all) {
    const dataio::VolumeFacts& facts = source.facts();
    const dataio::VoxelBox box = {{0, 0, 0}, facts.shape};
    std::vector<float> image(static_cast<size_t>(box.num_voxels()));
    source.read_image(box, image);
    all.insert(all.end(), image.begin(), image.end());
    std::vector<uint8_t> mask(image.size());
    source.read_mask(box, mask);
    all.insert(all.end(), mask.begin(), mask.end());
    for (const dataio::LabelledBox& found : facts.boxes) {
      all.insert(all.end(), found.low.begin(), found.low.end());
      all.insert(all.end(), found.high.begin(), found.high.end());
    }
    for (const double moment : {facts.moments.mean, facts.moments.std}) {
      all.push_back(static_cast<float>(moment));
    }
  }

  std::string dir_;
  std::string path_;
  std::vector<std::byte> good_;
  std::fstream file_;
  std::vector<float> content_;
};

void expect_every_flip_told(DamagedSet& set, const std::string& what) {
  size_t num_told = 0;
  for (size_t byte = 0; byte < set.size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      set.flip(byte, bit);
      num_told += set.verify_is_content() ? 0 : 1;
      ASSERT_TRUE(set.reads_right_or_throws())
          << what << " byte " << byte << " bit " << bit;
    }
    set.mend(byte);
  }
  EXPECT_TRUE(set.verify_is_content());
  EXPECT_EQ(num_told, 8 * set.size());
  std::cout << what << ": " << num_told << " of " << 8 * set.size()
            << " flipped bits told\n";
}

void expect_every_cut_told(DamagedSet& set, size_t step,
                           const std::string& what) {
  size_t num_cuts = 0;
  for (size_t length = (set.size() - 1) / step * step;; length -= step) {
    set.cut(length);
    EXPECT_FALSE(set.verify_is_content()) << what << " " << length;
    EXPECT_TRUE(set.reads_right_or_throws()) << what << " " << length;
    ++num_cuts;
    if (length == 0) {
      break;
    }
  }
  std::cout << what << ": " << num_cuts << " cuts told\n";
}

PackConfig plain_config() {
  PackConfig config;
  config.check = "none";
  return config;
}

// One scan with a mask and a box, packed.
std::string pack_scan(const test::TempDir& temp, const dataio::Shape3& shape) {
  RealFiles files;
  const std::string dir = temp.file("scans");
  files.make_dirs(dir);
  dataio::Scan scan = test::made_scan(shape, 1, true);
  scan.boxes = {{{0, 0, 0}, {1, 1, 1}, 0}};
  const std::string path = join_path(dir, "shard-00000.h5");
  VolumeWriter writer(path, {dataio::Modality::kVolume, "plan"}, true, files);
  writer.append(scan, 0, "a", "p");
  const int64_t bytes = writer.num_bytes();
  const uint32_t crc = writer.finish();
  const FileChecksum sum = checksum_file(path);
  DatasetIndex index;
  index.modality = dataio::Modality::kVolume;
  index.classes = {"scan"};
  index.samples_per_class = {1};
  index.mask_classes = {"background", "one", "two"};
  index.box_classes = {"thing"};
  index.plan_digest = "plan";
  index.shards = {{"shard-00000.h5", 1, bytes, crc, sum.bytes, sum.crc32c}};
  files.publish(join_path(dir, "index.json"), index_to_json(index).dump());
  return dir;
}

TEST(ShardDamageTest, EveryFlippedBitOfPhotographsIsTold) {
  test::PackedWorld world(5, 2);
  world.pack(plain_config());
  DamagedSet set(world.dir());
  expect_every_flip_told(set, "photographs");
}

TEST(ShardDamageTest, EveryFlippedBitOfScansIsTold) {
  const test::TempDir temp;
  DamagedSet set(pack_scan(temp, {2, 3, 4}));
  expect_every_flip_told(set, "scans");
}

TEST(ShardDamageTest, EveryCutAt4KiBIsTold) {
  test::PackedWorld world(200, 2);
  for (int i = 0; i < 20; ++i) {
    world.write_source(world.manifest.entries[static_cast<size_t>(i)].id,
                       std::string(20'000, static_cast<char>('a' + i)));
  }
  world.pack(plain_config());
  DamagedSet photographs(world.dir());
  expect_every_cut_told(photographs, 4096, "photographs");
  const test::TempDir temp;
  DamagedSet scans(pack_scan(temp, {40, 70, 80}));
  expect_every_cut_told(scans, 4096, "scans");
}

}  // namespace
}  // namespace voxlift::sharding
