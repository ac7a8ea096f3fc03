#include "trainer/reduce/slot_tree.h"

#include <utility>

#include "base/error.h"

namespace voxlift::trainer {

void SlotTree::add(torch::Tensor leaf) {
  const torch::NoGradGuard no_grad;
  size_t level = 0;
  while (level < levels_.size() && levels_[level].has_value()) {
    leaf = levels_[level]->add_(leaf);
    levels_[level].reset();
    level += in_order_ ? 0 : 1;
  }
  levels_.resize(std::max(levels_.size(), level + 1));
  levels_[level] = std::move(leaf);
}

torch::Tensor SlotTree::take() {
  VOXLIFT_CHECK(!levels_.empty() && levels_.back().has_value(), "no leaves");
  for (size_t i = 0; i + 1 < levels_.size(); ++i) {
    VOXLIFT_CHECK(!levels_[i].has_value(), "leaves are no power of two");
  }
  torch::Tensor sum = *std::move(levels_.back());
  levels_.clear();
  return sum;
}

}  // namespace voxlift::trainer
