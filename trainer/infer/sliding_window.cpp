#include "trainer/infer/sliding_window.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/infer/mirrored_mean.h"
#include "trainer/tensor_buffer.h"

namespace voxlift::trainer {
namespace {

torch::Tensor to_tensor(const std::vector<double>& values) {
  return torch::tensor(values, torch::kFloat64);
}

// (d, h, w) as the outer product of the axes' values.
torch::Tensor outer(const torch::Tensor& d, const torch::Tensor& h,
                    const torch::Tensor& w) {
  return (d.view({-1, 1, 1}) * h.view({1, -1, 1}) * w.view({1, 1, -1}))
      .to(torch::kFloat32);
}

// Scores of whole rows.
class RowScorer {
 public:
  RowScorer(const WindowVolume& volume, const WindowPlan& plan,
            const WindowNetwork& network, const SlidingWindowConfig& config)
      : volume_(volume), plan_(plan), network_(network), config_(config) {
    if (config.weights != "count") {
      std::array<torch::Tensor, 3> axes;
      for (size_t i = 0; i < 3; ++i) {
        axes[i] = to_tensor(axis_weights(config.weights, config.window[i]));
      }
      weight_D1HW_ = outer(axes[0], axes[1], axes[2]).unsqueeze(1);
    }
  }

  // Weighted sums (planes of the row, K, H, W), valid until the next call.
  torch::Tensor score(int64_t row) {
    const int64_t windows = plan_.windows_per_row();
    const torch::Tensor image_DHW = read_row(row);
    for (int64_t begin = 0; begin < windows; begin += config_.batch) {
      const int64_t end = std::min(windows, begin + config_.batch);
      const torch::Tensor scores = run_network(image_DHW, begin, end);
      if (begin == 0) {
        start_sums(row, scores.size(1));
      }
      for (int64_t i = begin; i < end; ++i) {
        add_window(row, i, scores[i - begin]);
      }
    }
    return sums_DKHW_;
  }

 private:
  torch::Tensor read_row(int64_t row) {
    const dataio::VoxelBox box = plan_.row_box(row);
    if (!image_DHW_.defined()) {
      image_DHW_ = torch::empty({box.size[0], box.size[1], box.size[2]});
    }
    volume_.read(box, std::span(image_DHW_.data_ptr<float>(),
                                static_cast<size_t>(box.num_voxels())));
    return image_DHW_;
  }

  // Start of window i of a row along `axis`, 1 or 2.
  int64_t start_of(int64_t i, size_t axis) const {
    const auto& widths = plan_.starts(2);
    const auto across = static_cast<int64_t>(widths.size());
    return axis == 1 ? plan_.starts(1)[static_cast<size_t>(i / across)]
                     : widths[static_cast<size_t>(i % across)];
  }

  torch::Tensor run_network(const torch::Tensor& image_DHW, int64_t begin,
                            int64_t end) {
    std::vector<torch::Tensor> windows;
    for (int64_t i = begin; i < end; ++i) {
      torch::Tensor window = image_DHW;
      for (size_t axis = 1; axis < 3; ++axis) {
        window = window.narrow(static_cast<int64_t>(axis),
                               start_of(i, axis) - plan_.starts(axis).front(),
                               plan_.window()[axis]);
      }
      windows.push_back(window.unsqueeze(0));
    }
    const torch::Tensor x_NCDHW = torch::stack(windows);
    const torch::Tensor scores = network_(x_NCDHW);
    VOXLIFT_CHECK(scores.dim() == 5 && scores.size(0) == x_NCDHW.size(0) &&
                      scores.sizes().slice(2) == x_NCDHW.sizes().slice(2),
                  str_cat("scores of a window: ", scores.sizes(), " for ",
                          x_NCDHW.sizes()));
    return scores.to(torch::kCPU, torch::kFloat32);
  }

  void start_sums(int64_t row, int64_t classes) {
    const int64_t depth = plan_.row_end(row) - plan_.row_begin(row);
    if (!sums_DKHW_.defined() || sums_DKHW_.size(0) != depth) {
      sums_DKHW_ =
          torch::empty({depth, classes, plan_.shape()[1], plan_.shape()[2]});
    }
    sums_DKHW_.zero_();
  }

  void add_window(int64_t row, int64_t i, const torch::Tensor& scores_KDHW) {
    const std::array<int64_t, 3> start = {
        plan_.starts(0)[static_cast<size_t>(row)], start_of(i, 1),
        start_of(i, 2)};
    torch::Tensor from = scores_KDHW.transpose(0, 1);
    torch::Tensor weight = weight_D1HW_;
    torch::Tensor to = sums_DKHW_;
    for (size_t axis = 0; axis < 3; ++axis) {
      const int64_t dim = axis == 0 ? 0 : static_cast<int64_t>(axis) + 1;
      const int64_t first = std::max<int64_t>(0, start[axis]);
      const int64_t end =
          std::min(plan_.shape()[axis], start[axis] + plan_.window()[axis]);
      from = from.narrow(dim, first - start[axis], end - first);
      if (weight.defined()) {
        weight = weight.narrow(dim, first - start[axis], end - first);
      }
      to = axis == 0 ? to : to.narrow(dim, first, end - first);
    }
    weight.defined() ? to.addcmul_(from, weight) : to.add_(from);
  }

