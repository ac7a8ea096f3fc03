#include "dataio/decode/metaimage_header.h"

#include <algorithm>
#include <bit>
#include <map>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/text_header.h"

namespace voxlift::dataio {

namespace {

// The value of each key, and where the header ends.
class Keys {
 public:
  Keys(std::string_view text, const std::string& origin) : origin_(origin) {
    TextLines lines(text);
    while (const auto line = lines.next()) {
      add(*line);
      if (values_.contains("ElementDataFile")) {
        header_bytes_ = lines.num_bytes();
        return;
      }
    }
    throw DataError(origin + ": MetaImage header without ElementDataFile");
  }

  // The value of the first of the names that is there, or `otherwise`.
  std::string get(std::initializer_list<const char*> names,
                  const std::string& otherwise) const {
    for (const char* name : names) {
      const auto found = values_.find(name);
      if (found != values_.end()) {
        return found->second;
      }
    }
    return otherwise;
  }

  std::string need(const char* name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      throw DataError(str_cat(origin_, ": MetaImage header without ", name));
    }
    return found->second;
  }

  bool flag(std::initializer_list<const char*> names, bool otherwise) const {
    const std::string value = get(names, otherwise ? "True" : "False");
    const std::string lower = to_lower(value);
    if (lower != "true" && lower != "false" && lower != "1" && lower != "0") {
      refuse(*names.begin(), value, "True or False");
    }
    return lower == "true" || lower == "1";
  }

  [[noreturn]] void refuse(const std::string& name, const std::string& value,
                           const std::string& wanted) const {
    throw DataError(str_cat(origin_, ": ", name, " is '", printable(value),
                            "', want ", wanted));
  }

  size_t header_bytes() const { return header_bytes_; }

  const std::string& origin() const { return origin_; }

 private:
  void add(std::string_view line) {
    const size_t equals = line.find('=');
    const std::string name = str_trim(line.substr(0, equals));
    if (equals == std::string_view::npos || name.empty()) {
      throw DataError(str_cat(origin_, ": MetaImage header line '",
                              printable(line), "', want KEY = VALUE"));
    }
    const auto [entry, is_new] =
        values_.emplace(name, str_trim(line.substr(equals + 1)));
    if (!is_new && name != "Comment") {
      throw DataError(str_cat(origin_, ": MetaImage key ", printable(name),
                              " stands twice"));
    }
  }

