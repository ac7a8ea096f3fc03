#pragma once
// Packs one shard of a plan; what photographs and scans have in common. Used
// by pack_shard() only.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "sharding/pack.h"
#include "sharding/shard.h"

namespace voxlift::sharding {

class ShardPacker {
 public:
  // All references must outlive it.
  ShardPacker(const PackPlan& plan, int64_t shard, const PackOutput& output,
              Files& files);
  virtual ~ShardPacker() = default;
  ShardPacker(const ShardPacker&) = delete;
  ShardPacker& operator=(const ShardPacker&) = delete;

  // Keeps the shard if an earlier pack finished it and no byte of it is
  // damaged, else packs it. As pack_shard().
  ShardSummary run();

 protected:
  // Reads every sample of the shard, rejects or writes it. The summary gets
  // the file, its checksum and its stored bytes.
  virtual void pack() = 0;

  // Whether the sample can be packed; if not, it is rejected.
  virtual bool is_readable(const PlannedSample& sample) = 0;

  const PackPlan& plan() const { return plan_; }

  const PlannedShard& shard() const { return shard_; }

  const PackOutput& output() const { return output_; }

  Files& files() const { return files_; }

  const std::string& path() const { return path_; }

  const PlannedSample& sample(int64_t i) const {
    return plan_.samples[static_cast<size_t>(i)];
  }

  ShardSummary& summary() { return summary_; }

  bool refused() const {
    return plan_.config.on_error == "fail" && !summary_.rejected.empty();
  }

  // Runs `read`; a DataError or IoError rejects the sample and gives false.
  bool attempt(const PlannedSample& sample, const std::function<void()>& read);

  void count(const PlannedSample& sample);
  void progress(int64_t num_samples) const;

 private:
  void start_summary(int64_t shard);
  bool keep_finished();
  bool matches_plan(const Shard& packed);
  static void check_samples(const Shard& packed);

  const PackPlan& plan_;
  const PlannedShard& shard_;
  const PackOutput& output_;
  Files& files_;
  std::string path_;
  ShardSummary summary_;
};

std::unique_ptr<ShardPacker> make_photo_packer(const PackPlan& plan,
                                               int64_t shard,
                                               const PackOutput& output,
                                               Files& files);
std::unique_ptr<ShardPacker> make_volume_packer(const PackPlan& plan,
                                                int64_t shard,
                                                const PackOutput& output,
                                                Files& files);

}  // namespace voxlift::sharding
