#include "trainer/checkpoint/tensor_share.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/files.h"
#include "trainer/weights/safetensors.h"

namespace voxlift::trainer {
namespace {

TensorMap some_tensors() {
  return {
      {"a", torch::rand({3, 5})},
      {"count", torch::tensor({7}, torch::kInt64)},
      {"empty", torch::empty({0})},
      {"last",
       torch::rand({2, 4, 3, 3, 3}).to(torch::MemoryFormat::ChannelsLast3d)}};
}

std::string file_in_parts(const TensorMap& tensors, int ranks, int64_t align) {
  std::string file;
  for (int rank = 0; rank < ranks; ++rank) {
    TensorShare share;
    share.lay_out(tensors, rank, ranks, align);
    share.copy();
    EXPECT_EQ(share.range().begin, static_cast<int64_t>(file.size()));
    EXPECT_EQ(share.not_finite(), "");
    file += as_text(share.bytes());
  }
  return file;
}

TEST(TensorShareTest, PartsMakeTheSameFileWhateverTheirNumber) {
  const TensorMap tensors = some_tensors();
  const std::string whole = file_in_parts(tensors, 1, 1);
  const TensorMap back = parse_safetensors(as_bytes(whole), "whole");
  ASSERT_EQ(back.size(), tensors.size());
  for (size_t i = 0; i < back.size(); ++i) {
    EXPECT_EQ(back[i].first, tensors[i].first);
    EXPECT_TRUE(torch::equal(back[i].second, tensors[i].second));
  }
  for (const int ranks : {2, 3, 8}) {
    for (const int64_t align : {1, 10, 64, 4096}) {
      EXPECT_EQ(file_in_parts(tensors, ranks, align), whole);
    }
  }
}

TEST(TensorShareTest, KeepsWhatTheTensorsWereWhenItCopied) {
  const torch::Tensor tensor = torch::ones({4});
  TensorShare share;
  share.lay_out({{"w", tensor}}, 0, 1, 1);
  share.copy();
  const std::string before(as_text(share.bytes()));
  tensor.zero_();
  EXPECT_EQ(as_text(share.bytes()), before);
  share.lay_out({{"w", tensor}}, 0, 1, 1);
  share.copy();
  EXPECT_NE(as_text(share.bytes()), before);
}

TEST(TensorShareTest, NamesATensorThatIsNotFinite) {
  for (const auto type :
       {torch::kFloat32, torch::kFloat64, torch::kFloat16, torch::kBFloat16}) {
    for (const double value : {std::numeric_limits<double>::infinity(),
                               -std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::quiet_NaN()}) {
      torch::Tensor bad = torch::ones({9}, type);
      bad[4] = value;
      TensorShare share;
      share.lay_out({{"good", torch::ones({2})}, {"bad", bad}}, 0, 1, 1);
      share.copy();
      EXPECT_EQ(share.not_finite(), "bad") << type << value;
    }
  }
}

TEST(TensorShareTest, ARankWithoutAPartHasNothing) {
  TensorShare share;
  share.lay_out(some_tensors(), 2, 2, 1);
  share.copy();
  EXPECT_TRUE(share.bytes().empty());
  EXPECT_EQ(share.not_finite(), "");
}

}  // namespace
}  // namespace voxlift::trainer
