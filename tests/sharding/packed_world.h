#pragma once
// A small data set of made-up files, packed.

#include <string>
#include <vector>

#include "base/files.h"
#include "dataio/manifest.h"
#include "sharding/pack.h"
#include "tests/support/temp_dir.h"

namespace voxlift::test {

// Source files with contents that say who they are, below a folder of its own.
class PackedWorld {
 public:
  // `num_samples` files over `num_classes` classes, of unequal lengths.
  explicit PackedWorld(int num_samples = 12, int num_classes = 3);

  // Replaces or adds the file of `id`.
  void write_source(const std::string& id, const std::string& content);

  // Packs everything into dir() as one rank would; returns the index.
  sharding::DatasetIndex pack(const sharding::PackConfig& config);
  // Without check, three shards or so.
  sharding::DatasetIndex pack();

  static sharding::PackConfig small_shards();

  // Refuses contents that hold the word "broken".
  static void check(std::span<const std::byte> bytes,
                    const std::string& origin);

  // The content that the constructor gave to `id`.
  static std::string content_of(const std::string& id);

  std::string source_path(const std::string& id) const;

  std::string dir() const { return temp_.file("packed"); }

  std::string file(const std::string& name) const {
    return join_path(dir(), name);
  }

  dataio::Manifest manifest;
  RealFiles files;

 private:
  TempDir temp_;
};

}  // namespace voxlift::test
