#pragma once
// Scores of detected boxes against true ones: FROC and average precision.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace voxlift::trainer {

// Left, top, right, bottom, in pixels of the image; right and bottom are
// outside.
struct PixelBox {
  double x1 = 0.0;
  double y1 = 0.0;
  double x2 = 0.0;
  double y2 = 0.0;

  double area() const;
};

// Intersection over union; 0 for boxes without area.
double box_iou(const PixelBox& a, const PixelBox& b);

// Intersection over the area of `box`; 0 if that has none (IoBB).
double box_coverage(const PixelBox& box, const PixelBox& other);

struct Detection {
  PixelBox box;
  double score = 0.0;
};

// One image with its true boxes and what was found.
struct DetectionCase {
  std::vector<PixelBox> truth;
  std::vector<Detection> found;
};

enum class BoxOverlap { kIou, kIobb };

// Free-response ROC: detections of all images by falling score (ties: by image,
// then order). One whose best overlap with the truth of its image is below
// `min_overlap` is a false positive. Else every box not hit before that
// overlaps enough is a hit; if all of those had been hit before, the detection
// is neither. Sensitivity at x false positives per image: hits of the
// detections before the number of false positives exceeds x times the images.
// A detection whose score is no number is left out.
class Froc {
 public:
  Froc(std::span<const DetectionCase> cases, double min_overlap,
       BoxOverlap overlap = BoxOverlap::kIou);

  // 0 where there are no true boxes.
  double sensitivity(double false_positives_per_image) const;

  // Mean at 0.5, 1, 2 and 4 false positives per image.
  double mean() const;

  int64_t num_truth() const { return num_truth_; }

 private:
  int64_t num_images_ = 0;
  int64_t num_truth_ = 0;
  std::vector<int64_t> hits_before_;  // The i-th false positive.
  int64_t hits_in_all_ = 0;
};

// Average precision at one IoU: area under the precision-recall curve with
// precision made monotone, at 101 recalls. Each detection takes the best box
// of its image that none has taken; at most `max_per_image` of an image count.
// Source: the COCO detection metric, Lin et al., ECCV 2014, DOI
// 10.1007/978-3-319-10602-1_48. 0 without true boxes.
double average_precision(std::span<const DetectionCase> cases, double min_iou,
                         int64_t max_per_image = 100);

// Mean over IoU 0.50, 0.55 .. 0.95.
double mean_average_precision(std::span<const DetectionCase> cases,
                              int64_t max_per_image = 100);

}  // namespace voxlift::trainer
