#pragma once
// The error kinds of voxlift. What a reader must do decides the kind; the
// contract is docs/errors.md.

#include <stdexcept>
#include <string>

namespace voxlift {

// Exit codes of every voxlift program (docs/errors.md). Codes of 128 + N mean
// that signal N ended the program.
enum class ExitCode : int {
  kOk = 0,
  kConfig = 2,        // Fix the configuration or the command line.
  kData = 3,          // A file's content is wrong: the message names it.
  kIo = 4,            // The operating system refused: path and errno.
  kComm = 5,          // A peer rank is lost or late.
  kInternal = 70,     // A bug in voxlift.
  kInterrupted = 75,  // Stopped on request; a checkpoint is written.
};

// Base of everything voxlift throws. what() is one line.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const char* kind, const std::string& message);

  ExitCode code() const { return code_; }

  const char* kind() const { return kind_; }

  const char* what() const noexcept override { return text_.c_str(); }

  // Prefixes the message with "context: ". For layers that know which object
  // was being worked on; they rethrow with `throw;`.
  void add_context(const std::string& context);

 private:
  ExitCode code_;
  const char* kind_;
  std::string text_;
};

// The user's input (option, configuration file, environment) is wrong.
class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& message)
      : Error(ExitCode::kConfig, "ConfigError", message) {}
};

// The bytes of a file are wrong: names path, object and both values.
class DataError : public Error {
 public:
  explicit DataError(const std::string& message)
      : Error(ExitCode::kData, "DataError", message) {}
};

// A system call failed: names operation, path and errno.
class IoError : public Error {
 public:
  explicit IoError(const std::string& message, int errno_value = 0)
      : Error(ExitCode::kIo, "IoError", message), errno_value_(errno_value) {}

  // 0 where it is not known.
  int errno_value() const { return errno_value_; }

 private:
  int errno_value_;
};

// A peer rank is lost or late: names operation, rank and time waited.
class CommError : public Error {
 public:
  explicit CommError(const std::string& message)
      : Error(ExitCode::kComm, "CommError", message) {}
};

// A broken invariant: a bug. Thrown by VOXLIFT_CHECK.
class InternalError : public Error {
 public:
  explicit InternalError(const std::string& message)
      : Error(ExitCode::kInternal, "InternalError", message) {}
};

// Throws IoError "operation 'path': strerror(errno_value)".
[[noreturn]] void throw_io_error(const std::string& operation,
                                 const std::string& path, int errno_value);

namespace internal {
[[noreturn]] void check_failed(const char* condition, const char* file,
                               int line, const std::string& message);
}  // namespace internal

}  // namespace voxlift

// States an invariant of our own code; never for input from outside.
#define VOXLIFT_CHECK(condition, message)                               \
  do {                                                                  \
    if (!(condition)) {                                                 \
      ::voxlift::internal::check_failed(#condition, __FILE__, __LINE__, \
                                        (message));                     \
    }                                                                   \
  } while (false)
