#pragma once
// Packs a manifest's files into shards: plan, pack each shard, publish.
//
//   plan_pack         every rank, the same plan from the same files
//   prepare_pack_dir  rank 0, before any shard
//   pack_shard        rank r takes shards r, r + size, ...
//   publish_index     rank 0, with the summaries of all shards
//
// Packing again after an interruption keeps the shards that are finished.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "dataio/manifest.h"
#include "dataio/scan.h"
#include "sharding/dataset_index.h"

namespace voxlift::sharding {

struct PackConfig {
  // Sample bytes per shard, exceeded by less than one sample.
  int64_t shard_bytes = 256'000'000;
  // The order of the samples: shuffled, so that every shard mixes classes.
  uint64_t seed = 0;
  // Photographs: "decode": every file must decode (costs about what one epoch
  // does); "none": files are stored unseen. Scans are always decoded.
  std::string check = "decode";
  // Rewrites JPEGs without loss, so that training need not decode what lies
  // beside a crop (dataio/encode/jpeg_restarts.h); else files stay as they are.
  // Packing then takes about five times the processor time.
  bool jpeg_restarts = true;
  // "fail": unreadable files are all reported, no index is written;
  // "skip": they are left out and listed in rejected.txt.
  std::string on_error = "fail";
  // Canonical text of what PackOutput::prepare does; part of the plan.
  std::string recipe = {};

  void validate(const std::string& path) const;  // Throws ConfigError.
};

struct PlannedSample {
  dataio::SourceEntry source;
  // Of its files, when the plan was made: a scan may have many.
  int64_t bytes = 0;
};

struct Rejected {
  std::string id;
  std::string reason;
};

// Samples begin .. end of the plan, in order.
struct PlannedShard {
  std::string file;  // "shard-00012.h5".
  int64_t begin = 0;
  int64_t end = 0;
  int64_t bytes = 0;
};

// The whole work, cut: the same on every rank and for any number of ranks.
struct PackPlan {
  PackConfig config;
  dataio::Modality modality = dataio::Modality::kPhotograph;
  std::vector<std::string> classes;
  std::vector<std::string> mask_classes;
  std::vector<std::string> box_classes;
  std::vector<PlannedSample> samples;  // Shuffled by config.seed.
  std::vector<PlannedShard> shards;
  std::vector<Rejected> rejected;  // Known bad before any shard.
  // 64 bits over everything above that a shard's content depends on (ids,
  // labels, sizes, classes, seed, check), 16 hex digits. Stored in every shard:
  // a shard of another plan is packed anew. A file replaced by one of the same
  // size is not noticed.
  std::string digest;

  int64_t num_bytes() const;
};

// Takes every file's size. Throws ConfigError, or DataError if the manifest is
// empty, repeats an id, or has a label outside of its classes.
PackPlan plan_pack(const dataio::Manifest& manifest, const PackConfig& config,
                   const Files& files);

// Makes the folder and removes what an earlier pack left unfinished. Throws
// ConfigError if it holds the finished index of another plan, unless
// `replace`, which removes that index.
void prepare_pack_dir(const PackPlan& plan, const std::string& dir,
                      bool replace, Files& files);

// Throws DataError naming `origin` if `bytes` do not decode.
using SampleCheck = std::function<void(std::span<const std::byte> bytes,
                                       const std::string& origin)>;

struct PackOutput {
  std::string dir;
  // Photographs: needed for config.check "decode"; see decode_check.h.
  SampleCheck check;
  // Called with the number of samples just done; may be empty.
  std::function<void(int64_t num_samples)> on_progress = {};
  // Scans: called with each before it is stored, the steps of config.recipe.
  // May be empty. Throws DataError naming `origin`.
  std::function<void(dataio::Scan& scan, const std::string& origin)> prepare =
      {};
};

// What became of one shard; travels between ranks as JSON.
struct ShardSummary {
  int64_t shard = 0;  // Position in the plan.
  std::string file;   // Empty: nothing written, every file was rejected.
  int64_t num_samples = 0;
  int64_t bytes = 0;
  uint32_t index_crc32c = 0;
  int64_t file_bytes = 0;
  uint32_t file_crc32c = 0;
  std::vector<int64_t> samples_per_class;
  std::vector<Rejected> rejected;
  bool kept = false;  // Finished by an earlier run.
};

Json summary_to_json(const ShardSummary& summary);
ShardSummary summary_from_json(const Json& json, const std::string& origin);

// Packs shard `shard` of the plan, or keeps it if it is already there. With
// on_error "fail" a shard with rejected files is not written; its summary
// names them. Memory: one sample, decoded if it is a scan. Throws IoError, or
// DataError if a file changed since the plan was made.
ShardSummary pack_shard(const PackPlan& plan, int64_t shard,
                        const PackOutput& output, Files& files);

// Writes rejected.txt (if any file was rejected), then index.json, last and
// atomically, and removes shards that the index does not name. `summaries`:
// one per shard, any order. Throws DataError, writing no index, if files were
// rejected under on_error "fail" or if no sample is left.
DatasetIndex publish_index(const PackPlan& plan,
                           std::vector<ShardSummary> summaries,
                           const std::string& dir, Files& files);

}  // namespace voxlift::sharding
