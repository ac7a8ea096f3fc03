#include "trainer/detection/roi_align.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace voxlift::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// What one bin takes from an axis: weights of consecutive pixels, samples
// summed up and divided by their number.
struct AxisBin {
  int64_t first = 0;
  std::vector<double> weights;
};

struct AxisOfBox {
  double low = 0.0;  // In pixels of the map, pixel centres at whole numbers.
  double high = 0.0;
  int64_t length = 0;  // Of the map.
};

// Adds `weight` at `pixel`; samples come in rising order.
void add_weight(AxisBin& bin, int64_t pixel, double weight) {
  if (bin.weights.empty()) {
    bin.first = pixel;
  }
  const auto at = static_cast<size_t>(pixel - bin.first);
  if (at >= bin.weights.size()) {
    bin.weights.resize(at + 1);
  }
  bin.weights[at] += weight;
}

void add_sample(AxisBin& bin, double place, int64_t length, double share) {
  if (!(place >= -1.0 && place <= static_cast<double>(length))) {
    return;
  }
  const double at = std::clamp(place, 0.0, static_cast<double>(length) - 1.0);
  const auto low = static_cast<int64_t>(at);
  const double part = at - static_cast<double>(low);
  add_weight(bin, low, (1.0 - part) * share);
  if (part > 0.0) {
    add_weight(bin, low + 1, part * share);
  }
}

// More in a bin would only cost time: no map has so many pixels.
constexpr double kMostSamples = 4096.0;

// 0 for a bin without a length, or whose length is no number.
int64_t samples_of(double bin_length, const RoiAlignOptions& options) {
  if (options.samples > 0) {
    return options.samples;
  }
  return bin_length > 0.0 ? static_cast<int64_t>(
                                std::ceil(std::min(bin_length, kMostSamples)))
                          : 0;
}

std::vector<AxisBin> bins_of(const AxisOfBox& axis,
                             const RoiAlignOptions& options) {
  const auto count = static_cast<double>(options.size);
  const double bin_length = (axis.high - axis.low) / count;
  const int64_t samples = samples_of(bin_length, options);
  std::vector<AxisBin> bins(static_cast<size_t>(options.size));
  for (size_t b = 0; b < bins.size(); ++b) {
    for (int64_t i = 0; i < samples; ++i) {
      const double place = axis.low + static_cast<double>(b) * bin_length +
                           (static_cast<double>(i) + 0.5) * bin_length /
                               static_cast<double>(samples);
      add_sample(bins[b], place, axis.length,
                 1.0 / static_cast<double>(samples));
    }
  }
  return bins;
}

// One box: its image and what its bins take.
struct BoxBins {
  int64_t image = 0;
  std::vector<AxisBin> rows;
  std::vector<AxisBin> columns;
};

struct MapShape {
  int64_t images = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
};

BoxBins bins_of_box(const double* roi, const MapShape& map,
                    const RoiAlignOptions& options) {
  const auto place = [&](double pixel) { return pixel * options.scale - 0.5; };
  BoxBins bins;
  bins.image = static_cast<int64_t>(roi[0]);
  VOXLIFT_CHECK(bins.image >= 0 && bins.image < map.images, "image of a box");
  bins.rows = bins_of({place(roi[2]), place(roi[4]), map.height}, options);
  bins.columns = bins_of({place(roi[1]), place(roi[3]), map.width}, options);
  return bins;
}

std::vector<BoxBins> bins_of_boxes(const torch::Tensor& rois_R5,
                                   const MapShape& map,
                                   const RoiAlignOptions& options) {
  const torch::Tensor rois =
      rois_R5.to(torch::kCPU, torch::kFloat64).contiguous();
  std::vector<BoxBins> boxes;
  for (int64_t r = 0; r < rois.size(0); ++r) {
    boxes.push_back(bins_of_box(rois.data_ptr<double>() + 5 * r, map, options));
  }
  return boxes;
}

// Calls visit(bin, pixel, weight) for every pixel of the image's map that a bin
// takes something of, in a fixed order.
template <typename Visit>
void for_each_weight(const BoxBins& box, const MapShape& map,
                     const Visit& visit) {
  int64_t bin = 0;
  for (const AxisBin& rows : box.rows) {
    for (const AxisBin& columns : box.columns) {
      for (size_t i = 0; i < rows.weights.size(); ++i) {
        const int64_t row = rows.first + static_cast<int64_t>(i);
        const int64_t base = (box.image * map.height + row) * map.width;
        for (size_t j = 0; j < columns.weights.size(); ++j) {
          visit(bin, base + columns.first + static_cast<int64_t>(j),
                rows.weights[i] * columns.weights[j]);
        }
      }
      ++bin;
    }
  }
}

