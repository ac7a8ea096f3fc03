#include "dataio/decode/dicom.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/decode/dicom_elements.h"
#include "dataio/decode/volume_formats.h"

namespace voxlift::dataio {

namespace {

// A file in memory, and what it says.
struct LoadedFile {
  std::vector<std::byte> bytes;
  DicomFile file;
  DicomPixels pixels;
};

LoadedFile load(const std::string& path, const DecodeLimits& limits) {
  LoadedFile loaded;
  loaded.bytes = RealFiles().read(path);
  loaded.file = parse_dicom(loaded.bytes, path);
  loaded.pixels = describe_pixels(loaded.file, path, limits);
  return loaded;
}

// Decodes `path` and puts each of its slices where `slices` has it.
void place_frames(LoadedFile& loaded, const std::string& path,
                  const std::vector<DicomSlice>& slices, Volume& volume) {
  std::vector<std::byte> raw = read_pixels(loaded.file, loaded.pixels, path);
  const auto frame_voxels =
      static_cast<size_t>(loaded.pixels.height * loaded.pixels.width);
  const size_t frame_bytes =
      frame_voxels * static_cast<size_t>(scalar_bytes(loaded.pixels.code.type));
  for (size_t k = 0; k < slices.size(); ++k) {
    if (slices[k].path == path) {
      ScalarCode code = loaded.pixels.code;
      code.slope = slices[k].slope;
      code.offset = slices[k].offset;
      convert_scalars(
          std::span(raw).subspan(
              static_cast<size_t>(slices[k].frame) * frame_bytes, frame_bytes),
          code,
          std::span(volume.voxels).subspan(k * frame_voxels, frame_voxels));
    }
  }
}

std::string short_list(const std::vector<std::string>& names) {
  constexpr size_t kShown = 5;
  const std::vector<std::string> first(
      names.begin(), names.begin() + static_cast<std::ptrdiff_t>(
                                         std::min(kShown, names.size())));
  return str_join(first, ", ") + (names.size() > kShown ? ", ..." : "");
}

// The slices of the one series that `part` names, or of the only one.
std::vector<DicomSlice> choose_series(std::vector<DicomSlice> slices,
                                      const VolumeFile& file) {
  std::map<std::string, std::vector<DicomSlice>> by_series;
  for (DicomSlice& slice : slices) {
    by_series[slice.series].push_back(std::move(slice));
  }
  std::vector<std::string> names;
  for (const auto& [name, unused] : by_series) {
    names.push_back(name);
  }
  if (!file.part.empty() && !by_series.contains(file.part)) {
    throw DataError(str_cat(file.path, ": no DICOM series ", file.part,
                            "; there are: ", short_list(names)));
  }
  if (file.part.empty() && by_series.size() > 1) {
    throw DataError(
        str_cat(file.path, ": ", by_series.size(),
                " DICOM series, name one as part: ", short_list(names)));
  }
  return by_series[file.part.empty() ? names.front() : file.part];
}

// The slices of all files, without their pixels. What is no DICOM image is
// remarked on; a DICOM image that cannot be read is an error.
std::vector<DicomSlice> scan_folder(const VolumeFile& file,
                                    const DecodeLimits& limits,
                                    std::string& stored_type,
                                    VolumeNotes& notes) {
  std::vector<DicomSlice> slices;
  const RealFiles files;
  for (const std::string& name : files.list_dir(file.path)) {
    const std::string path = join_path(file.path, name);
    if (files.is_dir(path)) {
      notes.remarks.push_back(name + ": a folder");
      continue;
    }
    std::string head(256, '\0');
    head.resize(
        make_file_source(path)->read(std::as_writable_bytes(std::span(head))));
    if (!starts_like_dicom(as_bytes(head))) {
      notes.remarks.push_back(name + ": not DICOM");
      continue;
    }
    const std::vector<std::byte> bytes = files.read(path);
    const DicomFile dicom = parse_dicom(bytes, path);
    if (dicom.set.find(0x7fe00010) == nullptr) {
      notes.remarks.push_back(name + ": DICOM without an image");
      continue;
    }
    const DicomPixels pixels = describe_pixels(dicom, path, limits);
    stored_type = scalar_name(pixels.code.type);
    for (DicomSlice& slice : describe_slices(dicom, pixels, path)) {
      slices.push_back(std::move(slice));
    }
  }
  return slices;
}

}  // namespace

Volume read_dicom_file(const VolumeFile& file, const DecodeLimits& limits,
                       VolumeNotes& notes) {
  LoadedFile loaded = load(file.path, limits);
  std::vector<DicomSlice> slices =
      describe_slices(loaded.file, loaded.pixels, file.path);
  if (file.position >= 0) {
    const auto frame = static_cast<size_t>(
        pick_frame(file.position, loaded.pixels.num_frames, file.path));
    slices = {slices[frame]};
  }
  Volume volume = arrange_slices(slices, file, notes);
  check_shape(volume.shape, file.path, limits);
  volume.voxels.resize(static_cast<size_t>(volume.num_voxels()));
  place_frames(loaded, file.path, slices, volume);
  notes.format = "DICOM";
  notes.stored_type = scalar_name(loaded.pixels.code.type);
  return volume;
}

Volume read_dicom_folder(const VolumeFile& file, const DecodeLimits& limits,
                         VolumeNotes& notes) {
  std::vector<DicomSlice> slices =
      scan_folder(file, limits, notes.stored_type, notes);
  if (slices.empty()) {
    throw DataError(file.path +
                    ": the folder holds neither DICOM images nor numbered PNG "
                    "slices");
  }
  slices = choose_series(std::move(slices), file);
  Volume volume = arrange_slices(slices, file, notes);
  check_shape(volume.shape, file.path, limits);
  volume.voxels.resize(static_cast<size_t>(volume.num_voxels()));
  std::string before;
  for (const DicomSlice& slice : std::vector(slices)) {
    if (slice.path != before) {
      LoadedFile loaded = load(slice.path, limits);
      check_shape({loaded.pixels.num_frames, slice.height, slice.width},
                  slice.path, limits);
      place_frames(loaded, slice.path, slices, volume);
      before = slice.path;
    }
  }
  notes.format = "DICOM series";
  return volume;
}

}  // namespace voxlift::dataio
