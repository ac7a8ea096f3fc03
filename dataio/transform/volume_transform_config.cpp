// What the options of a scan's transform may be.

#include "base/error.h"
#include "base/strings.h"
#include "dataio/transform/check_field.h"
#include "dataio/transform/volume_transform.h"

namespace voxlift::dataio {

namespace {

constexpr double kTiny = 1e-6;
constexpr double kHuge = 1e9;

void check_order(const std::string& path, const char* low_name, double low,
                 const char* high_name, double high) {
  if (low > high) {
    throw ConfigError(str_cat(path, ".", low_name, " = ", low, " is more than ",
                              path, ".", high_name, " = ", high));
  }
}

void check_crop(const VolumeTransformConfig& config, const std::string& path) {
  check_choice(path + ".fit", config.fit, {"crop", "resize"});
  check_choice(path + ".crop", config.crop, {"center", "uniform"});
  check_field<int64_t>(path + ".max_shift", config.max_shift, 0, 512,
                       "0 to 512");
  check_field(path + ".foreground_frac", config.foreground_frac, 0.0, 1.0,
              "0 to 1");
  check_field(path + ".min_zoom", config.min_zoom, 0.25, 4.0, "0.25 to 4");
  check_field(path + ".max_zoom", config.max_zoom, 0.25, 4.0, "0.25 to 4");
  check_order(path, "min_zoom", config.min_zoom, "max_zoom", config.max_zoom);
  check_choice(path + ".zoom_axes", config.zoom_axes,
               {"inplane", "same", "free"});
  const bool zooms = config.min_zoom != 1.0 || config.max_zoom != 1.0;
  if (config.fit == "resize" &&
      (config.foreground_frac > 0.0 || zooms || config.crop != "center")) {
    throw ConfigError(str_cat(path,
                              ".fit = 'resize' shows the whole scan: want crop "
                              "= center, foreground_frac = 0, zooms of 1"));
  }
}

void check_turns(const VolumeTransformConfig& config, const std::string& path) {
  for (const std::string& plane : config.rot90_planes) {
    check_choice(path + ".rot90_planes", plane, {"dh", "dw", "hw"});
  }
  check_field(path + ".flip_depth_prob", config.flip_depth_prob, 0.0, 1.0,
              "0 to 1");
  check_field(path + ".flip_height_prob", config.flip_height_prob, 0.0, 1.0,
              "0 to 1");
  check_field(path + ".flip_width_prob", config.flip_width_prob, 0.0, 1.0,
              "0 to 1");
}

void check_values(const VolumeTransformConfig& config,
                  const std::string& path) {
  check_field(path + ".clip_low", config.clip_low, -kHuge, kHuge,
              "-1e9 to 1e9");
  check_field(path + ".clip_high", config.clip_high, -kHuge, kHuge,
              "-1e9 to 1e9");
  check_order(path, "clip_low", config.clip_low, "clip_high", config.clip_high);
  check_choice(path + ".normalize", config.normalize,
               {"zscore", "fixed", "minmax", "none"});
  if (config.clips() && config.normalize == "zscore") {
    throw ConfigError(str_cat(
        path,
        ".normalize = 'zscore' takes mean and deviation of the scan as "
        "stored; with clip_low or clip_high want fixed, minmax or none"));
  }
  check_field(path + ".mean", config.mean, -kHuge, kHuge, "-1e9 to 1e9");
  check_field(path + ".std", config.std, kTiny, kHuge,
              "more than 0, at most 1e9");
  check_choice(path + ".outside", config.outside, {"zero", "min"});
}

}  // namespace

void VolumeTransformConfig::validate(const std::string& path) const {
  for (const int64_t side : shape) {
    check_field<int64_t>(path + ".shape", side, 1, 1024, "sides of 1 to 1024");
  }
  check_crop(*this, path);
  check_turns(*this, path);
  check_values(*this, path);
  elastic.validate(path + ".elastic_");
  jitter.validate(path + ".jitter_");
  check_field(path + ".min_box_frac", min_box_frac, 0.0, 1.0, "0 to 1");
}

}  // namespace voxlift::dataio
