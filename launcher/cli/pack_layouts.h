#pragma once
// The data set layouts that `voxlift pack` knows, and their options.

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "dataio/manifest.h"
#include "launcher/config_file.h"

namespace voxlift::launcher {

struct LayoutOptions {
  std::string source;
  std::string layout = "folders";
  // Empty: the layout's own default ("train", or all of it).
  std::string split;
  std::string root;
  std::vector<std::string> classes;
  std::vector<std::string> mask_classes;
  std::vector<std::string> box_classes;
  // Train, val, test; empty: the layout's own split.
  std::vector<std::string> split_fracs;
  uint64_t split_seed = 0;
  double fraction = 1.0;
  double context_mm = 15.0;
  bool drop_noisy = false;
  bool skip_missing = false;
};

void bind_layout(OptionBinder& binder, LayoutOptions& options);

// Throws ConfigError for an unknown layout (with the nearest), or an option
// that the layout does not have.
void check_layout(const LayoutOptions& options, const OptionBinder& binder);

// One line a layout: name, what `source` is.
std::string layouts_help();

// Lists the source and takes its split and fraction. Throws as the sources in
// dataio/source/ and ConfigError for bad fractions.
dataio::Manifest list_layout(const LayoutOptions& options);

// What --dry-run shows: entries a class, subjects, masks, boxes, first ids.
void print_manifest(const dataio::Manifest& manifest, std::ostream& out);

}  // namespace voxlift::launcher
