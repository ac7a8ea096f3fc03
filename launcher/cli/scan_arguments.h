#pragma once
// The scans that a command line names.

#include <string>
#include <vector>

#include "trainer/comm/communicator.h"
#include "trainer/infer/predict_run.h"

namespace voxlift::launcher {

struct ScanArguments {
  std::vector<std::string> in;  // Files and folders.
  std::string out;              // Where their predictions go.
  std::string part;             // As dataio::VolumeFile.
  std::string axes = "dhw";     // Of arrays: "dhw" or "hwd".

  void validate() const;  // Throws ConfigError.
};

// Every scan of `in`, in its order, those of a folder by their path below it. A
// folder that directly holds .dcm or .png files is one scan. Ids are paths
// below the folder given, or the name of a file given, without extensions.
// Lines about what was left out go to `ignored`. Throws IoError; ConfigError if
// there is no scan, two have one id, or `out` lies within a folder of `in`.
std::vector<trainer::ScanToPredict> list_scans_of(
    const ScanArguments& arguments, std::vector<std::string>* ignored);

// COLLECTIVE. Rank 0's list, on every rank; a folder may change meanwhile.
std::vector<trainer::ScanToPredict> list_scans_alike(
    const ScanArguments& arguments, trainer::Communicator& control);

}  // namespace voxlift::launcher
