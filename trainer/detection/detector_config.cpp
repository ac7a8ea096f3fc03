#include "trainer/detection/detector_config.h"

#include <initializer_list>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

struct Count {
  const char* name;
  int64_t value;
};

struct Share {
  const char* name;
  double value;
};

void check_counts(const std::string& path, std::initializer_list<Count> all) {
  for (const auto& [name, value] : all) {
    if (value < 1) {
      throw ConfigError(
          str_cat(path, name, " = ", value, ": must be at least 1"));
    }
  }
}

void check_shares(const std::string& path, std::initializer_list<Share> all) {
  for (const auto& [name, value] : all) {
    if (!(value >= 0.0 && value <= 1.0)) {
      throw ConfigError(
          str_cat(path, name, " = ", value, ": must be in [0, 1]"));
    }
  }
}

void check_positive(const std::string& path, std::initializer_list<Share> all) {
  for (const auto& [name, value] : all) {
    if (!(value > 0.0)) {
      throw ConfigError(
          str_cat(path, name, " = ", value, ": must be more than 0"));
    }
  }
}

void check_word(const std::string& key, const std::string& value,
                const char* first, const char* second) {
  if (value != first && value != second) {
    throw ConfigError(str_cat(key, " = '", value, "': must be '", first,
                              "' or '", second, "'"));
  }
}

void check_assign(const std::string& path, const char* low, const char* high,
                  const AssignOptions& assign) {
  check_shares(path, {{low, assign.negative_iou}, {high, assign.positive_iou}});
  if (assign.negative_iou > assign.positive_iou) {
    throw ConfigError(str_cat(path, low, " = ", assign.negative_iou,
                              " is more than ", path, high, " = ",
                              assign.positive_iou));
  }
}

}  // namespace

void DetectorConfig::validate(const std::string& path) const {
  check_counts(path, {{"channels", channels},
                      {"fc_channels", roi.fc_channels},
                      {"align_size", roi.align_size},
                      {"rpn_sample", rpn.sample.count},
                      {"roi_sample", roi.sample.count},
                      {"train_per_level", rpn.train.per_level},
                      {"train_proposals", rpn.train.per_image},
                      {"eval_per_level", rpn.eval.per_level},
                      {"eval_proposals", rpn.eval.per_image},
                      {"max_per_image", roi.max_per_image}});
  check_shares(path, {{"rpn_positive_frac", rpn.sample.positive_frac},
                      {"rpn_best_iou", rpn.assign.low_quality_iou},
                      {"roi_positive_frac", roi.sample.positive_frac},
                      {"train_max_iou", rpn.train.max_iou},
                      {"eval_max_iou", rpn.eval.max_iou},
                      {"focal_alpha", rpn.focal_alpha},
                      {"min_score", roi.min_score},
                      {"max_iou", roi.max_iou},
                      {"froc_min_overlap", froc_min_overlap}});
  check_positive(path, {{"rpn_beta", rpn.smooth_l1_beta},
                        {"roi_beta", roi.smooth_l1_beta},
                        {"anchor_scale", rpn.anchors.scale}});
  if (!(rpn.focal_gamma >= 0.0)) {
    throw ConfigError(str_cat(path, "focal_gamma = ", rpn.focal_gamma,
                              ": must be at least 0"));
  }
  if (roi.align_samples < 0) {
    throw ConfigError(str_cat(path, "align_samples = ", roi.align_samples,
                              ": must be at least 0"));
  }
  check_assign(path, "rpn_negative_iou", "rpn_positive_iou", rpn.assign);
  check_assign(path, "roi_negative_iou", "roi_positive_iou", roi.assign);
  check_word(path + "rpn_score_loss", rpn.score_loss, "bce", "focal");
  check_word(path + "froc_overlap", froc_overlap, "iou", "iobb");
}

}  // namespace voxlift::trainer
