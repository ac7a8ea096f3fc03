#include "trainer/infer/overlay_sheet.h"

#include <algorithm>
#include <iomanip>
#include <map>
#include <numeric>
#include <sstream>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/contact_sheet.h"
#include "dataio/encode/png_writer.h"

namespace voxlift::trainer {
namespace {

constexpr double kCutShare = 0.005;
constexpr int64_t kLeastPixels = 256;  // Of a slice's longer side, about.
constexpr int64_t kColumns = 6;

std::vector<int64_t> all_slices(int64_t depth) {
  std::vector<int64_t> slices(static_cast<size_t>(depth));
  std::iota(slices.begin(), slices.end(), 0);
  return slices;
}

dataio::SliceShape slice_shape(const dataio::Shape3& shape) {
  return {shape[1], shape[2],
          std::max<int64_t>(1, kLeastPixels / std::max(shape[1], shape[2]))};
}

dataio::GreyWindow window_or(const OverlayConfig& config,
                             const dataio::GreyWindow& otherwise) {
  return config.window.empty()
             ? otherwise
             : dataio::GreyWindow{static_cast<double>(config.window[0]),
                                  static_cast<double>(config.window[1])};
}

// Pictures of slices side by side, each at its size.
std::vector<std::byte> sheet_png(const std::vector<dataio::Image>& pictures,
                                 const std::vector<int64_t>& slices) {
  std::vector<std::string> captions;
  for (const int64_t slice : slices) {
    captions.push_back(std::to_string(slice));
  }
  dataio::ContactSheetConfig config;
  config.columns = kColumns;
  config.cell_size = std::max(pictures[0].height, pictures[0].width);
  return dataio::encode_png(dataio::contact_sheet(pictures, config, captions));
}

std::vector<int64_t> labelled_slices(std::span<const uint8_t> labels,
                                     int64_t depth) {
  const size_t voxels = labels.size() / static_cast<size_t>(depth);
  std::vector<int64_t> slices;
  for (int64_t d = 0; d < depth; ++d) {
    const auto slice = labels.subspan(static_cast<size_t>(d) * voxels, voxels);
    if (std::any_of(slice.begin(), slice.end(),
                    [](uint8_t label) { return label > 0; })) {
      slices.push_back(d);
    }
  }
  return slices;
}

using BoxesBySlice = std::map<int64_t, std::vector<DrawnBox>>;

double best_score(const std::vector<DrawnBox>& boxes) {
  double best = 0.0;
  for (const DrawnBox& box : boxes) {
    best = std::max(best, box.score);
  }
  return best;
}

// The slices with the highest scores, by rising number.
std::vector<int64_t> best_slices(const BoxesBySlice& boxes) {
  std::vector<int64_t> slices;
  for (const auto& [slice, found] : boxes) {
    slices.push_back(slice);
  }
  std::stable_sort(slices.begin(), slices.end(), [&](int64_t a, int64_t b) {
    return best_score(boxes.at(a)) > best_score(boxes.at(b));
  });
  slices.resize(std::min(slices.size(), kMostSlices));
  std::sort(slices.begin(), slices.end());
  return slices;
}

std::string score_text(double score) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << score;
  return text.str();
}

}  // namespace

void OverlayConfig::validate(const std::string& path) const {
  if (!window.empty() && (window.size() != 2 || window[0] >= window[1])) {
    std::vector<std::string> numbers;
    for (const int64_t number : window) {
      numbers.push_back(std::to_string(number));
    }
    throw ConfigError(str_cat(path, "overlay-window = ", str_join(numbers, ","),
                              ": must be two numbers, the lower one first"));
  }
  if (!(min_score >= 0.0 && min_score <= 1.0)) {
    throw ConfigError(str_cat(path, "overlay-min-score = ", min_score,
                              ": must be in [0, 1]"));
  }
}

std::vector<int64_t> spread_slices(const std::vector<int64_t>& slices) {
  if (slices.size() <= kMostSlices) {
    return slices;
  }
  std::vector<int64_t> chosen;
  for (size_t i = 0; i < kMostSlices; ++i) {
    chosen.push_back(slices[i * (slices.size() - 1) / (kMostSlices - 1)]);
  }
  return chosen;
}

std::vector<std::byte> mask_sheet(const dataio::Volume& scan,
                                  std::span<const uint8_t> labels,
                                  const OverlayConfig& config) {
  VOXLIFT_CHECK(labels.size() == scan.voxels.size(), "a label per voxel");
  const auto window =
      window_or(config, dataio::quantile_window(scan.voxels, kCutShare));
  const dataio::SliceShape shape = slice_shape(scan.shape);
  const auto voxels = static_cast<size_t>(shape.height * shape.width);
  std::vector<int64_t> slices = labelled_slices(labels, scan.shape[0]);
  slices = spread_slices(slices.empty() ? all_slices(scan.shape[0]) : slices);
  std::vector<dataio::Image> pictures;
  for (const int64_t d : slices) {
    const size_t first = static_cast<size_t>(d) * voxels;
    pictures.push_back(dataio::grey_slice(
        std::span(scan.voxels).subspan(first, voxels), shape, window));
    dataio::outline_labels(labels.subspan(first, voxels), shape,
                           pictures.back());
  }
  return sheet_png(pictures, slices);
}

std::vector<std::byte> box_sheet(const dataio::VolumeSource& scan,
                                 const std::vector<DrawnBox>& boxes,
                                 const dataio::GreyWindow& training,
                                 const OverlayConfig& config) {
  const dataio::Shape3& size = scan.facts().shape;
  const dataio::SliceShape shape = slice_shape(size);
  BoxesBySlice drawn;
  for (const DrawnBox& box : boxes) {
    if (box.score >= config.min_score) {
      drawn[box.slice].push_back(box);
    }
  }
  const std::vector<int64_t> slices =
      drawn.empty() ? spread_slices(all_slices(size[0])) : best_slices(drawn);
  std::vector<float> voxels(static_cast<size_t>(size[1] * size[2]));
  std::vector<dataio::Image> pictures;
  for (const int64_t d : slices) {
    scan.read_image({{d, 0, 0}, {1, size[1], size[2]}}, voxels);
    pictures.push_back(
        dataio::grey_slice(voxels, shape, window_or(config, training)));
    for (const DrawnBox& box : drawn[d]) {
      dataio::outline_box(box.box, score_text(box.score),
                          dataio::class_color(box.label), shape,
                          pictures.back());
    }
  }
  return sheet_png(pictures, slices);
}

}  // namespace voxlift::trainer
