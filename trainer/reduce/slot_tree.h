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

  // Takes the leaf over; it must not be touched afterwards.
  void add(torch::Tensor leaf);

  // The sum of all leaves, which must be a power of two of them unless in
  // order; the tree is empty again.
  torch::Tensor take();

 private:
  bool in_order_;
  std::vector<std::optional<torch::Tensor>> levels_;
};

}  // namespace voxlift::trainer
