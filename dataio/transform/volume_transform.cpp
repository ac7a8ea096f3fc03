// From a scan to a network's input.

#include "dataio/transform/volume_transform.h"

#include <optional>
#include <vector>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/transform/box_geometry.h"
#include "dataio/transform/crop_draws.h"
#include "dataio/transform/fit_volume.h"
#include "dataio/transform/normaliser.h"
#include "dataio/transform/resample.h"

namespace voxlift::dataio {

namespace {

// A box of a scan on its way to a sample: resampled to the sample's shape, or
// deformed. The scan may end within the box.
class Region {
 public:
  Region(const VolumeTransformConfig& config, const VolumeSource& source,
         const VoxelBox& box, Workspace& workspace)
      : config_(config), source_(source), box_(box), workspace_(workspace) {}

  // From now on the region is deformed; `field` must outlive it.
  void warp(const ElasticField& field) {
    warp_.emplace(field, box_, config_.shape);
  }

  // Normalised.
  std::vector<float> image() const {
    const Normaliser normaliser(config_, source_.facts());
    const VoxelBox& needed = warp_ ? warp_->needed() : box_;
    std::vector<float> voxels(static_cast<size_t>(needed.num_voxels()));
    read_padded_image(source_, needed, normaliser.outside(), workspace_,
                      voxels);
    normaliser.apply(voxels);
    if (!warp_ && needed.size == config_.shape) {
      return voxels;
    }
    std::vector<float> fitted(num_voxels());
    if (warp_) {
      warp_->sample_linear(voxels, fitted);
    } else {
      resample_linear(voxels, needed.size,
                      centred_taps(needed.size, config_.shape), fitted);
    }
    return fitted;
  }

  std::vector<uint8_t> mask() const {
    if (!source_.facts().has_mask) {
      throw DataError(str_cat(source_.describe(), ": has no mask"));
    }
    const VoxelBox& needed = warp_ ? warp_->needed() : box_;
    std::vector<uint8_t> voxels(static_cast<size_t>(needed.num_voxels()));
    read_padded_mask(source_, needed, workspace_, voxels);
    std::vector<uint8_t> fitted(num_voxels());
    if (warp_) {
      warp_->sample_nearest(voxels, fitted);
    } else {
      resample_nearest(voxels, needed.size, config_.shape, fitted);
    }
    return fitted;
  }

  // Clipped; those of which too little is left are dropped.
  std::vector<LabelledBox> boxes() const {
    std::vector<LabelledBox> kept;
    for (const LabelledBox& box : source_.facts().boxes) {
      const LabelledBox moved = map_box(box, box_.start, scale());
      const auto inside =
          keep_boxes({moved}, config_.shape, config_.min_box_frac);
      if (inside.empty()) {
        continue;
      }
      const LabelledBox fitted = warp_ ? warp_->map(box) : inside[0];
      if (box_volume(fitted) > 0.0) {
        kept.push_back(fitted);
      }
    }
    return kept;
  }

 private:
  size_t num_voxels() const {
    return static_cast<size_t>(config_.shape[0] * config_.shape[1] *
                               config_.shape[2]);
  }

  // Sample voxels per voxel of the scan.
  std::array<double, 3> scale() const {
    std::array<double, 3> scale{};
    for (size_t i = 0; i < 3; ++i) {
      scale[i] = static_cast<double>(config_.shape[i]) /
                 static_cast<double>(box_.size[i]);
    }
    return scale;
  }

  const VolumeTransformConfig& config_;
  const VolumeSource& source_;
  VoxelBox box_;
  Workspace& workspace_;
  std::optional<WarpGrid> warp_;
};

// Image, mask and boxes of `region`, turned. The image is jittered if there are
// `streams`.
void write_sample(const Region& region, const VolumeTransformConfig& config,
                  const Orientation& orientation, const AugmentStreams* streams,
                  Sample& out) {
  std::vector<float> image = region.image();
  if (streams != nullptr) {
    jitter_intensity(config.jitter, *streams, image);
  }
  orientation.apply(image, config.shape, out.image);
  if (!out.mask.empty()) {
    orientation.apply(region.mask(), config.shape, out.mask);
  }
  out.boxes = region.boxes();
  for (LabelledBox& box : out.boxes) {
    box = orientation.apply(box, config.shape);
  }
  out.content = config.shape;
}

class ConfiguredTransform : public VolumeTransform {
 public:
  explicit ConfiguredTransform(const VolumeTransformConfig& config)
      : config_(config) {
    config.validate("volume_transform");
  }

  SampleShape shape() const override {
    return {1, config_.shape[0], config_.shape[1], config_.shape[2]};
  }

 protected:
  bool resizes() const { return config_.fit == "resize"; }

  const VolumeTransformConfig config_;
};

class TrainTransform : public ConfiguredTransform {
 public:
  using ConfiguredTransform::ConfiguredTransform;

  void apply(const VolumeSource& source, RandomStream& draws,
             Workspace& workspace, Sample& out) const override {
    const AugmentStreams streams(draws);
    const VoxelBox box = resizes() ? VoxelBox{{0, 0, 0}, source.facts().shape}
                                   : draw_crop(config_, source, streams, draws);
    const Orientation orientation = draw_orientation(config_, streams, draws);
    Region region(config_, source, box, workspace);
    std::optional<ElasticField> field;
    RandomStream elastic = streams.of(Augment::kElastic);
    if (elastic.bernoulli(config_.elastic.prob)) {
      field.emplace(config_.elastic, config_.shape, elastic);
      region.warp(*field);
    }
    write_sample(region, config_, orientation, &streams, out);
  }
};

class EvalTransform : public ConfiguredTransform {
 public:
  using ConfiguredTransform::ConfiguredTransform;

  void apply(const VolumeSource& source, RandomStream& /*draws*/,
             Workspace& workspace, Sample& out) const override {
    const Shape3& size = source.facts().shape;
    const VoxelBox box =
        resizes() ? VoxelBox{{0, 0, 0}, size}
                  : VoxelBox{center_start(size, config_.shape), config_.shape};
    const Region region(config_, source, box, workspace);
    write_sample(region, config_, Orientation(), nullptr, out);
  }
};

}  // namespace

std::unique_ptr<VolumeTransform> make_volume_train_transform(
    const VolumeTransformConfig& config) {
  return std::make_unique<TrainTransform>(config);
}

std::unique_ptr<VolumeTransform> make_volume_eval_transform(
    const VolumeTransformConfig& config) {
  return std::make_unique<EvalTransform>(config);
}

}  // namespace voxlift::dataio
