#include "trainer/infer/scan_predictor.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "base/strings.h"
#include "dataio/encode/nifti_mask.h"

namespace voxlift::trainer {
namespace {

constexpr const char* kBest = "best";

class ClassPredictor : public ScanPredictor {
 public:
  ClassPredictor(std::vector<std::string> classes,
                 const dataio::VolumeTransformConfig& transform)
      : classes_(std::move(classes)),
        transform_(dataio::make_volume_eval_transform(transform)) {}

  std::string table_name() const override { return "scores.csv"; }

 protected:
  // The table's values from logits (1, K).
  Prediction scored(const torch::Tensor& logits_1K) const {
    const torch::Tensor share_K =
        logits_1K.to(torch::kCPU, torch::kFloat64).softmax(1)[0];
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

  const std::vector<std::string>& classes() const { return classes_; }

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

 private:
  std::string name_of(size_t k) const {
    return k < classes_.size() ? classes_[k] : str_cat("class ", k);
  }

  std::vector<std::string> classes_;
  std::unique_ptr<dataio::VolumeTransform> transform_;
  dataio::Workspace workspace_;
};

class ScorePredictor : public ClassPredictor {
 public:
  ScorePredictor(PredictNetwork network, std::vector<std::string> classes,
                 const dataio::VolumeTransformConfig& transform)
      : ClassPredictor(std::move(classes), transform),
        network_(std::move(network)) {}

  Prediction predict(const PreparedScan& scan, Communicator&) override {
    const torch::NoGradGuard no_grad;
    return scored(network_(sample_of(scan)));
  }

 private:
  PredictNetwork network_;
};

class ActivationPredictor : public ClassPredictor {
 public:
  ActivationPredictor(PooledClassifier network,
                      std::vector<std::string> classes,
                      const dataio::VolumeTransformConfig& transform,
                      const std::string& cam)
      : ClassPredictor(std::move(classes), transform),
        network_(std::move(network)),
        config_(transform),
        wanted_(class_number(cam)) {}

  Prediction predict(const PreparedScan& scan, Communicator&) override {
    const torch::NoGradGuard no_grad;
    const torch::Tensor features_NCDHW = network_.features(sample_of(scan));
    const torch::Tensor logits_NK = network_.logits(features_NCDHW);
    Prediction prediction = scored(logits_NK);
    const int64_t k = wanted_.value_or(logits_NK[0].argmax().item<int64_t>());
    const torch::Tensor map_DHW = network_.activation(features_NCDHW, k)[0].to(
        torch::kCPU, torch::kFloat32);
    const ScanGrid& target = scan.original();
    prediction.files.push_back(
        {".cam.nii.gz",
         dataio::encode_nifti_map_gz(
             activation_on_grid(map_DHW, scan.sampled(config_), target,
                                scan.path()),
             {target.shape, scan.original_spacing_mm(), target.affine})});
    return prediction;
  }

 private:
  // Nothing: the predicted one.
  std::optional<int64_t> class_number(const std::string& cam) const {
    if (cam == kBest) {
      return std::nullopt;
    }
    const auto found = std::find(classes().begin(), classes().end(), cam);
    if (found == classes().end()) {
      throw ConfigError(str_cat("cam = '", cam, "': must be best or one of ",
                                str_join(classes(), ", ")));
    }
    return found - classes().begin();
  }

  PooledClassifier network_;
  dataio::VolumeTransformConfig config_;
  std::optional<int64_t> wanted_;
};

class MaskPredictor : public ScanPredictor {
 public:
  MaskPredictor(PredictNetwork network, std::vector<std::string> classes,
                SegmentConfig config, OverlayConfig overlay)
      : network_(std::move(network)),
        classes_(std::move(classes)),
        config_(std::move(config)),
        overlay_(std::move(overlay)) {}

  std::string table_name() const override { return "volumes.csv"; }

  bool shares_scans() const override { return true; }

  Prediction predict(const PreparedScan& scan, Communicator& comm) override {
    const std::vector<uint8_t> labels =
        segment_scan({scan.reader(), scan.seen(), scan.original(), scan.path()},
                     network_, config_, comm);
    Prediction prediction;
    prediction.values = volumes_of(labels, scan.original_spacing_mm());
    if (comm.rank() == 0) {  // Compressing takes seconds; one rank writes.
      add_files(scan, labels, &prediction);
    }
    return prediction;
  }

 private:
  void add_files(const PreparedScan& scan, const std::vector<uint8_t>& labels,
                 Prediction* prediction) const {
    prediction->files.push_back(
        {".nii.gz",
         dataio::encode_nifti_mask_gz(
             labels, {scan.original().shape, scan.original_spacing_mm(),
                      scan.original().affine})});
    if (overlay_.draw) {
      prediction->files.push_back(
          {".png", mask_sheet(scan.read_original(), labels, overlay_)});
    }
  }

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
  OverlayConfig overlay_;
};

}  // namespace

std::unique_ptr<ScanPredictor> make_class_predictor(
    PredictNetwork network, std::vector<std::string> classes,
    const dataio::VolumeTransformConfig& transform) {
  return std::make_unique<ScorePredictor>(std::move(network),
                                          std::move(classes), transform);
}

std::unique_ptr<ScanPredictor> make_activation_predictor(
    PooledClassifier network, std::vector<std::string> classes,
    const dataio::VolumeTransformConfig& transform, const std::string& cam) {
  return std::make_unique<ActivationPredictor>(
      std::move(network), std::move(classes), transform, cam);
}

std::unique_ptr<ScanPredictor> make_mask_predictor(
    PredictNetwork network, std::vector<std::string> classes,
    const SegmentConfig& config, const OverlayConfig& overlay) {
  return std::make_unique<MaskPredictor>(std::move(network), std::move(classes),
                                         config, overlay);
}

}  // namespace voxlift::trainer
