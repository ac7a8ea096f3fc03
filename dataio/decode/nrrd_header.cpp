#include "dataio/decode/nrrd_header.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/text_header.h"

namespace voxlift::dataio {

namespace {

// Fields with more than one spelling, and fields that place or explain voxels
// in a way that does not matter here.
const std::map<std::string, std::string> kOtherSpellings = {
    {"centers", "centerings"},   {"datafile", "data file"},
    {"lineskip", "line skip"},   {"byteskip", "byte skip"},
    {"axismins", "axis mins"},   {"axismaxs", "axis maxs"},
    {"oldmin", "old min"},       {"oldmax", "old max"},
    {"blocksize", "block size"}, {"sampleunits", "sample units"}};

const std::set<std::string> kKnownFields = {"dimension",
                                            "type",
                                            "block size",
                                            "encoding",
                                            "endian",
                                            "content",
                                            "old min",
                                            "old max",
                                            "data file",
                                            "line skip",
                                            "byte skip",
                                            "number",
                                            "sample units",
                                            "min",
                                            "max",
                                            "sizes",
                                            "spacings",
                                            "thicknesses",
                                            "axis mins",
                                            "axis maxs",
                                            "centerings",
                                            "labels",
                                            "units",
                                            "kinds",
                                            "space",
                                            "space dimension",
                                            "space units",
                                            "space origin",
                                            "space directions",
                                            "measurement frame"};

class Fields {
 public:
  Fields(std::string_view text, const std::string& origin) : origin_(origin) {
    TextLines lines(text);
    const std::string_view magic = lines.next().value_or("");
    if (magic.size() != 8 || magic.substr(0, 7) != "NRRD000" ||
        magic[7] < '1' || magic[7] > '5') {
      refuse("the first line", std::string(magic), "NRRD0001 to NRRD0005");
    }
    while (const auto line = lines.next()) {
      if (line->empty()) {
        has_end_ = true;
        break;
      }
      add(*line);
    }
    header_bytes_ = lines.num_bytes();
    if (!has_end_ && !has("data file")) {
      throw DataError(origin + ": NRRD header without an end (an empty line)");
    }
  }

  bool has(const std::string& name) const { return values_.contains(name); }

  std::string need(const std::string& name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      throw DataError(str_cat(origin_, ": NRRD header without '", name, "'"));
    }
    return found->second;
  }

  std::string get(const std::string& name, const std::string& otherwise) const {
    return has(name) ? need(name) : otherwise;
  }

  [[noreturn]] void refuse(const std::string& name, const std::string& value,
                           const std::string& wanted) const {
    throw DataError(str_cat(origin_, ": NRRD ", name, " is '", printable(value),
                            "', want ", wanted));
  }

  size_t header_bytes() const { return header_bytes_; }

  const std::string& origin() const { return origin_; }

 private:
  void add(std::string_view line) {
    const size_t colon = line.find(':');
    if (line[0] == '#' ||
        (colon != std::string_view::npos && line.substr(colon, 2) == ":=")) {
      return;  // A comment, or a key and value of the user.
    }
    std::string name = to_lower(line.substr(0, colon));
    if (const auto other = kOtherSpellings.find(name);
        other != kOtherSpellings.end()) {
      name = other->second;
    }
    if (colon == std::string_view::npos || !kKnownFields.contains(name)) {
      refuse("header line", std::string(line), "a known FIELD: VALUE");
    }
    if (!values_.emplace(name, str_trim(line.substr(colon + 1))).second) {
      throw DataError(
          str_cat(origin_, ": NRRD field '", name, "' stands twice"));
    }
  }