// features_P: (pixels of all maps, C); out: (R, bins, C), zeros.
template <typename T>
void gather(const std::vector<BoxBins>& boxes, const MapShape& map,
            int64_t bins, const T* features, T* out) {
  const int64_t channels = map.channels;
  const auto count = static_cast<int64_t>(boxes.size());
  at::parallel_for(0, count, 4, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for_each_weight(boxes[static_cast<size_t>(r)], map,
                      [&](int64_t bin, int64_t pixel, double weight) {
                        const T* from = features + pixel * channels;
                        T* to = out + (r * bins + bin) * channels;
                        const auto w = static_cast<T>(weight);
                        for (int64_t c = 0; c < channels; ++c) {
                          to[c] += w * from[c];
                        }
                      });
    }
  });
}

// The transpose of gather(). Each thread has channels of its own, so that the
// order of a sum does not depend on their number.
template <typename T>
void scatter(const std::vector<BoxBins>& boxes, const MapShape& map,
             int64_t bins, const T* gradient, T* out) {
  const int64_t channels = map.channels;
  at::parallel_for(0, channels, 32, [&](int64_t begin, int64_t end) {
    for (size_t r = 0; r < boxes.size(); ++r) {
      const auto first = static_cast<int64_t>(r) * bins;
      for_each_weight(boxes[r], map,
                      [&](int64_t bin, int64_t pixel, double weight) {
                        const T* from = gradient + (first + bin) * channels;
                        T* to = out + pixel * channels;
                        const auto w = static_cast<T>(weight);
                        for (int64_t c = begin; c < end; ++c) {
                          to[c] += w * from[c];
                        }
                      });
    }
  });
}

class RoiAlign : public torch::autograd::Function<RoiAlign> {
 public:
  static torch::Tensor forward(AutogradContext* context,
                               const torch::Tensor& features_NCHW,
                               const torch::Tensor& rois_R5, int64_t size,
                               double scale, int64_t samples) {
    const RoiAlignOptions options = {size, scale, samples};
    const torch::Tensor features_NHWC =
        features_NCHW.permute({0, 2, 3, 1}).contiguous();
    context->save_for_backward({rois_R5});
    context->saved_data["shape"] = features_NHWC.sizes();
    context->saved_data["size"] = size;
    context->saved_data["scale"] = scale;
    context->saved_data["samples"] = samples;
    const MapShape map = shape_of(features_NHWC.sizes());
    const auto boxes = bins_of_boxes(rois_R5, map, options);
    const torch::Tensor out = torch::zeros(
        {rois_R5.size(0), size, size, map.channels}, features_NHWC.options());
    if (out.scalar_type() == torch::kFloat64) {
      gather(boxes, map, size * size, features_NHWC.data_ptr<double>(),
             out.data_ptr<double>());
    } else {
      gather(boxes, map, size * size, features_NHWC.data_ptr<float>(),
             out.data_ptr<float>());
    }
    return out.permute({0, 3, 1, 2}).contiguous();
  }

  static tensor_list backward(AutogradContext* context,
                              const tensor_list& gradients) {
    const RoiAlignOptions options = {context->saved_data["size"].toInt(),
                                     context->saved_data["scale"].toDouble(),
                                     context->saved_data["samples"].toInt()};
    const std::vector<int64_t> shape =
        context->saved_data["shape"].toIntVector();
    const MapShape map = shape_of(shape);
    const auto boxes =
        bins_of_boxes(context->get_saved_variables()[0], map, options);
    const torch::Tensor gradient =
        gradients[0].permute({0, 2, 3, 1}).contiguous();
    const torch::Tensor out = torch::zeros(shape, gradient.options());
    const int64_t bins = options.size * options.size;
    if (out.scalar_type() == torch::kFloat64) {
      scatter(boxes, map, bins, gradient.data_ptr<double>(),
              out.data_ptr<double>());
    } else {
      scatter(boxes, map, bins, gradient.data_ptr<float>(),
              out.data_ptr<float>());
    }
    return {out.permute({0, 3, 1, 2}), torch::Tensor(), torch::Tensor(),
            torch::Tensor(), torch::Tensor()};
  }

 private:
  static MapShape shape_of(torch::IntArrayRef shape_NHWC) {
    return {shape_NHWC[0], shape_NHWC[1], shape_NHWC[2], shape_NHWC[3]};
  }
};

}  // namespace

torch::Tensor roi_align(const torch::Tensor& features_NCHW,
                        const torch::Tensor& rois_R5,
                        const RoiAlignOptions& options) {
  return RoiAlign::apply(features_NCHW.to(torch::kCPU),
                         rois_R5.detach().to(torch::kCPU), options.size,
                         options.scale, options.samples)
      .to(features_NCHW.device());
}

}  // namespace voxlift::trainer
