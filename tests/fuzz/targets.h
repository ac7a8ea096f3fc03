#pragma once
// Fuzz targets: one function per reader of bytes from outside. docs/fuzzing.md.

#include <array>
#include <cstddef>
#include <span>

namespace voxlift::fuzz {

using Bytes = std::span<const std::byte>;

// Each puts one input through one reader. Good ends are a result and an error
// of docs/errors.md that is no InternalError; what else happens is a finding
// and leaves as it came. One thread.
void fuzz_chunk(Bytes input);
void fuzz_codestream(Bytes input);
void fuzz_dataset_index(Bytes input);
void fuzz_deeplesion(Bytes input);
void fuzz_dicom(Bytes input);
void fuzz_dicom_pixels(Bytes input);
void fuzz_inflate(Bytes input);
void fuzz_jpeg_region(Bytes input);
void fuzz_jpeg_restarts(Bytes input);
void fuzz_json(Bytes input);
void fuzz_lidc(Bytes input);
void fuzz_metaimage(Bytes input);
void fuzz_nifti(Bytes input);
void fuzz_npy(Bytes input);
void fuzz_npz(Bytes input);
void fuzz_nrrd(Bytes input);
void fuzz_photo_arrays(Bytes input);
void fuzz_picture(Bytes input);
void fuzz_recipe(Bytes input);
void fuzz_scan_list(Bytes input);
void fuzz_shard_file(Bytes input);
void fuzz_tar(Bytes input);
void fuzz_val_list(Bytes input);
void fuzz_volume_arrays(Bytes input);

struct Target {
  const char* name;  // Of its folder below corpus/.
  void (*run)(Bytes input);
};

inline constexpr std::array kTargets = {
    Target{"chunk", fuzz_chunk},
    Target{"codestream", fuzz_codestream},
    Target{"dataset_index", fuzz_dataset_index},
    Target{"deeplesion", fuzz_deeplesion},
    Target{"dicom", fuzz_dicom},
    Target{"dicom_pixels", fuzz_dicom_pixels},
    Target{"inflate", fuzz_inflate},
    Target{"jpeg_region", fuzz_jpeg_region},
    Target{"jpeg_restarts", fuzz_jpeg_restarts},
    Target{"json", fuzz_json},
    Target{"lidc", fuzz_lidc},
    Target{"metaimage", fuzz_metaimage},
    Target{"nifti", fuzz_nifti},
    Target{"npy", fuzz_npy},
    Target{"npz", fuzz_npz},
    Target{"nrrd", fuzz_nrrd},
    Target{"photo_arrays", fuzz_photo_arrays},
    Target{"picture", fuzz_picture},
    Target{"recipe", fuzz_recipe},
    Target{"scan_list", fuzz_scan_list},
    Target{"shard_file", fuzz_shard_file},
    Target{"tar", fuzz_tar},
    Target{"val_list", fuzz_val_list},
    Target{"volume_arrays", fuzz_volume_arrays},
};

}  // namespace voxlift::fuzz
