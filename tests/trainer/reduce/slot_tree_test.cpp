#include "trainer/reduce/slot_tree.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace voxlift::trainer {
namespace {

torch::Tensor value(double number) {
  return torch::full({1}, number, torch::kFloat32);
}

TEST(SlotTreeTest, AddsAsABalancedTree) {
  // In float32, 1e8 + 1 = 1e8: (1e8 + 1) + (1 - 1e8) is 0, in order it is 0 as
  // well; (1 + 1) survives only where the tree pairs the ones.
  SlotTree tree;
  for (const double number : {1e8, -1e8, 1.0, 1.0}) {
    tree.add(value(number));
  }
  EXPECT_EQ(tree.take().item<float>(), 2.0F);
  for (const double number : {1e8, 1.0, -1e8, 1.0}) {
    tree.add(value(number));
  }
  EXPECT_EQ(tree.take().item<float>(), 0.0F);
}

TEST(SlotTreeTest, AddsInOrderWhereAskedTo) {
  SlotTree tree(true);
  for (const double number : {1e8, 1.0, -1e8, 1.0}) {
    tree.add(value(number));
  }
  EXPECT_EQ(tree.take().item<float>(), 1.0F);
}

TEST(SlotTreeTest, RefusesThreeLeaves) {
  SlotTree tree;
  tree.add(value(1));
  tree.add(value(1));
  tree.add(value(1));
  EXPECT_THROW(tree.take(), InternalError);
}

}  // namespace
}  // namespace voxlift::trainer
