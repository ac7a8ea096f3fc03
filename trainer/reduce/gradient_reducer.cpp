#include "trainer/reduce/gradient_reducer.h"

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <functional>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/strings.h"
#include "base/worker.h"
#include "trainer/comm/tree_reduce.h"
#include "trainer/reduce/bucket_plan.h"
#include "trainer/reduce/bucket_size.h"
#include "trainer/reduce/compressed_sum.h"
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

constexpr int64_t kMegabyte = 1'000'000;
constexpr int64_t kFastBucketMb = 8;

struct Bucket {
  int64_t num_filled = 0;  // Parameters of the slot under way.
  bool complete = false;   // In the slot under way.
  torch::Tensor leaf;      // The slot under way, unless the tree has a partner.
  SlotTree tree;           // The slots before.
  torch::Tensor sum;       // Over the local slots, then over the ranks.
};

}  // namespace

void ReducerConfig::validate(const std::string& path) const {
  if (reduction != "exact" && reduction != "fast") {
    throw ConfigError(str_cat(path, "reduction = '", reduction,
                              "': must be 'exact' or 'fast'"));
  }
  if (bucket_mb < 0) {
    throw ConfigError(str_cat(path, "bucket_mb = ", bucket_mb,
                              ": must be at least 1, or 0: measure"));
  }
  if (compress != "none" && compress != "bf16") {
    throw ConfigError(
        str_cat(path, "compress = '", compress, "': must be 'none' or 'bf16'"));
  }
  if (compress != "none" && reduction != "fast") {
    throw ConfigError(str_cat(path, "compress = '", compress, "' needs ", path,
                              "reduction = 'fast': what is rounded depends on ",
                              "the number of ranks"));
  }
}

struct GradientReducer::Impl {
  Impl(std::vector<torch::Tensor> all_parameters, int64_t num_statistics,
       int64_t num_local_slots, Communicator& communicator,
       const ReducerConfig& reducer_config)
      : parameters(std::move(all_parameters)),
        statistics_size(num_statistics),
        local_slots(num_local_slots),
        comm(communicator),
        config(reducer_config),
        arithmetic(arithmetic_on(parameters.front().device())),
        filled(parameters.size()) {
    for (const torch::Tensor& parameter : parameters) {
      numels.push_back(parameter.numel());
    }
  }

  bool exact() const { return config.reduction == "exact"; }

  // One slot in all: nothing is added to a gradient, so it stays where backward
  // has put it: no copy, and no memory while the activations need theirs.
  bool is_alone() const {
    return comm.size() == 1 && local_slots == 1 && config.compress == "none";
  }

  // ---- once ----

  torch::TensorOptions options() const {
    return parameters.front().options().requires_grad(false);
  }

  // In memory of the communicator, where it has some.
  torch::Tensor allocate_arena() {
    const int64_t numel =
        is_alone() ? statistics_size : arena_numel(numels, statistics_size);
    const int64_t bytes = numel * parameters.front().element_size();
    const std::span<std::byte> shared = parameters.front().is_cpu()
                                            ? comm.allocate_shared(bytes)
                                            : std::span<std::byte>();
    return shared.empty() ? torch::zeros({numel}, options())
                          : torch::from_blob(shared.data(), {numel}, options());
  }

  // Rank 0's values, on every rank, over whatever memory `comm` serves.
  std::vector<int64_t> values_of_root(const std::vector<int64_t>& mine) {
    torch::Tensor values =
        torch::tensor(mine, torch::kInt64).to(parameters.front().device());
    comm.broadcast(buffer_of_tensor(values), 0);
    values = values.cpu();
    const auto* data = values.data_ptr<int64_t>();
    return {data, data + values.numel()};
  }

  int64_t choose_bucket_bytes() {
    if (config.bucket_mb > 0) {
      return config.bucket_mb * kMegabyte;
    }
    if (!exact() || comm.size() == 1) {
      return kFastBucketMb * kMegabyte;
    }
    const int64_t element_bytes = parameters.front().element_size();
    const int64_t bytes = measure_bucket_bytes(
        clock, arena.numel() * element_bytes, [&](int64_t vector_bytes) {
          sum_over_ranks(arena.narrow(0, 0, vector_bytes / element_bytes));
        });
    return values_of_root({bytes}).front();
  }

