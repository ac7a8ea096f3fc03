#include "sharding/dataset.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "sharding/dataset_check.h"
#include "sharding/dataset_index.h"
#include "sharding/shard_format.h"
#include "sharding/shard_reader.h"

namespace voxlift::sharding {
namespace {

// Chains what identifies a sample: label, length and checksum of its bytes.
uint32_t add_shard(const ShardIndex& index, uint32_t crc) {
  for (size_t i = 0; i < index.offset.size(); ++i) {
    const std::array<int64_t, 3> facts = {index.label[i], index.length[i],
                                          index.crc32c[i]};
    crc = crc32c(std::as_bytes(std::span(facts)), crc);
  }
  return crc;
}

uint32_t add_text(const std::string& text, uint32_t crc) {
  return crc32c(std::as_bytes(std::span(text.c_str(), text.size() + 1)), crc);
}

}  // namespace

struct Dataset::Impl {
  struct Place {
    const ShardReader& shard;
    int64_t sample;
  };

  DatasetConfig config;
  DatasetIndex index;
  std::vector<ShardReader> shards;
  std::vector<int64_t> first_id;  // Of each shard.
  int64_t num_samples = 0;
  uint32_t fingerprint = 0;

  void open_all(const std::string& dir);
  uint32_t compute_fingerprint() const;
  Place find(int64_t id) const;
};

void Dataset::Impl::open_all(const std::string& dir) {
  shards.reserve(index.shards.size());
  SampleCensus census(index);
  for (const ShardEntry& entry : index.shards) {
    const ShardReader& shard = shards.emplace_back(open_shard(dir, entry));
    check_shard(shard, index, entry);
    for (int64_t i = 0; i < shard.num_samples(); ++i) {
      census.add(shard, i);
    }
    first_id.push_back(num_samples);
    num_samples += shard.num_samples();
  }
  census.check_counts(join_path(dir, kIndexFile));
}

uint32_t Dataset::Impl::compute_fingerprint() const {
  uint32_t crc = add_text(dataio::modality_name(index.modality), 0);
  for (const std::string& name : index.classes) {
    crc = add_text(name, crc);
  }
  for (const ShardReader& shard : shards) {
    crc = add_shard(shard.index(), crc);
  }
  return crc;
}

Dataset::Impl::Place Dataset::Impl::find(int64_t id) const {
  VOXLIFT_CHECK(id >= 0 && id < num_samples,
                str_cat("sample ", id, " of ", num_samples));
  const auto after = std::upper_bound(first_id.begin(), first_id.end(), id);
  const auto position = static_cast<size_t>(after - first_id.begin()) - 1;
  return {shards[position], id - first_id[position]};
}

Dataset::Dataset(const std::string& dir, const DatasetConfig& config)
    : impl_(std::make_unique<Impl>()) {
  impl_->config = config;
  impl_->index = read_dataset_index(dir, RealFiles());
  impl_->open_all(dir);
  impl_->fingerprint = impl_->compute_fingerprint();
}

Dataset::~Dataset() = default;
Dataset::Dataset(Dataset&&) noexcept = default;
Dataset& Dataset::operator=(Dataset&&) noexcept = default;

int64_t Dataset::num_samples() const {
  return impl_->num_samples;
}

dataio::Modality Dataset::modality() const {
  return impl_->index.modality;
}

const std::vector<std::string>& Dataset::classes() const {
  return impl_->index.classes;
}

int64_t Dataset::label(int64_t id) const {
  const auto [shard, sample] = impl_->find(id);
  return shard.index().label[static_cast<size_t>(sample)];
}

std::string Dataset::describe(int64_t id) const {
  const auto [shard, sample] = impl_->find(id);
  return shard.describe(sample);
}

const std::string& Dataset::source_id(int64_t id) const {
  const auto [shard, sample] = impl_->find(id);
  return shard.index().id[static_cast<size_t>(sample)];
}

std::vector<std::byte> Dataset::read(int64_t id) const {
  std::vector<std::byte> bytes;
  read(id, bytes);
  return bytes;
}

void Dataset::read(int64_t id, std::vector<std::byte>& bytes) const {
  const auto [shard, sample] = impl_->find(id);
  shard.read(sample, impl_->config.verify_checksums, bytes);
}

std::unique_ptr<dataio::VolumeSource> Dataset::volume(int64_t id) const {
  const auto [shard, sample] = impl_->find(id);
  return shard.volume(sample);
}

uint32_t Dataset::fingerprint() const {
  return impl_->fingerprint;
}

}  // namespace voxlift::sharding
