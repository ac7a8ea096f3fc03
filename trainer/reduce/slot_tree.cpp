#include "trainer/reduce/slot_tree.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace voxlift::trainer {

void SlotTree::carry(torch::Tensor leaf, size_t level) {
  const torch::NoGradGuard no_grad;
  while (level < levels_.size() && levels_[level].has_value()) {
    levels_[level]->add_(leaf);
    spares_.push_back(std::exchange(leaf, *std::move(levels_[level])));
    levels_[level].reset();
    level += in_order_ ? 0 : 1;
  }
  levels_.resize(std::max(levels_.size(), level + 1));
  levels_[level] = std::move(leaf);
}

void SlotTree::add(torch::Tensor leaf) {
  carry(std::move(leaf), 0);
}

torch::Tensor SlotTree::partner() const {
  return levels_.empty() ? torch::Tensor()
                         : levels_.front().value_or(torch::Tensor());
}

void SlotTree::added_to_partner() {
  VOXLIFT_CHECK(partner().defined(), "there is no partner");
  if (!in_order_) {
    carry(*std::exchange(levels_.front(), std::nullopt), 1);
  }
}

torch::Tensor SlotTree::take_spare() {
  if (spares_.empty()) {
    return {};
  }
  torch::Tensor spare = std::move(spares_.back());
  spares_.pop_back();
  return spare;
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
