#include "trainer/fault.h"

#include <fcntl.h>
#include <signal.h>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

int64_t field(const std::string& text, const std::string& name,
              const std::string& key, const std::string& whole) {
  const std::string prefix = name + "=";
  const auto value = text.starts_with(prefix)
                         ? parse_int(text.substr(prefix.size()))
                         : std::nullopt;
  if (!value.has_value() || *value < 0) {
    throw ConfigError(
        str_cat(key, " = '", whole, "': must be like 'kill@step=7,rank=1'"));
  }
  return *value;
}

}  // namespace

Fault parse_fault(const std::string& text, const std::string& key) {
  if (text.empty()) {
    return {};
  }
  Fault fault;
  const size_t at = text.find('@');
  const std::string kind = text.substr(0, at);
  const auto fields = str_split(
      at == std::string::npos ? std::string() : text.substr(at + 1), ',');
  if ((kind != "kill" && kind != "hang") || fields.size() != 2) {
    throw ConfigError(
        str_cat(key, " = '", text, "': must be like 'kill@step=7,rank=1'"));
  }
  fault.kind = kind == "kill" ? Fault::Kind::kKill : Fault::Kind::kHang;
  fault.step = field(fields[0], "step", key, text);
  fault.rank = field(fields[1], "rank", key, text);
  return fault;
}

void fire_fault(const Fault& fault, int64_t step, int rank,
                const std::string& marker) {
  if (fault.kind == Fault::Kind::kNone || fault.step != step ||
      fault.rank != rank || RealFiles().exists(marker)) {
    return;
  }
  FileDescriptor(marker, O_WRONLY | O_CREAT).sync();
  log_warning(str_cat("fault: ending rank ", rank, " at step ", step));
  ::raise(fault.kind == Fault::Kind::kKill ? SIGKILL : SIGSTOP);
}

}  // namespace voxlift::trainer
