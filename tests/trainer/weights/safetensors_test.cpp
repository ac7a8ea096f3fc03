#include "trainer/weights/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "base/files.h"
#include "tests/support/expect_error.h"

namespace voxlift::trainer {
namespace {

std::string file_of(const TensorMap& tensors) {
  const SafetensorsImage image(tensors);
  std::string text;
  for (const auto& piece : image.pieces()) {
    text += as_text(piece);
  }
  return text;
}

std::string file_with_header(const std::string& json, size_t data_bytes) {
  const uint64_t length = json.size();
  std::string text(sizeof(length), '\0');
  std::memcpy(text.data(), &length, sizeof(length));
  return text + json + std::string(data_bytes, 'x');
}

void expect_data_error(const std::string& file,
                       std::initializer_list<std::string> parts) {
  test::expect_error<DataError>(
      [&] { parse_safetensors(as_bytes(file), "w.safetensors"); }, parts);
}

TEST(SafetensorsTest, ReadsWhatItWrites) {
  const TensorMap tensors = {{"b", torch::randn({2, 3})},
                             {"a", torch::arange(5)},
                             {"half", torch::randn({4}).to(torch::kFloat16)},
                             {"scalar", torch::tensor(7.5)},
                             {"empty", torch::empty({0, 3})}};
  const TensorMap back = parse_safetensors(as_bytes(file_of(tensors)), "w");
  ASSERT_EQ(back.size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(back[i].first, tensors[i].first);
    EXPECT_TRUE(torch::equal(back[i].second, tensors[i].second));
  }
}

TEST(SafetensorsTest, RefusesAHeaderLongerThanTheFile) {
  std::string file = file_of({{"a", torch::ones({2})}});
  file[6] = '\x7f';
  expect_data_error(file, {"w.safetensors", "header of"});
  expect_data_error("abc", {"w.safetensors", "3 bytes"});
}

TEST(SafetensorsTest, RefusesOffsetsPastTheData) {
  expect_data_error(
      file_with_header(
          R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4),
      {"'a'", "past the 4 bytes"});
}

TEST(SafetensorsTest, RefusesAShapeThatNeedsOtherBytes) {
  expect_data_error(
      file_with_header(
          R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8),
      {"'a'", "need 12 bytes", "span 8"});
  expect_data_error(
      file_with_header(R"({"a":{"dtype":"F32","shape":[9223372036854775807,9],)"
                       R"("data_offsets":[0,8]}})",
                       8),
      {"'a'", "impossible dimension"});
}

TEST(SafetensorsTest, RefusesUnknownTypesAndBrokenJson) {
  expect_data_error(
      file_with_header(
          R"({"a":{"dtype":"F7","shape":[2],"data_offsets":[0,8]}})", 8),
      {"'F7'"});
  expect_data_error(file_with_header("{", 0), {"not JSON"});
  expect_data_error(file_with_header("[]", 0), {"no JSON object"});
  expect_data_error(file_with_header(R"({"a":{"dtype":"F32"}})", 0),
                    {"'shape'"});
}

}  // namespace
}  // namespace voxlift::trainer
