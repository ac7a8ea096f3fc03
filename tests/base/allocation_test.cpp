#include "base/allocation.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>

namespace voxlift {
namespace {

constexpr size_t kBytes = size_t{96} << 20;

int64_t faults_of_one_big_block() {
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_SELF, &before);
  auto* block = static_cast<volatile char*>(std::malloc(kBytes));
  for (size_t i = 0; i < kBytes; i += 4096) {
    block[i] = 1;
  }
  std::free(const_cast<char*>(block));
  getrusage(RUSAGE_SELF, &after);
  return after.ru_minflt - before.ru_minflt;
}

#ifdef __SANITIZE_ADDRESS__
constexpr bool kMallocIsGlibcs = false;
#else
constexpr bool kMallocIsGlibcs = true;
#endif

TEST(KeepFreedMemoryTest, ABigBlockIsNotFaultedInTwice) {
  if (!kMallocIsGlibcs) {
    GTEST_SKIP() << "AddressSanitizer has a malloc of its own";
  }
  keep_freed_memory();
  EXPECT_GT(faults_of_one_big_block(), 0);
  EXPECT_LT(faults_of_one_big_block(), 10);
}

TEST(ReleaseFreedMemoryTest, GivesABigBlockBack) {
  if (!kMallocIsGlibcs) {
    GTEST_SKIP() << "AddressSanitizer has a malloc of its own";
  }
  keep_freed_memory();
  faults_of_one_big_block();
  release_freed_memory();
  EXPECT_GT(faults_of_one_big_block(), 10);
}

}  // namespace
}  // namespace voxlift
