#include "dataio/decode/dicom_elements.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/decode/byte_source.h"
#include "dataio/decode/text_header.h"

namespace voxlift::dataio {

namespace {

constexpr uint32_t kUndefined = 0xffffffff;
constexpr uint32_t kTransferSyntax = 0x00020010;
constexpr uint32_t kPixelData = 0x7fe00010;
constexpr uint32_t kItem = 0xfffee000;
constexpr uint32_t kItemEnd = 0xfffee00d;
constexpr uint32_t kSequenceEnd = 0xfffee0dd;
constexpr size_t kPreamble = 128;
constexpr int kMaxDepth = 32;
constexpr int64_t kMaxElements = 1'000'000;

struct Coding {
  bool explicit_vr = true;
  bool big = false;
};

std::string tag_name(uint32_t tag) {
  return str_cat("(", hex(tag >> 16, 4), ",", hex(tag & 0xffff, 4), ")");
}

bool is_one_of(std::string_view vr, std::string_view pairs) {
  for (size_t i = 0; i < pairs.size(); i += 2) {
    if (pairs.substr(i, 2) == vr) {
      return true;
    }
  }
  return false;
}

// VRs whose length has 4 bytes after 2 reserved ones; and all the others.
bool has_long_length(std::string_view vr) {
  return is_one_of(vr, "OBODOFOLOVOWSQSVUCUNURUTUV");
}

bool is_vr(std::string_view vr) {
  return has_long_length(vr) ||
         is_one_of(vr, "AEASATCSDADSDTFLFDISLOLTPNSHSLSSSTTMUIULUS");
}

class Walker {
 public:
  Walker(std::span<const std::byte> bytes, const std::string& origin)
      : bytes_(bytes), origin_(origin) {}

  void seek(size_t at) { at_ = at; }

  size_t position() const { return at_; }

  bool at_end() const { return at_ >= bytes_.size(); }

  uint16_t group_ahead(bool big) const {
    return at_ + 2 <= bytes_.size() ? number16(at_, big) : uint16_t{0};
  }

  // Elements up to `end`, or up to the end of an item of undefined length.
  void elements(Coding coding, size_t end, bool ends_by_tag, int depth,
                DicomSet& set) {
    if (depth > kMaxDepth) {
      fail("sequences nested more than 32 deep");
    }
    while (at_ < end) {
      if (depth == 0 && only_zeros_follow()) {
        return;  // Padding, which some programs write.
      }
      const uint32_t tag = take_tag(coding, end);
      if (tag == kItemEnd && ends_by_tag) {
        take_length(coding, end);
        return;
      }
      element(tag, coding, end, depth, set);
    }
    if (ends_by_tag) {
      fail("an item without its end");
    }
  }

  // One element of the file's own group 2.
  void meta_element(DicomSet& set) {
    const Coding coding;
    element(take_tag(coding, bytes_.size()), coding, bytes_.size(), 0, set);
  }

  // Two capitals after the tag: a VR.
  bool looks_explicit() const {
    return at_ + 6 <= bytes_.size() && is_vr(text(at_ + 4, 2));
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(str_cat(origin_, ": damaged DICOM: ", what, " at byte ",
                            at_, " of ", bytes_.size()));
  }

  void need(size_t count, size_t end) const {
    if (count > end - std::min(at_, end)) {
      fail("ends within an element");
    }
  }

  uint16_t number16(size_t at, bool big) const {
    const auto first = std::to_integer<unsigned>(bytes_[at]);
    const auto second = std::to_integer<unsigned>(bytes_[at + 1]);
    return static_cast<uint16_t>(big ? first << 8 | second
                                     : second << 8 | first);
  }

  uint32_t number32(size_t at, bool big) const {
    const uint32_t first = number16(at, big);
    const uint32_t second = number16(at + 2, big);
    return big ? first << 16 | second : second << 16 | first;
  }

  std::string_view text(size_t at, size_t count) const {
    return as_text(bytes_.subspan(at, count));
  }

  bool only_zeros_follow() const {
    if (bytes_[at_] != std::byte{0} || group_ahead(false) != 0) {
      return false;
    }
    const auto rest = bytes_.subspan(at_);
    return std::all_of(rest.begin(), rest.end(),
                       [](std::byte b) { return b == std::byte{0}; });
  }

