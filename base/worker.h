#pragma once
// A named thread that keeps its first error.

#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace voxlift {

// Runs `body(stop_token)` on a thread of its own, named for debuggers (at most
// 15 characters are shown). An exception that leaves the body is kept;
// `on_error` is called with it on the worker's thread (to close a queue), and
// join() rethrows it.
class Worker {
 public:
  using Body = std::function<void(std::stop_token)>;
  using OnError = std::function<void(std::exception_ptr)>;

  Worker(const std::string& name, Body body, OnError on_error = nullptr);

  // Asks the body to stop and waits for it; an error not yet rethrown is lost.
  ~Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void request_stop() { thread_.request_stop(); }

  // Waits for the body to end and rethrows its error, once.
  void join();

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
  std::jthread thread_;  // Last: it stops before the members above go.
};

}  // namespace voxlift
