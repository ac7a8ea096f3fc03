#include "launcher/cli/pack_layouts.h"

#include <algorithm>
#include <array>
#include <functional>
#include <ostream>
#include <set>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/source/bcv.h"
#include "dataio/source/coco.h"
#include "dataio/source/deeplesion.h"
#include "dataio/source/lidc.h"
#include "dataio/source/lits.h"
#include "dataio/source/scan_list.h"
#include "dataio/source/source.h"
#include "dataio/source/split.h"

namespace voxlift::launcher {
namespace {

using dataio::Manifest;
using Names = std::vector<std::string>;

struct Layout {
  const char* name;
  const char* source;  // What `--source` is.
  // Of the published parts: the one without `split`, and the one to which
  // split fractions apply (null: they cannot).
  const char* default_split;
  const char* whole;
  Names options;  // Besides source, split, fractions.
  std::function<Manifest(const LayoutOptions&, const std::string& split)> list;
};

Manifest list_from_list(const LayoutOptions& options,
                        const std::string& split) {
  dataio::ScanListOptions list;
  list.root = options.root;
  list.split = split;
  list.classes = options.classes;
  list.mask_classes = options.mask_classes;
  list.box_classes = options.box_classes;
  return dataio::list_scans(options.source, list);
}

Manifest list_lesions(const LayoutOptions& options, const std::string& split) {
  dataio::DeepLesionOptions lesions;
  lesions.context_mm = options.context_mm;
  lesions.keep_noisy = !options.drop_noisy;
  lesions.skip_missing = options.skip_missing;
  return dataio::list_deeplesion(options.source, split, lesions);
}

std::vector<Layout> photograph_layouts() {
  return {{"folders",
           "folder of one folder of pictures a class",
           "",
           "",
           {},
           [](const LayoutOptions& options, const std::string&) {
             return dataio::list_class_folders(options.source);
           }},
          {"imagenet",
           "folder with train/, val/ and meta/val.txt",
           "train",
           nullptr,
           {},
           [](const LayoutOptions& options, const std::string& split) {
             return dataio::list_imagenet(options.source, split);
           }},
          {"imagenet-tar",
           "folder with ILSVRC2012_img_train.tar, ..._val.tar",
           "train",
           nullptr,
           {},
           [](const LayoutOptions& options, const std::string& split) {
             return dataio::list_imagenet_tar(options.source, split);
           }}};
}

std::vector<Layout> list_layouts() {
  const Names options = {"root", "classes", "mask-classes", "box-classes"};
  return {{"volumes", "list of scans: CSV, JSON, JSON lines", "", "", options,
           list_from_list},
          {"manifest", "the same", "", "", options, list_from_list},
          {"volume-folders",
           "folder of one folder of scans a class",
           "",
           "",
           {},
           [](const LayoutOptions& given, const std::string&) {
             return dataio::list_scan_folders(given.source);
           }}};
}

std::vector<Layout> box_layouts() {
  return {{"coco",
           "JSON list of photographs with boxes; --root: their folder",
           "",
           "",
           {"root"},
           [](const LayoutOptions& options, const std::string&) {
             return dataio::list_coco(options.source, options.root);
           }},
          {"deeplesion",
           "folder with Images_png/ and DL_info.csv",
           "train",
           "all",
           {"context-mm", "drop-noisy", "skip-missing"},
           list_lesions}};
}

std::vector<Layout> medical_layouts() {
  return {{"lidc",
           "folder with nodule/, info/, train_test_split.csv",
           "train",
           "all",
           {},
           [](const LayoutOptions& options, const std::string& split) {
             return dataio::list_lidc(options.source, split,
                                      dataio::LidcTask::kMalignancy);
           }},
          {"lidc-seg",
           "the same, with the first reader's masks",
           "train",
           "all",
           {},
           [](const LayoutOptions& options, const std::string& split) {
             return dataio::list_lidc(options.source, split,
                                      dataio::LidcTask::kSegmentation);
           }},
          {"lits",
           "folder of volume-N.nii, segmentation-N.nii",
           "train",
           "all",
           {"mask-classes"},
           [](const LayoutOptions& options, const std::string& split) {
             return dataio::list_lits(options.source, split,
                                      options.mask_classes);
           }},
          {"bcv",
           "folder with imagesTr/, labelsTr/, or all_files.txt, images/",
           "train",
           "all",
           {},
           [](const LayoutOptions& options, const std::string& split) {
             return dataio::list_bcv(options.source, split);
           }}};
}

std::vector<Layout> all_layouts() {
  std::vector<Layout> all = photograph_layouts();
  for (const auto& more : {list_layouts(), medical_layouts(), box_layouts()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

Layout find_layout(const std::string& name) {
  Names names;
  for (const Layout& layout : all_layouts()) {
    if (layout.name == name) {
      return layout;
    }
    names.emplace_back(layout.name);
  }
  throw ConfigError(str_cat("option 'layout' is '", name, "', expected ",
                            str_join(names, ", "), "; the nearest is '",
                            nearest_word(name, names), "'"));
}

dataio::SplitFractions parse_fractions(const Names& texts) {
  std::array<double, 3> numbers{};
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto number = parse_double(texts[i]);
    if (!number || texts.size() != numbers.size()) {
      throw ConfigError(str_cat("option 'split-fracs' is '",
                                str_join(texts, ","),
                                "', expected three numbers: train,val,test"));
    }
    numbers[i] = *number;
  }
  return {numbers[0], numbers[1], numbers[2]};
}

Manifest list_split(const LayoutOptions& options) {
  const Layout layout = find_layout(options.layout);
  const std::string split =
      options.split.empty() ? layout.default_split : options.split;
  if (options.split_fracs.empty()) {
    return layout.list(options, split);
  }
  const dataio::SplitFractions fractions = parse_fractions(options.split_fracs);
  return dataio::split_by_subject(layout.list(options, layout.whole), fractions,
                                  options.split_seed,
                                  split.empty() ? "train" : split);
}

}  // namespace

void bind_layout(OptionBinder& binder, LayoutOptions& options) {
  binder.add("source", options.source, "folder or list, as the layout says");
  binder.add("layout", options.layout, "what the source is; see above");
  binder.add("split", options.split,
             "train, val, test or all, where the layout has it");
  binder.add("split-fracs", options.split_fracs,
             "split by subject instead: fractions of train,val,test");
  binder.add("split-seed", options.split_seed, "of split-fracs and fraction");
  binder.add("fraction", options.fraction,
             "share of every class that is kept; smaller ones are within "
             "larger ones");
  binder.add("root", options.root,
             "folder of the list's paths (the list's own folder)");
  binder.add("classes", options.classes,
             "names of the list's classes, in label order");
  binder.add("mask-classes", options.mask_classes,
             "names of the masks' values, background first");
  binder.add("box-classes", options.box_classes,
             "names of the list's box classes, in label order");
  binder.add("context-mm", options.context_mm,
             "deeplesion: slices read to both sides of the key slice");
  binder.add("drop-noisy", options.drop_noisy,
             "deeplesion: without lesions marked as possibly noisy");
  binder.add("skip-missing", options.skip_missing,
             "deeplesion: leave out key slices whose file is missing");
}

void check_layout(const LayoutOptions& options, const OptionBinder& binder) {
  const Layout layout = find_layout(options.layout);
  for (const char* option : {"root", "classes", "mask-classes", "box-classes",
                             "context-mm", "drop-noisy", "skip-missing"}) {
    const Names& known = layout.options;
    if (binder.is_given(option) &&
        std::find(known.begin(), known.end(), option) == known.end()) {
      throw ConfigError(str_cat("option '", option, "' is not for the layout '",
                                options.layout, "'"));
    }
  }
  const bool has_fracs = binder.is_given("split-fracs");
  if (has_fracs && layout.whole == nullptr) {
    throw ConfigError(str_cat("option 'split-fracs' is not for the layout '",
                              options.layout, "', which has its own parts"));
  }
  const bool has_parts = layout.default_split[0] != '\0' ||
                         options.layout == "volumes" ||
                         options.layout == "manifest";
  if (binder.is_given("split") && !has_parts && !has_fracs) {
    throw ConfigError(str_cat("option 'split' needs 'split-fracs' for the ",
                              "layout '", options.layout, "'"));
  }
}

std::string layouts_help() {
  std::string text = "\nLayouts, and their source:\n";
  for (const Layout& layout : all_layouts()) {
    const std::string name = layout.name;
    text += str_cat("  ", name, std::string(16 - name.size(), ' '),
                    layout.source, "\n");
  }
  return text;
}

Manifest list_layout(const LayoutOptions& options) {
  Manifest manifest = list_split(options);
  return options.fraction == 1.0
             ? manifest
             : dataio::take_fraction(std::move(manifest), options.fraction,
                                     options.split_seed);
}

void print_manifest(const Manifest& manifest, std::ostream& out) {
  constexpr size_t kShown = 5;
  std::vector<int64_t> per_class(manifest.classes.size());
  std::set<std::string> subjects;
  size_t num_masks = 0;
  size_t num_boxes = 0;
  for (const dataio::SourceEntry& entry : manifest.entries) {
    ++per_class.at(static_cast<size_t>(entry.label));
    subjects.insert(entry.subject.empty() ? entry.id : entry.subject);
    if (entry.volume) {
      num_masks += entry.volume->mask ? 1 : 0;
      num_boxes += entry.volume->boxes.size();
    }
  }
  out << "modality  " << dataio::modality_name(manifest.modality) << "\n"
      << "samples   " << manifest.entries.size() << "\n"
      << "subjects  " << subjects.size() << "\n";
  for (size_t i = 0; i < per_class.size(); ++i) {
    out << "class     " << i << " " << manifest.classes[i] << ": "
        << per_class[i] << "\n";
  }
  if (!manifest.mask_classes.empty()) {
    out << "masks     " << num_masks << ": "
        << str_join(manifest.mask_classes, ", ") << "\n";
  }
  if (!manifest.box_classes.empty()) {
    out << "boxes     " << num_boxes << ": "
        << str_join(manifest.box_classes, ", ") << "\n";
  }
  for (size_t i = 0; i < std::min(kShown, manifest.entries.size()); ++i) {
    out << "first     " << manifest.entries[i].id << "\n";
  }
  out << "left out  " << manifest.ignored.size() << "\n";
}

}  // namespace voxlift::launcher
