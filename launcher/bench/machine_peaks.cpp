#include "launcher/bench/machine_peaks.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

namespace voxlift::launcher {
namespace {

constexpr int kRounds = 5;
constexpr int kLanes = 16;
// Enough sums in flight to hide the latency of a multiply-add.
constexpr int kChains = 12;

using Vector __attribute__((vector_size(kLanes * sizeof(float)))) = float;

// Multiply-adds that depend on each other only within their chain.
__attribute__((target_clones("avx512f", "fma", "default"), noinline)) float
multiply_add(int64_t rounds, float factor) {
  const Vector k = factor - Vector{};
  // Different starts: of equal chains the compiler would compute one.
  Vector a = k, b = a + k, c = b + k, d = c + k, e = d + k, f = e + k,
         g = f + k, h = g + k, m = h + k, n = m + k, o = n + k, p = o + k;
  for (int64_t i = 0; i < rounds; ++i) {
    a = a * k + k;
    b = b * k + k;
    c = c * k + k;
    d = d * k + k;
    e = e * k + k;
    f = f * k + k;
    g = g * k + k;
    h = h * k + k;
    m = m * k + k;
    n = n * k + k;
    o = o * k + k;
    p = p * k + k;
  }
  const Vector sum = a + b + c + d + e + f + g + h + m + n + o + p;
  return sum[0];
}

double seconds_of(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

// The shortest time in which all threads do `body(thread)`.
double best_of_threads(int64_t threads,
                       const std::function<void(int64_t)>& body) {
  double best_s = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    best_s = std::min(best_s, seconds_of([&] {
                        std::vector<std::jthread> group;
                        for (int64_t t = 0; t < threads; ++t) {
                          group.emplace_back([&body, t] { body(t); });
                        }
                      }));
  }
  return best_s;
}

double measure_flop_s(int64_t threads) {
  constexpr int64_t kSteps = 10'000'000;
  constexpr double kFlop = 2.0 * kLanes * kChains * kSteps;
  std::vector<float> sink(static_cast<size_t>(threads));
  const double best_s = best_of_threads(threads, [&](int64_t t) {
    sink[static_cast<size_t>(t)] = multiply_add(kSteps, 0.5F);
  });
  volatile float keep = sink.front();
  static_cast<void>(keep);
  return static_cast<double>(threads) * kFlop / best_s;
}

double measure_bytes_s(int64_t threads) {
  constexpr size_t kBytes = size_t{512} << 20;
  std::vector<std::vector<char>> from;
  std::vector<std::vector<char>> to;
  for (int64_t t = 0; t < threads; ++t) {
    from.emplace_back(kBytes / static_cast<size_t>(threads), 1);
    to.emplace_back(kBytes / static_cast<size_t>(threads), 2);
  }
  const double best_s = best_of_threads(threads, [&](int64_t t) {
    const auto i = static_cast<size_t>(t);
    std::memcpy(to[i].data(), from[i].data(), from[i].size());
  });
  return 2.0 * static_cast<double>(kBytes) / best_s;
}

}  // namespace

MachinePeaks measure_peaks(int64_t threads) {
  return {measure_flop_s(threads), measure_bytes_s(threads)};
}

}  // namespace voxlift::launcher
