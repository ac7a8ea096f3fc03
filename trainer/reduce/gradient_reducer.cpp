#include "trainer/reduce/gradient_reducer.h"

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include <atomic>
#include <functional>
#include <utility>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/strings.h"
#include "base/worker.h"
#include "trainer/comm/tree_reduce.h"
#include "trainer/reduce/slot_tree.h"
#include "trainer/tensor_buffer.h"

namespace voxlift::trainer {
namespace {

// Called by autograd after a parameter's gradient is there.
class AfterGradient : public torch::autograd::FunctionPostHook {
 public:
  explicit AfterGradient(std::function<void()> action)
      : action_(std::move(action)) {}

  torch::autograd::variable_list operator()(
      const torch::autograd::variable_list& outputs,
      const torch::autograd::variable_list& /*inputs*/) override {
    action_();
    return outputs;
  }

 private:
  std::function<void()> action_;
};

// A parameter's place in its bucket.
struct Place {
  size_t bucket = 0;
  int64_t offset = 0;
  bool filled = false;  // In the slot under way.
};

struct Bucket {
  std::vector<size_t> parameters;
  int64_t numel = 0;
  int64_t num_filled = 0;  // In the slot under way.
  torch::Tensor leaf;      // The slot under way.
  SlotTree tree;           // The slots before.
  torch::Tensor sum;       // Over the local slots, then over the ranks.
};

}  // namespace

void ReducerConfig::validate(const std::string& path) const {
  if (reduction != "exact" && reduction != "fast") {
    throw ConfigError(str_cat(path, "reduction = '", reduction,
                              "': must be 'exact' or 'fast'"));
  }
  if (bucket_mb < 1) {
    throw ConfigError(
        str_cat(path, "bucket_mb = ", bucket_mb, ": must be at least 1"));
  }
}

struct GradientReducer::Impl {
  Impl(std::vector<torch::Tensor> all_parameters, int64_t num_local_slots,
       Communicator& communicator, const ReducerConfig& reducer_config)
      : parameters(std::move(all_parameters)),
        local_slots(num_local_slots),
        comm(communicator),
        config(reducer_config),
        arithmetic(arithmetic_on(parameters.front().device())) {}

  // ---- once ----

  Bucket& add_bucket() {
    Bucket& bucket = buckets.emplace_back();
    bucket.tree = SlotTree(config.reduction == "fast");
    return bucket;
  }

  void make_buckets() {
    const int64_t limit = config.bucket_mb * 1'000'000;
    places.resize(parameters.size());
    bool open = false;
    for (size_t i = parameters.size(); i > 0; --i) {
      const torch::Tensor& parameter = parameters[i - 1];
      Bucket& bucket = open ? buckets.back() : add_bucket();
      places[i - 1] = {.bucket = buckets.size() - 1, .offset = bucket.numel};
      bucket.parameters.push_back(i - 1);
      bucket.numel += parameter.numel();
      open = bucket.numel * parameter.element_size() < limit;
    }
  }

  void hook_parameters() {
    for (size_t i = 0; i < parameters.size(); ++i) {
      // Autograd keeps only a weak reference to the accumulator.
      accumulators.push_back(
          torch::autograd::impl::grad_accumulator(parameters[i]));
      accumulators.back()->add_post_hook(
          std::make_unique<AfterGradient>([this, i] { take_gradient(i); }));
    }
  }

  // ---- per slot ----

  torch::Tensor view(const torch::Tensor& flat, size_t parameter) const {
    const torch::Tensor& like = parameters[parameter];
    return flat.narrow(0, places[parameter].offset, like.numel())
        .view(like.sizes());
  }

  void take_gradient(size_t parameter) {
    if (!in_slot) {
      return;  // A backward of somebody else's.
    }
    const torch::NoGradGuard no_grad;
    Place& place = places[parameter];
    VOXLIFT_CHECK(!place.filled, "two backwards in one slot");
    torch::Tensor& gradient = parameters[parameter].mutable_grad();
    view(buckets[place.bucket].leaf, parameter).copy_(gradient);
    gradient.reset();
    mark_filled(parameter);
  }

  void mark_filled(size_t parameter) {
    Place& place = places[parameter];
    place.filled = true;
    Bucket& bucket = buckets[place.bucket];
    if (++bucket.num_filled == static_cast<int64_t>(bucket.parameters.size())) {
      complete(bucket);
    }
  }

  void complete(Bucket& bucket) {
    bucket.tree.add(std::exchange(bucket.leaf, {}));
    if (slot + 1 == local_slots) {
      bucket.sum = bucket.tree.take();
      send_ready_buckets();
    }
  }

  // In bucket order: a bucket that is early waits for those before it.
  void send_ready_buckets() {
    while (next_to_send < buckets.size() &&
           buckets[next_to_send].sum.defined()) {
      to_send.push(next_to_send++);
    }
  }

  // ---- on the communication thread ----

