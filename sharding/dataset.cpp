#include "sharding/dataset.h"

#include <algorithm>
#include <optional>
#include <span>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "sharding/dataset_check.h"
#include "sharding/dataset_index.h"
#include "sharding/shard_format.h"
#include "sharding/shard_reader.h"
#include "sharding/volume_reader.h"

namespace voxlift::sharding {
namespace {

uint32_t add_text(const std::string& text, uint32_t crc) {
  return crc32c(std::as_bytes(std::span(text.c_str(), text.size() + 1)), crc);
}

}  // namespace

struct Dataset::Impl {
  struct Place {
    const Shard& shard;
    int64_t sample;
  };

  DatasetConfig config;
  DatasetIndex index;
  std::optional<Stage> stage;
  std::vector<std::unique_ptr<Shard>> shards;
  std::vector<int64_t> first_id;  // Of each shard.
  int64_t num_samples = 0;
  uint32_t fingerprint = 0;

  void open_all(const std::string& dir);
  uint32_t compute_fingerprint() const;
  Place find(int64_t id) const;

  // The shards of a data set are all of its modality; check_shard() saw it.
  template <typename Reader>
  const Reader& as(const Shard& shard) const {
    const auto* reader = dynamic_cast<const Reader*>(&shard);
    VOXLIFT_CHECK(reader != nullptr,
                  str_cat("a data set of modality ",
                          dataio::modality_name(index.modality)));
    return *reader;
  }
};

void Dataset::Impl::open_all(const std::string& dir) {
  shards.reserve(index.shards.size());
  SampleCensus census(index);
  for (size_t k = 0; k < index.shards.size(); ++k) {
    const ShardEntry& entry = index.shards[k];
    const std::string& from = stage.has_value() ? stage->dir_of(k) : dir;
    const Shard& shard = *shards.emplace_back(open_listed_shard(from, entry));
    check_shard(shard, index, entry);
    for (int64_t i = 0; i < shard.num_samples(); ++i) {
      census.add(shard, i);
    }
    first_id.push_back(num_samples);
    num_samples += shard.num_samples();
  }
  census.check_ids();
  census.check_counts(join_path(dir, kIndexFile));
}

uint32_t Dataset::Impl::compute_fingerprint() const {
  uint32_t crc = add_text(dataio::modality_name(index.modality), 0);
  for (const std::string& name : index.classes) {
    crc = add_text(name, crc);
  }
  for (const auto& shard : shards) {
    crc = shard->add_fingerprint(crc);
  }
  return crc;
}

Dataset::Impl::Place Dataset::Impl::find(int64_t id) const {
  VOXLIFT_CHECK(id >= 0 && id < num_samples,
                str_cat("sample ", id, " of ", num_samples));
  const auto after = std::upper_bound(first_id.begin(), first_id.end(), id);
  const auto position = static_cast<size_t>(after - first_id.begin()) - 1;
  return {*shards[position], id - first_id[position]};
}

Dataset::Dataset(const std::string& dir, const DatasetConfig& config)
    : impl_(std::make_unique<Impl>()) {
  impl_->config = config;
  impl_->index = read_dataset_index(dir, RealFiles());
  if (!config.stage.dir.empty()) {
    impl_->stage.emplace(dir, impl_->index, config.stage, RealClock());
  }
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
  return shard.labels()[static_cast<size_t>(sample)];
}

std::string Dataset::describe(int64_t id) const {
  const auto [shard, sample] = impl_->find(id);
  return shard.describe(sample);
}

const std::string& Dataset::source_id(int64_t id) const {
  const auto [shard, sample] = impl_->find(id);
  return shard.ids()[static_cast<size_t>(sample)];
}

const std::string& Dataset::subject(int64_t id) const {
  const auto [shard, sample] = impl_->find(id);
  return shard.subject(sample);
}

std::vector<std::byte> Dataset::read(int64_t id) const {
  std::vector<std::byte> bytes;
  read(id, bytes);
  return bytes;
}

void Dataset::read(int64_t id, std::vector<std::byte>& bytes) const {
  const auto [shard, sample] = impl_->find(id);
  impl_->as<ShardReader>(shard).read(sample, impl_->config.verify_checksums,
                                     bytes);
}

void Dataset::will_need(int64_t id) const {
  const auto [shard, sample] = impl_->find(id);
  shard.will_need(sample);
}

std::unique_ptr<dataio::VolumeSource> Dataset::volume(int64_t id) const {
  const auto [shard, sample] = impl_->find(id);
  return impl_->as<VolumeReader>(shard).volume(sample,
                                               impl_->config.verify_checksums);
}

const std::string& Dataset::recipe() const {
  return impl_->index.recipe;
}

const std::vector<std::string>& Dataset::mask_classes() const {
  return impl_->index.mask_classes;
}

const std::vector<std::string>& Dataset::box_classes() const {
  return impl_->index.box_classes;
}

uint32_t Dataset::fingerprint() const {
  return impl_->fingerprint;
}

}  // namespace voxlift::sharding
