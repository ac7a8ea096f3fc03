#include "launcher/cli/scan_arguments.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <span>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strings.h"
#include "dataio/source/folder_walk.h"
#include "dataio/source/scan_files.h"

namespace voxlift::launcher {
namespace {

using trainer::ScanToPredict;

bool is_slice(const std::string& name) {
  const std::string lower = to_lower(name);
  return lower.ends_with(".dcm") || lower.ends_with(".png");
}

bool is_one_scan(const std::string& dir) {
  const auto names = RealFiles().list_dir(dir);
  return std::any_of(names.begin(), names.end(), is_slice);
}

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  return path;
}

ScanToPredict make_scan(const std::string& path, const std::string& id,
                        const ScanArguments& arguments) {
  ScanToPredict scan;
  scan.id = dataio::without_scan_extension(id);
  scan.file.path = path;
  const bool has_parts = to_lower(path).ends_with(".npz");
  scan.file.part = has_parts ? arguments.part : "";
  scan.file.axes = arguments.axes == "hwd" ? dataio::ArrayAxes::kHWD
                                           : dataio::ArrayAxes::kDHW;
  return scan;
}

void add_scans(const std::string& path, const ScanArguments& arguments,
               std::vector<ScanToPredict>& scans,
               std::vector<std::string>* ignored) {
  if (!RealFiles().is_dir(path) || is_one_scan(path)) {
    scans.push_back(make_scan(path, base_name(path), arguments));
    return;
  }
  dataio::FolderWalk walk(path, dataio::FolderWalk::For::kScans);
  for (const auto& found : walk.files("")) {
    scans.push_back(make_scan(found.path, found.id, arguments));
  }
  ignored->insert(ignored->end(), walk.ignored().begin(), walk.ignored().end());
}

// Masks would be taken for scans by the next call.
void check_out(const std::string& in, const std::string& out) {
  namespace fs = std::filesystem;
  const std::string inner = fs::weakly_canonical(out).string() + "/";
  const std::string outer = fs::weakly_canonical(in).string() + "/";
  if (inner.starts_with(outer)) {
    throw ConfigError(str_cat("out = '", out, "' lies within in = '", in,
                              "': give a folder beside it"));
  }
}

void check_ids(const std::vector<ScanToPredict>& scans) {
  std::map<std::string, std::string> paths;
  for (const ScanToPredict& scan : scans) {
    const auto [seen, is_new] = paths.emplace(scan.id, scan.file.path);
    if (!is_new) {
      throw ConfigError(str_cat("'", seen->second, "' and '", scan.file.path,
                                "' would both be written as '", scan.id,
                                "': predict them into two folders"));
    }
  }
}

Json to_json(const ScanToPredict& scan) {
  return {scan.id, scan.file.path, scan.file.part,
          scan.file.axes == dataio::ArrayAxes::kHWD};
}

ScanToPredict scan_from_json(const Json& json) {
  ScanToPredict scan;
  scan.id = json.at(0).get<std::string>();
  scan.file.path = json.at(1).get<std::string>();
  scan.file.part = json.at(2).get<std::string>();
  scan.file.axes = json.at(3).get<bool>() ? dataio::ArrayAxes::kHWD
                                          : dataio::ArrayAxes::kDHW;
  return scan;
}

}  // namespace

void ScanArguments::validate() const {
  if (axes != "dhw" && axes != "hwd") {
    throw ConfigError(str_cat("axes = '", axes, "': must be dhw or hwd"));
  }
}

std::vector<ScanToPredict> list_scans_of(const ScanArguments& arguments,
                                         std::vector<std::string>* ignored) {
  std::vector<ScanToPredict> scans;
  for (const std::string& path : arguments.in) {
    check_out(path, arguments.out);
    add_scans(without_slashes(path), arguments, scans, ignored);
  }
  if (scans.empty()) {
    throw ConfigError(str_cat("no scan in '", str_join(arguments.in, "', '"),
                              "' (docs/formats.md lists what is one)"));
  }
  check_ids(scans);
  return scans;
}

std::vector<ScanToPredict> list_scans_alike(const ScanArguments& arguments,
                                            trainer::Communicator& control) {
  Json mine = Json::array();
  trainer::run_alike(control, [&] {
    if (control.rank() != 0) {
      return;
    }
    std::vector<std::string> ignored;
    for (const auto& scan : list_scans_of(arguments, &ignored)) {
      mine.push_back(to_json(scan));
    }
    if (!ignored.empty()) {
      log_info(str_cat("left out ", ignored.size(), " entries of the folders, ",
                       "the first one: ", ignored.front()));
    }
  });
  const std::string text = mine.dump();
  const auto all = trainer::all_gather_bytes(control, as_bytes(text));
  std::vector<ScanToPredict> scans;
  for (const Json& scan : parse_json(as_text(all.at(0)), "rank 0's list")) {
    scans.push_back(scan_from_json(scan));
  }
  return scans;
}

}  // namespace voxlift::launcher
