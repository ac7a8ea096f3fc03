#include "trainer/infer/label_stream.h"

#include <algorithm>

#include "base/error.h"
#include "trainer/tensor_buffer.h"

namespace voxlift::trainer {

LabelStream::LabelStream(const GridMap& map)
    : map_(map), rows_(map.taps[1]), columns_(map.taps[2]) {}

void LabelStream::make_plane(const torch::Tensor& scores_KHW) {
  VOXLIFT_CHECK(scores_KHW.size(0) <= 256, "labels are bytes");
  torch::Tensor labels =
      columns_.apply(rows_.apply(scores_KHW, 1), 2).argmax(0).to(torch::kUInt8);
  labels.masked_fill_(rows_.outside().view({-1, 1}), 0)
      .masked_fill_(columns_.outside(), 0);
  const auto* bytes = labels.data_ptr<uint8_t>();
  labels_.insert(labels_.end(), bytes, bytes + labels.numel());
}

void LabelStream::make_until(int64_t plane, const torch::Tensor& scores_KHW) {
  const auto& taps = map_.taps[0];
  for (; next_ < static_cast<int64_t>(taps.size()); ++next_) {
    const AxisTap& tap = taps[static_cast<size_t>(next_)];
    if (tap.low > plane || (tap.low == plane && tap.weight > 0.0F)) {
      return;
    }
    if (!tap.inside) {
      labels_.resize(labels_.size() +
                     map_.taps[1].size() * map_.taps[2].size());
    } else if (tap.low == plane) {
      make_plane(scores_KHW);
    } else {
      make_plane(previous_KHW_.lerp(scores_KHW, tap.weight));
    }
  }
}

void LabelStream::add(int64_t plane, const torch::Tensor& scores_KHW) {
  if (next_ < 0) {  // Target planes before belong to other ranks.
    const auto& taps = map_.taps[0];
    next_ = std::find_if(taps.begin(), taps.end(),
                         [&](const AxisTap& tap) { return tap.low >= plane; }) -
            taps.begin();
    first_KHW_ = scores_KHW.clone();
  } else {
    VOXLIFT_CHECK(plane == previous_ + 1, "planes come in order");
  }
  make_until(plane, scores_KHW);
  if (previous_KHW_.defined()) {
    previous_KHW_.copy_(scores_KHW);
  } else {
    previous_KHW_ = scores_KHW.clone();
  }
  previous_ = plane;
}

void LabelStream::settle(const std::vector<int64_t>& begin,
                         Communicator& comm) {
  int before = -1;  // The last rank so far that has planes.
  for (int rank = 0; rank < comm.size(); ++rank) {
    const auto r = static_cast<size_t>(rank);
    if (begin[r] == begin[r + 1]) {
      continue;
    }
    if (before >= 0 && comm.rank() == rank) {
      comm.exchange(before, buffer_of_tensor(first_KHW_), {});
    } else if (before == comm.rank()) {
      torch::Tensor next_KHW = torch::empty_like(previous_KHW_);
      comm.exchange(rank, {}, buffer_of_tensor(next_KHW));
      const auto& taps = map_.taps[0];
      for (; next_ < static_cast<int64_t>(taps.size()) &&
             taps[static_cast<size_t>(next_)].low == previous_;
           ++next_) {
        const float weight = taps[static_cast<size_t>(next_)].weight;
        make_plane(previous_KHW_.lerp(next_KHW, weight));
      }
    }
    before = rank;
  }
}

}  // namespace voxlift::trainer
