#include "trainer/infer/segment_scan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "dataio/recipe/recipe.h"
#include "dataio/scan.h"
#include "tests/support/expect_error.h"
#include "trainer/comm/self_comm.h"
#include "trainer/comm/thread_comm.h"

namespace voxlift::trainer {
namespace {

using dataio::Affine;
using dataio::Scan;
using dataio::Shape3;
using test::expect_error;

// An oblique grid: no affine entry is zero.
constexpr Affine kOblique = {
    {{0.3, 0.1, 1.9, -20.0}, {-0.2, 1.4, -0.1, 30.0}, {2.4, 0.2, -0.3, -7.5}}};

Scan random_scan(const Shape3& shape, const Affine& affine) {
  RandomStream random(5, Purpose::kShuffle, 0, 0);
  Scan scan;
  scan.image.shape = shape;
  scan.image.affine = affine;
  for (size_t i = 0; i < 3; ++i) {
    scan.image.spacing_mm[i] =
        std::hypot(affine[0][i], affine[1][i], affine[2][i]);
  }
  for (int64_t i = 0; i < scan.image.num_voxels(); ++i) {
    scan.image.voxels.push_back(static_cast<float>(random.normal()));
  }
  return scan;
}

Scan after(const Scan& scan, const std::string& recipe) {
  Scan changed = scan;
  dataio::parse_recipe(recipe).apply(changed, "scan");
  return changed;
}

ScanGrid grid_of(const Scan& scan) {
  return {scan.image.shape, scan.image.affine};
}

// Class 1 where the voxel is above 0.
torch::Tensor sign_network(const torch::Tensor& x_NCDHW) {
  return torch::cat({torch::zeros_like(x_NCDHW), x_NCDHW}, 1);
}

SegmentConfig small_windows() {
  SegmentConfig config;
  config.window.window = {4, 5, 6};
  config.window.stride = {2, 3, 5};
  return config;
}

SegmentInput input_of(const Scan& seen, const Scan& target) {
  const auto& shape = seen.image.shape;
  const torch::Tensor image_DHW =
      torch::tensor(seen.image.voxels).view({shape[0], shape[1], shape[2]});
  return {read_tensor(image_DHW, 0.0F), grid_of(seen), grid_of(target), "scan"};
}

std::vector<uint8_t> segment(const Scan& seen, const Scan& target,
                             const SegmentConfig& config) {
  SelfComm comm;
  return segment_scan(input_of(seen, target), sign_network, config, comm);
}

// Scores at the target's voxels by the affines, one voxel after the other.
// NaN: outside.
class PlainResampler {
 public:
  PlainResampler(const Scan& seen, const Affine& target)
      : image_(seen.image), target_(target) {}

  double at(int64_t d, int64_t h, int64_t w) const {
    std::array<double, 3> world{};
    for (size_t r = 0; r < 3; ++r) {
      world[r] = target_[r][0] * static_cast<double>(d) +
                 target_[r][1] * static_cast<double>(h) +
                 target_[r][2] * static_cast<double>(w) + target_[r][3];
    }
    return interpolate(solve(world));
  }

 private:
  // By Gaussian elimination through torch, in float64.
  std::array<double, 3> solve(const std::array<double, 3>& world) const {
    torch::Tensor a = torch::empty({3, 3}, torch::kFloat64);
    torch::Tensor b = torch::empty({3, 1}, torch::kFloat64);
    for (int64_t r = 0; r < 3; ++r) {
      const auto i = static_cast<size_t>(r);
      for (int64_t c = 0; c < 3; ++c) {
        a[r][c] = image_.affine[i][static_cast<size_t>(c)];
      }
      b[r][0] = world[i] - image_.affine[i][3];
    }
    const torch::Tensor x = torch::linalg_solve(a, b);
    return {x[0].item<double>(), x[1].item<double>(), x[2].item<double>()};
  }

  double interpolate(const std::array<double, 3>& position) const {
    double sum = 0.0;
    for (size_t corner = 0; corner < 8; ++corner) {
      double weight = 1.0;
      std::array<int64_t, 3> at{};
      for (size_t i = 0; i < 3; ++i) {
        const auto last = static_cast<double>(image_.shape[i] - 1);
        if (position[i] < -0.5 - 1e-6 || position[i] > last + 0.5 + 1e-6) {
          return std::nan("");
        }
        const double p = std::clamp(position[i], 0.0, last);
        const bool upper = (corner >> i & 1U) != 0;
        const double low = std::min(std::floor(p), std::max(0.0, last - 1.0));
        weight *= upper ? p - low : 1.0 - (p - low);
        at[i] = std::min(static_cast<int64_t>(low) + (upper ? 1 : 0),
                         image_.shape[i] - 1);
      }
      sum += weight * static_cast<double>(image_.at(at[0], at[1], at[2]));
    }
    return sum;
  }

