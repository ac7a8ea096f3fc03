#include "trainer/report/op_times.h"

#include <ATen/record_function.h>

#include <chrono>
#include <memory>
#include <set>
#include <string>

#include "base/error.h"

namespace voxlift::trainer {
namespace {

using Moment = std::chrono::steady_clock::time_point;

int64_t bytes_of(const c10::IValue& value) {
  if (value.isTensor()) {
    const torch::Tensor& tensor = value.toTensor();
    return tensor.defined() && !tensor.is_mkldnn()
               ? tensor.numel() * static_cast<int64_t>(tensor.element_size())
               : 0;
  }
  int64_t bytes = 0;
  if (value.isTensorList()) {
    for (const torch::Tensor& tensor : value.toTensorVector()) {
      bytes += bytes_of(tensor);
    }
  }
  return bytes;
}

// Operators that look at tensors or make them, and touch no value.
bool touches_nothing(const std::string& name) {
  static const std::set<std::string> kNames = {
      "aten::alias",      "aten::as_strided", "aten::detach",
      "aten::empty",      "aten::empty_like", "aten::empty_strided",
      "aten::expand",     "aten::flatten",    "aten::narrow",
      "aten::permute",    "aten::reshape",    "aten::resize_",
      "aten::resize_as_", "aten::select",     "aten::slice",
      "aten::squeeze",    "aten::t",          "aten::transpose",
      "aten::unsqueeze",  "aten::view",       "aten::view_as"};
  return kNames.contains(name);
}

}  // namespace

// An operator that runs.
struct OpFrame : at::ObserverContext {
  Moment start;
  OpFrame* outer = nullptr;
  double inner_s = 0.0;
  int64_t bytes = 0;          // Of what it is given.
  bool calls_others = false;  // Whose bytes are the ones that count.

  static std::unique_ptr<at::ObserverContext> begin(
      const at::RecordFunction& function) {
    auto frame = std::make_unique<OpFrame>();
    for (const c10::IValue& value : function.inputs()) {
      frame->bytes += bytes_of(value);  // They may be gone at the end.
    }
    frame->outer = top();
    top() = frame.get();
    frame->start = std::chrono::steady_clock::now();
    return frame;
  }

  static void end(const at::RecordFunction& function,
                  at::ObserverContext* context) {
    const auto now = std::chrono::steady_clock::now();
    auto& frame = *static_cast<OpFrame*>(context);
    const double whole_s =
        std::chrono::duration<double>(now - frame.start).count();
    top() = frame.outer;
    frame.calls_others |= touches_nothing(function.name());
    if (frame.outer != nullptr) {
      frame.outer->inner_s += whole_s;
      frame.outer->calls_others |= !touches_nothing(function.name());
    }
    if (watcher() != nullptr) {
      frame.add_to(watcher()->totals_[function.name()], function, whole_s);
    }
  }

  void add_to(OpTotal& total, const at::RecordFunction& function,
              double whole_s) const {
    ++total.calls;
    total.seconds += whole_s - inner_s;
    if (calls_others) {
      return;
    }
    total.bytes += bytes;
    for (const c10::IValue& value : function.outputs()) {
      total.bytes += bytes_of(value);
    }
  }

  static OpFrame*& top() {
    thread_local OpFrame* frame = nullptr;
    return frame;
  }

  static OpTimes*& watcher() {
    thread_local OpTimes* times = nullptr;
    return times;
  }
};

OpTimes::OpTimes() {
  VOXLIFT_CHECK(OpFrame::watcher() == nullptr, "operators are watched already");
  OpFrame::watcher() = this;
  handle_ = at::addThreadLocalCallback(
      at::RecordFunctionCallback(OpFrame::begin, OpFrame::end)
          .needsInputs(true)
          .needsOutputs(true)
          .scopes({at::RecordScope::FUNCTION}));
}

OpTimes::~OpTimes() {
  at::removeCallback(handle_);
  OpFrame::watcher() = nullptr;
}

}  // namespace voxlift::trainer
