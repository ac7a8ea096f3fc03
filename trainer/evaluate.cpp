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

ProgressLine progress_of(const EvaluateData& data, Communicator& control,
                         const Clock& clock) {
  return ProgressLine("evaluate", "case",
                      data.dataset.num_samples() / control.size(),
                      control.rank() != 0, clock);
}

RankRows evaluate_samples(Task& task, const EvaluateData& data,
                          const EvaluateOptions& options, Communicator& control,
                          const Clock& clock) {
  sharding::SampleStream stream(
      data.loader,
      {.num_workers = options.workers,
       .prefetch_batches = options.prefetch_batches},
      batches_of_rank(data.loader.num_samples(), options.batch, control.rank(),
                      control.size()),
      clock);
  ProgressLine progress = progress_of(data, control, clock);
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

RankRows evaluate_scans(Task& task, const EvaluateData& data,
                        Communicator& control, const Clock& clock) {
  ProgressLine progress = progress_of(data, control, clock);
  RankRows own;
  progress.update(0);
  for (int64_t id = control.rank(); id < data.dataset.num_samples();
       id += control.size()) {
    own.rows.push_back(task.evaluate_scan(*data.dataset.volume(id)));
    own.ids.push_back(id);
    progress.update(static_cast<int64_t>(own.ids.size()));
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

// The rows of all ranks in case order; every case must be there once.
CaseRows gather_rows(Communicator& control, const RankRows& own,
                     int64_t num_cases) {
  std::vector<double> values;
  std::vector<int64_t> lengths;
  for (const CaseRow& row : own.rows) {
    values.insert(values.end(), row.begin(), row.end());
    lengths.push_back(static_cast<int64_t>(row.size()));
  }
  const std::vector<int64_t> ids = gather(control, own.ids);
  values = gather(control, values);
  lengths = gather(control, lengths);
  VOXLIFT_CHECK(static_cast<int64_t>(ids.size()) == num_cases,
                str_cat(ids.size(), " cases evaluated of ", num_cases));
  CaseRows rows(ids.size());
  std::vector<bool> seen(ids.size(), false);
  auto next = values.begin();
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto id = static_cast<size_t>(ids[i]);
    VOXLIFT_CHECK(!seen.at(id), str_cat("case ", id, " evaluated twice"));
    seen[id] = true;
    rows[id].assign(next, next + lengths[i]);
    next += lengths[i];
  }
  return rows;
}

}  // namespace

Json evaluate(Task& task, const EvaluateData& data,
              const EvaluateOptions& options, Communicator& control,
              const Clock& clock) {
  const torch::NoGradGuard no_grad;
  task.model().eval();
  const RankRows own =
      task.scored_on() == ScoredOn::kScans
          ? evaluate_scans(task, data, control, clock)
          : evaluate_samples(task, data, options, control, clock);
  task.model().train();
  return task.summarize(gather_rows(control, own, data.dataset.num_samples()));
}

}  // namespace voxlift::trainer
