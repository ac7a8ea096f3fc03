#include "trainer/weights/pth.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "tests/support/expect_error.h"
#include "tests/support/shared_data.h"
#include "trainer/weights/load_weights.h"
#include "trainer/weights/pickle.h"

namespace voxlift::trainer {
namespace {

using namespace std::string_literals;

// A pickle of the legacy container: magic, protocol, system, root, keys.
const std::string kMagic =
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s;
const std::string kProtocol = "\x80\x02M\xe9\x03."s;
const std::string kSystem = "\x80\x02}."s;

std::string short_text(const std::string& text) {
  return "X"s + static_cast<char>(text.size()) + "\0\0\0"s + text;
}

// {"w": tensor of shape (2,) at offset 0 of float storage "0"}.
std::string one_tensor_root(int size = 2) {
  return "\x80\x02}"s + short_text("w") +
         "ctorch._utils\n_rebuild_tensor_v2\n(("s + short_text("storage") +
         "ctorch\nFloatStorage\n"s + short_text("0") + short_text("cpu") +
         "K\x02tQK\0K"s + static_cast<char>(size) + "\x85K\x01\x85\x89"s +
         "ccollections\nOrderedDict\n)RtRs."s;
}

std::string legacy_file(const std::string& root, const std::string& data) {
  return kMagic + kProtocol + kSystem + root + "\x80\x02]"s + short_text("0") +
         "a."s + data;
}

// Two floats, 1 and 2, behind their count.
const std::string kTwoFloats = "\x02\0\0\0\0\0\0\0\0\0\x80\x3f\0\0\0\x40"s;

TEST(PthTest, ReadsTheLegacyContainer) {
  const TensorMap tensors =
      parse_pth(as_bytes(legacy_file(one_tensor_root(), kTwoFloats)), "w.pth");
  ASSERT_EQ(tensors.size(), 1U);
  EXPECT_EQ(tensors[0].first, "w");
  EXPECT_TRUE(torch::equal(tensors[0].second, torch::tensor({1.0F, 2.0F})));
}

TEST(PthTest, ReadsFloat16Tensors) {
  std::string root = one_tensor_root();
  root.replace(root.find("FloatStorage"), 12, "HalfStorage");
  const std::string one_and_two = "\x02\0\0\0\0\0\0\0\0\x3c\0\x40"s;
  const TensorMap tensors =
      parse_pth(as_bytes(legacy_file(root, one_and_two)), "w.pth");
  EXPECT_EQ(tensors[0].second.scalar_type(), torch::kFloat16);
  EXPECT_TRUE(torch::equal(tensors[0].second.to(torch::kFloat32),
                           torch::tensor({1.0F, 2.0F})));
}

void expect_data_error(const std::string& file,
                       std::initializer_list<std::string> parts) {
  test::expect_error<DataError>([&] { parse_pth(as_bytes(file), "w.pth"); },
                                parts);
}

TEST(PthTest, RefusesAStorageThatIsTooShort) {
  expect_data_error(legacy_file(one_tensor_root(3), kTwoFloats),
                    {"w.pth", "'w'", "has 2 elements", "3 are needed"});
  expect_data_error(legacy_file(one_tensor_root(), "\x02\0\0\0\0\0\0\0\0\0"s),
                    {"claims 2 elements", "2 bytes left"});
}

TEST(PthTest, NeverRunsWhatAPickleAsksFor) {
  // os.system("x") as a pickle would have it: read as data, no tensor in it.
  const std::string root =
      "\x80\x02"s + "cos\nsystem\n("s + short_text("x") + "tR."s;
  expect_data_error(kMagic + kProtocol + kSystem + root + "\x80\x02]."s,
                    {"no state dict"});
}

TEST(PthTest, RefusesOtherFilesAndTruncatedOnes) {
  expect_data_error("GIF89a", {"neither a zip nor a legacy"});
  expect_data_error("PK\x03\x04 and nothing else"s, {"damaged"});
  const std::string whole = legacy_file(one_tensor_root(), kTwoFloats);
  for (size_t length = kMagic.size(); length < whole.size(); ++length) {
    const std::string cut = whole.substr(0, length);
    EXPECT_THROW(parse_pth(as_bytes(cut), "cut"), DataError) << length;
  }
}

TEST(PickleTest, SurvivesSelfReferenceAndEveryFlippedByte) {
  // A list that contains itself.
  const std::string loop = "\x80\x02]q\0h\0a."s;
  size_t position = 0;
  PickleArena arena;
  const PickleRef value =
      parse_pickle(as_bytes(loop), &position, "loop", &arena);
  EXPECT_EQ(value->items.front(), value);
  const std::string whole = legacy_file(one_tensor_root(), kTwoFloats);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
    try {
      parse_pth(as_bytes(damaged), "damaged");
    } catch (const DataError&) {
      continue;  // The only error that may come out.
    }
  }
}

TEST(PthTest, SurvivesPicklesThatAreBombs) {
  const std::string head = kMagic + kProtocol + kSystem + "\x80\x02"s;
  // Half a million tuples, one in the other.
  expect_data_error(
      head + "N"s + std::string(500'000, '\x85') + "."s + "\x80\x02]."s,
      {"no state dict"});
  // A view of 2^40 elements over two of them, and one of 2^64.
  const std::string tensor = one_tensor_root();
  const auto with_size = [&](const std::string& size,
                             const std::string& stride) {
    std::string root = tensor;
    root.replace(root.find("K\x02\x85K\x01\x85"), 6,
                 size + "\x85"s + stride + "\x85"s);
    return legacy_file(root, kTwoFloats);
  };
  const std::string two_to_40 = "\x8a\x06\0\0\0\0\0\x01"s;
  expect_data_error(with_size(two_to_40, "K\0"s), {"'w'", "in a view over 1"});
  expect_data_error(with_size(two_to_40, two_to_40),
                    {"'w'", "impossible size"});
  // A call may not be filled like a list: it would contain itself.
  expect_data_error(head + "}"s + short_text("w") +
                        "ctorch._utils\n_rebuild_parameter\n)Rq\x05h\x05"s +
                        "as."s + "\x80\x02]."s,
                    {"no list or dict"});
}

TEST(LoadWeightsTest, BothContainersOfARealCheckpointHoldTheSame) {
  const std::string zip = test::shared_data("parity/narrow_resnet3d18_mm.pth");
  const std::string legacy =
      test::shared_data("parity/narrow_resnet3d18_mm_ddp_legacy.pth");
  if (zip.empty() || legacy.empty()) {
    GTEST_SKIP() << test::shared_data_missing("parity");
  }
  const RealFiles files;
  const TensorMap a = read_weight_file(files, zip);
  const TensorMap b = read_weight_file(files, legacy);
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ("module." + a[i].first, b[i].first);
    EXPECT_TRUE(torch::equal(a[i].second, b[i].second)) << a[i].first;
  }
}

}  // namespace
}  // namespace voxlift::trainer