  uint32_t take_tag(Coding coding, size_t end) {
    need(4, end);
    const uint32_t tag = uint32_t{number16(at_, coding.big)} << 16 |
                         number16(at_ + 2, coding.big);
    at_ += 4;
    return tag;
  }

  uint32_t take_length(Coding coding, size_t end) {
    need(4, end);
    const uint32_t length = number32(at_, coding.big);
    at_ += 4;
    return length;
  }

  uint32_t take_length_after_vr(std::string_view vr, Coding coding,
                                size_t end) {
    at_ += 2;
    if (has_long_length(vr)) {
      need(6, end);
      at_ += 2;
      return take_length(coding, end);
    }
    need(2, end);
    at_ += 2;
    return number16(at_ - 2, coding.big);
  }

  std::span<const std::byte> take_value(uint32_t tag, uint32_t length,
                                        size_t end) {
    if (length > end - at_) {
      fail(str_cat(tag_name(tag), " claims ", length, " bytes, ", end - at_,
                   " follow"));
    }
    at_ += length;
    return bytes_.subspan(at_ - length, length);
  }

  void element(uint32_t tag, Coding coding, size_t end, int depth,
               DicomSet& set) {
    if (++num_elements_ > kMaxElements) {
      fail(str_cat("more than ", kMaxElements, " elements"));
    }
    if (tag >> 16 == 0xfffe) {
      fail(tag_name(tag) + " outside of a sequence");
    }
    std::string_view vr;
    if (coding.explicit_vr) {
      need(4, end);
      vr = text(at_, 2);
      if (!is_vr(vr)) {
        fail(str_cat(tag_name(tag), " has the type '", printable(vr), "'"));
      }
    }
    const uint32_t length = vr.empty() ? take_length(coding, end)
                                       : take_length_after_vr(vr, coding, end);
    DicomElement& element = set.elements[tag];
    if (length == kUndefined && tag == kPixelData) {
      fragments(coding, end, element);
    } else if (length == kUndefined) {
      // What is unknown (UN) and has no length is implicit inside
      // (PS3.5 6.2.2).
      sequence(vr == "UN" ? Coding{false, false} : coding, end, true, depth,
               element);
    } else {
      element.value = take_value(tag, length, end);
      if (vr == "SQ" || (vr.empty() && begins_with_item(element, coding))) {
        at_ -= length;
        sequence(coding, at_ + length, false, depth, element);
      }
    }
  }

  // Implicit files do not say what is a sequence.
  bool begins_with_item(const DicomElement& element, Coding coding) const {
    const size_t start = at_ - element.value.size();
    return element.value.size() >= 8 && number16(start, coding.big) == 0xfffe &&
           number16(start + 2, coding.big) == 0xe000;
  }

  void sequence(Coding coding, size_t end, bool ends_by_tag, int depth,
                DicomElement& element) {
    while (at_ < end) {
      const uint32_t tag = take_tag(coding, end);
      const uint32_t length = take_length(coding, end);
      if (tag == kSequenceEnd && ends_by_tag) {
        return;
      }
      if (tag != kItem) {
        fail(tag_name(tag) + " in a sequence, want an item");
      }
      if (length != kUndefined && length > end - at_) {
        fail(str_cat("an item claims ", length, " bytes, ", end - at_,
                     " follow"));
      }
      const bool undefined = length == kUndefined;
      element.items.emplace_back();
      elements(coding, undefined ? end : at_ + length, undefined, depth + 1,
               element.items.back());
    }
    if (ends_by_tag) {
      fail("a sequence without its end");
    }
  }

  void fragments(Coding coding, size_t end, DicomElement& element) {
    for (;;) {
      const uint32_t tag = take_tag(coding, end);
      const uint32_t length = take_length(coding, end);
      if (tag == kSequenceEnd) {
        return;
      }
      if (tag != kItem || ++num_elements_ > kMaxElements) {
        fail(tag_name(tag) + " in the pixel data, want a fragment");
      }
      element.fragments.push_back(take_value(tag, length, end));
    }
  }

