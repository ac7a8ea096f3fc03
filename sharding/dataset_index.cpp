#include "sharding/dataset_index.h"

#include <numeric>

#include "base/error.h"
#include "base/strings.h"
#include "sharding/shard_format.h"

namespace voxlift::sharding {
namespace {

// An index of ImageNet is 200 kB; this is room for a thousand times as much.
constexpr int64_t kMaxIndexBytes = 256 << 20;

Json shard_to_json(const ShardEntry& shard) {
  Json json = {{"file", shard.file},
               {"num_samples", shard.num_samples},
               {"bytes", shard.bytes},
               {"index_crc32c", shard.index_crc32c}};
  if (shard.file_bytes >= 0) {
    json["file_bytes"] = shard.file_bytes;
    json["file_crc32c"] = shard.file_crc32c;
  }
  return json;
}

ShardEntry shard_from_json(const Json& json, const std::string& origin) {
  ShardEntry shard;
  shard.file = json_get<std::string>(json, "file", origin);
  shard.num_samples = json_get<int64_t>(json, "num_samples", origin);
  shard.bytes = json_get<int64_t>(json, "bytes", origin);
  shard.index_crc32c = json_get<uint32_t>(json, "index_crc32c", origin);
  if (json.contains("file_bytes")) {
    shard.file_bytes = json_get<int64_t>(json, "file_bytes", origin);
    shard.file_crc32c = json_get<uint32_t>(json, "file_crc32c", origin);
  }
  if (!is_plain_file_name(shard.file)) {
    throw DataError(str_cat(origin, ": shard '", shard.file,
                            "' is not the name of a file beside it"));
  }
  if (shard.num_samples <= 0 || shard.bytes < 0) {
    throw DataError(str_cat(origin, ": shard '", shard.file, "' has ",
                            shard.num_samples, " samples and ", shard.bytes,
                            " bytes"));
  }
  return shard;
}

void check_format(const Json& json, dataio::Modality modality,
                  const std::string& origin) {
  const auto format = json_get<std::string>(json, "format", origin);
  if (format != kIndexFormat) {
    throw DataError(str_cat(origin, ": format is '", format, "', not '",
                            kIndexFormat, "'"));
  }
  const auto version = json_get<int64_t>(json, "version", origin);
  if (version != format_version(modality)) {
    throw DataError(str_cat(origin, ": version is ", version,
                            ", for samples of the modality ",
                            dataio::modality_name(modality),
                            " this program knows ", format_version(modality)));
  }
}

void check_equal(int64_t a, const char* a_name, int64_t b, const char* b_name,
                 const std::string& origin) {
  if (a != b) {
    throw DataError(
        str_cat(origin, ": ", a_name, " is ", a, ", but ", b_name, " is ", b));
  }
}

void check_totals(const DatasetIndex& index, int64_t num_samples,
                  const std::string& origin) {
  check_equal(static_cast<int64_t>(index.samples_per_class.size()),
              "the length of samples_per_class",
              static_cast<int64_t>(index.classes.size()),
              "the number of classes", origin);
  check_equal(num_samples, "num_samples", index.num_samples(),
              "the sum over its shards", origin);
  check_equal(num_samples, "num_samples",
              std::accumulate(index.samples_per_class.begin(),
                              index.samples_per_class.end(), int64_t{0}),
              "the sum of samples_per_class", origin);
}

}  // namespace

int64_t DatasetIndex::num_samples() const {
  int64_t total = 0;
  for (const ShardEntry& shard : shards) {
    total += shard.num_samples;
  }
  return total;
}

Json index_to_json(const DatasetIndex& index) {
  Json shards = Json::array();
  for (const ShardEntry& shard : index.shards) {
    shards.push_back(shard_to_json(shard));
  }
  const bool scans = index.modality == dataio::Modality::kVolume;
  Json json = {{"format", kIndexFormat},
               {"version", format_version(index.modality)},
               {"modality", dataio::modality_name(index.modality)},
               {"num_samples", index.num_samples()},
               {"plan_digest", index.plan_digest},
               {"classes", index.classes},
               {"samples_per_class", index.samples_per_class},
               {"shards", shards}};
  if (scans) {
    json["mask_classes"] = index.mask_classes;
    json["box_classes"] = index.box_classes;
    json["recipe"] = index.recipe;
  }
  return json;
}

DatasetIndex read_dataset_index(const std::string& dir, const Files& files) {
  const std::string path = join_path(dir, kIndexFile);
  const std::string origin = str_cat("'", path, "'");
  const auto content = files.read(path, kMaxIndexBytes);
  const Json json = parse_json(as_text(content), origin);
  DatasetIndex index;
  index.modality = dataio::parse_modality(
      json_get<std::string>(json, "modality", origin), origin);
  check_format(json, index.modality, origin);
  index.plan_digest = json_get<std::string>(json, "plan_digest", origin);
  index.classes = json_get<std::vector<std::string>>(json, "classes", origin);
  index.samples_per_class =
      json_get<std::vector<int64_t>>(json, "samples_per_class", origin);
  if (index.modality == dataio::Modality::kVolume) {
    index.mask_classes =
        json_get<std::vector<std::string>>(json, "mask_classes", origin);
    index.box_classes =
        json_get<std::vector<std::string>>(json, "box_classes", origin);
    index.recipe = json_get<std::string>(json, "recipe", origin);
  }
  for (const Json& shard : json_get<Json>(json, "shards", origin)) {
    index.shards.push_back(shard_from_json(shard, origin));
  }
  check_totals(index, json_get<int64_t>(json, "num_samples", origin), origin);
  return index;
}

bool is_plain_file_name(const std::string& name) {
  return !name.empty() && name.front() != '.' &&
         name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

}  // namespace voxlift::sharding
