#include "dataio/transform/slices_transform.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/transform/augment_streams.h"
#include "dataio/transform/box_geometry.h"
#include "dataio/transform/check_field.h"
#include "dataio/transform/resample.h"

namespace voxlift::dataio {

namespace {

constexpr int64_t kCanvasStep = 32;

// What is random about one sample.
struct SliceDraws {
  int64_t side = 0;
  bool flip = false;
  bool zflip = false;
};

int64_t round_up(int64_t value, int64_t step) {
  return (value + step - 1) / step * step;
}

int64_t key_place(const SlicesTransformConfig& config) {
  return (config.num_slices - 1) / 2;
}

// Slices of the scan that each slice of the sample mixes.
std::vector<Tap> slice_taps(const SlicesTransformConfig& config,
                            const VolumeSource& source, bool zflip) {
  const VolumeFacts& facts = source.facts();
  const double spacing = facts.spacing_mm[0];
  if (facts.key_slice < 0 || facts.key_slice >= facts.shape[0]) {
    throw DataError(str_cat(source.describe(), ": key slice ", facts.key_slice,
                            ", want 0 to ", facts.shape[0] - 1));
  }
  if (!(spacing > 0.0 && std::isfinite(spacing))) {
    throw DataError(str_cat(source.describe(), ": spacing of ", spacing,
                            " mm along depth, want more than 0"));
  }
  // Steps longer than the scan all end at its ends.
  const double step = config.interval_mm == 0.0
                          ? 1.0
                          : std::min(config.interval_mm / spacing,
                                     static_cast<double>(facts.shape[0]));
  const auto last = static_cast<double>(facts.shape[0] - 1);
  std::vector<Tap> taps;
  for (int64_t i = 0; i < config.num_slices; ++i) {
    const auto p = static_cast<double>(i - key_place(config));
    const double place = std::clamp(
        static_cast<double>(facts.key_slice) + (zflip ? -p : p) * step, 0.0,
        last);
    const auto low = static_cast<int64_t>(place);
    taps.push_back({low, std::min(low + 1, facts.shape[0] - 1),
                    static_cast<float>(place - static_cast<double>(low))});
  }
  return taps;
}

// The slices that the taps mix, read in one go; the taps then count from the
// first of them.
std::vector<float> read_slices(const VolumeSource& source,
                               std::vector<Tap>& taps, int64_t& num_slices) {
  const Shape3& shape = source.facts().shape;
  int64_t first = shape[0];
  int64_t end = 0;
  for (Tap& tap : taps) {
    tap.high = tap.weight == 0.0F ? tap.low : tap.high;
    first = std::min(first, tap.low);
    end = std::max(end, tap.high + 1);
  }
  for (Tap& tap : taps) {
    tap.low -= first;
    tap.high -= first;
  }
  num_slices = end - first;
  const VoxelBox box{{first, 0, 0}, {num_slices, shape[1], shape[2]}};
  std::vector<float> voxels(static_cast<size_t>(box.num_voxels()));
  source.read_image(box, voxels);
  return voxels;
}

class SlicesTransform : public VolumeTransform {
 public:
  SlicesTransform(const SlicesTransformConfig& config, int64_t largest_side)
      : config_(config), canvas_(round_up(largest_side, kCanvasStep)) {}

  SampleShape shape() const override {
    return {1, config_.num_slices, canvas_, canvas_};
  }

  void apply(const VolumeSource& source, RandomStream& draws,
             Workspace& /*workspace*/, Sample& out) const override {
    VOXLIFT_CHECK(out.mask.empty(), "slices carry no mask");
    const SliceDraws drawn = draw(draws);
    const Shape3& size = source.facts().shape;
    out.content = content_of(size, drawn.side);
    std::vector<Tap> taps = slice_taps(config_, source, drawn.zflip);
    write_image(source, std::move(taps), drawn, out);
    out.boxes = boxes_of(source, out.content, drawn);
  }

 protected:
  virtual SliceDraws draw(const RandomStream& draws) const = 0;

  const SlicesTransformConfig& config() const { return config_; }

 private:
  // The longer side becomes `side`.
  Shape3 content_of(const Shape3& size, int64_t side) const {
    const double scale = static_cast<double>(side) /
                         static_cast<double>(std::max(size[1], size[2]));
    const auto scaled = [&](int64_t length) {
      return std::clamp<int64_t>(
          static_cast<int64_t>(static_cast<double>(length) * scale + 0.5), 1,
          side);
    };
    return {config_.num_slices, scaled(size[1]), scaled(size[2])};
  }

  void window(std::span<float> voxels) const {
    const double range = config_.window_high - config_.window_low;
    for (float& voxel : voxels) {
      voxel = static_cast<float>(
          std::clamp((voxel - config_.window_low) / range, 0.0, 1.0) * 255.0);
    }
  }

  void write_image(const VolumeSource& source, std::vector<Tap> depth_taps,
                   const SliceDraws& drawn, Sample& out) const {
    const Shape3& size = source.facts().shape;
    Shape3 read = size;
    const std::vector<float> voxels = read_slices(source, depth_taps, read[0]);
    // Mixed at full size, so that the window sees what lies at the place.
    AxisTaps mix = centred_taps(read, read);
    mix[0] = std::move(depth_taps);
    const Shape3 mixed_shape = {config_.num_slices, size[1], size[2]};
    std::vector<float> mixed(
        static_cast<size_t>(config_.num_slices * size[1] * size[2]));
    resample_linear(voxels, read, mix, mixed);
    window(mixed);
    AxisTaps taps = centred_taps(mixed_shape, out.content);
    if (drawn.flip) {
      std::reverse(taps[2].begin(), taps[2].end());
    }
    std::vector<float> resized(
        static_cast<size_t>(out.content[0] * out.content[1] * out.content[2]));
    resample_linear(mixed, mixed_shape, taps, resized);
    place(resized, out);
  }