  void make_buckets(std::span<const int64_t> order) {
    plan = plan_buckets(numels, order, statistics_size,
                        bucket_bytes / parameters.front().element_size());
    buckets.clear();
    for (size_t i = 0; i < plan.buckets.size(); ++i) {
      buckets.emplace_back().tree = SlotTree(!exact());
    }
  }

  std::vector<int64_t> reverse_order() const {
    std::vector<int64_t> order(parameters.size());
    std::iota(order.rbegin(), order.rend(), 0);
    return order;
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

  // ---- per step ----

  void begin_step() {
    next_to_send = 0;
    for (const torch::Tensor& parameter : parameters) {
      parameter.mutable_grad().reset();
    }
    if (!ready_order.empty() && !ordered) {
      make_buckets(values_of_root(ready_order));
      ordered = true;
    }
    for (Bucket& bucket : buckets) {
      bucket.sum.reset();
    }
  }

  // ---- per slot ----

  void begin_slot(size_t index) {
    Bucket& bucket = buckets[index];
    const BucketPlan::Bucket& place = plan.buckets[index];
    bucket.num_filled = 0;
    bucket.complete = false;
    if (is_alone() && index > 0) {
      bucket.leaf = torch::empty({0}, options());
    } else if (slot == 0) {
      bucket.leaf = arena.narrow(0, place.offset, place.numel);
    } else if (!bucket.tree.partner().defined()) {
      bucket.leaf = bucket.tree.take_spare();
      if (!bucket.leaf.defined()) {
        bucket.leaf = torch::empty({place.numel}, options());
      }
    }
  }

  torch::Tensor view(const torch::Tensor& flat, size_t parameter) const {
    const torch::Tensor& like = parameters[parameter];
    return flat.narrow(0, plan.places[parameter].offset, like.numel())
        .view(like.sizes());
  }

  void put_gradient(size_t parameter, const torch::Tensor& gradient) {
    const Bucket& bucket = buckets[plan.places[parameter].bucket];
    if (bucket.leaf.defined()) {
      view(bucket.leaf, parameter).copy_(gradient);
    } else {
      view(bucket.tree.partner(), parameter).add_(gradient);
    }
  }

  void take_gradient(size_t parameter) {
    if (!in_slot) {
      return;  // A backward of somebody else's.
    }
    const torch::NoGradGuard no_grad;
    VOXLIFT_CHECK(!filled[parameter], "two backwards in one slot");
    if (!is_alone()) {
      torch::Tensor& gradient = parameters[parameter].mutable_grad();
      put_gradient(parameter, gradient);
      gradient.reset();
    }
    mark_filled(parameter);
  }

  // Adding zero is no waste of time: it makes -0 to 0, as on another rank.
  void put_zero(size_t parameter) {
    const torch::NoGradGuard no_grad;
    if (is_alone()) {
      parameters[parameter].mutable_grad() =
          torch::zeros_like(parameters[parameter]);
    } else {
      put_gradient(parameter, torch::zeros({}, options()));
    }
    mark_filled(parameter);
  }

  void mark_filled(size_t parameter) {
    filled[parameter] = true;
    if (exact() && !ordered && slot + 1 == local_slots) {
      ready_order.push_back(static_cast<int64_t>(parameter));
    }
    const size_t index = plan.places[parameter].bucket;
    if (++buckets[index].num_filled == plan.buckets[index].num_parameters) {
      complete(buckets[index]);
    }
  }

  void put_statistics(const torch::Tensor& flat) {
    const torch::NoGradGuard no_grad;
    Bucket& bucket = buckets.front();
    if (bucket.leaf.defined()) {
      bucket.leaf.copy_(flat);
    } else {
      bucket.tree.partner().add_(flat);
    }
    complete(bucket);
  }

  void complete(Bucket& bucket) {
    bucket.complete = true;
    if (bucket.leaf.defined()) {
      bucket.tree.add(std::exchange(bucket.leaf, {}));
    } else {
      bucket.tree.added_to_partner();
    }
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

  void sum_over_ranks(const torch::Tensor& flat) {
    const Buffer buffer = buffer_of_tensor(flat);
    if (exact()) {
      comm.all_reduce_tree(buffer, arithmetic);
    } else {
      comm.all_reduce_sum(buffer);
    }
  }

  void reduce(size_t index) {
    if (comm.size() == 1) {
      return;
    }
    const double start_s = clock.now_s();
    if (compressed.has_value() && index > 0) {
      compressed->all_reduce(buckets[index].sum, plan.buckets[index].offset);
    } else {
      sum_over_ranks(buckets[index].sum);
    }
    if (Trace* to = trace.load(); to != nullptr) {
      to->add(
          str_cat("bucket ", index, ", ", plan.buckets[index].numel, " values"),
          "communication", start_s, clock.now_s());
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
  std::vector<int64_t> numels;
  int64_t statistics_size;
  int64_t local_slots;
  Communicator& comm;
  ReducerConfig config;
  TreeArithmetic arithmetic;
  RealClock clock;
  torch::Tensor arena;  // The first slot's leaves; the sums.
  std::optional<CompressedSum> compressed;
  int64_t bucket_bytes = 0;
  BucketPlan plan;
  std::vector<Bucket> buckets;  // The first holds the statistics.
  std::vector<std::shared_ptr<torch::autograd::Node>> accumulators;
  std::vector<bool> filled;          // By parameter, in the slot under way.
  std::vector<int64_t> ready_order;  // Parameters of the first step.
  bool ordered = false;              // The buckets are by ready_order.
  int64_t slot = 0;
  bool in_slot = false;
  bool unfinished = false;
  std::atomic<bool> stopping{false};
  std::atomic<Trace*> trace{nullptr};
  size_t next_to_send = 0;
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
  impl_ = std::make_unique<Impl>(std::move(trained), statistics_size,
                                 local_slots, comm, config);
  Impl& impl = *impl_;
  impl.arena = impl.allocate_arena();
  if (config.compress != "none") {
    impl.compressed.emplace(comm, impl.arena.numel(), impl.options());
  }
  impl.bucket_bytes = impl.choose_bucket_bytes();
  impl.make_buckets(impl.reverse_order());
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
    impl.begin_step();
  }
  for (size_t i = 0; i < impl.buckets.size(); ++i) {
    impl.begin_slot(i);
  }
  impl.filled.assign(impl.filled.size(), false);
}

void GradientReducer::set_statistics(const torch::Tensor& flat) {
  // Complete now: it is the first in line, and gradients wait behind it.
  impl_->put_statistics(flat);
}

void GradientReducer::end_slot() {
  Impl& impl = *impl_;
  if (!impl.buckets.front().complete) {
    impl.put_statistics(torch::zeros({}, impl.options()));
  }
  for (size_t i = impl.parameters.size(); i > 0; --i) {
    if (!impl.filled[i - 1]) {
      impl.put_zero(i - 1);
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
  for (size_t i = 0; i < impl.parameters.size() && !impl.is_alone(); ++i) {
    impl.parameters[i].mutable_grad() =
        impl.view(impl.buckets[impl.plan.places[i].bucket].sum, i);
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

std::vector<torch::Tensor> GradientReducer::residuals() const {
  std::vector<torch::Tensor> views;
  if (impl_->compressed.has_value()) {
    for (size_t i = 0; i < impl_->parameters.size(); ++i) {
      const BucketPlan::Place& place = impl_->plan.places[i];
      const torch::Tensor bucket = impl_->compressed->residuals().slice(
          0, impl_->plan.buckets[place.bucket].offset);
      views.push_back(impl_->view(bucket, i));
    }
  }
  return views;
}

void GradientReducer::collect_residuals() {
  if (impl_->compressed.has_value() && impl_->comm.size() > 1) {
    impl_->compressed->collect();
  }
}

void GradientReducer::restore_residuals() {
  if (impl_->compressed.has_value()) {
    impl_->compressed->restore();
  }
}

int64_t GradientReducer::memory_bytes() const {
  // The arena, and a leaf per level of the tree that is waited for.
  const auto levels = static_cast<int64_t>(
      std::bit_width(static_cast<uint64_t>(impl_->local_slots)) - 1);
  const int64_t sums = std::max<int64_t>(1, impl_->exact() ? levels : 1);
  const int64_t residuals = impl_->compressed.has_value() ? 2 : 0;
  const int64_t numel = std::max(
      impl_->arena.numel(), arena_numel(impl_->numels, impl_->statistics_size));
  return numel * static_cast<int64_t>(impl_->arena.element_size()) *
         (sums + residuals);
}

void GradientReducer::set_trace(Trace* trace) {
  impl_->trace.store(trace);
}

}  // namespace voxlift::trainer
