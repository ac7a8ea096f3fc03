#pragma once
// Writes PyTorch's .pth files: the zip container that torch.save has written
// since 1.6. Source: torch/serialization.py of PyTorch 1.13; the instructions
// are those of Python's pickletools, protocol 2.

#include <string>

#include "trainer/weights/tensor_map.h"

namespace voxlift::trainer {

// The pickle of an ordered dict of the tensors by name, each in a storage of
// its own, called "0", "1", ... in the map's order. It names nothing but
// OrderedDict, torch's storage types and torch._utils._rebuild_tensor_v2, so
// that torch.load(weights_only=True) takes it. Throws InternalError for a
// tensor type that PyTorch has no storage for.
std::string state_dict_pickle(const TensorMap& tensors);

// The file's bytes. `tensors` must be contiguous and in host memory. `network`
// (may be empty) is kept beside them as the record extra/voxlift.json, which
// PyTorch does not look at. Storages begin at multiples of 64 bytes. Cost: the
// file's size in memory.
std::string pth_file(const TensorMap& tensors, const std::string& network);

}  // namespace voxlift::trainer
