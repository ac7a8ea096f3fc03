#pragma once
// The one queue between threads.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include "base/error.h"

namespace voxlift {

// First in, first out, bounded in items and bytes. Any number of producers and
// consumers. Close it to end: consumers take what is left, then see the end.
template <typename T>
class BoundedQueue {
 public:
  // An item larger than max_bytes is let in alone, so it cannot deadlock.
  explicit BoundedQueue(int64_t max_items, int64_t max_bytes = INT64_MAX)
      : max_items_(max_items), max_bytes_(max_bytes) {
    VOXLIFT_CHECK(max_items > 0 && max_bytes > 0, "queue bounds");
  }

  // Waits for room. Returns false, dropping the item, if the queue is closed.
  bool push(T item, int64_t bytes = 0) {
    std::unique_lock lock(mutex_);
    can_push_.wait(lock, [&] { return closed_ || has_room(bytes); });
    if (closed_) {
      return false;
    }
    bytes_ += bytes;
    items_.emplace_back(std::move(item), bytes);
    can_pop_.notify_one();
    return true;
  }

  // Waits for an item; nothing once the queue is closed and empty. Rethrows
  // the error given to close() after the items before it are taken.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    can_pop_.wait(lock, [&] { return closed_ || !items_.empty(); });
    if (items_.empty()) {
      if (error_ != nullptr) {
        std::rethrow_exception(error_);
      }
      return std::nullopt;
    }
    auto [item, bytes] = std::move(items_.front());
    items_.pop_front();
    bytes_ -= bytes;
    can_push_.notify_all();
    return std::move(item);
  }

  // No more items. The first error given is kept for pop(). Idempotent.
  void close(std::exception_ptr error = nullptr) {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    if (error_ == nullptr) {
      error_ = std::move(error);
    }
    can_push_.notify_all();
    can_pop_.notify_all();
  }

  int64_t size() const {
    const std::scoped_lock lock(mutex_);
    return static_cast<int64_t>(items_.size());
  }

 private:
  bool has_room(int64_t bytes) const {
    return items_.empty() ||
           (static_cast<int64_t>(items_.size()) < max_items_ &&
            bytes_ + bytes <= max_bytes_);
  }

  const int64_t max_items_;
  const int64_t max_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable can_push_;
  std::condition_variable can_pop_;
  std::deque<std::pair<T, int64_t>> items_;
  int64_t bytes_ = 0;
  bool closed_ = false;
  std::exception_ptr error_;
};

}  // namespace voxlift
