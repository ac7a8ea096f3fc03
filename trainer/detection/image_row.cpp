#include "trainer/detection/image_row.h"

#include <array>
#include <utility>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

constexpr size_t kTrueWidth = 5;
constexpr size_t kFoundWidth = 6;
constexpr size_t kMostClassesShown = 100;

struct Rate {
  const char* name;
  double false_positives;
};

constexpr std::array kRates = {
    Rate{"sensitivity_0.5", 0.5}, Rate{"sensitivity_1", 1.0},
    Rate{"sensitivity_2", 2.0},   Rate{"sensitivity_4", 4.0},
    Rate{"sensitivity_8", 8.0},   Rate{"sensitivity_16", 16.0}};

void append_box(std::vector<double>& row, const PixelBox& box) {
  row.insert(row.end(), {box.x1, box.y1, box.x2, box.y2});
}

// The boxes of one class.
std::vector<DetectionCase> cases_of(const std::vector<ImageBoxes>& images,
                                    int64_t label) {
  std::vector<DetectionCase> cases(images.size());
  for (size_t i = 0; i < images.size(); ++i) {
    for (const TrueBox& one : images[i].truth) {
      if (one.label == label) {
        cases[i].truth.push_back(one.box);
      }
    }
    for (const FoundBox& one : images[i].found) {
      if (one.label == label) {
        cases[i].found.push_back(one.detection);
      }
    }
  }
  return cases;
}

// Scores of one class, in the order of their names.
using Scores = std::vector<std::pair<std::string, double>>;

Scores scores_of(const std::vector<DetectionCase>& cases, const Froc& froc,
                 const ScoreOptions& options) {
  Scores scores;
  for (const auto& [name, false_positives] : kRates) {
    scores.emplace_back(name, froc.sensitivity(false_positives));
  }
  scores.emplace_back("sensitivity_mean", froc.mean());
  scores.emplace_back("map50",
                      average_precision(cases, 0.5, options.max_per_image));
  scores.emplace_back("map",
                      mean_average_precision(cases, options.max_per_image));
  return scores;
}

}  // namespace

std::vector<double> row_of(const ImageBoxes& image) {
  std::vector<double> row = {static_cast<double>(image.truth.size())};
  for (const TrueBox& one : image.truth) {
    append_box(row, one.box);
    row.push_back(static_cast<double>(one.label));
  }
  for (const FoundBox& one : image.found) {
    append_box(row, one.detection.box);
    row.push_back(one.detection.score);
    row.push_back(static_cast<double>(one.label));
  }
  return row;
}

ImageBoxes image_of(const std::vector<double>& row) {
  const auto truth = row.empty() ? size_t{0} : static_cast<size_t>(row[0]);
  const size_t begin = 1 + kTrueWidth * truth;
  VOXLIFT_CHECK(row.size() >= begin && (row.size() - begin) % kFoundWidth == 0,
                str_cat("a row of ", row.size(), " numbers"));
  ImageBoxes image;
  for (const double* at = row.data() + 1; at < row.data() + begin;
       at += kTrueWidth) {
    image.truth.push_back(
        {{at[0], at[1], at[2], at[3]}, static_cast<int64_t>(at[4])});
  }
  for (const double* at = row.data() + begin; at < row.data() + row.size();
       at += kFoundWidth) {
    image.found.push_back(
        {{{at[0], at[1], at[2], at[3]}, at[4]}, static_cast<int64_t>(at[5])});
  }
  return image;
}

Json score_images(const std::vector<ImageBoxes>& images,
                  const std::vector<std::string>& classes,
                  const ScoreOptions& options) {
  Scores sums = scores_of({}, Froc({}, 0.5), options);
  Json by_class = Json::object();
  int64_t boxes = 0;
  double with_truth = 0.0;
  for (size_t label = 0; label < classes.size(); ++label) {
    const auto cases = cases_of(images, static_cast<int64_t>(label));
    const Froc froc(cases, options.min_overlap, options.overlap);
    if (froc.num_truth() == 0) {
      continue;
    }
    const Scores scores = scores_of(cases, froc, options);
    for (size_t i = 0; i < scores.size(); ++i) {
      sums[i].second += scores[i].second;
    }
    boxes += froc.num_truth();
    with_truth += 1.0;
    by_class[classes[label]] = {
        {"boxes", froc.num_truth()},
        {"sensitivity_mean", froc.mean()},
        {"map50", average_precision(cases, 0.5, options.max_per_image)}};
  }
  Json summary = {{"images", images.size()}, {"boxes", boxes}};
  for (const auto& [name, sum] : sums) {
    summary[name] = with_truth > 0.0 ? sum / with_truth : 0.0;
  }
  if (classes.size() > 1 && by_class.size() <= kMostClassesShown) {
    summary["by_class"] = by_class;
  }
  return summary;
}

}  // namespace voxlift::trainer
