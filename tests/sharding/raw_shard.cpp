#include "tests/sharding/raw_shard.h"

#include "base/crc32c.h"
#include "base/files.h"
#include "sharding/dataset_index.h"
#include "sharding/h5.h"

namespace voxlift::test {
namespace {

template <typename T>
void write_array(sharding::H5Group& root, const RawShard& shard,
                 const std::string& name, const std::vector<T>& values) {
  if (shard.without != name) {
    root.create_dataset<T>(name, {static_cast<int64_t>(values.size())})
        .template write<T>(values);
  }
}

}  // namespace

RawShard::RawShard() {
  for (int i = 0; i < 3; ++i) {
    index.offset.push_back(4 * i);
    index.length.push_back(4);
    index.label.push_back(i);
    index.id.push_back(std::string(1, static_cast<char>('a' + i)) + ".jpg");
    index.crc32c.push_back(
        crc32c(as_bytes(bytes.substr(static_cast<size_t>(4 * i), 4))));
  }
}

void write_raw_shard(const std::string& path, const RawShard& shard) {
  sharding::H5File file = sharding::H5File::create(path);
  {
    sharding::H5Group root = file.root();
    root.write_string_attribute("format", shard.format);
    root.write_attribute<int64_t>("version", shard.version);
    root.write_string_attribute("modality", shard.modality);
    root.write_string_attribute("plan_digest", "0");
    root.write_attribute<uint32_t>(
        "index_crc32c",
        shard.index_crc32c.value_or(sharding::index_crc32c(shard.index)));
    write_array(root, shard, "bytes",
                std::vector<uint8_t>(shard.bytes.begin(), shard.bytes.end()));
    write_array(root, shard, "offset", shard.index.offset);
    write_array(root, shard, "length", shard.index.length);
    write_array(root, shard, "label", shard.index.label);
    write_array(root, shard, "crc32c", shard.index.crc32c);
    if (shard.without != "id") {
      root.create_strings("id", shard.index.id);
    }
  }
  file.close();
}

void write_raw_index(const std::string& dir, const RawShard& shard) {
  sharding::DatasetIndex index;
  index.classes = {"x", "y", "z"};
  index.samples_per_class = {1, 1, 1};
  index.plan_digest = "0";
  index.shards.push_back({"shard-00000.h5", 3,
                          static_cast<int64_t>(shard.bytes.size()),
                          sharding::index_crc32c(shard.index)});
  RealFiles().publish(join_path(dir, "index.json"),
                      sharding::index_to_json(index).dump(2));
}

void write_raw_dataset(const std::string& dir, const RawShard& shard) {
  RealFiles().make_dirs(dir);
  write_raw_shard(join_path(dir, "shard-00000.h5"), shard);
  write_raw_index(dir, shard);
}

}  // namespace voxlift::test
