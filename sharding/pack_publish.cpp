// The outer half of pack.h: what comes before and after the shards.

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/strings.h"
#include "sharding/pack.h"
#include "sharding/shard_format.h"

namespace voxlift::sharding {
namespace {

constexpr size_t kNumNamedRejects = 3;

Json rejected_to_json(const std::vector<Rejected>& rejected) {
  Json json = Json::array();
  for (const Rejected& file : rejected) {
    json.push_back(Json{{"id", file.id}, {"reason", file.reason}});
  }
  return json;
}

std::vector<Rejected> all_rejected(const PackPlan& plan,
                                   const std::vector<ShardSummary>& summaries) {
  std::vector<Rejected> rejected = plan.rejected;
  for (const ShardSummary& summary : summaries) {
    rejected.insert(rejected.end(), summary.rejected.begin(),
                    summary.rejected.end());
  }
  std::sort(rejected.begin(), rejected.end(),
            [](const Rejected& a, const Rejected& b) { return a.id < b.id; });
  return rejected;
}

void publish_rejected(const std::vector<Rejected>& rejected,
                      const std::string& dir, Files& files) {
  const std::string path = join_path(dir, kRejectedFile);
  if (rejected.empty()) {
    files.remove_all(path);
    return;
  }
  std::string text;
  for (const Rejected& file : rejected) {
    text += str_cat(file.id, "\t", file.reason, "\n");
  }
  files.publish(path, text);
}

[[noreturn]] void fail_rejected(const PackPlan& plan,
                                const std::vector<Rejected>& rejected,
                                const std::string& dir) {
  const auto num_files = plan.samples.size() + plan.rejected.size();
  std::string text = str_cat(rejected.size(), " of ", num_files,
                             " files cannot be packed, all are listed in '",
                             join_path(dir, kRejectedFile), "': ");
  for (size_t i = 0; i < rejected.size() && i < kNumNamedRejects; ++i) {
    text +=
        str_cat(i == 0 ? "" : "; ", rejected[i].id, ": ", rejected[i].reason);
  }
  throw DataError(text + (rejected.size() > kNumNamedRejects ? "; ..." : ""));
}

DatasetIndex make_index(const PackPlan& plan,
                        const std::vector<ShardSummary>& summaries) {
  DatasetIndex index;
  index.modality = plan.modality;
  index.classes = plan.classes;
  index.mask_classes = plan.mask_classes;
  index.box_classes = plan.box_classes;
  index.recipe = plan.config.recipe;
  index.plan_digest = plan.digest;
  index.samples_per_class.assign(plan.classes.size(), 0);
  for (const ShardSummary& summary : summaries) {
    if (summary.file.empty()) {
      continue;
    }
    index.shards.push_back({summary.file, summary.num_samples, summary.bytes,
                            summary.index_crc32c, summary.file_bytes,
                            summary.file_crc32c});
    for (size_t c = 0; c < plan.classes.size(); ++c) {
      index.samples_per_class[c] += summary.samples_per_class[c];
    }
  }
  return index;
}

bool is_shard_name(const std::string& name) {
  return name.starts_with("shard-") && name.ends_with(".h5");
}

void remove_unlisted(const DatasetIndex& index, const std::string& dir,
                     Files& files) {
  std::set<std::string> listed;
  for (const ShardEntry& shard : index.shards) {
    listed.insert(shard.file);
  }
  for (const std::string& name : files.list_dir(dir)) {
    if (is_shard_name(name) && !listed.contains(name)) {
      files.remove_all(join_path(dir, name));
    }
  }
}

}  // namespace

void prepare_pack_dir(const PackPlan& plan, const std::string& dir,
                      bool replace, Files& files) {
  files.make_dirs(dir);
  const std::string index_path = join_path(dir, kIndexFile);
  if (files.exists(index_path)) {
    const std::string other = read_dataset_index(dir, files).plan_digest;
    if (other != plan.digest && !replace) {
      throw ConfigError(
          str_cat("'", dir, "' holds another packed data set (plan ", other,
                  ", this one is ", plan.digest,
                  "): choose an empty folder, or ask for it to be replaced"));
    }
    files.remove_all(index_path);
  }
  for (const std::string& name : files.list_dir(dir)) {
    if (name.ends_with(".tmp") &&
        is_shard_name(name.substr(0, name.size() - 4))) {
      files.remove_all(join_path(dir, name));
    }
  }
}

Json summary_to_json(const ShardSummary& summary) {
  return Json{{"shard", summary.shard},
              {"file", summary.file},
              {"num_samples", summary.num_samples},
              {"bytes", summary.bytes},
              {"index_crc32c", summary.index_crc32c},
              {"file_bytes", summary.file_bytes},
              {"file_crc32c", summary.file_crc32c},
              {"samples_per_class", summary.samples_per_class},
              {"rejected", rejected_to_json(summary.rejected)},
              {"kept", summary.kept}};
}

ShardSummary summary_from_json(const Json& json, const std::string& origin) {
  ShardSummary summary;
  summary.shard = json_get<int64_t>(json, "shard", origin);
  summary.file = json_get<std::string>(json, "file", origin);
  summary.num_samples = json_get<int64_t>(json, "num_samples", origin);
  summary.bytes = json_get<int64_t>(json, "bytes", origin);
  summary.index_crc32c = json_get<uint32_t>(json, "index_crc32c", origin);
  summary.file_bytes = json_get<int64_t>(json, "file_bytes", origin);
  summary.file_crc32c = json_get<uint32_t>(json, "file_crc32c", origin);
  summary.samples_per_class =
      json_get<std::vector<int64_t>>(json, "samples_per_class", origin);
  for (const Json& file : json_get<Json>(json, "rejected", origin)) {
    summary.rejected.push_back({json_get<std::string>(file, "id", origin),
                                json_get<std::string>(file, "reason", origin)});
  }
  summary.kept = json_get<bool>(json, "kept", origin);
  return summary;
}

DatasetIndex publish_index(const PackPlan& plan,
                           std::vector<ShardSummary> summaries,
                           const std::string& dir, Files& files) {
  VOXLIFT_CHECK(summaries.size() == plan.shards.size(), "summaries missing");
  std::sort(summaries.begin(), summaries.end(),
            [](const ShardSummary& a, const ShardSummary& b) {
              return a.shard < b.shard;
            });
  const auto rejected = all_rejected(plan, summaries);
  publish_rejected(rejected, dir, files);
  if (!rejected.empty() && plan.config.on_error == "fail") {
    fail_rejected(plan, rejected, dir);
  }
  DatasetIndex index = make_index(plan, summaries);
  if (index.shards.empty()) {
    throw DataError(str_cat("no readable file is left to pack into '", dir,
                            "': all ", rejected.size(), " are rejected"));
  }
  remove_unlisted(index, dir, files);
  files.publish(join_path(dir, kIndexFile),
                index_to_json(index).dump(2) + "\n");
  return index;
}

}  // namespace voxlift::sharding