  const WindowVolume& volume_;
  const WindowPlan& plan_;
  const WindowNetwork& network_;
  const SlidingWindowConfig& config_;
  torch::Tensor weight_D1HW_;  // Undefined: all ones.
  torch::Tensor image_DHW_;
  torch::Tensor sums_DKHW_;
};

// The planes that rows still add to: a ring, so that nothing moves.
class OpenPlanes {
 public:
  OpenPlanes(const WindowPlan& plan, const std::string& weights,
             const PlaneSink& sink, int64_t first)
      : sink_(sink), next_(first), end_(first) {
    ring_.resize(static_cast<size_t>(plan.window()[0]));
    depth_sums_ = plan.weight_sums(0, weights);
    sums_HW_ = outer(torch::ones({1}, torch::kFloat64),
                     to_tensor(plan.weight_sums(1, weights)),
                     to_tensor(plan.weight_sums(2, weights)))
                   .squeeze(0);
  }

  // Planes [first, first + scores.size(0)), of which the first are open.
  void add(int64_t first, const torch::Tensor& scores_DKHW) {
    for (int64_t i = 0; i < scores_DKHW.size(0); ++i) {
      torch::Tensor& plane_KHW = at(first + i);
      if (first + i < end_) {
        plane_KHW.add_(scores_DKHW[i]);
      } else if (plane_KHW.defined()) {
        plane_KHW.copy_(scores_DKHW[i]);
      } else {
        plane_KHW = scores_DKHW[i].clone();
      }
    }
    end_ = std::max(end_, first + scores_DKHW.size(0));
  }

  // Hands out all planes before `plane`.
  void close_before(int64_t plane) {
    for (; next_ < std::min(plane, end_); ++next_) {
      const double depth_sum = depth_sums_[static_cast<size_t>(next_)];
      sink_(next_, at(next_).div_(sums_HW_ * depth_sum));
    }
  }

  // Shape of a plane's scores; needs an open plane.
  torch::IntArrayRef plane_shape() { return at(end_ - 1).sizes(); }

 private:
  torch::Tensor& at(int64_t plane) {
    return ring_[static_cast<size_t>(plane) % ring_.size()];
  }

  const PlaneSink& sink_;
  std::vector<torch::Tensor> ring_;
  int64_t next_;  // First plane that was not handed out.
  int64_t end_;   // First plane that no row has reached.
  std::vector<double> depth_sums_;
  torch::Tensor sums_HW_;
};

// A row's scores in planes of lower ranks, from `first` on.
struct Overhang {
  int64_t first = 0;
  torch::Tensor scores_DKHW;
};

// Planes of `row` that belong to the rank with `owner`, [first, end).
std::pair<int64_t, int64_t> common_planes(const WindowPlan& plan, int64_t row,
                                          const RowShare& owner) {
  return {std::max(plan.row_begin(row), owner.plane_begin),
          std::min(plan.row_end(row), owner.plane_end)};
}

void send_overhang(const Overhang& overhang, int64_t first, int64_t end,
                   int owner, Communicator& comm) {
  torch::Tensor piece = overhang.scores_DKHW.slice(0, first - overhang.first,
                                                   end - overhang.first);
  comm.exchange(owner, buffer_of_tensor(piece), {});
}

void receive_overhang(int64_t first, int64_t end, int from, OpenPlanes& open,
                      Communicator& comm) {
  const torch::IntArrayRef plane = open.plane_shape();
  torch::Tensor piece =
      torch::empty({end - first, plane[0], plane[1], plane[2]});
  comm.exchange(from, {}, buffer_of_tensor(piece));
  open.add(first, piece);
}

// COLLECTIVE. Gives the owners of planes what the rows of higher ranks add to
// them. All ranks walk through the pairs in one order, so none waits for one
// that waits for it; the rows that an owner gets come in order.
void settle_overhangs(const WindowPlan& plan,
                      const std::vector<Overhang>& overhangs, OpenPlanes& open,
                      Communicator& comm) {
  for (int owner = 0; owner < comm.size(); ++owner) {
    const RowShare owned = plan.share(owner, comm.size());
    for (int from = owner + 1; from < comm.size(); ++from) {
      const RowShare share = plan.share(from, comm.size());
      for (int64_t row = share.row_begin; row < share.row_end; ++row) {
        const auto [first, end] = common_planes(plan, row, owned);
        if (first >= end) {
          continue;
        }
        if (comm.rank() == owner) {
          receive_overhang(first, end, from, open, comm);
        } else if (comm.rank() == from) {
          const auto i = static_cast<size_t>(row - share.row_begin);
          send_overhang(overhangs[i], first, end, owner, comm);
        }
      }
    }
  }
}

}  // namespace

void slide_window(const WindowVolume& volume, const WindowNetwork& network,
                  const SlidingWindowConfig& config, Communicator& comm,
                  const PlaneSink& sink) {
  const torch::NoGradGuard no_grad;
  const WindowPlan plan(volume.shape, config);
  const RowShare own = plan.share(comm.rank(), comm.size());
  const WindowNetwork mirrored = mirrored_mean(network, config.flips);
  RowScorer scorer(volume, plan, mirrored, config);
  OpenPlanes open(plan, config.weights, sink, own.plane_begin);
  std::vector<Overhang> overhangs;
  for (int64_t row = own.row_begin; row < own.row_end; ++row) {
    const torch::Tensor scores_DKHW = scorer.score(row);
    const int64_t first = plan.row_begin(row);
    const int64_t own_first = std::max(first, own.plane_begin);
    overhangs.push_back(
        {first, scores_DKHW.slice(0, 0, own_first - first).clone()});
    open.add(own_first, scores_DKHW.slice(0, own_first - first));
    if (row + 1 < plan.num_rows()) {
      open.close_before(plan.row_begin(row + 1));
    }
  }
  settle_overhangs(plan, overhangs, open, comm);
  open.close_before(own.plane_end);
}

}  // namespace voxlift::trainer