  // Normalised, at the top left of the canvas.
  void place(std::span<const float> resized, Sample& out) const {
    const auto mean = static_cast<float>(config_.mean);
    const auto std = static_cast<float>(config_.std);
    std::fill(out.image.begin(), out.image.end(), 0.0F);
    auto from = resized.begin();
    for (int64_t d = 0; d < out.content[0]; ++d) {
      for (int64_t h = 0; h < out.content[1]; ++h) {
        auto to = out.image.begin() + (d * canvas_ + h) * canvas_;
        for (int64_t w = 0; w < out.content[2]; ++w) {
          *to++ = (*from++ - mean) / std;
        }
      }
    }
  }

  std::vector<LabelledBox> boxes_of(const VolumeSource& source,
                                    const Shape3& content,
                                    const SliceDraws& drawn) const {
    const VolumeFacts& facts = source.facts();
    const double key_centre = static_cast<double>(facts.key_slice) + 0.5;
    const std::array<double, 3> scale = {
        1.0,
        static_cast<double>(content[1]) / static_cast<double>(facts.shape[1]),
        static_cast<double>(content[2]) / static_cast<double>(facts.shape[2])};
    const auto width = static_cast<double>(content[2]);
    const auto key = static_cast<double>(key_place(config_));
    std::vector<LabelledBox> boxes;
    for (const LabelledBox& box : facts.boxes) {
      if (box.low[0] > key_centre || box.high[0] <= key_centre) {
        continue;
      }
      LabelledBox moved = map_box(box, {0, 0, 0}, scale);
      moved.low[0] = key;
      moved.high[0] = key + 1.0;
      if (drawn.flip) {
        const double low = moved.low[2];
        moved.low[2] = width - moved.high[2];
        moved.high[2] = width - low;
      }
      boxes.push_back(moved);
    }
    return keep_boxes(boxes, content, config_.min_box_frac);
  }

  const SlicesTransformConfig config_;
  const int64_t canvas_;
};

class TrainSlices : public SlicesTransform {
 public:
  explicit TrainSlices(const SlicesTransformConfig& config)
      : SlicesTransform(config, *std::max_element(config.train_sides.begin(),
                                                  config.train_sides.end())) {}

 protected:
  SliceDraws draw(const RandomStream& draws) const override {
    RandomStream own = AugmentStreams(draws).of(Augment::kSlices);
    const auto& sides = config().train_sides;
    const auto last = static_cast<int64_t>(sides.size()) - 1;
    const int64_t side = sides[static_cast<size_t>(own.uniform_int(0, last))];
    const bool flip = own.bernoulli(config().flip_prob);
    const bool zflip = own.bernoulli(config().zflip_prob);
    return {side, flip, zflip};
  }
};

class EvalSlices : public SlicesTransform {
 public:
  explicit EvalSlices(const SlicesTransformConfig& config)
      : SlicesTransform(config, config.eval_side) {}

 protected:
  SliceDraws draw(const RandomStream& /*draws*/) const override {
    return {config().eval_side, false, false};
  }
};

}  // namespace

void SlicesTransformConfig::validate(const std::string& path) const {
  const auto check_side = [&](const std::string& name, int64_t side) {
    check_field<int64_t>(path + name, side, 1, 4096, "1 to 4096");
  };
  check_field<int64_t>(path + ".num_slices", num_slices, 1, 256, "1 to 256");
  check_field(path + ".interval_mm", interval_mm, 0.0, 1000.0, "0 to 1000");
  check_field(path + ".window_low", window_low, -1e9, 1e9, "-1e9 to 1e9");
  check_field(path + ".window_high", window_high, -1e9, 1e9, "-1e9 to 1e9");
  if (window_low >= window_high) {
    throw ConfigError(str_cat(path, ".window_low = ", window_low,
                              " is not less than ", path,
                              ".window_high = ", window_high));
  }
  check_field(path + ".mean", mean, -1e9, 1e9, "-1e9 to 1e9");
  check_field(path + ".std", std, 1e-6, 1e9, "more than 0, at most 1e9");
  if (train_sides.empty()) {
    throw ConfigError(path + ".train_sides is empty, want at least one side");
  }
  for (const int64_t side : train_sides) {
    check_side(".train_sides", side);
  }
  check_side(".eval_side", eval_side);
  check_field(path + ".flip_prob", flip_prob, 0.0, 1.0, "0 to 1");
  check_field(path + ".zflip_prob", zflip_prob, 0.0, 1.0, "0 to 1");
  check_field(path + ".min_box_frac", min_box_frac, 0.0, 1.0, "0 to 1");
}

std::unique_ptr<VolumeTransform> make_slices_train_transform(
    const SlicesTransformConfig& config) {
  config.validate("slices_transform");
  return std::make_unique<TrainSlices>(config);
}

std::unique_ptr<VolumeTransform> make_slices_eval_transform(
    const SlicesTransformConfig& config) {
  config.validate("slices_transform");
  return std::make_unique<EvalSlices>(config);
}

}  // namespace voxlift::dataio
