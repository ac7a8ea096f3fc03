#include "trainer/infer/scan_predictor.h"

#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "base/strings.h"
#include "dataio/encode/nifti_mask.h"

namespace voxlift::trainer {
namespace {

class ClassPredictor : public ScanPredictor {
 public:
  ClassPredictor(PredictNetwork network, std::vector<std::string> classes,
                 const dataio::VolumeTransformConfig& transform)
      : network_(std::move(network)),
        classes_(std::move(classes)),
        transform_(dataio::make_volume_eval_transform(transform)) {}

  std::string table_name() const override { return "scores.csv"; }

  Prediction predict(const PreparedScan& scan, Communicator&) override {
    const torch::NoGradGuard no_grad;
    const torch::Tensor share_K = network_(sample_of(scan))
                                      .to(torch::kCPU, torch::kFloat64)
                                      .softmax(1)[0];
    VOXLIFT_CHECK(share_K.size(0) >= static_cast<int64_t>(classes_.size()),
                  "a score per class");
    Prediction prediction;
    const auto best = static_cast<size_t>(share_K.argmax().item<int64_t>());
    prediction.values.emplace_back("predicted", name_of(best));
    for (int64_t k = 0; k < share_K.size(0); ++k) {
      prediction.values.emplace_back(name_of(static_cast<size_t>(k)),
                                     share_K[k].item<double>());
    }
    return prediction;
  }

 private:
  std::string name_of(size_t k) const {
    return k < classes_.size() ? classes_[k] : str_cat("class ", k);
  }

  torch::Tensor sample_of(const PreparedScan& scan) {
    const dataio::SampleShape shape = transform_->shape();
    torch::Tensor x_NCDHW = torch::empty(
        {1, shape.channels, shape.depth, shape.height, shape.width});
    dataio::Sample sample;
    sample.image = std::span(x_NCDHW.data_ptr<float>(),
                             static_cast<size_t>(shape.num_elements()));
    RandomStream draws(0, Purpose::kAugment, 0, 0);
    transform_->apply(scan.source(), draws, workspace_, sample);
    return x_NCDHW;
  }

  PredictNetwork network_;
  std::vector<std::string> classes_;
  std::unique_ptr<dataio::VolumeTransform> transform_;
  dataio::Workspace workspace_;
};

class MaskPredictor : public ScanPredictor {
 public:
  MaskPredictor(PredictNetwork network, std::vector<std::string> classes,
                SegmentConfig config)
      : network_(std::move(network)),
        classes_(std::move(classes)),
        config_(std::move(config)) {}

  std::string table_name() const override { return "volumes.csv"; }

  bool shares_scans() const override { return true; }

  Prediction predict(const PreparedScan& scan, Communicator& comm) override {
    const std::vector<uint8_t> labels =
        segment_scan({scan.reader(), scan.seen(), scan.original(), scan.path()},
                     network_, config_, comm);
    Prediction prediction;
    prediction.values = volumes_of(labels, scan.original_spacing_mm());
    prediction.extension = ".nii.gz";
    if (comm.rank() == 0) {  // Compressing takes seconds; one rank writes.
      prediction.file = dataio::encode_nifti_mask_gz(
          labels, {scan.original().shape, scan.original_spacing_mm(),
                   scan.original().affine});
    }
    return prediction;
  }

 private:
  std::vector<std::pair<std::string, Json>> volumes_of(
      const std::vector<uint8_t>& labels,
      const std::array<double, 3>& spacing_mm) const {
    constexpr double kMlPerMm3 = 1e-3;
    const double voxel_ml =
        spacing_mm[0] * spacing_mm[1] * spacing_mm[2] * kMlPerMm3;
    std::vector<int64_t> counts(256);
    for (const uint8_t label : labels) {
      ++counts[label];
    }
    std::vector<std::pair<std::string, Json>> values;
    for (size_t k = 1; k < classes_.size(); ++k) {
      values.emplace_back(str_cat(classes_[k], "_ml"),
                          static_cast<double>(counts[k]) * voxel_ml);
    }
    return values;
  }

  PredictNetwork network_;
  std::vector<std::string> classes_;
  SegmentConfig config_;
};

}  // namespace

std::unique_ptr<ScanPredictor> make_class_predictor(
    PredictNetwork network, std::vector<std::string> classes,
    const dataio::VolumeTransformConfig& transform) {
  return std::make_unique<ClassPredictor>(std::move(network),
                                          std::move(classes), transform);
}

std::unique_ptr<ScanPredictor> make_mask_predictor(
    PredictNetwork network, std::vector<std::string> classes,
    const SegmentConfig& config) {
  return std::make_unique<MaskPredictor>(std::move(network), std::move(classes),
                                         config);
}

}  // namespace voxlift::trainer