  const dataio::Volume& image_;
  const Affine& target_;
};

void expect_plain_labels(const Scan& seen, const Scan& target,
                         const std::vector<uint8_t>& labels) {
  const PlainResampler plain(seen, target.image.affine);
  const auto& shape = target.image.shape;
  ASSERT_EQ(static_cast<int64_t>(labels.size()), target.image.num_voxels());
  size_t i = 0;
  for (int64_t d = 0; d < shape[0]; ++d) {
    for (int64_t h = 0; h < shape[1]; ++h) {
      for (int64_t w = 0; w < shape[2]; ++w, ++i) {
        const double score = plain.at(d, h, w);
        if (!(std::abs(score) < 1e-4)) {
          ASSERT_EQ(labels[i], score > 0.0 ? 1 : 0)
              << d << " " << h << " " << w;
        }
      }
    }
  }
}

TEST(SegmentScanTest, LabelsLieWhereTheScanIs) {
  const Scan scan = random_scan({7, 9, 8}, kOblique);
  for (const char* recipe :
       {"", "orient:RAS", "orient:PIL", "resample:1.1,0.9,2.5",
        "orient:LPS resample:4,3,1.2", "crop:5,6,0", "pad:12,0,15,0",
        "orient:SAR resample:1,1,1 crop:6,7,5"}) {
    const Scan seen = after(scan, recipe);
    const auto labels = segment(seen, scan, small_windows());
    ASSERT_NO_FATAL_FAILURE(expect_plain_labels(seen, scan, labels)) << recipe;
  }
}

TEST(SegmentScanTest, NearestTakesLabelsAsTheyAre) {
  const Scan scan = random_scan({6, 5, 7}, dataio::kIdentityAffine);
  SegmentConfig config = small_windows();
  config.resample = "nearest";
  // Every voxel in three: the middle one is the voxel itself.
  const Scan seen = after(scan, "resample:0.3333333333,0,0");
  ASSERT_EQ(seen.image.shape[0], 18);
  const auto labels = segment(seen, scan, config);
  for (size_t i = 0; i < labels.size(); ++i) {
    EXPECT_EQ(labels[i], scan.image.voxels[i] > 0.0F ? 1 : 0);
  }
}

TEST(SegmentScanTest, AnyNumberOfRanksGivesTheSameLabels) {
  const Scan scan = random_scan({11, 9, 8}, kOblique);
  for (const char* recipe : {"", "orient:PIL resample:1.3,1.7,0.8"}) {
    const Scan seen = after(scan, recipe);
    const auto alone = segment(seen, scan, small_windows());
    for (const int ranks : {2, 3, 4, 9}) {
      run_thread_ranks(ranks, {}, [&](Communicator& comm) {
        EXPECT_EQ(segment_scan(input_of(seen, scan), sign_network,
                               small_windows(), comm),
                  alone)
            << ranks << recipe;
      });
    }
  }
}

TEST(SegmentScanTest, TakesTheFirstOfEqualScores) {
  const Scan scan = random_scan({3, 3, 3}, dataio::kIdentityAffine);
  SelfComm comm;
  const auto labels = segment_scan(
      input_of(scan, scan),
      [](const torch::Tensor& x) {
        return torch::cat({x - 1.0, x, x}, 1);
      },
      small_windows(), comm);
  EXPECT_EQ(labels, std::vector<uint8_t>(27, 1));
}

TEST(SegmentScanTest, RefusesGridsThatDoNotFit) {
  const Scan scan = random_scan({4, 5, 6}, dataio::kIdentityAffine);
  Scan turned = scan;
  turned.image.affine = kOblique;
  expect_error<DataError>(
      [&] { segment(turned, scan, small_windows()); },
      {"scan: the axes of the two grids are not parallel: off by"});
  Scan flat = scan;
  flat.image.affine[0] = {0, 0, 0, 0};
  expect_error<DataError>([&] { segment(flat, scan, small_windows()); },
                          {"scan: the affine has determinant 0"});
}

TEST(KeepComponentsTest, DropsAllButTheLargest) {
  const std::vector<uint8_t> labels = {1, 1, 0, 2, 0, 1, 2, 2, 0, 2};
  const auto kept = [&](const std::string& keep) {
    std::vector<uint8_t> result = labels;
    keep_components(result, {1, 1, 10}, keep);
    return result;
  };
  EXPECT_EQ(kept("all"), labels);
  EXPECT_EQ(kept("largest"),
            (std::vector<uint8_t>{0, 0, 0, 0, 0, 1, 2, 2, 0, 0}));
  EXPECT_EQ(kept("largest_per_class"),
            (std::vector<uint8_t>{1, 1, 0, 0, 0, 0, 2, 2, 0, 0}));
}

TEST(SegmentConfigTest, NamesWhatIsWrong) {
  SegmentConfig config;
  config.keep = "none";
  expect_error<ConfigError>(
      [&] { config.validate("predict."); },
      {"predict.keep = 'none': must be one of all, largest"});
  config = {};
  config.resample = "cubic";
  expect_error<ConfigError>([&] { config.validate(""); },
                            {"resample = 'cubic': must be one of linear"});
}

}  // namespace
}  // namespace voxlift::trainer
