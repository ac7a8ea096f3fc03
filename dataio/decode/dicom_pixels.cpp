#include "dataio/decode/dicom_pixels.h"

#include <gdcmDataElement.h>
#include <gdcmFragment.h>
#include <gdcmImage.h>
#include <gdcmSequenceOfFragments.h>
#include <gdcmTrace.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <mutex>
#include <stdexcept>

#include "base/error.h"
#include "base/files.h"
#include "base/isolated.h"
#include "base/strings.h"
#include "dataio/decode/codestream.h"
#include "dataio/decode/text_header.h"

namespace voxlift::dataio {

namespace {

constexpr uint32_t kSamplesPerPixel = 0x00280002;
constexpr uint32_t kPhotometric = 0x00280004;
constexpr uint32_t kNumberOfFrames = 0x00280008;
constexpr uint32_t kRows = 0x00280010;
constexpr uint32_t kColumns = 0x00280011;
constexpr uint32_t kBitsAllocated = 0x00280100;
constexpr uint32_t kBitsStored = 0x00280101;
constexpr uint32_t kPixelRepresentation = 0x00280103;
constexpr uint32_t kPixelData = 0x7fe00010;

// A constant picture shrinks further than any bound; what a small file may
// claim all the same.
constexpr int64_t kMinCompressedBound = 16 << 20;

int64_t need(const DicomFile& file, uint32_t tag, const char* name,
             const std::string& origin) {
  const auto value = file.uint16(tag);
  if (!value.has_value()) {
    throw DataError(str_cat(origin, ": DICOM without ", name));
  }
  return *value;
}

void check_grey(const DicomFile& file, const std::string& origin) {
  const int samples = file.uint16(kSamplesPerPixel).value_or(1);
  const std::string kind = file.set.text(kPhotometric);
  if (samples != 1 || (kind != "MONOCHROME2" && kind != "MONOCHROME1")) {
    throw DataError(str_cat(origin, ": DICOM image of ", samples,
                            " samples a pixel, ", kind,
                            ", want 1 of MONOCHROME1 or MONOCHROME2"));
  }
}

ScalarType pixel_type(int64_t bits, bool is_signed, const std::string& origin) {
  switch (bits) {
    case 8:
      return is_signed ? ScalarType::kInt8 : ScalarType::kUint8;
    case 16:
      return is_signed ? ScalarType::kInt16 : ScalarType::kUint16;
    case 32:
      return is_signed ? ScalarType::kInt32 : ScalarType::kUint32;
    default:
      throw DataError(str_cat(origin, ": DICOM BitsAllocated is ", bits,
                              ", want 8, 16 or 32"));
  }
}

int64_t frame_count(const DicomFile& file, const std::string& origin) {
  const auto numbers = file.set.numbers(kNumberOfFrames, origin);
  const double count = numbers.empty() ? 1.0 : numbers[0];
  if (!(count >= 1.0 && count <= 1e6) || count != std::trunc(count)) {
    throw DataError(str_cat(origin, ": DICOM NumberOfFrames is ", count));
  }
  return static_cast<int64_t>(count);
}

int64_t stored_bytes(const DicomElement& pixels) {
  int64_t sum = static_cast<int64_t>(pixels.value.size());
  for (const auto& fragment : pixels.fragments) {
    sum += static_cast<int64_t>(fragment.size());
  }
  return sum;
}

int64_t claimed_bytes(const DicomPixels& pixels) {
  return pixels.num_frames * pixels.height * pixels.width *
         scalar_bytes(pixels.code.type);
}

gdcm::DataElement encapsulated(const DicomElement& pixels) {
  const auto to_fragment = [](std::span<const std::byte> bytes) {
    const std::string_view text = as_text(bytes);
    gdcm::Fragment fragment;
    fragment.SetByteValue(text.data(), static_cast<uint32_t>(text.size()));
    return fragment;
  };
  gdcm::SmartPointer<gdcm::SequenceOfFragments> sequence =
      gdcm::SequenceOfFragments::New();
  const std::string_view table = as_text(pixels.fragments.front());
  sequence->GetTable().SetByteValue(table.data(),
                                    static_cast<uint32_t>(table.size()));
  for (size_t i = 1; i < pixels.fragments.size(); ++i) {
    sequence->AddFragment(to_fragment(pixels.fragments[i]));
  }
  gdcm::DataElement element(gdcm::Tag(0x7fe0, 0x0010), 0, gdcm::VR::OB);
  element.SetValue(*sequence);
  return element;
}

// GDCM leaves the rest of its buffer as it is where a picture is smaller.
void check_codestream(const DicomElement& element, const DicomPixels& pixels,
                      const std::string& origin) {
  if (element.fragments.size() < 2) {
    throw DataError(origin + ": DICOM pixel data without a fragment");
  }
  const auto size = codestream_size(element.fragments[1]);
  if (size.has_value() && *size != std::array{pixels.height, pixels.width}) {
    throw DataError(str_cat(origin, ": DICOM claims ", pixels.height, " x ",
                            pixels.width, " pixels, the picture inside has ",
                            (*size)[0], " x ", (*size)[1]));
  }
}

// The buffer that GDCM decodes into has the size it takes from the header.
void decode(const DicomFile& file, const DicomPixels& pixels,
            const DicomElement& element, std::span<std::byte> decoded) {
  gdcm::Image image;
  image.SetNumberOfDimensions(pixels.num_frames > 1 ? 3 : 2);
  image.SetDimension(0, static_cast<unsigned>(pixels.width));
  image.SetDimension(1, static_cast<unsigned>(pixels.height));
  if (pixels.num_frames > 1) {
    image.SetDimension(2, static_cast<unsigned>(pixels.num_frames));
  }
  const int bits = 8 * scalar_bytes(pixels.code.type);
  image.SetPixelFormat(gdcm::PixelFormat(
      1, static_cast<uint16_t>(bits), static_cast<uint16_t>(pixels.bits_stored),
      static_cast<uint16_t>(pixels.bits_stored - 1),
      file.uint16(kPixelRepresentation).value_or(0)));
  image.SetPhotometricInterpretation(
      gdcm::PhotometricInterpretation::MONOCHROME2);
  image.SetPlanarConfiguration(0);
  image.SetTransferSyntax(
      gdcm::TransferSyntax::GetTSType(file.transfer_syntax.c_str()));
  image.SetDataElement(encapsulated(element));
  if (image.GetBufferLength() != decoded.size() ||
      !image.GetBuffer(reinterpret_cast<char*>(decoded.data()))) {
    throw std::runtime_error("not understood");
  }
}

}  // namespace

DicomPixels describe_pixels(const DicomFile& file, const std::string& origin,
                            const DecodeLimits& limits) {
  const DicomElement* element = file.set.find(kPixelData);
  if (element == nullptr) {
    throw DataError(origin + ": DICOM without pixel data: no image");
  }
  check_grey(file, origin);
  DicomPixels pixels;
  pixels.height = need(file, kRows, "Rows", origin);
  pixels.width = need(file, kColumns, "Columns", origin);
  pixels.num_frames = frame_count(file, origin);
  const int64_t bits = need(file, kBitsAllocated, "BitsAllocated", origin);
  const bool is_signed = file.uint16(kPixelRepresentation).value_or(0) == 1;
  pixels.code.type = pixel_type(bits, is_signed, origin);
  pixels.bits_stored =
      file.uint16(kBitsStored).value_or(static_cast<uint16_t>(bits));
  if (pixels.bits_stored < 1 || pixels.bits_stored > bits) {
    throw DataError(str_cat(origin, ": DICOM BitsStored is ",
                            pixels.bits_stored, ", BitsAllocated ", bits));
  }
  check_shape({pixels.num_frames, pixels.height, pixels.width}, origin, limits);
  const bool compressed = !element->fragments.empty();
  pixels.code.swapped = (file.big_endian && !compressed) !=
                        (std::endian::native == std::endian::big);
  const int64_t most =
      compressed
          ? kMinCompressedBound + stored_bytes(*element) * kMaxDeflateExpansion
          : stored_bytes(*element);
  if (claimed_bytes(pixels) > most) {
    throw DataError(str_cat(origin, ": claims ", claimed_bytes(pixels),
                            " bytes of pixels, its ", stored_bytes(*element),
                            " bytes of data cannot hold them"));
  }
  return pixels;
}

std::vector<std::byte> read_pixels(const DicomFile& file,
                                   const DicomPixels& pixels,
                                   const std::string& origin) {
  const DicomElement& element = *file.set.find(kPixelData);
  if (element.fragments.empty()) {
    const auto first = element.value.begin();
    return {first, first + claimed_bytes(pixels)};
  }
  check_codestream(element, pixels, origin);
  static std::once_flag once;
  std::call_once(once, [] {
    gdcm::Trace::WarningOff();
    gdcm::Trace::ErrorOff();
    gdcm::Trace::DebugOff();
  });
  // GDCM ends the process (assertions) on some damaged streams.
  constexpr int kLimitS = 120;
  try {
    return run_isolated(
        claimed_bytes(pixels), kLimitS,
        [&](std::span<std::byte> out) { decode(file, pixels, element, out); });
  } catch (const DataError& error) {
    throw DataError(str_cat(origin, ": GDCM cannot decode the pixel data (",
                            file.transfer_syntax,
                            "): ", printable(error.what())));
  }
}

}  // namespace voxlift::dataio
