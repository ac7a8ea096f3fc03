#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "tests/support/expect_error.h"

namespace voxlift {
namespace {

TEST(BoundedQueueTest, KeepsTheOrder) {
  BoundedQueue<int> queue(3);
  EXPECT_TRUE(queue.push(1));
  EXPECT_TRUE(queue.push(2));
  EXPECT_EQ(queue.size(), 2);
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), 2);
}

TEST(BoundedQueueTest, EndsAfterTheLastItem) {
  BoundedQueue<int> queue(3);
  queue.push(1);
  queue.close();
  EXPECT_FALSE(queue.push(2));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), std::nullopt);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(BoundedQueueTest, RethrowsTheFirstErrorAfterTheItems) {
  BoundedQueue<int> queue(3);
  queue.push(1);
  queue.close(std::make_exception_ptr(DataError("first")));
  queue.close(std::make_exception_ptr(DataError("second")));
  EXPECT_EQ(queue.pop(), 1);
  test::expect_error<DataError>([&] { queue.pop(); }, {"first"});
}

TEST(BoundedQueueTest, HoldsAtMostItsItems) {
  BoundedQueue<int> queue(2);
  std::atomic<int> num_pushed = 0;
  std::jthread producer([&] {
    for (int i = 0; i < 5; ++i) {
      queue.push(i);
      ++num_pushed;
    }
    queue.close();
  });
  for (int i = 0; i < 5; ++i) {
    EXPECT_LE(queue.size(), 2);
    EXPECT_LE(num_pushed.load(), i + 3);
    EXPECT_EQ(queue.pop(), i);
  }
}

TEST(BoundedQueueTest, LetsALargeItemInAlone) {
  BoundedQueue<int> queue(8, 100);
  EXPECT_TRUE(queue.push(1, 1000));
  std::jthread producer([&] { queue.push(2, 10); });
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), 2);
}

TEST(BoundedQueueTest, WakesAProducerThatWaitsWhenClosed) {
  BoundedQueue<int> queue(1);
  queue.push(1);
  std::atomic<bool> was_pushed = true;
  std::jthread producer([&] { was_pushed = queue.push(2); });
  queue.close();
  producer.join();
  // Either it came before close() and found no room, or after.
  EXPECT_FALSE(was_pushed);
}

TEST(BoundedQueueTest, MovesItemsThatCannotBeCopied) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  queue.push(std::make_unique<int>(7));
  EXPECT_EQ(**queue.pop(), 7);
}

TEST(BoundedQueueTest, LosesNothingBetweenManyThreads) {
  constexpr int kPerThread = 500;
  BoundedQueue<int> queue(4);
  std::atomic<int64_t> sum = 0;
  {
    std::vector<std::jthread> consumers;
    for (int c = 0; c < 3; ++c) {
      consumers.emplace_back([&] {
        while (const std::optional<int> item = queue.pop()) {
          sum += *item;
        }
      });
    }
    std::vector<std::jthread> producers;
    for (int p = 0; p < 3; ++p) {
      producers.emplace_back([&queue, p] {
        for (int i = 0; i < kPerThread; ++i) {
          queue.push(p * kPerThread + i);
        }
      });
    }
    producers.clear();
    queue.close();
  }
  constexpr int64_t kCount = 3 * kPerThread;
  EXPECT_EQ(sum.load(), kCount * (kCount - 1) / 2);
}

TEST(BoundedQueueTest, RejectsEmptyBounds) {
  test::expect_error<InternalError>([] { BoundedQueue<int> queue(0); },
                                    {"queue bounds"});
}

}  // namespace
}  // namespace voxlift
