#include "dataio/source/tar.h"

#include "tests/dataio/made_tar.h"
#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

namespace {

constexpr size_t kBlock = 512;
constexpr size_t kChecksum = 148;  // Six octal digits, NUL, blank.
constexpr size_t kMagic = 257;

// Gives headers their right checksum, which mutated ones never have.
void mend(std::string& text) {
  for (size_t at = 0; at + kBlock <= text.size(); at += kBlock) {
    if (text.compare(at + kMagic, 5, "ustar") != 0) {
      continue;
    }
    text.replace(at + kChecksum, 8, 8, ' ');
    unsigned sum = 0;
    for (size_t i = at; i < at + kBlock; ++i) {
      sum += static_cast<unsigned char>(text[i]);
    }
    text[at + kChecksum + 6] = '\0';
    for (size_t digit = 6; digit-- > 0; sum /= 8) {
      text[at + kChecksum + digit] = static_cast<char>('0' + sum % 8);
    }
  }
}

// Members are read as tar files, as those of ImageNet are.
void read_all(const dataio::RandomAccess& file, int64_t begin, int64_t end,
              int depth) {
  accept_or_refuse([&] {
    dataio::TarReader reader(file, begin, end, "a.tar");
    while (const auto member = reader.next()) {
      VOXLIFT_CHECK(member->offset >= begin && member->size >= 0 &&
                        member->size <= end - member->offset,
                    "a member beyond the archive");
      if (depth < 1) {
        read_all(file, member->offset, member->offset + member->size,
                 depth + 1);
      }
    }
  });
}

}  // namespace

// First byte: 1 mends the checksums of headers.
void fuzz_tar(Bytes input) {
  InputReader reader(input);
  const bool mended = reader.byte() % 2 == 1;
  std::string text(as_text(reader.rest()));
  if (mended) {
    mend(text);
  }
  const test::MemoryFile file(std::move(text));
  read_all(file, 0, file.size_bytes(), 0);
}

}  // namespace voxlift::fuzz
