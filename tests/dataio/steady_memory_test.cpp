// A program of its own, because it counts every allocation of the process.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "dataio/transform/photo_transform.h"
#include "tests/dataio/made_jpeg.h"

namespace {

std::atomic<int64_t> num_allocations = 0;

}  // namespace

void* operator new(size_t size) {
  ++num_allocations;
  if (void* memory = std::malloc(size)) {
    return memory;
  }
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, size_t /*size*/) noexcept {
  std::free(memory);
}

namespace voxlift::dataio {
namespace {

int64_t allocations_of(const PhotoTransform& transform,
                       const std::vector<test::Bytes>& pictures,
                       Workspace& workspace, std::span<float> out) {
  const std::string origin = "x.jpg";
  const int64_t before = num_allocations;
  for (uint64_t id = 0; id < 20; ++id) {
    RandomStream draws(7, Purpose::kAugment, 0, id);
    transform.apply(pictures[id % pictures.size()], origin, draws, workspace,
                    out);
  }
  return num_allocations - before;
}

// libjpeg's own memory comes from malloc and is not counted.
TEST(SteadyMemoryTest, AllocatesNothingOnceAllSizesHaveBeenSeen) {
  const auto transform = make_photo_train_transform({});
  const std::vector<test::Bytes> pictures = {
      test::styled_jpeg(test::noisy_image(300, 400), {}),
      test::styled_jpeg(test::noisy_image(500, 300), {.across = 1, .down = 1})};
  std::vector<float> out(
      static_cast<size_t>(transform->shape().num_elements()));
  Workspace workspace;
  EXPECT_GT(allocations_of(*transform, pictures, workspace, out), 0);
  EXPECT_EQ(allocations_of(*transform, pictures, workspace, out), 0);
}

}  // namespace
}  // namespace voxlift::dataio
