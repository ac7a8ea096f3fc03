#pragma once
// What a trained network says about one scan.

#include <torch/torch.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "trainer/comm/communicator.h"
#include "trainer/infer/class_activation.h"
#include "trainer/infer/overlay_sheet.h"
#include "trainer/infer/prepared_scan.h"
#include "trainer/infer/segment_scan.h"

namespace voxlift::trainer {

struct PredictionFile {
  std::string extension;  // Of the file's name, which begins with the scan's.
  std::vector<std::byte> bytes;
};

// `values` go into the table of all scans, a column each; `files` beside it.
struct Prediction {
  std::vector<std::pair<std::string, Json>> values;
  std::vector<PredictionFile> files;
};

// Owns its network, which is in evaluation mode. One thread.
class ScanPredictor {
 public:
  ScanPredictor() = default;
  ScanPredictor(const ScanPredictor&) = delete;
  ScanPredictor& operator=(const ScanPredictor&) = delete;
  virtual ~ScanPredictor() = default;

  // "scores.csv".
  virtual std::string table_name() const = 0;

  // Whether several ranks are faster with one scan than one.
  virtual bool shares_scans() const { return false; }

  // COLLECTIVE over `comm`: the same prediction on every rank and for any
  // number of them. Throws DataError naming the scan.
  virtual Prediction predict(const PreparedScan& scan, Communicator& comm) = 0;
};

// Logits of x on any device: (N, classes), or (N, classes, D, H, W).
using PredictNetwork =
    std::function<torch::Tensor(const torch::Tensor& x_NCDHW)>;

// Softmax probabilities of the sample that an evaluation would take from the
// scan: values "predicted" (a name) and one per class, in the order of
// `classes`.
std::unique_ptr<ScanPredictor> make_class_predictor(
    PredictNetwork network, std::vector<std::string> classes,
    const dataio::VolumeTransformConfig& transform);

// The same with a file of float32 on the scan's own grid (.cam.nii.gz): the
// class activation map of class `cam`, or of the predicted one ("best"). Throws
// ConfigError if there is no such class.
std::unique_ptr<ScanPredictor> make_activation_predictor(
    PooledClassifier network, std::vector<std::string> classes,
    const dataio::VolumeTransformConfig& transform, const std::string& cam);

// A mask (.nii.gz) on the scan's own grid, and slices with its outlines (.png)
// if they are to be drawn; values: millilitres of every class but the first,
// the background.
std::unique_ptr<ScanPredictor> make_mask_predictor(
    PredictNetwork network, std::vector<std::string> classes,
    const SegmentConfig& config, const OverlayConfig& overlay = {});

}  // namespace voxlift::trainer
