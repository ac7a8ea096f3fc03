// NumPy's archives, through libzip.

#include <zip.h>

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/npy.h"
#include "dataio/decode/text_header.h"
#include "dataio/decode/volume_formats.h"

namespace voxlift::dataio {

namespace {

struct DiscardArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};

struct CloseMember {
  void operator()(zip_file_t* member) const { zip_fclose(member); }
};

using Archive = std::unique_ptr<zip_t, DiscardArchive>;
using Member = std::unique_ptr<zip_file_t, CloseMember>;

Archive open_archive(const std::string& path) {
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (archive == nullptr) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    throw DataError(str_cat(path, ": damaged npz archive: ", why));
  }
  return archive;
}

// Whether a member's name is the asked one, with or without ".npy".
bool is_part(const std::string& name, const std::string& part) {
  return part.empty() || name == part || name == part + ".npy";
}

std::string member_name(zip_t* archive, zip_int64_t index) {
  const char* name = zip_get_name(archive, static_cast<zip_uint64_t>(index), 0);
  return name == nullptr ? "" : name;
}

// The index of the one member that `part` names.
zip_uint64_t find_member(zip_t* archive, const VolumeFile& file) {
  const zip_int64_t num_members = zip_get_num_entries(archive, 0);
  zip_int64_t found = -1;
  int64_t num_found = 0;
  std::vector<std::string> names;
  for (zip_int64_t i = 0; i < num_members; ++i) {
    const std::string name = member_name(archive, i);
    if (is_part(name, file.part)) {
      found = i;
      ++num_found;
    }
    if (names.size() < 10) {
      names.push_back(printable(name));
    }
  }
  if (num_found != 1) {
    throw DataError(str_cat(file.path, ": ", num_found, " members for part '",
                            file.part, "', want one; ", num_members,
                            " members: ", str_join(names, ", ")));
  }
  return static_cast<zip_uint64_t>(found);
}

// One member, streamed; a stored one can seek.
class MemberSource : public ByteSource {
 public:
  MemberSource(zip_t* archive, zip_uint64_t index, std::string origin)
      : origin_(std::move(origin)) {
    zip_stat_t stat;
    if (zip_stat_index(archive, index, 0, &stat) != 0) {
      throw DataError(str_cat(origin_, ": ", zip_strerror(archive)));
    }
    if (stat.encryption_method != ZIP_EM_NONE) {
      throw DataError(origin_ + ": encrypted, want a plain member");
    }
    stored_ = stat.comp_method == ZIP_CM_STORE;
    const auto packed = static_cast<int64_t>(
        std::min<zip_uint64_t>(stat.comp_size, zip_uint64_t{1} << 50));
    const auto claimed = static_cast<int64_t>(
        std::min<zip_uint64_t>(stat.size, zip_uint64_t{1} << 62));
    max_bytes_ =
        std::min(claimed, stored_ ? packed : packed * kMaxDeflateExpansion);
    member_.reset(zip_fopen_index(archive, index, 0));
    if (member_ == nullptr) {
      throw DataError(str_cat(origin_, ": ", zip_strerror(archive)));
    }
  }

  size_t read(std::span<std::byte> out) override {
    size_t done = 0;
    while (done < out.size()) {
      const zip_int64_t num_read =
          zip_fread(member_.get(), out.data() + done, out.size() - done);
      if (num_read < 0) {
        throw DataError(str_cat(origin_, ": damaged npz member: ",
                                zip_file_strerror(member_.get())));
      }
      if (num_read == 0) {
        break;
      }
      done += static_cast<size_t>(num_read);
    }
    max_bytes_ -= std::min(max_bytes_, static_cast<int64_t>(done));
    return done;
  }

  int64_t skip(int64_t num_bytes) override {
    if (num_bytes == 0 || !stored_ ||
        zip_fseek(member_.get(), num_bytes, SEEK_CUR) != 0) {
      return ByteSource::skip(num_bytes);
    }
    max_bytes_ -= std::min(max_bytes_, num_bytes);
    return num_bytes;
  }

  // libzip compares the member's CRC when it reaches the end.
  void finish() override {
    std::vector<std::byte> unused(1 << 14);
    while (read(unused) == unused.size()) {
    }
  }

  int64_t max_bytes() const override { return max_bytes_; }

 private:
  std::string origin_;
  Member member_;
  bool stored_ = false;
  int64_t max_bytes_ = 0;
};

}  // namespace

Volume read_npz(const VolumeFile& file, const DecodeLimits& limits,
                VolumeNotes& notes) {
  notes.format = "NumPy archive";
  const Archive archive = open_archive(file.path);
  const zip_uint64_t index = find_member(archive.get(), file);
  const std::string origin = str_cat(
      file.path, " (",
      printable(member_name(archive.get(), static_cast<zip_int64_t>(index))),
      ")");
  MemberSource source(archive.get(), index, origin);
  Volume volume = read_npy_array(source, file, origin, limits, notes);
  if (file.position < 0) {
    // Of one frame among many the rest is not inflated for its checksum.
    source.finish();
  }
  return volume;
}

}  // namespace voxlift::dataio