  const std::string& origin_;
  std::map<std::string, std::string> values_;
  bool has_end_ = false;
  size_t header_bytes_ = 0;
};

ScalarType parse_type(const Fields& fields) {
  static const std::map<std::string, ScalarType> kTypes = {
      {"signed char", ScalarType::kInt8},
      {"int8", ScalarType::kInt8},
      {"int8_t", ScalarType::kInt8},
      {"uchar", ScalarType::kUint8},
      {"unsigned char", ScalarType::kUint8},
      {"uint8", ScalarType::kUint8},
      {"uint8_t", ScalarType::kUint8},
      {"short", ScalarType::kInt16},
      {"short int", ScalarType::kInt16},
      {"signed short", ScalarType::kInt16},
      {"signed short int", ScalarType::kInt16},
      {"int16", ScalarType::kInt16},
      {"int16_t", ScalarType::kInt16},
      {"ushort", ScalarType::kUint16},
      {"unsigned short", ScalarType::kUint16},
      {"unsigned short int", ScalarType::kUint16},
      {"uint16", ScalarType::kUint16},
      {"uint16_t", ScalarType::kUint16},
      {"int", ScalarType::kInt32},
      {"signed int", ScalarType::kInt32},
      {"int32", ScalarType::kInt32},
      {"int32_t", ScalarType::kInt32},
      {"uint", ScalarType::kUint32},
      {"unsigned int", ScalarType::kUint32},
      {"uint32", ScalarType::kUint32},
      {"uint32_t", ScalarType::kUint32},
      {"longlong", ScalarType::kInt64},
      {"long long", ScalarType::kInt64},
      {"long long int", ScalarType::kInt64},
      {"signed long long", ScalarType::kInt64},
      {"signed long long int", ScalarType::kInt64},
      {"int64", ScalarType::kInt64},
      {"int64_t", ScalarType::kInt64},
      {"ulonglong", ScalarType::kUint64},
      {"unsigned long long", ScalarType::kUint64},
      {"unsigned long long int", ScalarType::kUint64},
      {"uint64", ScalarType::kUint64},
      {"uint64_t", ScalarType::kUint64},
      {"float", ScalarType::kFloat32},
      {"double", ScalarType::kFloat64}};
  const auto found = kTypes.find(to_lower(fields.need("type")));
  if (found == kTypes.end()) {
    fields.refuse("type", fields.need("type"),
                  "a number's (short, float, ...)");
  }
  return found->second;
}

NrrdEncoding parse_encoding(const Fields& fields) {
  static const std::map<std::string, NrrdEncoding> kEncodings = {
      {"raw", NrrdEncoding::kRaw},   {"gzip", NrrdEncoding::kGzip},
      {"gz", NrrdEncoding::kGzip},   {"bzip2", NrrdEncoding::kBzip2},
      {"bz2", NrrdEncoding::kBzip2}, {"text", NrrdEncoding::kText},
      {"txt", NrrdEncoding::kText},  {"ascii", NrrdEncoding::kText}};
  const auto found = kEncodings.find(to_lower(fields.need("encoding")));
  if (found == kEncodings.end()) {
    fields.refuse("encoding", fields.need("encoding"),
                  "raw, gzip, bzip2 or text");
  }
  return found->second;
}

bool parse_swapped(const Fields& fields, const NrrdHeader& header) {
  if (scalar_bytes(header.code.type) == 1 ||
      header.encoding == NrrdEncoding::kText) {
    return false;
  }
  const std::string order = to_lower(fields.need("endian"));
  if (order != "little" && order != "big") {
    fields.refuse("endian", order, "little or big");
  }
  return (order == "big") != (std::endian::native == std::endian::big);
}

// Axes of the array, fastest first: 2 or 3 in space, perhaps frames last.
size_t take_sizes(const Fields& fields, NrrdHeader& header) {
  const auto dims = parse_whole_numbers(fields.need("dimension"), 1,
                                        "NRRD dimension", fields.origin())[0];
  if (dims < 2 || dims > 4) {
    fields.refuse("dimension", fields.need("dimension"), "2 to 4");
  }
  const auto sizes =
      parse_whole_numbers(fields.need("sizes"), static_cast<size_t>(dims),
                          "NRRD sizes", fields.origin());
  for (size_t i = 0; i < std::min<size_t>(sizes.size(), 3); ++i) {
    header.shape[2 - i] = sizes[i];
  }
  header.num_frames = dims == 4 ? sizes[3] : 1;
  if (header.num_frames < 1) {
    fields.refuse("sizes", fields.need("sizes"), "at least 1 each");
  }
  return static_cast<size_t>(dims);
}

// The first axes must lie in space: colours and vectors stand first otherwise.
void check_kinds(const Fields& fields, size_t num_dims) {
  static const std::set<std::string> kSpatial = {"domain", "space", "???",
                                                 "none", ""};
  const std::vector<std::string> kinds =
      str_split(fields.get("kinds", ""), ' ');
  for (size_t i = 0; i < std::min({kinds.size(), num_dims, size_t{3}}); ++i) {
    if (!kSpatial.contains(to_lower(kinds[i]))) {
      fields.refuse("kinds", fields.need("kinds"),
                    "domain for the first axes (one number a voxel)");
    }
  }
}

// Which signs turn the file's space into RAS+.
Vector3 space_signs(const Fields& fields) {
  static const std::map<std::string, Vector3> kSpaces = {
      {"left-posterior-superior", {-1, -1, 1}}, {"lps", {-1, -1, 1}},
      {"right-anterior-superior", {1, 1, 1}},   {"ras", {1, 1, 1}},
      {"left-anterior-superior", {-1, 1, 1}},   {"las", {-1, 1, 1}}};
  const auto found = kSpaces.find(to_lower(fields.get("space", "?")));
  if (found == kSpaces.end()) {
    fields.refuse("space", fields.get("space", "(none)"),
                  "left-posterior-superior, right-anterior-superior or "
                  "left-anterior-superior with space directions");
  }
  return found->second;
}

// "(1,0,0)" as three numbers. Text after it stays in `text`.
Vector3 take_vector(std::string_view& text, const Fields& fields,
                    const std::string& name) {
  const size_t open = text.find_first_not_of(' ');
  const size_t close = text.find(')');
  if (open == std::string_view::npos || text[open] != '(' ||
      close == std::string_view::npos) {
    fields.refuse(name, fields.need(name), "vectors like (1,0,0)");
  }
  std::string inside(text.substr(open + 1, close - open - 1));
  std::replace(inside.begin(), inside.end(), ',', ' ');
  const auto numbers =
      parse_numbers(inside, 3, "NRRD " + name, fields.origin());
  text.remove_prefix(close + 1);
  return {numbers[0], numbers[1], numbers[2]};
}

void take_directions(const Fields& fields, size_t num_dims,
                     NrrdHeader& header) {
  const Vector3 signs = space_signs(fields);
  const std::string directions = fields.need("space directions");
  std::string_view rest = directions;
  std::array<Vector3, 3> steps = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  const size_t num_spatial = std::min<size_t>(num_dims, 3);
  for (size_t i = 0; i < num_spatial; ++i) {
    steps[i] = take_vector(rest, fields, "space directions");
    header.spacing_mm[2 - i] = norm(steps[i]);
  }
  const std::string after = to_lower(str_trim(rest));
  if (after != (num_dims == 4 ? "none" : "")) {
    fields.refuse("space directions", directions,
                  "a vector for each of the first axes, then none");
  }
  if (num_spatial == 2) {  // The slice lies across its two axes.
    const Vector3 normal = cross(steps[0], steps[1]);
    steps[2] = scaled(normal, 1.0 / std::max(norm(normal), 1e-30));
  }
  Vector3 start{0, 0, 0};
  if (fields.has("space origin")) {
    const std::string text = fields.need("space origin");
    std::string_view view = text;
    start = take_vector(view, fields, "space origin");
  }
  header.affine = affine_from_ras({steps[0], steps[1], steps[2], start});
  for (size_t r = 0; r < 3; ++r) {
    for (double& value : header.affine[r]) {
      value = value * signs[r] + 0.0;  // No negative zeros.
    }
  }
  check_spacing(header.spacing_mm, fields.origin());
  check_affine(header.affine, "space directions", fields.origin());
}

void take_spacings(const Fields& fields, size_t num_dims, NrrdHeader& header) {
  if (fields.has("spacings")) {
    std::vector<std::string> words = str_split(fields.need("spacings"), ' ');
    std::erase(words, "");
    if (words.size() != num_dims) {
      fields.refuse("spacings", fields.need("spacings"),
                    str_cat(num_dims, " numbers"));
    }
    for (size_t i = 0; i < std::min<size_t>(num_dims, 3); ++i) {
      // "nan" means unknown in NRRD.
      header.spacing_mm[2 - i] =
          to_lower(words[i]) == "nan"
              ? 1.0
              : parse_numbers(words[i], 1, "NRRD spacings", fields.origin())[0];
    }
  }
  check_spacing(header.spacing_mm, fields.origin());
  header.affine = affine_from_spacing(header.spacing_mm);
}

void take_data_file(const Fields& fields, NrrdHeader& header) {
  header.data_file = fields.get("data file", "");
  if (header.data_file.starts_with("LIST") ||
      header.data_file.find('%') != std::string::npos) {
    fields.refuse("data file", header.data_file, "one file");
  }
  header.line_skip = parse_whole_numbers(fields.get("line skip", "0"), 1,
                                         "NRRD line skip", fields.origin())[0];
  header.byte_skip = parse_whole_numbers(fields.get("byte skip", "0"), 1,
                                         "NRRD byte skip", fields.origin())[0];
  const bool from_end =
      header.byte_skip == -1 && header.encoding == NrrdEncoding::kRaw;
  if (header.line_skip < 0 || (header.byte_skip < 0 && !from_end)) {
    fields.refuse("line skip and byte skip",
                  str_cat(header.line_skip, " and ", header.byte_skip),
                  "0 or more (byte skip -1 for raw)");
  }
}

}  // namespace

NrrdHeader parse_nrrd_header(std::string_view text, const std::string& origin) {
  const Fields fields(text, origin);
  NrrdHeader header;
  header.header_bytes = static_cast<int64_t>(fields.header_bytes());
  header.code.type = parse_type(fields);
  header.encoding = parse_encoding(fields);
  header.code.swapped = parse_swapped(fields, header);
  const size_t num_dims = take_sizes(fields, header);
  check_kinds(fields, num_dims);
  if (fields.has("space directions")) {
    take_directions(fields, num_dims, header);
  } else {
    take_spacings(fields, num_dims, header);
  }
  take_data_file(fields, header);
  return header;
}

}  // namespace voxlift::dataio
