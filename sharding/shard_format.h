#pragma once
// Names and versions of packed data sets. Normative: docs/shard_format.md.

#include <cstdint>

namespace voxlift::sharding {

inline constexpr char kShardFormat[] = "voxlift-shard";
inline constexpr int64_t kShardVersion = 1;
inline constexpr char kIndexFormat[] = "voxlift-index";
inline constexpr int64_t kIndexVersion = 1;

// Files of a packed data set, beside its shards.
inline constexpr char kIndexFile[] = "index.json";
inline constexpr char kRejectedFile[] = "rejected.txt";

// Attributes of a shard's root.
inline constexpr char kFormatAttribute[] = "format";
inline constexpr char kVersionAttribute[] = "version";
inline constexpr char kModalityAttribute[] = "modality";
inline constexpr char kPlanDigestAttribute[] = "plan_digest";
inline constexpr char kIndexCrcAttribute[] = "index_crc32c";

// Datasets of a shard.
inline constexpr char kBytesDataset[] = "bytes";
inline constexpr char kOffsetDataset[] = "offset";
inline constexpr char kLengthDataset[] = "length";
inline constexpr char kLabelDataset[] = "label";
inline constexpr char kCrcDataset[] = "crc32c";
inline constexpr char kIdDataset[] = "id";

// Longest sample id in bytes: /id is as wide as its longest.
inline constexpr int64_t kMaxIdBytes = 1024;

}  // namespace voxlift::sharding
