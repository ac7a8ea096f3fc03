#include "launcher/cli/detection_options.h"

namespace voxlift::launcher {
namespace {

void bind_proposals(OptionBinder& binder, trainer::RpnConfig& rpn) {
  binder.add("detector.anchor_scale", rpn.anchors.scale,
             "side of a square anchor, in strides of its level");
  binder.add("detector.rpn_positive_iou", rpn.assign.positive_iou,
             "anchors that overlap a box by this stand for it");
  binder.add("detector.rpn_negative_iou", rpn.assign.negative_iou,
             "anchors that overlap all boxes by less are background");
  binder.add("detector.rpn_best_iou", rpn.assign.low_quality_iou,
             "the best anchors of a box stand for it from here on; 0: never");
  binder.add("detector.rpn_sample", rpn.sample.count,
             "anchors learned from, a picture");
  binder.add("detector.rpn_positive_frac", rpn.sample.positive_frac,
             "at most this share of them stands for a box");
  binder.add("detector.rpn_score_loss", rpn.score_loss,
             "bce, or focal over all anchors");
  binder.add("detector.focal_alpha", rpn.focal_alpha, "weight of the boxes");
  binder.add("detector.focal_gamma", rpn.focal_gamma, "exponent of focal");
  binder.add("detector.rpn_beta", rpn.smooth_l1_beta,
             "smooth L1 of anchors is a square below this");
  binder.add("detector.train_per_level", rpn.train.per_level,
             "proposals of a level before suppression, in training");
  binder.add("detector.train_proposals", rpn.train.per_image,
             "proposals of a picture, in training");
  binder.add("detector.train_max_iou", rpn.train.max_iou,
             "proposals that overlap more are twins, in training");
  binder.add("detector.eval_per_level", rpn.eval.per_level,
             "proposals of a level before suppression, in evaluation");
  binder.add("detector.eval_proposals", rpn.eval.per_image,
             "proposals of a picture, in evaluation");
  binder.add("detector.eval_max_iou", rpn.eval.max_iou,
             "proposals that overlap more are twins, in evaluation");
}

void bind_second_stage(OptionBinder& binder, trainer::RoiConfig& roi) {
  binder.add("detector.fc_channels", roi.fc_channels,
             "width of the two fully connected layers");
  binder.add("detector.align_size", roi.align_size, "side of a box's map");
  binder.add("detector.align_samples", roi.align_samples,
             "samples per axis of a cell of it; 0: one a pixel");
  binder.add("detector.roi_positive_iou", roi.assign.positive_iou,
             "proposals that overlap a box by this stand for it");
  binder.add("detector.roi_negative_iou", roi.assign.negative_iou,
             "proposals that overlap all boxes by less are background");
  binder.add("detector.roi_sample", roi.sample.count,
             "proposals learned from, a picture");
  binder.add("detector.roi_positive_frac", roi.sample.positive_frac,
             "at most this share of them stands for a box");
  binder.add("detector.roi_beta", roi.smooth_l1_beta,
             "smooth L1 of boxes is a square below this");
  binder.add("detector.min_score", roi.min_score,
             "detections must have more than this");
  binder.add("detector.max_iou", roi.max_iou,
             "detections of a class that overlap more are twins");
  binder.add("detector.max_per_image", roi.max_per_image,
             "detections of a picture");
}

}  // namespace

void bind_slices(OptionBinder& binder, dataio::SlicesTransformConfig& slices) {
  binder.add("slices.num_slices", slices.num_slices,
             "depth of a sample; the key slice is the middle one");
  binder.add("slices.interval_mm", slices.interval_mm,
             "between the slices of a sample; 0: that of the scan");
  binder.add("slices.window_low", slices.window_low, "becomes 0");
  binder.add("slices.window_high", slices.window_high, "becomes 255");
  binder.add("slices.mean", slices.mean, "subtracted after the window");
  binder.add("slices.std", slices.std, "divides after the window");
  binder.add("slices.train_sides", slices.train_sides,
             "longer side of a training picture, one of them at random");
  binder.add("slices.eval_side", slices.eval_side,
             "longer side of a picture in evaluation");
  binder.add("slices.flip_prob", slices.flip_prob, "mirrors left and right");
  binder.add("slices.zflip_prob", slices.zflip_prob,
             "reverses the order of the slices");
  binder.add("slices.min_box_frac", slices.min_box_frac,
             "boxes of which less is left are dropped");
}

void bind_detector(OptionBinder& binder, trainer::DetectorConfig& detector) {
  binder.add("detector.channels", detector.channels,
             "width of the feature pyramid");
  bind_proposals(binder, detector.rpn);
  bind_second_stage(binder, detector.roi);
  binder.add(
      "detector.froc_overlap", detector.froc_overlap,
      "how the FROC measures overlap: iou, or iobb (over the found box)");
  binder.add("detector.froc_min_overlap", detector.froc_min_overlap,
             "overlap from which on a box is found");
}

}  // namespace voxlift::launcher
