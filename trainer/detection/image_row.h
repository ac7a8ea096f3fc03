#pragma once
// Boxes of pictures as rows of numbers that ranks exchange, and their scores.

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "trainer/metrics/detection_scores.h"

namespace voxlift::trainer {

struct TrueBox {
  PixelBox box;
  int64_t label = 0;
};

struct FoundBox {
  Detection detection;
  int64_t label = 0;
};

// What is in one picture, and what was found there.
struct ImageBoxes {
  std::vector<TrueBox> truth;
  std::vector<FoundBox> found;
};

// The number of true boxes, 5 numbers for each of them (edges, label), 6 for
// each that was found (edges, score, label).
std::vector<double> row_of(const ImageBoxes& image);

// The way back. Throws InternalError for a row of another form.
ImageBoxes image_of(const std::vector<double>& row);

struct ScoreOptions {
  BoxOverlap overlap = BoxOverlap::kIou;  // Of the FROC.
  double min_overlap = 0.5;
  int64_t max_per_image = 100;  // Of the average precision.
};

// {"images", "boxes", "sensitivity_0.5", .. at 0.5, 1, 2, 4, 8 and 16 false
// positives an image, "sensitivity_mean" (of 0.5, 1, 2, 4), "map50", "map" (IoU
// 0.5 to 0.95)}: means over the classes that have true boxes, 0 without any. A
// box counts against those of its class only. With several classes also
// "by_class": {name: {"boxes", "sensitivity_mean", "map50"}}, at most 100.
Json score_images(const std::vector<ImageBoxes>& images,
                  const std::vector<std::string>& classes,
                  const ScoreOptions& options);

}  // namespace voxlift::trainer