  const std::string& origin_;
  std::map<std::string, std::string> values_;
  size_t header_bytes_ = 0;
};

ScalarType element_type(const Keys& keys) {
  static const std::map<std::string, ScalarType> kTypes = {
      {"MET_CHAR", ScalarType::kInt8},
      {"MET_UCHAR", ScalarType::kUint8},
      {"MET_SHORT", ScalarType::kInt16},
      {"MET_USHORT", ScalarType::kUint16},
      {"MET_INT", ScalarType::kInt32},
      {"MET_UINT", ScalarType::kUint32},
      {"MET_LONG", ScalarType::kInt32},  // As MetaIO has it: 4 bytes.
      {"MET_ULONG", ScalarType::kUint32},
      {"MET_LONG_LONG", ScalarType::kInt64},
      {"MET_ULONG_LONG", ScalarType::kUint64},
      {"MET_FLOAT", ScalarType::kFloat32},
      {"MET_DOUBLE", ScalarType::kFloat64}};
  const std::string name = keys.need("ElementType");
  const auto found = kTypes.find(name);
  if (found == kTypes.end()) {
    keys.refuse("ElementType", name, "one number a voxel (MET_SHORT, ...)");
  }
  return found->second;
}

void check_kind(const Keys& keys) {
  const std::string kind = keys.get({"ObjectType"}, "Image");
  if (kind != "Image") {
    keys.refuse("ObjectType", kind, "Image");
  }
  if (!keys.flag({"BinaryData"}, true)) {
    keys.refuse("BinaryData", "False", "True (text voxels are not read)");
  }
  const std::string channels = keys.get({"ElementNumberOfChannels"}, "1");
  if (channels != "1") {
    keys.refuse("ElementNumberOfChannels", channels, "1");
  }
  for (const char* name : {"ElementToIntensityFunctionSlope",
                           "ElementToIntensityFunctionOffset"}) {
    const std::string neutral =
        std::string(name).ends_with("Slope") ? "1" : "0";
    const std::string value = keys.get({name}, neutral);
    if (parse_double(value) != parse_double(neutral)) {
      keys.refuse(name, value, neutral);
    }
  }
}

// Fills shape, spacing and placement. The file's order is x, y, z; row i of its
// matrix is the direction of axis i.
void take_geometry(const Keys& keys, MetaImageHeader& header) {
  const std::string& origin = keys.origin();
  const auto dims = static_cast<size_t>(
      parse_whole_numbers(keys.need("NDims"), 1, "NDims", origin)[0]);
  if (dims != 2 && dims != 3) {
    keys.refuse("NDims", keys.need("NDims"), "2 or 3");
  }
  const auto sizes =
      parse_whole_numbers(keys.need("DimSize"), dims, "DimSize", origin);
  const std::string ones = dims == 2 ? "1 1" : "1 1 1";
  const auto spacing =
      parse_numbers(keys.get({"ElementSpacing", "ElementSize"}, ones), dims,
                    "ElementSpacing", origin);
  const auto offset = parse_numbers(
      keys.get({"Offset", "Position", "Origin"}, dims == 2 ? "0 0" : "0 0 0"),
      dims, "Offset", origin);
  const auto matrix =
      parse_numbers(keys.get({"TransformMatrix", "Rotation", "Orientation"},
                             dims == 2 ? "1 0 0 1" : "1 0 0 0 1 0 0 0 1"),
                    dims * dims, "TransformMatrix", origin);
  std::array<Vector3, 3> steps = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  for (size_t i = 0; i < dims; ++i) {
    header.shape[2 - i] = sizes[i];
    header.spacing_mm[2 - i] = spacing[i];
    header.placement.origin[i] = offset[i];
    for (size_t j = 0; j < dims; ++j) {
      steps[i][j] = matrix[i * dims + j] * spacing[i];
    }
  }
  header.placement.step_w = steps[0];
  header.placement.step_h = steps[1];
  header.placement.step_d = steps[2];
  check_spacing(header.spacing_mm, origin);
  check_affine(affine_from_lps(header.placement), "TransformMatrix", origin);
}

void take_data_file(const Keys& keys, MetaImageHeader& header) {
  const std::string name = keys.need("ElementDataFile");
  if (name == "LIST" || name.starts_with("LIST ") ||
      name.find('%') != std::string::npos) {
    keys.refuse("ElementDataFile", name, "LOCAL or one file");
  }
  if (to_lower(name) != "local") {
    header.data_file = name;
  }
  header.skipped_bytes = parse_whole_numbers(keys.get({"HeaderSize"}, "0"), 1,
                                             "HeaderSize", keys.origin())[0];
  if (header.skipped_bytes < -1 ||
      (header.skipped_bytes == -1 && header.compressed)) {
    keys.refuse("HeaderSize", keys.need("HeaderSize"),
                "0 or more, or -1 without compression");
  }
}

}  // namespace

bool starts_like_metaimage(std::string_view head) {
  const std::string_view line = head.substr(0, head.find('\n'));
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos) {
    return false;
  }
  const std::string key = str_trim(line.substr(0, equals));
  static constexpr const char* kFirst[] = {"ObjectType", "NDims", "Comment",
                                           "ObjectSubType", "DimSize"};
  return std::find(std::begin(kFirst), std::end(kFirst), key) !=
         std::end(kFirst);
}

MetaImageHeader parse_metaimage_header(std::string_view text,
                                       const std::string& origin) {
  const Keys keys(text, origin);
  check_kind(keys);
  MetaImageHeader header;
  header.header_bytes = static_cast<int64_t>(keys.header_bytes());
  header.code.type = element_type(keys);
  const bool big =
      keys.flag({"BinaryDataByteOrderMSB", "ElementByteOrderMSB"}, false);
  header.code.swapped = big != (std::endian::native == std::endian::big);
  header.compressed = keys.flag({"CompressedData"}, false);
  take_geometry(keys, header);
  take_data_file(keys, header);
  return header;
}

}  // namespace voxlift::dataio
