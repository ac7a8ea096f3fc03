#include "dataio/contact_sheet.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "dataio/glyphs.h"
#include "dataio/transform/resize.h"

namespace voxlift::dataio {

namespace {

constexpr uint8_t kPaper = 32;
constexpr std::array<uint8_t, 3> kInk = {220, 220, 220};

uint8_t to_byte(double value) {
  return static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
}

Image scaled(const Image& image, int64_t height, int64_t width) {
  const int64_t plane = height * width;
  std::vector<float> planes(static_cast<size_t>(3 * plane));
  resize_bilinear(
      image,
      {{0, 0, image.height, image.width}, height, width, {0, 0, height, width}},
      {0, 1, 2}, planes);
  Image result{height, width, {}};
  for (int64_t i = 0; i < plane; ++i) {
    for (int64_t c = 0; c < 3; ++c) {
      result.rgb.push_back(to_byte(planes[static_cast<size_t>(c * plane + i)]));
    }
  }
  return result;
}

// The largest picture of the same proportions in a square of `side`.
Image scaled_into(const Image& image, int64_t side) {
  const int64_t longest = std::max(image.height, image.width);
  return scaled(image, std::max<int64_t>(1, image.height * side / longest),
                std::max<int64_t>(1, image.width * side / longest));
}

void paste(const Image& from, int64_t top, int64_t left, Image& to) {
  for (int64_t y = 0; y < from.height; ++y) {
    std::copy_n(from.pixel(y, 0), 3 * from.width, to.pixel(top + y, left));
  }
}

// Values to grey so that the smallest is black and the largest white.
Image grey(std::span<const float> values, int64_t height, int64_t width,
           float low, float high) {
  const double range = high > low ? high - low : 1.0;
  Image image{height, width, {}};
  for (const float value : values) {
    const uint8_t byte =
        std::isfinite(value) ? to_byte(255.0 * (value - low) / range) : 0;
    image.rgb.insert(image.rgb.end(), 3, byte);
  }
  return image;
}

Image middle_grey(std::span<const float> voxels, const Shape3& shape) {
  float low = INFINITY;
  float high = -INFINITY;
  for (const float voxel : voxels) {
    if (std::isfinite(voxel)) {
      low = std::min(low, voxel);
      high = std::max(high, voxel);
    }
  }
  const int64_t slice = shape[1] * shape[2];
  return grey(voxels.subspan(static_cast<size_t>(shape[0] / 2 * slice),
                             static_cast<size_t>(slice)),
              shape[1], shape[2], low, high);
}

}  // namespace

Image contact_sheet(std::span<const Image> cells,
                    const ContactSheetConfig& config,
                    const std::vector<std::string>& captions) {
  VOXLIFT_CHECK(!cells.empty() && config.columns > 0 && config.cell_size > 0 &&
                    config.gap >= 0,
                "contact sheet");
  VOXLIFT_CHECK(captions.empty() || captions.size() == cells.size(),
                "a caption for each cell");
  const auto count = static_cast<int64_t>(cells.size());
  const int64_t columns = std::min(config.columns, count);
  const int64_t rows = (count + columns - 1) / columns;
  const int64_t caption_height = captions.empty() ? 0 : 2 * kGlyphHeight + 4;
  const int64_t step_x = config.cell_size + config.gap;
  const int64_t step_y = step_x + caption_height;
  Image sheet{rows * step_y + config.gap, columns * step_x + config.gap, {}};
  sheet.rgb.assign(static_cast<size_t>(3 * sheet.height * sheet.width), kPaper);
  for (int64_t i = 0; i < count; ++i) {
    const Image cell =
        scaled_into(cells[static_cast<size_t>(i)], config.cell_size);
    const int64_t top = config.gap + i / columns * step_y;
    const int64_t left = config.gap + i % columns * step_x;
    paste(cell, top + (config.cell_size - cell.height) / 2,
          left + (config.cell_size - cell.width) / 2, sheet);
    if (!captions.empty()) {
      // As many letters as fit into the cell: two pixels each font pixel.
      const int64_t num_letters = config.cell_size / (2 * (kGlyphWidth + 1));
      draw_text(sheet, top + config.cell_size + 3, left,
                captions[static_cast<size_t>(i)].substr(
                    0, static_cast<size_t>(num_letters)),
                2, kInk);
    }
  }
  return sheet;
}

Image planes_to_image(std::span<const float> sample, const SampleShape& shape,
                      double mean, double std) {
  VOXLIFT_CHECK(static_cast<int64_t>(sample.size()) == shape.num_elements() &&
                    shape.channels == 1,
                "a sample of one channel");
  if (shape.depth != 3) {
    return middle_grey(sample, {shape.depth, shape.height, shape.width});
  }
  const auto plane = static_cast<size_t>(shape.height * shape.width);
  Image image{shape.height, shape.width, {}};
  image.rgb.reserve(3 * plane);
  for (size_t i = 0; i < plane; ++i) {
    for (size_t c = 0; c < 3; ++c) {
      image.rgb.push_back(to_byte(sample[c * plane + i] * std + mean));
    }
  }
  return image;
}

Image middle_slice(const Volume& volume) {
  return middle_grey(volume.voxels, volume.shape);
}

}  // namespace voxlift::dataio
