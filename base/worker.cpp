#include "base/worker.h"

#include <pthread.h>

#include <utility>

namespace voxlift {

Worker::Worker(const std::string& name, Body body, OnError on_error)
    : thread_([this, name, body = std::move(body),
               on_error = std::move(on_error)](std::stop_token stop) {
        pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
        try {
          body(std::move(stop));
        } catch (...) {
          {
            const std::scoped_lock lock(mutex_);
            error_ = std::current_exception();
          }
          if (on_error) {
            on_error(std::current_exception());
          }
        }
      }) {}

void Worker::join() {
  if (thread_.joinable()) {
    thread_.join();
  }
  std::exception_ptr error;
  {
    const std::scoped_lock lock(mutex_);
    std::swap(error, error_);
  }
  if (error != nullptr) {
    std::rethrow_exception(error);
  }
}

}  // namespace voxlift
