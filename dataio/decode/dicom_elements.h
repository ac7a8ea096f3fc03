#pragma once
// The data elements of a DICOM file (PS3.5, PS3.10).
//
// Home-written although GDCM could do it: GDCM takes memory for a length before
// it looks at the data, and ends the process by assert() on some bad files.
// GDCM gets the encapsulated pixels alone (dicom_pixels.h).

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace voxlift::dataio {

struct DicomSet;

// Borrows the bytes of the file.
struct DicomElement {
  std::span<const std::byte> value;
  std::vector<DicomSet> items;  // Of a sequence.
  // Of encapsulated pixel data; the first is the offset table.
  std::vector<std::span<const std::byte>> fragments;
};

// By tag, group * 65536 + element.
struct DicomSet {
  std::map<uint32_t, DicomElement> elements;

  // Nothing if it is not there.
  const DicomElement* find(uint32_t tag) const;
  // The text without padding; empty if it is not there.
  std::string text(uint32_t tag) const;
  // The numbers of a decimal or integer string; empty if it is not there or
  // empty. Throws DataError naming the tag if one is no number.
  std::vector<double> numbers(uint32_t tag, const std::string& origin) const;
  // The set in a sequence; nothing if there is no such item.
  const DicomSet* item(uint32_t tag, size_t index) const;
};

struct DicomFile {
  std::string transfer_syntax;  // "1.2.840.10008.1.2.1".
  bool big_endian = false;
  DicomSet set;
  // Holds the inflated data set of the deflated transfer syntax.
  std::vector<std::byte> inflated;

  // A binary 16-bit number. Nothing if it is not there or of another length.
  std::optional<uint16_t> uint16(uint32_t tag) const;
};

// By "DICM" at byte 128, or by a first element of group 2 or 8.
bool starts_like_dicom(std::span<const std::byte> head);

// `bytes` must outlive the result. Every length is checked against what
// follows. Pure. Throws DataError where an element is longer than the rest,
// nested too deep, or no element at all. Memory: about 200 bytes an element, of
// which there may be a million.
DicomFile parse_dicom(std::span<const std::byte> bytes,
                      const std::string& origin);

}  // namespace voxlift::dataio
