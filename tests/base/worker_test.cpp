#include "base/worker.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <atomic>

#include "base/bounded_queue.h"
#include "base/error.h"
#include "tests/support/expect_error.h"

namespace voxlift {
namespace {

TEST(WorkerTest, RunsItsBodyToTheEnd) {
  std::atomic<bool> ran = false;
  Worker worker("test", [&](std::stop_token) { ran = true; });
  worker.join();
  EXPECT_TRUE(ran);
}

TEST(WorkerTest, RethrowsItsErrorOnce) {
  Worker worker("test", [](std::stop_token) { throw DataError("broken"); });
  test::expect_error<DataError>([&] { worker.join(); }, {"broken"});
  EXPECT_NO_THROW(worker.join());
}

TEST(WorkerTest, ClosesTheQueueOfItsConsumerWithTheError) {
  BoundedQueue<int> queue(1);
  Worker worker(
      "test",
      [&](std::stop_token) {
        queue.push(1);
        throw DataError("broken");
      },
      [&](std::exception_ptr error) { queue.close(std::move(error)); });
  EXPECT_EQ(queue.pop(), 1);
  test::expect_error<DataError>([&] { queue.pop(); }, {"broken"});
  EXPECT_THROW(worker.join(), DataError);
}

TEST(WorkerTest, StopsWhenAsked) {
  Worker worker("test", [](std::stop_token stop) {
    while (!stop.stop_requested()) {
      std::this_thread::yield();
    }
  });
  worker.request_stop();
  worker.join();
}

TEST(WorkerTest, StopsWhenItGoes) {
  std::atomic<bool> stopped = false;
  {
    const Worker worker("test", [&](std::stop_token stop) {
      while (!stop.stop_requested()) {
        std::this_thread::yield();
      }
      stopped = true;
    });
  }
  EXPECT_TRUE(stopped);
}

TEST(WorkerTest, NamesItsThread) {
  std::array<char, 32> name{};
  Worker worker("a-very-long-worker-name", [&](std::stop_token) {
    pthread_getname_np(pthread_self(), name.data(), name.size());
  });
  worker.join();
  EXPECT_STREQ(name.data(), "a-very-long-wor");
}

}  // namespace
}  // namespace voxlift
