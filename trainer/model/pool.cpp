#include "trainer/model/pool.h"

#include <ATen/Parallel.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <vector>

// The widest instructions of the processor that runs it; the sums of nothing
// depend on them: only comparisons are made.
#define VOXLIFT_WIDE \
  __attribute__((target_clones("avx512f", "avx2", "default")))

namespace voxlift::trainer {
namespace {

constexpr int32_t kWindow = 3;
constexpr int32_t kNumOffsets = kWindow * kWindow * kWindow;

struct Extent {
  int64_t depth = 0;
  int64_t height = 0;
  int64_t width = 0;

  int64_t plane() const { return height * width; }

  int64_t size() const { return depth * plane(); }
};

struct PoolShape {
  Extent in;
  Extent out;
  Triple stride = cube(1);
};

int64_t pooled(int64_t size, int64_t stride) {
  return (size - 1) / stride + 1;
}

PoolShape pool_shape(const torch::Tensor& x_NCDHW, const Triple& stride) {
  const Extent in = {x_NCDHW.size(2), x_NCDHW.size(3), x_NCDHW.size(4)};
  return {in,
          {pooled(in.depth, stride[0]), pooled(in.height, stride[1]),
           pooled(in.width, stride[2])},
          stride};
}

// `count` maxima and where they lie, as offsets within the window so far.
struct Maxima {
  float* value = nullptr;
  int32_t* where = nullptr;
};

// Takes over what is larger in `from`, adding `shift` to its offset. A NaN is
// larger than all.
VOXLIFT_WIDE void merge(const Maxima& to, const Maxima& from, int32_t shift,
                        int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float value = from.value[i];
    const bool larger = (value > to.value[i]) | (value != value);
    to.where[i] = larger ? from.where[i] + shift : to.where[i];
    to.value[i] = larger ? value : to.value[i];
  }
}

void copy(const Maxima& to, const Maxima& from, int32_t shift, int64_t count) {
  std::copy_n(from.value, count, to.value);
  std::transform(from.where, from.where + count, to.where,
                 [shift](int32_t where) { return where + shift; });
}

// Output `j` of a row: the largest of row[center - 1 .. center + 1].
void pool_one(const float* row, int64_t width, int64_t center, float* value,
              int32_t* where) {
  const int64_t first = std::max<int64_t>(center - 1, 0);
  const int64_t last = std::min(center + 1, width - 1);
  *value = row[first];
  *where = static_cast<int32_t>(first - center + 1);
  for (int64_t i = first + 1; i <= last; ++i) {
    if (row[i] > *value || row[i] != row[i]) {
      *value = row[i];
      *where = static_cast<int32_t>(i - center + 1);
    }
  }
}

// Outputs [1, end) of a row, where every window lies inside. `kStride` is a
// constant, so that the compiler can use wide loads.
template <int64_t kStride>
[[gnu::always_inline]] inline void pool_inside(const float* row, int64_t end,
                                               const Maxima& out) {
  for (int64_t j = 1; j < end; ++j) {
    const float* at = row + j * kStride;
    float value = at[-1];
    int32_t where = 0;
    const bool middle = (at[0] > value) | (at[0] != at[0]);
    value = middle ? at[0] : value;
    where = middle ? 1 : where;
    const bool last = (at[1] > value) | (at[1] != at[1]);
    out.value[j] = last ? at[1] : value;
    out.where[j] = last ? 2 : where;
  }
}

VOXLIFT_WIDE void pool_row(const float* row, int64_t width, int64_t stride,
                           const Maxima& out) {
  const int64_t count = pooled(width, stride);
  // Windows [1, inside) end before the row does.
  const int64_t inside = std::max<int64_t>((width - 2) / stride + 1, 1);
  if (stride == 1) {
    pool_inside<1>(row, std::min(inside, count), out);
  } else {
    pool_inside<2>(row, std::min(inside, count), out);
  }
  pool_one(row, width, 0, out.value, out.where);
  for (int64_t j = inside; j < count; ++j) {
    pool_one(row, width, j * stride, out.value + j, out.where + j);
  }
}

// Scratch of one thread.
struct PoolScratch {
  explicit PoolScratch(const PoolShape& shape)
      : row_values(static_cast<size_t>(shape.in.height * shape.out.width)),
        row_where(row_values.size()),
        plane_values(static_cast<size_t>(shape.in.depth * shape.out.plane())),
        plane_where(plane_values.size()),
        where(static_cast<size_t>(shape.out.plane())) {}

