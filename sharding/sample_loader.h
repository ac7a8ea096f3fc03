#pragma once
// From a sample's number to the floats a network eats.

#include <cstdint>
#include <memory>

#include "base/random.h"
#include "dataio/transform/photo_transform.h"
#include "dataio/transform/sample.h"
#include "dataio/transform/volume_transform.h"
#include "dataio/transform/workspace.h"
#include "sharding/dataset.h"

namespace voxlift::sharding {

// A data set with its transform. A pure function of (id, draws). Any thread.
class SampleLoader {
 public:
  SampleLoader() = default;
  SampleLoader(const SampleLoader&) = delete;
  SampleLoader& operator=(const SampleLoader&) = delete;
  virtual ~SampleLoader() = default;

  virtual int64_t num_samples() const = 0;

  virtual dataio::SampleShape shape() const = 0;

  // Whether samples have masks.
  virtual bool has_mask() const = 0;

  virtual int64_t label(int64_t id) const = 0;

  // Tells that load(id) comes soon. A hint: waits for nothing.
  virtual void will_need(int64_t id) const = 0;

  // Reads, checks and transforms sample `id` into `out`. Throws DataError
  // naming the sample, IoError.
  virtual void load(int64_t id, RandomStream& draws,
                    dataio::Workspace& workspace,
                    dataio::Sample& out) const = 0;
};

// `dataset` must outlive the loader and have the modality. With masks:
// the data set must have them (throws ConfigError).
std::unique_ptr<SampleLoader> make_photo_loader(
    const Dataset& dataset, std::unique_ptr<dataio::PhotoTransform> transform);
std::unique_ptr<SampleLoader> make_volume_loader(
    const Dataset& dataset, std::unique_ptr<dataio::VolumeTransform> transform,
    bool with_masks = false);

}  // namespace voxlift::sharding
