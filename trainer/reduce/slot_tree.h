#pragma once
// A binary tree sum over leaves that arrive one by one.

#include <torch/torch.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace voxlift::trainer {

// Adds 2^k leaves as a balanced binary tree, ((0+1)+(2+3))+..., holding at most
// one partial sum per level: a binary counter whose carry is an addition.
// `in_order` adds them one after the other instead, ((0+1)+2)+3: less memory,
// other bits.
class SlotTree {
 public:
  explicit SlotTree(bool in_order = false) : in_order_(in_order) {}

  // Takes the leaf over; it must not be touched afterwards. The sum will lie in
  // the first leaf's memory.
  void add(torch::Tensor leaf);

  // The sum that the next leaf is added to first, or an undefined tensor where
  // it is added to none. Whoever adds the leaf there himself, as it comes,
  // needs no memory for it, and calls added_to_partner() instead of add().
  torch::Tensor partner() const;
  void added_to_partner();

  // Memory of a leaf that has been added, or an undefined tensor.
  torch::Tensor take_spare();

  // The sum of all leaves, which must be a power of two of them unless in
  // order; the tree is empty again.
  torch::Tensor take();

 private:
  void carry(torch::Tensor leaf, size_t level);

  bool in_order_;
  std::vector<std::optional<torch::Tensor>> levels_;
  std::vector<torch::Tensor> spares_;
};

}  // namespace voxlift::trainer
