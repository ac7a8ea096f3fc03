#include "tests/sharding/packed_world.h"

#include <utility>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::test {

PackedWorld::PackedWorld(int num_samples, int num_classes) {
  for (int c = 0; c < num_classes; ++c) {
    manifest.classes.push_back(str_cat("class", c));
  }
  for (int i = 0; i < num_samples; ++i) {
    const int label = i * num_classes / num_samples;
    const std::string id = str_cat("class", label, "/", i, ".jpg");
    write_source(id, content_of(id));
    manifest.entries.push_back({source_path(id), id, label});
  }
}

std::string PackedWorld::content_of(const std::string& id) {
  std::string content;
  const size_t repeats = 1 + std::hash<std::string>{}(id) % 7;
  for (size_t i = 0; i < repeats; ++i) {
    content += str_cat(i, ":", id, "|");
  }
  return content;
}

void PackedWorld::write_source(const std::string& id,
                               const std::string& content) {
  temp_.write(join_path("source", id), content);
}

std::string PackedWorld::source_path(const std::string& id) const {
  return temp_.file(join_path("source", id));
}

sharding::PackConfig PackedWorld::small_shards() {
  sharding::PackConfig config;
  config.shard_bytes = 250;
  config.check = "none";
  return config;
}

void PackedWorld::check(std::span<const std::byte> bytes,
                        const std::string& origin) {
  if (as_text(bytes).find("broken") != std::string_view::npos) {
    throw DataError(str_cat("'", origin, "': is broken"));
  }
}

sharding::DatasetIndex PackedWorld::pack() {
  return pack(small_shards());
}

sharding::DatasetIndex PackedWorld::pack(const sharding::PackConfig& config) {
  const auto plan = sharding::plan_pack(manifest, config, files);
  sharding::prepare_pack_dir(plan, dir(), /*replace=*/false, files);
  const sharding::PackOutput output{dir(), check, nullptr};
  std::vector<sharding::ShardSummary> summaries;
  for (size_t k = 0; k < plan.shards.size(); ++k) {
    summaries.push_back(
        pack_shard(plan, static_cast<int64_t>(k), output, files));
  }
  return publish_index(plan, std::move(summaries), dir(), files);
}

}  // namespace voxlift::test
