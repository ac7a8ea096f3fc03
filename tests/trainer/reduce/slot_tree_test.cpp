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

// Adds as the reducer does: to the partner, if there is one, or a new leaf.
float sum_by_partners(SlotTree tree, std::initializer_list<double> numbers) {
  for (const double number : numbers) {
    if (tree.partner().defined()) {
      tree.partner().add_(value(number));
      tree.added_to_partner();
    } else {
      tree.add(value(number));
    }
  }
  return tree.take().item<float>();
}

TEST(SlotTreeTest, ALeafAddedToItsPartnerGivesTheSameBits) {
  EXPECT_EQ(sum_by_partners(SlotTree(), {1e8, -1e8, 1.0, 1.0}), 2.0F);
  EXPECT_EQ(sum_by_partners(SlotTree(), {1e8, 1.0, -1e8, 1.0}), 0.0F);
  EXPECT_EQ(sum_by_partners(SlotTree(), {1, 2, 3, 4, 5, 6, 7, 8}), 36.0F);
  EXPECT_EQ(sum_by_partners(SlotTree(true), {1e8, 1.0, -1e8, 1.0}), 1.0F);
}

TEST(SlotTreeTest, SumsInTheFirstLeafsMemoryAndGivesTheOthersBack) {
  SlotTree tree;
  const torch::Tensor first = value(1);
  tree.add(first);
  EXPECT_FALSE(tree.take_spare().defined());
  for (int i = 0; i < 3; ++i) {
    tree.add(value(1));
  }
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(tree.take_spare().defined());
  }
  EXPECT_FALSE(tree.take_spare().defined());
  EXPECT_EQ(tree.take().data_ptr(), first.data_ptr());
  EXPECT_EQ(first.item<float>(), 4.0F);
}

TEST(SlotTreeTest, RefusesToAddWithoutAPartner) {
  SlotTree tree;
  EXPECT_THROW(tree.added_to_partner(), InternalError);
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
