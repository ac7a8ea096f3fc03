#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift {
namespace fs = std::filesystem;

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void Files::publish(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp";
  const std::array pieces = {as_bytes(content)};
  write_durable(temporary, pieces);
  rename_durable(temporary, path);
}

FileDescriptor::FileDescriptor(const std::string& path, int flags,
                               unsigned mode)
    : path_(path), fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
  if (fd_ < 0) {
    throw_io_error("cannot open", path, errno);
  }
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

void FileDescriptor::read_at(std::span<std::byte> bytes, int64_t offset) const {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::pread(fd_, bytes.data() + done, bytes.size() - done,
                              offset + static_cast<int64_t>(done));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      throw_io_error("cannot read", path_, errno);
    }
    if (n == 0) {
      throw DataError(
          str_cat("'", path_, "' ends at byte ",
                  offset + static_cast<int64_t>(done), ", but bytes up to ",
                  offset + static_cast<int64_t>(bytes.size()), " are needed"));
    }
    done += static_cast<size_t>(n);
  }
}

void FileDescriptor::write(std::span<const std::byte> bytes) const {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(fd_, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      throw_io_error("cannot write", path_, errno);
    }
    done += static_cast<size_t>(n);
  }
}

void FileDescriptor::write_at(std::span<const std::byte> bytes,
                              int64_t offset) const {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::pwrite(fd_, bytes.data() + done, bytes.size() - done,
                               offset + static_cast<int64_t>(done));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      throw_io_error("cannot write", path_, errno);
    }
    done += static_cast<size_t>(n);
  }
}

void FileDescriptor::sync() const {
  if (::fsync(fd_) != 0) {
    throw_io_error("cannot fsync", path_, errno);
  }
}

namespace {

struct stat stat_of(const std::string& path) {
  struct stat info {};

  if (::stat(path.c_str(), &info) != 0) {
    throw_io_error("cannot stat", path, errno);
  }
  return info;
}

void throw_if(const std::error_code& error, const char* operation,
              const std::string& path) {
  if (error) {
    throw_io_error(operation, path, error.value());
  }
}

}  // namespace

std::vector<std::byte> RealFiles::read(const std::string& path,
                                       int64_t max_bytes) const {
  std::vector<std::byte> content;
  retry_stale([&] {
    const FileDescriptor file(path, O_RDONLY);
    const int64_t size = size_bytes(path);
    if (size > max_bytes) {
      throw DataError(str_cat("'", path, "' has ", size, " bytes, at most ",
                              max_bytes, " are allowed"));
    }
    content.resize(static_cast<size_t>(size));
    file.read_at(content, 0);
  });
  return content;
}

std::vector<std::byte> RealFiles::read_range(const std::string& path,
                                             int64_t offset,
                                             int64_t length) const {
  std::vector<std::byte> content;
  retry_stale([&] {
    const FileDescriptor file(path, O_RDONLY);
    const int64_t size = size_bytes(path);
    if (offset < 0 || length < 0 || offset > size || length > size - offset) {
      throw DataError(str_cat("'", path, "' has ", size, " bytes, but ", length,
                              " from byte ", offset, " on are needed"));
    }
    content.resize(static_cast<size_t>(length));
    file.read_at(content, offset);
  });
  return content;
}

void RealFiles::write_durable(
    const std::string& path,
    std::span<const std::span<const std::byte>> pieces) {
  const FileDescriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
  for (const auto& piece : pieces) {
    file.write(piece);
  }
  file.sync();
}

void RealFiles::preallocate(const std::string& path, int64_t bytes) {
  const FileDescriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (bytes > 0 && ::fallocate(file.get(), 0, 0, bytes) != 0 &&
      errno != EOPNOTSUPP) {
    throw_io_error(str_cat("cannot take ", bytes, " bytes for"), path, errno);
  }
  if (::ftruncate(file.get(), bytes) != 0) {
    throw_io_error("cannot resize", path, errno);
  }
}

void RealFiles::write_at_durable(const std::string& path, int64_t offset,
                                 std::span<const std::byte> bytes) {
  const FileDescriptor file(path, O_WRONLY);
  file.write_at(bytes, offset);
  file.sync();
}

void RealFiles::rename_durable(const std::string& from, const std::string& to) {
  if (is_dir(from) && exists(to)) {
    throw_io_error("cannot replace a folder", to, EEXIST);
  }
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    throw_io_error(str_cat("cannot rename '", from, "' to"), to, errno);
  }
  FileDescriptor(parent_dir(to), O_RDONLY | O_DIRECTORY).sync();
}

void RealFiles::make_dirs(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  throw_if(error, "cannot make the folder", path);
}

void RealFiles::remove_all(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  throw_if(error, "cannot remove", path);
}

bool RealFiles::exists(const std::string& path) const {
  struct stat info {};

  return ::stat(path.c_str(), &info) == 0;
}

bool RealFiles::is_dir(const std::string& path) const {
  struct stat info {};

  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

int64_t RealFiles::size_bytes(const std::string& path) const {
  const struct stat info = stat_of(path);
  if (!S_ISREG(info.st_mode)) {
    throw_io_error("not a regular file:", path, EINVAL);
  }
  return info.st_size;
}

std::vector<std::string> RealFiles::list_dir(const std::string& path) const {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  throw_if(error, "cannot list the folder", path);
  std::sort(names.begin(), names.end());
  return names;
}

void retry_stale(const std::function<void()>& read) {
  constexpr int kTries = 3;
  constexpr std::chrono::milliseconds kPause(50);  // Servers settle by then.
  for (int i = 1;; ++i) {
    try {
      return read();
    } catch (const IoError& error) {
      if (error.errno_value() != ESTALE || i == kTries) {
        throw;
      }
      std::this_thread::sleep_for(kPause);
    }
  }
}

std::string parent_dir(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

std::string base_name(const std::string& path) {
  return fs::path(path).filename().string();
}

std::string join_path(const std::string& dir, const std::string& name) {
  return (fs::path(dir) / name).string();
}

}  // namespace voxlift
