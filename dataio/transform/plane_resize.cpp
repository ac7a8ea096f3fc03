#include "dataio/transform/plane_resize.h"

#include <cstddef>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/error.h"

namespace voxlift::dataio {

namespace {

// Vertical weights add up to 127, so that a weight fits 8 bits with sign and
// 255 * 127 fits 16; horizontal ones to 2^14, and the product fits 32.
constexpr int kRowUnit = 127;
constexpr int kColumnUnit = 1 << 14;
constexpr double kUnit = double{kRowUnit} * kColumnUnit;

// Elements that a vector load may read behind the last pixel of a row.
constexpr size_t kPadding = 8;

// The pair of weights of an output pixel, once for each of the four sums of a
// vector register: red, green, blue, none.
constexpr int64_t kWeightsPerPixel = 8;

// Two rows of pixels to one.
struct BlendTask {
  const uint8_t* low;
  const uint8_t* high;
  int weight;  // Of `high`, 0 to kRowUnit.
  size_t count;
  int16_t* out;
};

// One output row: where its values come from and go to.
struct RowTask {
  const int16_t* blended;
  const int32_t* offsets;
  const int16_t* weights;
  std::array<float*, 3> planes;
  int64_t width;
  float mean;   // In units of the sums.
  float scale;  // From units of the sums to the network's.
};

// The weight of the neighbour after `low`, the one before the position.
int weight_of(double position, int64_t low, int unit) {
  return static_cast<int>((position - static_cast<double>(low)) * unit + 0.5);
}

void blend_rows_from(size_t first, const BlendTask& task) {
  for (size_t i = first; i < task.count; ++i) {
    task.out[i] = static_cast<int16_t>(task.low[i] * (kRowUnit - task.weight) +
                                       task.high[i] * task.weight);
  }
}

void resize_row_from(int64_t first, const RowTask& task) {
  for (int64_t x = first; x < task.width; ++x) {
    const int16_t* pixel = task.blended + task.offsets[x];
    const int16_t* weights = task.weights + kWeightsPerPixel * x;
    for (size_t c = 0; c < 3; ++c) {
      const int sum = pixel[c] * weights[0] + pixel[c + 3] * weights[1];
      task.planes[c][x] = (static_cast<float>(sum) - task.mean) * task.scale;
    }
  }
}

#if defined(__x86_64__)
// 128 bits and no more: with AVX2 these loops take half as long, but libjpeg
// between them then takes a seventh longer, because the processor lowers its
// clock (seen on Skylake-SP).
#define VOXLIFT_SSSE3 __attribute__((target("ssse3")))

bool has_ssse3() {
  static const bool kHas = __builtin_cpu_supports("ssse3") != 0;
  return kHas;
}

VOXLIFT_SSSE3 inline __m128i load(const void* from) {
  return _mm_loadu_si128(static_cast<const __m128i*>(from));
}

VOXLIFT_SSSE3 void blend_rows_ssse3(const BlendTask& task) {
  const auto [low_row, high_row, weight, count, out] = task;
  const __m128i weights =
      _mm_set1_epi16(static_cast<int16_t>(weight << 8 | (kRowUnit - weight)));
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m128i low = load(low_row + i);
    const __m128i high = load(high_row + i);
    auto* to = reinterpret_cast<__m128i*>(out + i);
    _mm_storeu_si128(to,
                     _mm_maddubs_epi16(_mm_unpacklo_epi8(low, high), weights));
    _mm_storeu_si128(to + 1,
                     _mm_maddubs_epi16(_mm_unpackhi_epi8(low, high), weights));
  }
  blend_rows_from(i, task);
}

// The sums of an output pixel whose left neighbour is at `pixels`: red, green,
// blue, and one unused.
VOXLIFT_SSSE3 inline __m128i pixel_sums(const int16_t* pixels,
                                        const int16_t* weights) {
  // Brings the same colour of both neighbours together.
  const __m128i together =
      _mm_setr_epi8(0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, -1, -1, -1, -1);
  return _mm_madd_epi16(_mm_shuffle_epi8(load(pixels), together),
                        load(weights));
}

VOXLIFT_SSSE3 inline void store_sums(__m128i sums, __m128 mean, __m128 scale,
                                     float* to) {
  _mm_storeu_ps(to, _mm_mul_ps(_mm_sub_ps(_mm_cvtepi32_ps(sums), mean), scale));
}

// Four output pixels at a time: their sums, transposed into planes. The task's
// members are copied, because a store could change them for all the compiler
// knows.
VOXLIFT_SSSE3 void resize_row_ssse3(const RowTask& task) {
  const int16_t* blended = task.blended;
  const int32_t* offset = task.offsets;
  const int16_t* weights = task.weights;
  const auto [red, green, blue] = task.planes;
  const __m128 mean = _mm_set1_ps(task.mean);
  const __m128 scale = _mm_set1_ps(task.scale);
  const int64_t end = task.width / 4 * 4;
  for (int64_t x = 0; x < end;
       x += 4, offset += 4, weights += 4 * kWeightsPerPixel) {
    const __m128i a = pixel_sums(blended + offset[0], weights);
    const __m128i b =
        pixel_sums(blended + offset[1], weights + kWeightsPerPixel);
    const __m128i c =
        pixel_sums(blended + offset[2], weights + 2 * kWeightsPerPixel);
    const __m128i d =
        pixel_sums(blended + offset[3], weights + 3 * kWeightsPerPixel);
    const __m128i red_green_ab = _mm_unpacklo_epi32(a, b);
    const __m128i red_green_cd = _mm_unpacklo_epi32(c, d);
    const __m128i blue_abcd =
        _mm_unpacklo_epi64(_mm_unpackhi_epi32(a, b), _mm_unpackhi_epi32(c, d));
    store_sums(_mm_unpacklo_epi64(red_green_ab, red_green_cd), mean, scale,
               red + x);
    store_sums(_mm_unpackhi_epi64(red_green_ab, red_green_cd), mean, scale,
               green + x);
    store_sums(blue_abcd, mean, scale, blue + x);
  }
  resize_row_from(end, task);
}
#endif

void blend_rows(const BlendTask& task) {
#if defined(__x86_64__)
  if (has_ssse3()) {
    blend_rows_ssse3(task);
    return;
  }
#endif
  blend_rows_from(0, task);
}

void resize_row(const RowTask& task) {
#if defined(__x86_64__)
  if (has_ssse3()) {
    resize_row_ssse3(task);
    return;
  }
#endif
  resize_row_from(0, task);
}

}  // namespace

