#include "trainer/infer/box_predictor.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/random.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

// A scan of which another slice is the key slice. `source` must outlive it.
class KeySliceView : public dataio::VolumeSource {
 public:
  KeySliceView(const dataio::VolumeSource& source, int64_t key_slice)
      : source_(source), facts_(source.facts()) {
    facts_.key_slice = key_slice;
  }

  const dataio::VolumeFacts& facts() const override { return facts_; }

  std::string describe() const override { return source_.describe(); }

  void read_image(const dataio::VoxelBox& box,
                  std::span<float> out) const override {
    source_.read_image(box, out);
  }

  void read_mask(const dataio::VoxelBox& box,
                 std::span<uint8_t> out) const override {
    source_.read_mask(box, out);
  }

  dataio::Shape3 foreground_voxel(int64_t k) const override {
    return source_.foreground_voxel(k);
  }

 private:
  const dataio::VolumeSource& source_;
  dataio::VolumeFacts facts_;
};

// Edges of a box, moved to another grid. A voxel's edges are half a voxel from
// its position.
dataio::LabelledBox moved(const dataio::LabelledBox& box,
                          const dataio::Affine& map) {
  dataio::LabelledBox result = box;
  for (size_t r = 0; r < 3; ++r) {
    std::array<double, 2> edge = {map[r][3] + 0.5, map[r][3] + 0.5};
    for (size_t c = 0; c < 3; ++c) {
      edge[0] += map[r][c] * (box.low[c] - 0.5);
      edge[1] += map[r][c] * (box.high[c] - 0.5);
    }
    result.low[r] = std::min(edge[0], edge[1]);
    result.high[r] = std::max(edge[0], edge[1]);
  }
  return result;
}

struct FoundBox {
  dataio::LabelledBox box;
  double score = 0.0;
};

class BoxPredictor : public ScanPredictor {
 public:
  BoxPredictor(BoxNetwork network, std::vector<std::string> classes,
               const BoxPredictorConfig& config)
      : network_(std::move(network)),
        classes_(std::move(classes)),
        config_(config),
        transform_(dataio::make_slices_eval_transform(config.slices)) {}

  std::string table_name() const override { return "boxes.csv"; }

  Prediction predict(const PreparedScan& scan, Communicator&) override {
    const torch::NoGradGuard no_grad;
    const dataio::Affine map =
        voxel_map({scan.source().facts().shape, scan.source().facts().affine},
                  scan.original(), scan.path());
    Json boxes = Json::array();
    std::vector<DrawnBox> drawn;
    double best = 0.0;
    const int64_t depth = scan.source().facts().shape[0];
    for (int64_t d = 0; d < depth; d += config_.slice_step) {
      for (const FoundBox& found : boxes_of_slice(scan.source(), d)) {
        best = std::max(best, found.score);
        boxes.push_back(to_json(found, d, map));
        drawn.push_back(to_drawn(found, d));
      }
    }
    Prediction prediction;
    prediction.values = {{"boxes", boxes.size()}, {"best_score", best}};
    const std::string text =
        Json{{"classes", classes_}, {"boxes", boxes}}.dump(1) + "\n";
    const auto bytes = as_bytes(text);
    prediction.files.push_back({".boxes.json", {bytes.begin(), bytes.end()}});
    if (config_.overlay.draw) {
      prediction.files.push_back(
          {".png",
           box_sheet(scan.source(), drawn,
                     {config_.slices.window_low, config_.slices.window_high},
                     config_.overlay)});
    }
    return prediction;
  }

 private:
  // In voxels of `source`.
  std::vector<FoundBox> boxes_of_slice(const dataio::VolumeSource& source,
                                       int64_t d) {
    const KeySliceView view(source, d);
    const Batch batch = batch_of(view);
    const Detections found = network_(batch).at(0);
    const dataio::Shape3& shape = source.facts().shape;
    const dataio::Shape3& content = batch.contents.at(0);
    const double scale_h =
        static_cast<double>(shape[1]) / static_cast<double>(content[1]);
    const double scale_w =
        static_cast<double>(shape[2]) / static_cast<double>(content[2]);
    const torch::Tensor corners = found.boxes_N4.to(torch::kFloat64);
    std::vector<FoundBox> boxes;
    for (int64_t i = 0; i < corners.size(0); ++i) {
      const auto corner = [&](int64_t k) {
        return corners[i][k].item<double>();
      };
      const auto slice = static_cast<double>(d);
      const dataio::LabelledBox box = {
          {slice, corner(1) * scale_h, corner(0) * scale_w},
          {slice + 1.0, corner(3) * scale_h, corner(2) * scale_w},
          found.labels_N[i].item<int64_t>()};
      boxes.push_back({box, found.scores_N[i].item<double>()});
    }
    return boxes;
  }

  Json to_json(const FoundBox& found, int64_t slice,
               const dataio::Affine& map) const {
    const dataio::LabelledBox box = moved(found.box, map);
    const auto label = static_cast<size_t>(box.label);
    return {{"slice", slice},
            {"class", label < classes_.size() ? classes_[label]
                                              : str_cat("class ", label)},
            {"score", found.score},
            {"low", box.low},
            {"high", box.high}};
  }

  static DrawnBox to_drawn(const FoundBox& found, int64_t slice) {
    const auto& [low, high, label] = found.box;
    return {slice, {low[1], low[2], high[1], high[2]}, found.score, label};
  }

  Batch batch_of(const dataio::VolumeSource& view) {
    const dataio::SampleShape shape = transform_->shape();
    torch::Tensor x_NCDHW = torch::empty(
        {1, shape.channels, shape.depth, shape.height, shape.width});
    dataio::Sample sample;
    sample.image = std::span(x_NCDHW.data_ptr<float>(),
                             static_cast<size_t>(shape.num_elements()));
    RandomStream draws(0, Purpose::kAugment, 0, 0);
    transform_->apply(view, draws, workspace_, sample);
    Batch batch;
    batch.x_NCDHW = x_NCDHW.to(config_.device);
    batch.label_N = torch::zeros({1}, torch::kInt64);
    batch.boxes.resize(1);
    batch.contents = {sample.content};
    return batch;
  }

  BoxNetwork network_;
  std::vector<std::string> classes_;
  BoxPredictorConfig config_;
  std::unique_ptr<dataio::VolumeTransform> transform_;
  dataio::Workspace workspace_;
};

}  // namespace

std::unique_ptr<ScanPredictor> make_box_predictor(
    BoxNetwork network, std::vector<std::string> classes,
    const BoxPredictorConfig& config) {
  return std::make_unique<BoxPredictor>(std::move(network), std::move(classes),
                                        config);
}

}  // namespace voxlift::trainer
