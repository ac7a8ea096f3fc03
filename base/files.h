#pragma once
// The file system behind an interface, so that tests can make it fail.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace voxlift {

std::span<const std::byte> as_bytes(std::string_view text);
std::string_view as_text(std::span<const std::byte> bytes);

// Blocking file operations. Every failure is an IoError with path and errno.
// Any thread; two threads must not write one path.
class Files {
 public:
  Files() = default;
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  virtual ~Files() = default;

  // The whole file. Throws DataError if it is longer than `max_bytes`.
  virtual std::vector<std::byte> read(const std::string& path,
                                      int64_t max_bytes = kNoLimit) const = 0;

  // `length` bytes from `offset` on. Throws DataError naming both and the size
  // if the file ends before, without taking memory for them.
  virtual std::vector<std::byte> read_range(const std::string& path,
                                            int64_t offset,
                                            int64_t length) const = 0;

  // Creates or replaces `path` with the pieces one after the other and fsyncs
  // it. Not atomic: write to a temporary name, then rename_durable.
  virtual void write_durable(
      const std::string& path,
      std::span<const std::span<const std::byte>> pieces) = 0;

  // Creates or replaces `path` with `bytes` zeros, not yet on disk. Takes the
  // space at once where the file system can, so that a full disk shows here.
  virtual void preallocate(const std::string& path, int64_t bytes) = 0;

  // Overwrites a part of a file that exists, and fsyncs it. Several processes
  // may write parts that share no page.
  virtual void write_at_durable(const std::string& path, int64_t offset,
                                std::span<const std::byte> bytes) = 0;

  // rename(2), then fsync of the folder: after this the new name survives a
  // power cut. Replaces a file; a folder only if `to` does not exist.
  virtual void rename_durable(const std::string& from,
                              const std::string& to) = 0;

  // mkdir -p.
  virtual void make_dirs(const std::string& path) = 0;

  // rm -rf; nothing happens if it does not exist.
  virtual void remove_all(const std::string& path) = 0;

  virtual bool exists(const std::string& path) const = 0;
  virtual bool is_dir(const std::string& path) const = 0;
  virtual int64_t size_bytes(const std::string& path) const = 0;

  // Names (not paths) in a folder, sorted bytewise, without "." and "..".
  virtual std::vector<std::string> list_dir(const std::string& path) const = 0;

  // Puts `content` at `path` atomically and durably: write_durable to
  // `path`.tmp, then rename_durable.
  void publish(const std::string& path, std::string_view content);

  static constexpr int64_t kNoLimit = INT64_MAX;
};

// The operating system's files. Reads are tried again where a network file
// system answers ESTALE: another host has just replaced what it was asked for.
class RealFiles : public Files {
 public:
  std::vector<std::byte> read(const std::string& path,
                              int64_t max_bytes = kNoLimit) const override;
  std::vector<std::byte> read_range(const std::string& path, int64_t offset,
                                    int64_t length) const override;
  void write_durable(
      const std::string& path,
      std::span<const std::span<const std::byte>> pieces) override;
  void preallocate(const std::string& path, int64_t bytes) override;
  void write_at_durable(const std::string& path, int64_t offset,
                        std::span<const std::byte> bytes) override;
  void rename_durable(const std::string& from, const std::string& to) override;
  void make_dirs(const std::string& path) override;
  void remove_all(const std::string& path) override;
  bool exists(const std::string& path) const override;
  bool is_dir(const std::string& path) const override;
  int64_t size_bytes(const std::string& path) const override;
  std::vector<std::string> list_dir(const std::string& path) const override;
};

// Owns a file descriptor. Move-only.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  // open(2) with O_CLOEXEC. Throws IoError.
  FileDescriptor(const std::string& path, int flags, unsigned mode = 0666);
  ~FileDescriptor();

  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;

  int get() const { return fd_; }

  bool is_open() const { return fd_ >= 0; }

  // Reads exactly bytes.size() bytes at `offset`; touches no file position, so
  // any thread. Throws IoError, or DataError where the file ends before.
  void read_at(std::span<std::byte> bytes, int64_t offset) const;

  // Writes all bytes at the file position. Throws IoError.
  void write(std::span<const std::byte> bytes) const;

  // Writes all bytes at `offset`; touches no file position. Throws IoError.
  void write_at(std::span<const std::byte> bytes, int64_t offset) const;

  void sync() const;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_ = -1;
};

// Calls `read` again, at most twice and after a moment, while it throws an
// IoError of ESTALE. Rethrows what it throws last.
void retry_stale(const std::function<void()>& read);

// "a/b/c.txt" -> "a/b", "c.txt" -> ".".
std::string parent_dir(const std::string& path);

// "a/b/c.txt" -> "c.txt".
std::string base_name(const std::string& path);

// `dir`/`name`, with one slash.
std::string join_path(const std::string& dir, const std::string& name);

}  // namespace voxlift
