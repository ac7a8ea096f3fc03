#include "trainer/evaluate.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "base/strings.h"
#include "sharding/sample_stream.h"
#include "trainer/input/collate.h"

namespace voxlift::trainer {
namespace {

// The batches of one rank, in order.
sharding::SampleStream::NextRequest batches_of_rank(int64_t num_cases,
                                                    int64_t batch, int rank,
                                                    int size) {
  return [=, next = int64_t{
                 rank}]() mutable -> std::optional<sharding::BatchRequest> {
    const int64_t begin = next * batch;
    next += size;
    if (begin >= num_cases) {
      return std::nullopt;
    }
    sharding::BatchRequest request;
    for (int64_t id = begin; id < std::min(num_cases, begin + batch); ++id) {
      request.ids.push_back(id);
    }
    return request;
  };
}

// Case number and row of each case of this rank.
struct RankRows {
  std::vector<int64_t> ids;
  CaseRows rows;
};

RankRows evaluate_own(Task& task, const sharding::SampleLoader& loader,
                      const EvaluateOptions& options, Communicator& control,
                      const Clock& clock) {
  sharding::SampleStream stream(
      loader,
      {.num_workers = options.workers,
       .prefetch_batches = options.prefetch_batches},
      batches_of_rank(loader.num_samples(), options.batch, control.rank(),
                      control.size()),
      clock);
  ProgressLine progress("evaluate", "case",
                        loader.num_samples() / control.size(),
                        control.rank() != 0, clock);
  RankRows own;
  progress.update(0);
  while (auto samples = stream.next()) {
    task.evaluate(to_batch(*samples, options.device), &own.rows);
    const auto& ids = samples->request.ids;
    own.ids.insert(own.ids.end(), ids.begin(), ids.end());
    progress.update(static_cast<int64_t>(own.ids.size()));
    stream.recycle(*std::move(samples));
  }
  return own;
}

template <typename T>
std::vector<T> gather(Communicator& control, const std::vector<T>& mine) {
  std::vector<T> all;
  for (const auto& piece :
       all_gather_bytes(control, std::as_bytes(std::span(mine)))) {
    const size_t before = all.size();
    all.resize(before + piece.size() / sizeof(T));
    if (!piece.empty()) {
      std::memcpy(all.data() + before, piece.data(), piece.size());
    }
  }
  return all;
}

// Rows in case order; every case must be there once.
CaseRows in_case_order(const std::vector<int64_t>& ids, const CaseRows& rows,
                       int64_t num_cases, size_t width) {
  VOXLIFT_CHECK(static_cast<int64_t>(ids.size()) == num_cases,
                str_cat(ids.size(), " cases evaluated of ", num_cases));
  CaseRows ordered(rows.size());
  std::vector<bool> seen(ids.size(), false);
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto id = static_cast<size_t>(ids[i]);
    VOXLIFT_CHECK(!seen.at(id), str_cat("case ", id, " evaluated twice"));
    seen[id] = true;
    std::copy_n(rows.data() + i * width, width, ordered.data() + id * width);
  }
  return ordered;
}

}  // namespace

Json evaluate(Task& task, const sharding::SampleLoader& loader,
              const EvaluateOptions& options, Communicator& control,
              const Clock& clock) {
  const torch::NoGradGuard no_grad;
  task.model().eval();
  const RankRows own = evaluate_own(task, loader, options, control, clock);
  task.model().train();
  const CaseRows rows = in_case_order(
      gather(control, own.ids), gather(control, own.rows), loader.num_samples(),
      static_cast<size_t>(task.case_width()));
  return task.summarize(rows);
}

}  // namespace voxlift::trainer
