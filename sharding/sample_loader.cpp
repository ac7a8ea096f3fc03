#include "sharding/sample_loader.h"

#include <utility>

#include "base/error.h"

namespace voxlift::sharding {
namespace {

// Calls `read`. What the operating system refuses names a file; the sample in
// it is added here. (Bad bytes name it themselves.)
template <typename Read>
void with_sample(const Dataset& dataset, int64_t id, Read&& read) {
  try {
    read();
  } catch (IoError& error) {
    error.add_context(dataset.describe(id));
    throw;
  }
}

class PhotoLoader : public SampleLoader {
 public:
  PhotoLoader(const Dataset& dataset,
              std::unique_ptr<dataio::PhotoTransform> transform)
      : dataset_(dataset), transform_(std::move(transform)) {
    VOXLIFT_CHECK(dataset.modality() == dataio::Modality::kPhotograph,
                  "photographs are needed");
  }

  int64_t num_samples() const override { return dataset_.num_samples(); }

  dataio::SampleShape shape() const override { return transform_->shape(); }

  bool has_mask() const override { return false; }

  int64_t label(int64_t id) const override { return dataset_.label(id); }

  void will_need(int64_t id) const override { dataset_.will_need(id); }

  void load(int64_t id, RandomStream& draws, dataio::Workspace& workspace,
            dataio::Sample& out) const override {
    with_sample(dataset_, id, [&] { dataset_.read(id, workspace.encoded); });
    transform_->apply(workspace.encoded, dataset_.describe(id), draws,
                      workspace, out.image);
    const dataio::SampleShape size = shape();
    out.content = {size.depth, size.height, size.width};
  }

 private:
  const Dataset& dataset_;
  std::unique_ptr<dataio::PhotoTransform> transform_;
};

class VolumeLoader : public SampleLoader {
 public:
  VolumeLoader(const Dataset& dataset,
               std::unique_ptr<dataio::VolumeTransform> transform,
               bool with_masks)
      : dataset_(dataset),
        transform_(std::move(transform)),
        with_masks_(with_masks) {
    VOXLIFT_CHECK(dataset.modality() == dataio::Modality::kVolume,
                  "volumes are needed");
    if (with_masks && dataset.mask_classes().empty()) {
      throw ConfigError("masks are needed, but the data set has none");
    }
  }

  int64_t num_samples() const override { return dataset_.num_samples(); }

  dataio::SampleShape shape() const override { return transform_->shape(); }

  bool has_mask() const override { return with_masks_; }

  int64_t label(int64_t id) const override { return dataset_.label(id); }

  void will_need(int64_t id) const override { dataset_.will_need(id); }

  void load(int64_t id, RandomStream& draws, dataio::Workspace& workspace,
            dataio::Sample& out) const override {
    with_sample(dataset_, id, [&] {
      transform_->apply(*dataset_.volume(id), draws, workspace, out);
    });
  }

 private:
  const Dataset& dataset_;
  std::unique_ptr<dataio::VolumeTransform> transform_;
  bool with_masks_;
};

}  // namespace

std::unique_ptr<SampleLoader> make_photo_loader(
    const Dataset& dataset, std::unique_ptr<dataio::PhotoTransform> transform) {
  return std::make_unique<PhotoLoader>(dataset, std::move(transform));
}

std::unique_ptr<SampleLoader> make_volume_loader(
    const Dataset& dataset, std::unique_ptr<dataio::VolumeTransform> transform,
    bool with_masks) {
  return std::make_unique<VolumeLoader>(dataset, std::move(transform),
                                        with_masks);
}

}  // namespace voxlift::sharding
