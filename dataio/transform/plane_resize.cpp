#include "dataio/transform/plane_resize.h"

#include <cmath>
#include <cstddef>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/error.h"

namespace voxlift::dataio {

namespace {

// 255 << 7 fits 16 bits with sign, and that << 14 fits 32.
constexpr int kRowBits = 7;
constexpr int kColumnBits = 14;
constexpr double kUnit = 1 << (kRowBits + kColumnBits);

// Elements that a vector load may read behind the last pixel of a row.
constexpr size_t kPadding = 8;

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

int weight_of(double position, int bits) {
  return static_cast<int>(
      std::lround((position - std::floor(position)) * (1 << bits)));
}

// `weight` is that of `high`, 0 to 128.
void blend_rows(const uint8_t* low, const uint8_t* high, int weight, size_t n,
                int16_t* out) {
  for (size_t i = 0; i < n; ++i) {
    const int difference = high[i] - low[i];
    out[i] = static_cast<int16_t>((low[i] << kRowBits) + difference * weight);
  }
}

void resize_row_from(int64_t first, const RowTask& task) {
  for (int64_t x = first; x < task.width; ++x) {
    const int16_t* pixel = task.blended + task.offsets[x];
    const int low = task.weights[2 * x];
    const int high = task.weights[2 * x + 1];
    for (size_t c = 0; c < 3; ++c) {
      const int sum = pixel[c] * low + pixel[c + 3] * high;
      task.planes[c][x] = (static_cast<float>(sum) - task.mean) * task.scale;
    }
  }
}

#if defined(__x86_64__)
// The products of one output pixel: red, green, blue, 0.
__attribute__((target("ssse3"))) __m128i pixel_sums(const RowTask& task,
                                                    int64_t x) {
  // Brings the same colour of both neighbours together.
  const __m128i pairs =
      _mm_setr_epi8(0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, -1, -1, -1, -1);
  const auto* pixels =
      reinterpret_cast<const __m128i*>(task.blended + task.offsets[x]);
  const __m128i weights = _mm_shuffle_epi32(
      _mm_loadu_si32(task.weights + 2 * x), _MM_SHUFFLE(0, 0, 0, 0));
  return _mm_madd_epi16(_mm_shuffle_epi8(_mm_loadu_si128(pixels), pairs),
                        weights);
}

__attribute__((target("ssse3"))) void store_sums(__m128i sums, float mean,
                                                 float scale, float* to) {
  const __m128 centred = _mm_sub_ps(_mm_cvtepi32_ps(sums), _mm_set1_ps(mean));
  _mm_storeu_ps(to, _mm_mul_ps(centred, _mm_set1_ps(scale)));
}

// Four output pixels at a time: their sums, transposed into planes.
__attribute__((target("ssse3"))) void resize_row_ssse3(const RowTask& task) {
  int64_t x = 0;
  for (; x + 4 <= task.width; x += 4) {
    const __m128i a = pixel_sums(task, x);
    const __m128i b = pixel_sums(task, x + 1);
    const __m128i c = pixel_sums(task, x + 2);
    const __m128i d = pixel_sums(task, x + 3);
    const __m128i red_green_ab = _mm_unpacklo_epi32(a, b);
    const __m128i red_green_cd = _mm_unpacklo_epi32(c, d);
    const __m128i blue_ab = _mm_unpackhi_epi32(a, b);
    const __m128i blue_cd = _mm_unpackhi_epi32(c, d);
    store_sums(_mm_unpacklo_epi64(red_green_ab, red_green_cd), task.mean,
               task.scale, task.planes[0] + x);
    store_sums(_mm_unpackhi_epi64(red_green_ab, red_green_cd), task.mean,
               task.scale, task.planes[1] + x);
    store_sums(_mm_unpacklo_epi64(blue_ab, blue_cd), task.mean, task.scale,
               task.planes[2] + x);
  }
  resize_row_from(x, task);
}
#endif

void resize_row(const RowTask& task) {
#if defined(__x86_64__)
  static const bool kHasSsse3 = __builtin_cpu_supports("ssse3") != 0;
  if (kHasSsse3) {
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
  weights_.resize(2 * count);
  for (size_t i = 0; i < count; ++i) {
    const size_t x = flip ? count - 1 - i : i;
    const double position = columns.at(static_cast<int64_t>(i));
    const int weight = weight_of(position, kColumnBits);
    offsets_[x] = static_cast<int32_t>(
        3 * (static_cast<int64_t>(position) - region.region.box.left));
    weights_[2 * x] = static_cast<int16_t>((1 << kColumnBits) - weight);
    weights_[2 * x + 1] = static_cast<int16_t>(weight);
  }
}

void PlaneResizer::blend(const SampleAxis& rows, int64_t y, RowSource& source) {
  const double position = rows.at(y);
  const auto low = static_cast<int64_t>(position);
  const uint8_t* low_row = source.row(low);
  const uint8_t* high_row = low < rows.highest ? source.row(low + 1) : low_row;
  blend_rows(low_row, high_row, weight_of(position, kRowBits),
             blended_.size() - kPadding, blended_.data());
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
