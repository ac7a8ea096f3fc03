#include <bit>

#include "sharding/h5.h"
#include "sharding/shard_format.h"
#include "sharding/volume_reader.h"
#include "sharding/volume_writer.h"
#include "tests/fuzz/input.h"
#include "tests/sharding/volume_world.h"

namespace voxlift::fuzz {

namespace {

using sharding::ChunkTable;
using sharding::VolumeIndex;

// A shard of two scans, apart: its arrays, and its chunks with offsets from 0.
struct GoodShard {
  VolumeIndex index;
  std::vector<uint8_t> chunks;
};

void take_chunks(const std::vector<std::byte>& file, ChunkTable& table,
                 std::vector<uint8_t>& chunks) {
  for (size_t c = 0; c < table.offset.size(); ++c) {
    const auto* from = reinterpret_cast<const uint8_t*>(file.data());
    from += table.offset[c];
    table.offset[c] = static_cast<int64_t>(chunks.size());
    chunks.insert(chunks.end(), from, from + table.length[c]);
  }
}

GoodShard make_good_shard() {
  RealFiles files;
  const std::string path = scratch_dir() + "/good.h5";
  sharding::VolumeWriter writer(path, {dataio::Modality::kVolume, "0"},
                                /*has_mask=*/true, files);
  dataio::Scan scan = test::made_scan({5, 16, 17}, 1, true);
  scan.boxes = {{{1, 2, 3}, {2, 8.5, 9}, 0}};
  writer.append(scan, 0, "a", "p");
  writer.append(test::made_scan({1, 2, 3}, 2, true), 1, "b", "q");
  writer.finish();
  GoodShard good{writer.index(), {}};
  const auto file = files.read(path);
  take_chunks(file, good.index.image, good.chunks);
  take_chunks(file, good.index.mask, good.chunks);
  return good;
}

template <typename T>
T as_element(int64_t value) {
  if constexpr (std::is_same_v<T, double>) {
    return std::bit_cast<double>(value);
  } else {
    return static_cast<T>(value);
  }
}

// One wrong value in one array, or another number of rows.
void edit(InputReader& reader, GoodShard& shard) {
  const uint8_t which = reader.byte();
  const uint8_t where = reader.byte();
  const int64_t value = reader.number();
  if (which % 20 == 19) {
    shard.chunks[static_cast<size_t>(value) % shard.chunks.size()] ^= where;
    return;
  }
  int k = 0;
  sharding::visit_arrays(
      shard.index, [&](const char*, auto& array, int columns) {
        using T = typename std::decay_t<decltype(array)>::value_type;
        if (k++ != which % 20) {
          return;
        }
        if (where >= 0xf0 || array.empty()) {
          array.resize(static_cast<size_t>(columns * (where % 8)),
                       as_element<T>(value));
        } else {
          array[where % array.size()] = as_element<T>(value);
        }
      });
}

void write_shard(const std::string& path, GoodShard& shard) {
  auto file = sharding::H5File::create(path);
  {
    auto root = file.root();
    root.write_string_attribute("format", sharding::kShardFormat);
    root.write_attribute<int64_t>("version", sharding::kVolumeVersion);
    root.write_string_attribute("modality", "volume");
    root.write_string_attribute("plan_digest", "0");
    root.write_attribute<int64_t>("has_mask", 1);
    const auto size = static_cast<int64_t>(shard.chunks.size());
    auto chunks = root.create_dataset<uint8_t>("chunks", {size});
    chunks.write_all<uint8_t>(shard.chunks);
    const auto base = static_cast<uint64_t>(chunks.file_offset().value());
    for (ChunkTable* table : {&shard.index.image, &shard.index.mask}) {
      for (int64_t& offset : table->offset) {
        offset = static_cast<int64_t>(static_cast<uint64_t>(offset) + base);
      }
    }
    sharding::visit_arrays(
        shard.index, [&](const char* name, const auto& array, int columns) {
          using T = typename std::decay_t<decltype(array)>::value_type;
          const auto rows = static_cast<int64_t>(array.size()) / columns;
          root.create_dataset<T>(name, {rows, columns})
              .template write_all<T>(array);
        });
    root.create_strings("id", shard.index.id);
    root.create_strings("subject", shard.index.subject);
    root.write_attribute<uint32_t>("index_crc32c",
                                   sharding::index_crc32c(shard.index));
  }
  file.close();
}

void read_voxels(const dataio::VolumeSource& volume) {
  const dataio::VolumeFacts& facts = volume.facts();
  const dataio::VoxelBox all{{0, 0, 0}, facts.shape};
  if (all.num_voxels() > kLimits.max_elements) {
    return;
  }
  const auto num_voxels = static_cast<size_t>(all.num_voxels());
  accept_or_refuse([&] {
    std::vector<float> voxels(num_voxels);
    volume.read_image(all, voxels);
  });
  accept_or_refuse([&] {
    std::vector<uint8_t> labels(num_voxels);
    volume.read_mask(all, labels);
  });
  if (facts.num_foreground > 0) {
    accept_or_refuse([&] { (void)volume.foreground_voxel(0); });
    accept_or_refuse(
        [&] { (void)volume.foreground_voxel(facts.num_foreground - 1); });
  }
}

}  // namespace

// A good shard of scans, but for some values of its arrays and bytes of its
// chunks; its checksum of the index is right, those of chunks are not compared.
void fuzz_volume_arrays(Bytes input) {
  static const GoodShard kGood = make_good_shard();
  GoodShard shard = kGood;
  InputReader reader(input);
  for (int i = 0; i < 8 && !reader.rest().empty(); ++i) {
    edit(reader, shard);
  }
  const std::string path = scratch_dir() + "/volumes.h5";
  write_shard(path, shard);
  accept_or_refuse([&] {
    const sharding::VolumeReader volumes(path);
    for (int64_t i = 0; i < volumes.num_samples(); ++i) {
      (void)volumes.content_key(i);
      read_voxels(*volumes.volume(i, /*verify_checksums=*/false));
    }
    (void)volumes.add_fingerprint(0);
  });
}

}  // namespace voxlift::fuzz