void PlaneResizer::set_columns(const PhotoRegion& region, bool flip) {
  const SampleAxis& columns = region.columns;
  const auto count = static_cast<size_t>(columns.count);
  offsets_.resize(count);
  weights_.resize(count * kWeightsPerPixel);
  for (size_t i = 0; i < count; ++i) {
    const size_t x = flip ? count - 1 - i : i;
    const double position = columns.at(static_cast<int64_t>(i));
    const auto low = static_cast<int64_t>(position);
    const int weight = weight_of(position, low, kColumnUnit);
    offsets_[x] = static_cast<int32_t>(3 * (low - region.region.box.left));
    int16_t* pairs = weights_.data() + x * kWeightsPerPixel;
    for (int64_t k = 0; k < kWeightsPerPixel; k += 2) {
      pairs[k] = static_cast<int16_t>(kColumnUnit - weight);
      pairs[k + 1] = static_cast<int16_t>(weight);
    }
  }
}

void PlaneResizer::blend(const SampleAxis& rows, int64_t y, RowSource& source) {
  const double position = rows.at(y);
  const auto low = static_cast<int64_t>(position);
  const uint8_t* low_row = source.row(low);
  const uint8_t* high_row = low < rows.highest ? source.row(low + 1) : low_row;
  blend_rows({low_row, high_row, weight_of(position, low, kRowUnit),
              blended_.size() - kPadding, blended_.data()});
}

void PlaneResizer::resize(const PhotoRegion& region, RowSource& source,
                          const PlaneOutput& output, std::span<float> out) {
  const SampleAxis& rows = region.rows;
  const int64_t width = region.columns.count;
  VOXLIFT_CHECK(static_cast<int64_t>(out.size()) == 3 * rows.count * width,
                "size of the output");
  set_columns(region, output.flip);
  blended_.resize(static_cast<size_t>(3 * region.region.box.width) + kPadding);
  RowTask task{.blended = blended_.data(),
               .offsets = offsets_.data(),
               .weights = weights_.data(),
               .planes = {},
               .width = width,
               .mean = static_cast<float>(output.mean * kUnit),
               .scale = static_cast<float>(1.0 / (output.std * kUnit))};
  for (size_t c = 0; c < 3; ++c) {
    task.planes[c] = out.data() + output.plane_of[c] * rows.count * width;
  }
  for (int64_t y = 0; y < rows.count; ++y) {
    blend(rows, y, source);
    resize_row(task);
    for (float*& plane : task.planes) {
      plane += width;
    }
  }
}

}  // namespace voxlift::dataio
