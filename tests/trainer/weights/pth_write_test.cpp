#include "trainer/weights/pth_write.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "tests/support/expect_error.h"
#include "trainer/weights/pth.h"

namespace voxlift::trainer {
namespace {

TensorMap some_tensors() {
  return {{"b.weight", torch::randn({2, 3, 1, 1, 2})},
          {"a", torch::arange(5)},
          {"half", torch::randn({4}).to(torch::kFloat16)},
          {"brain", torch::randn({4}).to(torch::kBFloat16)},
          {"double", torch::randn({300}).to(torch::kFloat64)},
          {"byte", torch::arange(3).to(torch::kUInt8)},
          {"flag", torch::ones({2}).to(torch::kBool)},
          {"long", torch::randn({70'000})},
          {"scalar", torch::tensor(7.5)},
          {"empty", torch::empty({0, 3})}};
}

TEST(PthWriteTest, OurReaderFindsTheSameTensors) {
  const TensorMap tensors = some_tensors();
  const TensorMap back = parse_pth(as_bytes(pth_file(tensors, "")), "w.pth");
  ASSERT_EQ(back.size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(back[i].first, tensors[i].first);
    EXPECT_EQ(back[i].second.scalar_type(), tensors[i].second.scalar_type());
    EXPECT_TRUE(torch::equal(back[i].second, tensors[i].second));
  }
}

TEST(PthWriteTest, KeepsTheNetworkBesideTheTensors) {
  const std::string file = pth_file(some_tensors(), R"({"depth":18})");
  EXPECT_EQ(pth_network(as_bytes(file), "w.pth"), R"({"depth":18})");
  EXPECT_EQ(pth_network(as_bytes(pth_file(some_tensors(), "")), "w.pth"), "");
  // Another's, in the old container.
  EXPECT_EQ(pth_network(as_bytes("\x80\x02\x8a\x0a"), "w.pth"), "");
}

TEST(PthWriteTest, ADamagedArchiveIsNamed) {
  const std::string file = pth_file(some_tensors(), "{}");
  test::expect_error<DataError>(
      [&] { pth_network(as_bytes(file.substr(0, 100)), "w.pth"); },
      {"'w.pth'", "damaged"});
}

TEST(PthWriteTest, StoragesBeginAtMultiplesOf64Bytes) {
  const torch::Tensor marked = torch::full({9}, 42.25F);
  const std::string file =
      pth_file({{"x", torch::ones({3})}, {"y", marked}}, "");
  const std::string bytes(static_cast<const char*>(marked.data_ptr()),
                          marked.nbytes());
  const size_t position = file.find(bytes);
  ASSERT_NE(position, std::string::npos);
  EXPECT_EQ(position % 64, 0U);
}

TEST(PthWriteTest, RefusesATypeWithoutStorage) {
  test::expect_error<InternalError>(
      [] {
        state_dict_pickle({{"c", torch::zeros({1}, torch::kComplexFloat)}});
      },
      {"no storage"});
}

}  // namespace
}  // namespace voxlift::trainer
