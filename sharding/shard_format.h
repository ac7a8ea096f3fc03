#pragma once
// Names and versions of packed data sets. Normative: docs/shard_format.md.

#include <cstdint>
#include <string>

#include "dataio/manifest.h"

namespace voxlift::sharding {

inline constexpr char kShardFormat[] = "voxlift-shard";
inline constexpr char kIndexFormat[] = "voxlift-index";

// Versions of a shard and of its data set's index.
inline constexpr int64_t kPhotographVersion = 1;
inline constexpr int64_t kVolumeVersion = 2;

constexpr int64_t format_version(dataio::Modality modality) {
  return modality == dataio::Modality::kVolume ? kVolumeVersion
                                               : kPhotographVersion;
}

// Files of a packed data set, beside its shards.
inline constexpr char kIndexFile[] = "index.json";
inline constexpr char kRejectedFile[] = "rejected.txt";
inline constexpr char kDuplicatesFile[] = "duplicates.txt";

// Attributes of a shard's root.
inline constexpr char kFormatAttribute[] = "format";
inline constexpr char kVersionAttribute[] = "version";
inline constexpr char kModalityAttribute[] = "modality";
inline constexpr char kPlanDigestAttribute[] = "plan_digest";
inline constexpr char kIndexCrcAttribute[] = "index_crc32c";

// Datasets of a shard of photographs; volumes share the names that fit.
inline constexpr char kBytesDataset[] = "bytes";
inline constexpr char kOffsetDataset[] = "offset";
inline constexpr char kLengthDataset[] = "length";
inline constexpr char kLabelDataset[] = "label";
inline constexpr char kCrcDataset[] = "crc32c";
inline constexpr char kIdDataset[] = "id";

// Of a shard of volumes; its arrays are named in volume_index.h.
inline constexpr char kHasMaskAttribute[] = "has_mask";
inline constexpr char kSubjectDataset[] = "subject";
inline constexpr char kImageGroup[] = "image";
inline constexpr char kMaskGroup[] = "mask";

// Sides of a chunk, shorter where the scan is. Measured on random patches of a
// CT (docs/benchmarks): chunks of 16^3 beat 32^3, of which a patch of 48^3
// touches twice the voxels.
inline constexpr int64_t kChunkSide = 16;

// Dataset of scan `i` in both groups: "00000017".
std::string volume_name(int64_t i);

// Longest sample id in bytes: /id is as wide as its longest.
inline constexpr int64_t kMaxIdBytes = 1024;

}  // namespace voxlift::sharding
