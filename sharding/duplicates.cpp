#include "sharding/duplicates.h"

#include <algorithm>
#include <unordered_map>

#include "base/strings.h"
#include "sharding/dataset_check.h"
#include "sharding/dataset_index.h"
#include "sharding/shard_format.h"

namespace voxlift::sharding {

bool DuplicateGroup::labels_differ() const {
  return std::any_of(labels.begin(), labels.end(),
                     [&](int64_t label) { return label != labels.front(); });
}

std::vector<DuplicateGroup> find_duplicates(const std::string& dir) {
  const DatasetIndex index = read_dataset_index(dir, RealFiles());
  std::vector<std::unique_ptr<Shard>> shards;
  for (const ShardEntry& entry : index.shards) {
    shards.push_back(open_listed_shard(dir, entry));
  }

  struct Sample {
    const Shard* shard;
    int64_t position;
  };

  std::unordered_map<uint64_t, Sample> first;
  std::unordered_map<uint64_t, size_t> group_of;
  std::vector<DuplicateGroup> groups;
  const auto add = [](const Sample& sample, DuplicateGroup& group) {
    const auto i = static_cast<size_t>(sample.position);
    group.ids.push_back(sample.shard->ids()[i]);
    group.labels.push_back(sample.shard->labels()[i]);
  };
  for (const auto& shard : shards) {
    for (int64_t i = 0; i < shard->num_samples(); ++i) {
      const uint64_t key = shard->content_key(i);
      const Sample sample{shard.get(), i};
      const auto [found, is_new] = first.emplace(key, sample);
      if (is_new) {
        continue;
      }
      const auto [group, is_first] = group_of.emplace(key, groups.size());
      if (is_first) {
        add(found->second, groups.emplace_back());
      }
      add(sample, groups[group->second]);
    }
  }
  return groups;
}

void publish_duplicates(const std::vector<DuplicateGroup>& groups,
                        const std::string& dir, Files& files) {
  const std::string path = join_path(dir, kDuplicatesFile);
  if (groups.empty()) {
    files.remove_all(path);
    return;
  }
  std::string text;
  for (const DuplicateGroup& group : groups) {
    text += str_join(group.ids, "\t") + "\n";
  }
  files.publish(path, text);
}

}  // namespace voxlift::sharding