  void reduce(size_t index) {
    const Buffer buffer = buffer_of_tensor(buckets[index].sum);
    if (comm.size() == 1) {
      return;
    }
    if (config.reduction == "exact") {
      tree_all_reduce(comm, buffer, arithmetic);
    } else {
      comm.all_reduce_sum(buffer);
    }
  }

  void run_communication() {
    for (auto index = to_send.pop(); index.has_value() && !stopping.load();
         index = to_send.pop()) {
      reduce(*index);
      sent.push(*index);
    }
  }

  std::vector<torch::Tensor> parameters;
  std::vector<Place> places;
  int64_t statistics_size = 0;
  int64_t local_slots;
  Communicator& comm;
  ReducerConfig config;
  TreeArithmetic arithmetic;
  std::vector<Bucket> buckets;  // The first holds the statistics.
  std::vector<std::shared_ptr<torch::autograd::Node>> accumulators;
  int64_t slot = 0;
  bool in_slot = false;
  bool unfinished = false;
  std::atomic<bool> stopping{false};
  size_t next_to_send = 0;
  RealClock clock;
  double waited_s = 0.0;
  BoundedQueue<size_t> to_send{INT64_MAX};
  BoundedQueue<size_t> sent{INT64_MAX};
  std::unique_ptr<Worker> communication;
};

GradientReducer::GradientReducer(const std::vector<torch::Tensor>& parameters,
                                 int64_t statistics_size, int64_t local_slots,
                                 Communicator& comm,
                                 const ReducerConfig& config) {
  std::vector<torch::Tensor> trained;
  for (const auto& parameter : parameters) {
    if (parameter.requires_grad()) {
      trained.push_back(parameter);
    }
  }
  VOXLIFT_CHECK(!trained.empty(), "no parameter needs a gradient");
  impl_ = std::make_unique<Impl>(std::move(trained), local_slots, comm, config);
  Impl& impl = *impl_;
  impl.statistics_size = statistics_size;
  impl.add_bucket().numel = statistics_size;
  impl.make_buckets();
  impl.hook_parameters();
  impl.communication = std::make_unique<Worker>(
      "reduce",
      [&impl](const std::stop_token& /*stop*/) { impl.run_communication(); },
      [&impl](const std::exception_ptr& error) { impl.sent.close(error); });
}

GradientReducer::~GradientReducer() {
  // A step that was not finished has failed: its collectives are not waited
  // for.
  if (impl_->unfinished) {
    impl_->stopping.store(true);
    impl_->comm.interrupt();
  }
  impl_->to_send.close();
}

void GradientReducer::begin_slot(int64_t local_slot) {
  Impl& impl = *impl_;
  VOXLIFT_CHECK(!impl.in_slot, "the slot before has not ended");
  impl.slot = local_slot;
  impl.in_slot = true;
  impl.unfinished = true;
  if (local_slot == 0) {
    impl.next_to_send = 0;
    for (const auto& parameter : impl.parameters) {
      parameter.mutable_grad().reset();
    }
  }
  for (Bucket& bucket : impl.buckets) {
    bucket.num_filled = 0;
    if (local_slot == 0) {
      bucket.sum.reset();
    }
    bucket.leaf =
        torch::empty({bucket.numel}, impl.parameters.front().options());
    bucket.leaf.set_requires_grad(false);
  }
  impl.buckets.front().leaf.zero_();
  for (Place& place : impl.places) {
    place.filled = false;
  }
}

void GradientReducer::set_statistics(const torch::Tensor& flat) {
  const torch::NoGradGuard no_grad;
  Bucket& bucket = impl_->buckets.front();
  bucket.leaf.copy_(flat);
  // Complete now: it is the first in line, and gradients wait behind it.
  impl_->complete(bucket);
}

void GradientReducer::end_slot() {
  Impl& impl = *impl_;
  if (impl.buckets.front().leaf.defined()) {
    impl.complete(impl.buckets.front());
  }
  for (size_t i = impl.parameters.size(); i > 0; --i) {
    const Place& place = impl.places[i - 1];
    if (!place.filled) {
      impl.view(impl.buckets[place.bucket].leaf, i - 1).zero_();
      impl.mark_filled(i - 1);
    }
  }
  impl.in_slot = false;
}

void GradientReducer::finish() {
  Impl& impl = *impl_;
  const double start_s = impl.clock.now_s();
  for (size_t i = 0; i < impl.buckets.size(); ++i) {
    if (!impl.sent.pop().has_value()) {
      throw InternalError("the communication thread has ended");
    }
  }
  impl.unfinished = false;
  impl.waited_s += impl.clock.now_s() - start_s;
  for (size_t i = 0; i < impl.parameters.size(); ++i) {
    impl.parameters[i].mutable_grad() =
        impl.view(impl.buckets[impl.places[i].bucket].sum, i);
  }
}

torch::Tensor GradientReducer::statistics() const {
  return impl_->buckets.front().sum;
}

double GradientReducer::waited_s() const {
  return impl_->waited_s;
}

int64_t GradientReducer::num_buckets() const {
  return static_cast<int64_t>(impl_->buckets.size());
}

}  // namespace voxlift::trainer