  std::vector<float> row_values;
  std::vector<int32_t> row_where;
  std::vector<float> plane_values;
  std::vector<int32_t> plane_where;
  std::vector<int32_t> where;
};

// Merges, for output `index`, the lines of `count` maxima that its window
// covers along one axis of `size` lines. `weight` is the axis' share in the
// offset.
void pool_lines(const Maxima& lines, int64_t size, int64_t center,
                int64_t count, int32_t weight, const Maxima& out) {
  bool first = true;
  for (int64_t k = 0; k < kWindow; ++k) {
    const int64_t line = center - 1 + k;
    if (line < 0 || line >= size) {
      continue;
    }
    const Maxima from = {lines.value + line * count,
                         lines.where + line * count};
    const auto shift = static_cast<int32_t>(k) * weight;
    if (first) {
      copy(out, from, shift, count);
    } else {
      merge(out, from, shift, count);
    }
    first = false;
  }
}

void pool_plane(const float* plane, const PoolShape& shape,
                PoolScratch& scratch, const Maxima& out) {
  const int64_t width = shape.out.width;
  const Maxima rows = {scratch.row_values.data(), scratch.row_where.data()};
  for (int64_t h = 0; h < shape.in.height; ++h) {
    pool_row(plane + h * shape.in.width, shape.in.width, shape.stride[2],
             {rows.value + h * width, rows.where + h * width});
  }
  for (int64_t i = 0; i < shape.out.height; ++i) {
    pool_lines(rows, shape.in.height, i * shape.stride[1], width, kWindow,
               {out.value + i * width, out.where + i * width});
  }
}

void pool_volume(const float* volume, const PoolShape& shape,
                 PoolScratch& scratch, float* values, uint8_t* where) {
  const int64_t plane = shape.out.plane();
  const Maxima planes = {scratch.plane_values.data(),
                         scratch.plane_where.data()};
  for (int64_t d = 0; d < shape.in.depth; ++d) {
    pool_plane(volume + d * shape.in.plane(), shape, scratch,
               {planes.value + d * plane, planes.where + d * plane});
  }
  for (int64_t d = 0; d < shape.out.depth; ++d) {
    pool_lines(planes, shape.in.depth, d * shape.stride[0], plane,
               kWindow * kWindow, {values + d * plane, scratch.where.data()});
    std::transform(scratch.where.begin(), scratch.where.end(),
                   where + d * plane,
                   [](int32_t w) { return static_cast<uint8_t>(w); });
  }
}

// Adds every output's gradient to the voxel that was its maximum.
void unpool_volume(const float* gradient, const uint8_t* where,
                   const PoolShape& shape, float* sums) {
  std::array<int64_t, kNumOffsets> offsets{};
  for (int64_t k = 0; k < kNumOffsets; ++k) {
    offsets[static_cast<size_t>(k)] = (k / 9 - 1) * shape.in.plane() +
                                      (k / 3 % 3 - 1) * shape.in.width +
                                      (k % 3 - 1);
  }
  int64_t next = 0;
  for (int64_t d = 0; d < shape.out.depth; ++d) {
    for (int64_t i = 0; i < shape.out.height; ++i) {
      float* row = sums + d * shape.stride[0] * shape.in.plane() +
                   i * shape.stride[1] * shape.in.width;
      for (int64_t j = 0; j < shape.out.width; ++j, ++next) {
        row[j * shape.stride[2] + offsets[where[next]]] += gradient[next];
      }
    }
  }
}

class MaxPool : public torch::autograd::Function<MaxPool> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& x_NCDHW,
                               const std::vector<int64_t>& stride) {
    RECORD_FUNCTION("voxlift::max_pool", std::vector<c10::IValue>({x_NCDHW}));
    const PoolShape shape =
        pool_shape(x_NCDHW, {stride[0], stride[1], stride[2]});
    const torch::Tensor x = x_NCDHW.contiguous();
    const std::vector<int64_t> sizes = {x.size(0), x.size(1), shape.out.depth,
                                        shape.out.height, shape.out.width};
    torch::Tensor y = torch::empty(sizes, x.options());
    torch::Tensor where = torch::empty(sizes, torch::kUInt8);
    at::parallel_for(
        0, x.size(0) * x.size(1), 1, [&](int64_t begin, int64_t end) {
          PoolScratch scratch(shape);
          for (int64_t v = begin; v < end; ++v) {
            pool_volume(x.data_ptr<float>() + v * shape.in.size(), shape,
                        scratch, y.data_ptr<float>() + v * shape.out.size(),
                        where.data_ptr<uint8_t>() + v * shape.out.size());
          }
        });
    context->save_for_backward({where});
    context->saved_data["sizes"] = x.sizes().vec();
    context->saved_data["stride"] = stride;
    return y;
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext* context,
      const torch::autograd::variable_list& gradients) {
    RECORD_FUNCTION("voxlift::max_pool_backward",
                    std::vector<c10::IValue>({gradients[0]}));
    const torch::Tensor where = context->get_saved_variables()[0];
    const auto stride = context->saved_data["stride"].toIntVector();
    torch::Tensor sums = torch::zeros(
        context->saved_data["sizes"].toIntVector(), torch::kFloat32);
    const PoolShape shape = pool_shape(sums, {stride[0], stride[1], stride[2]});
    const torch::Tensor gradient = gradients[0].contiguous();
    at::parallel_for(
        0, sums.size(0) * sums.size(1), 1, [&](int64_t begin, int64_t end) {
          for (int64_t v = begin; v < end; ++v) {
            unpool_volume(gradient.data_ptr<float>() + v * shape.out.size(),
                          where.data_ptr<uint8_t>() + v * shape.out.size(),
                          shape, sums.data_ptr<float>() + v * shape.in.size());
          }
        });
    return {sums, torch::Tensor()};
  }
};

bool has_own_way(const torch::Tensor& x_NCDHW, const Triple& stride) {
  return x_NCDHW.is_cpu() && x_NCDHW.scalar_type() == torch::kFloat32 &&
         x_NCDHW.numel() > 0 &&
         std::all_of(stride.begin(), stride.end(),
                     [](int64_t s) { return s == 1 || s == 2; });
}

}  // namespace

torch::Tensor max_pool_3x3x3(const torch::Tensor& x_NCDHW,
                             const Triple& stride) {
  if (!has_own_way(x_NCDHW, stride)) {
    return torch::max_pool3d(x_NCDHW, kWindow, stride, 1);
  }
  return MaxPool::apply(x_NCDHW,
                        std::vector<int64_t>(stride.begin(), stride.end()));
}

}  // namespace voxlift::trainer
