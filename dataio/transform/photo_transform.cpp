// From a photograph's bytes to a volume of three planes.

#include "dataio/transform/photo_transform.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "dataio/decode/decoder.h"
#include "dataio/decode/jpeg_region.h"
#include "dataio/transform/check_field.h"
#include "dataio/transform/photo_region.h"
#include "dataio/transform/plane_order.h"
#include "dataio/transform/random_resized_crop.h"
#include "dataio/transform/resize.h"

namespace voxlift::dataio {

namespace {

constexpr double kTiny = 1e-6;
constexpr double kHuge = 1e6;

void normalise(const PhotoTransformConfig& config, std::span<float> values) {
  const auto mean = static_cast<float>(config.mean);
  const auto std = static_cast<float>(config.std);
  for (float& value : values) {
    value = (value - mean) / std;
  }
}

// Mirrors left and right: reverses each row of all planes.
void flip_rows(int64_t width, std::span<float> planes) {
  for (auto row = planes.begin(); row != planes.end(); row += width) {
    std::reverse(row, row + width);
  }
}

class BasicTransform : public PhotoTransform {
 public:
  explicit BasicTransform(const PhotoTransformConfig& config)
      : config_(config) {
    config.validate("photo_transform");
  }

  SampleShape shape() const override {
    return {1, 3, config_.image_size, config_.image_size};
  }

 protected:
  const PhotoTransformConfig config_;
};

// What a training sample is made with. Draws, in this order: those of
// draw_crop(), the flip, those of draw_plane_order().
struct TrainDraws {
  TrainDraws(int64_t height, int64_t width, const PhotoTransformConfig& config,
             RandomStream& draws)
      : crop(draw_crop(height, width, config, draws)),
        flip(draws.bernoulli(config.flip_prob)),
        order(draw_plane_order(config.channel_shuffle_prob, draws)) {}

  ResizePlan plan(int64_t size) const {
    return {crop, size, size, {0, 0, size, size}};
  }

  CropBox crop;
  bool flip;
  std::array<int, 3> order;
};

class TrainTransform : public BasicTransform {
 public:
  using BasicTransform::BasicTransform;

  void apply(std::span<const std::byte> encoded, const std::string& origin,
             RandomStream& draws, Workspace& workspace,
             std::span<float> out) const override {
    if (!config_.exact_decode && detect_format(encoded) == Format::kJpeg) {
      JpegRegionReader reader(encoded, origin);
      if (reader.gives_rgb()) {
        apply_region(reader, draws, workspace, out);
        return;
      }
    }
    apply_exact(decode_image(encoded, origin), draws, out);
  }

 private:
  void apply_exact(const Image& image, RandomStream& draws,
                   std::span<float> out) const {
    const TrainDraws drawn(image.height, image.width, config_, draws);
    resize_bilinear(image, drawn.plan(config_.image_size), drawn.order, out);
    if (drawn.flip) {
      flip_rows(config_.image_size, out);
    }
    normalise(config_, out);
  }

  void apply_region(JpegRegionReader& reader, RandomStream& draws,
                    Workspace& workspace, std::span<float> out) const {
    const TrainDraws drawn(reader.height(), reader.width(), config_, draws);
    const PhotoRegion region =
        plan_photo_region(drawn.plan(config_.image_size));
    reader.start(region.region, workspace.bytes, workspace.cut);
    workspace.resizer.resize(
        region, reader, {drawn.order, drawn.flip, config_.mean, config_.std},
        out);
  }
};

// Always by exact_decode: a score is to be comparable with published ones, and
// an epoch evaluates few pictures beside those it trains on.
class EvalTransform : public BasicTransform {
 public:
  using BasicTransform::BasicTransform;

  void apply(std::span<const std::byte> encoded, const std::string& origin,
             RandomStream& /*draws*/, Workspace& /*workspace*/,
             std::span<float> out) const override {
    const Image image = decode_image(encoded, origin);
    resize_bilinear(
        image,
        plan_center_crop(image.height, image.width, config_.eval_resize_short,
                         config_.image_size),
        {0, 1, 2}, out);
    normalise(config_, out);
  }
};

}  // namespace

void PhotoTransformConfig::validate(const std::string& path) const {
  check_field<int64_t>(path + ".image_size", image_size, 1, 4096, "1 to 4096");
  check_field(path + ".max_area_frac", max_area_frac, kTiny, 1.0,
              "more than 0, at most 1");
  check_field(path + ".min_area_frac", min_area_frac, kTiny, max_area_frac,
              "more than 0, at most max_area_frac");
  check_field(path + ".flip_prob", flip_prob, 0.0, 1.0, "0 to 1");
  check_field(path + ".channel_shuffle_prob", channel_shuffle_prob, 0.0, 1.0,
              "0 to 1");
  check_field<int64_t>(path + ".eval_resize_short", eval_resize_short,
                       image_size, 8192, "image_size to 8192");
  check_field(path + ".mean", mean, -kHuge, kHuge, "-1e6 to 1e6");
  check_field(path + ".std", std, kTiny, kHuge, "more than 0, at most 1e6");
}

std::array<int, 3> draw_plane_order(double shuffle_prob, RandomStream& draws) {
  std::array<int, 3> order = {0, 1, 2};
  if (draws.bernoulli(shuffle_prob)) {
    draws.shuffle(std::span<int>(order));
  }
  return order;
}

std::unique_ptr<PhotoTransform> make_photo_train_transform(
    const PhotoTransformConfig& config) {
  return std::make_unique<TrainTransform>(config);
}

std::unique_ptr<PhotoTransform> make_photo_eval_transform(
    const PhotoTransformConfig& config) {
  return std::make_unique<EvalTransform>(config);
}

}  // namespace voxlift::dataio