  std::span<const std::byte> bytes_;
  const std::string& origin_;
  size_t at_ = 0;
  int64_t num_elements_ = 0;
};

Coding coding_of(const std::string& transfer_syntax) {
  if (transfer_syntax == "1.2.840.10008.1.2" ||
      transfer_syntax == "1.2.840.113619.5.2") {  // GE's own.
    return {false, false};
  }
  return {true, transfer_syntax == "1.2.840.10008.1.2.2"};
}

bool has_preamble(std::span<const std::byte> bytes) {
  return bytes.size() >= kPreamble + 4 &&
         as_text(bytes.subspan(kPreamble, 4)) == "DICM";
}

std::vector<std::byte> inflate(std::span<const std::byte> bytes,
                               const std::string& origin) {
  const auto source = make_deflate_source(bytes, origin);
  std::vector<std::byte> inflated;
  std::vector<std::byte> piece(1 << 16);
  for (;;) {
    const size_t num_read = source->read(piece);
    inflated.insert(inflated.end(), piece.begin(),
                    piece.begin() + static_cast<std::ptrdiff_t>(num_read));
    if (num_read < piece.size()) {
      return inflated;
    }
  }
}

}  // namespace

const DicomElement* DicomSet::find(uint32_t tag) const {
  const auto found = elements.find(tag);
  return found == elements.end() ? nullptr : &found->second;
}

std::string DicomSet::text(uint32_t tag) const {
  const DicomElement* element = find(tag);
  if (element == nullptr) {
    return "";
  }
  std::string_view value = as_text(element->value);
  while (!value.empty() && (value.back() == '\0' || value.back() == ' ')) {
    value.remove_suffix(1);
  }
  return printable(value);
}

std::vector<double> DicomSet::numbers(uint32_t tag,
                                      const std::string& origin) const {
  const DicomElement* element = find(tag);
  std::vector<double> numbers;
  if (element == nullptr || str_trim(as_text(element->value)).empty()) {
    return numbers;
  }
  std::string value(as_text(element->value));
  std::erase(value, '\0');
  for (const std::string& word : str_split(value, '\\')) {
    const auto number = parse_double(str_trim(word));
    if (!number.has_value()) {
      throw DataError(str_cat(origin, ": DICOM ", tag_name(tag), " is '",
                              printable(value), "', want numbers"));
    }
    numbers.push_back(*number);
  }
  return numbers;
}

const DicomSet* DicomSet::item(uint32_t tag, size_t index) const {
  const DicomElement* element = find(tag);
  return element == nullptr || index >= element->items.size()
             ? nullptr
             : &element->items[index];
}

std::optional<uint16_t> DicomFile::uint16(uint32_t tag) const {
  const DicomElement* element = set.find(tag);
  if (element == nullptr || element->value.size() != 2) {
    return std::nullopt;
  }
  const auto first = std::to_integer<unsigned>(element->value[0]);
  const auto second = std::to_integer<unsigned>(element->value[1]);
  return static_cast<uint16_t>(big_endian ? first << 8 | second
                                          : second << 8 | first);
}

bool starts_like_dicom(std::span<const std::byte> head) {
  if (has_preamble(head)) {
    return true;
  }
  // Without a preamble: (0002,00xx) or (0008,00xx), little-endian.
  return head.size() >= 8 &&
         (head[0] == std::byte{2} || head[0] == std::byte{8}) &&
         head[1] == std::byte{0} && head[2] <= std::byte{0x18} &&
         head[3] == std::byte{0};
}

DicomFile parse_dicom(std::span<const std::byte> bytes,
                      const std::string& origin) {
  DicomFile file;
  Walker walker(bytes, origin);
  walker.seek(has_preamble(bytes) ? kPreamble + 4 : 0);
  while (walker.group_ahead(false) == 2) {
    walker.meta_element(file.set);
  }
  file.transfer_syntax = file.set.text(kTransferSyntax);
  if (file.transfer_syntax.empty()) {
    file.transfer_syntax =
        walker.looks_explicit() ? "1.2.840.10008.1.2.1" : "1.2.840.10008.1.2";
  }
  if (walker.at_end()) {
    throw DataError(origin + ": DICOM without a data set");
  }
  const Coding coding = coding_of(file.transfer_syntax);
  file.big_endian = coding.big;
  if (file.transfer_syntax != "1.2.840.10008.1.2.1.99") {
    walker.elements(coding, bytes.size(), false, 0, file.set);
    return file;
  }
  file.inflated = inflate(bytes.subspan(walker.position()), origin);
  Walker inside(file.inflated, origin);
  inside.elements(coding, file.inflated.size(), false, 0, file.set);
  return file;
}

}  // namespace voxlift::dataio
