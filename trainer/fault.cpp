#include "trainer/fault.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

using Kind = Fault::Kind;

constexpr std::array<std::pair<const char*, Kind>, 8> kKinds = {
    {{"kill", Kind::kKill},
     {"hang", Kind::kHang},
     {"spin", Kind::kSpin},
     {"slow", Kind::kSlow},
     {"exit", Kind::kExit},
     {"corrupt", Kind::kCorrupt},
     {"enospc", Kind::kEnospc},
     {"nan", Kind::kNan}}};

// Reads one fault. Its members throw ConfigError.
class FaultText {
 public:
  FaultText(std::string text, std::string key)
      : text_(std::move(text)), key_(std::move(key)) {}

  Fault parse() {
    const size_t at = text_.find('@');
    if (at == std::string::npos) {
      refuse();
    }
    fault_.text = text_;
    fault_.kind = kind(text_.substr(0, at));
    for (const std::string& field : str_split(text_.substr(at + 1), ',')) {
      const size_t equals = field.find('=');
      if (equals == std::string::npos) {
        refuse();
      }
      set(field.substr(0, equals), field.substr(equals + 1));
    }
    if (!has_step_ || !has_rank_) {
      refuse();
    }
    return fault_;
  }

 private:
  [[noreturn]] void refuse() const {
    throw ConfigError(str_cat(
        key_, " = '", text_,
        "': must be like 'kill@step=7,rank=1', with kill, "
        "hang, spin, slow (factor=F), exit (code=C), corrupt "
        "(what=checkpoint), enospc (steps=N) or nan; ';' between several"));
  }

  Kind kind(const std::string& name) const {
    for (const auto& [known, kind] : kKinds) {
      if (name == known) {
        return kind;
      }
    }
    refuse();
  }

  int64_t number(const std::string& value, int64_t least, int64_t most) const {
    const std::optional<int64_t> parsed = parse_int(value);
    if (!parsed || *parsed < least || *parsed > most) {
      refuse();
    }
    return *parsed;
  }

  double factor(const std::string& value) const {
    const std::optional<double> parsed = parse_double(value);
    if (!parsed || !(*parsed >= 1.0 && *parsed <= 1e6)) {
      refuse();
    }
    return *parsed;
  }

  void set(const std::string& name, const std::string& value) {
    if (name == "step") {
      fault_.step = number(value, 0, INT32_MAX);
      has_step_ = true;
    } else if (name == "rank") {
      fault_.rank = number(value, 0, INT32_MAX);
      has_rank_ = true;
    } else if (name == "factor" && fault_.kind == Kind::kSlow) {
      fault_.factor = factor(value);
    } else if (name == "code" && fault_.kind == Kind::kExit) {
      fault_.code = number(value, 0, 255);
    } else if (name == "steps" && fault_.kind == Kind::kEnospc) {
      fault_.steps = number(value, 1, INT32_MAX);
    } else if (name != "what" || fault_.kind != Kind::kCorrupt ||
               value != "checkpoint") {
      refuse();
    }
  }

  std::string text_;
  std::string key_;
  Fault fault_;
  bool has_step_ = false;
  bool has_rank_ = false;
};

// The largest file of the newest published checkpoint in `dir`; "" if there is
// none.
std::string file_to_corrupt(const RealFiles& files, const std::string& dir) {
  constexpr size_t kNameSize = 13;  // step_NNNNNNNN
  std::string newest;
  for (const std::string& name :
       files.is_dir(dir) ? files.list_dir(dir) : std::vector<std::string>()) {
    if (name.starts_with("step_") && name.size() == kNameSize) {
      newest = name;
    }
  }
  if (newest.empty()) {
    return {};
  }
  const std::string folder = join_path(dir, newest);
  const auto names = files.list_dir(folder);
  const auto larger = [&](const std::string& a, const std::string& b) {
    return files.size_bytes(join_path(folder, a)) <
           files.size_bytes(join_path(folder, b));
  };
  return join_path(folder,
                   *std::max_element(names.begin(), names.end(), larger));
}

}  // namespace

std::vector<Fault> parse_faults(const std::string& text,
                                const std::string& key) {
  std::vector<Fault> faults;
  if (!text.empty()) {
    for (const std::string& part : str_split(text, ';')) {
      faults.push_back(FaultText(str_trim(part), key).parse());
    }
  }
  return faults;
}

Faults::Faults(std::vector<Fault> faults, int rank, std::string out)
    : faults_(std::move(faults)), rank_(rank), out_(std::move(out)) {}

bool Faults::is_due(size_t index, int64_t step) const {
  return faults_[index].rank == rank_ && faults_[index].step == step;
}

bool Faults::fire_once(size_t index) {
  const std::string marker = join_path(out_, str_cat("fault_fired.", index));
  if (RealFiles().exists(marker)) {
    return false;
  }
  FileDescriptor(marker, O_WRONLY | O_CREAT).sync();
  log_warning(str_cat("fault: ", faults_[index].text));
  return true;
}

void Faults::begin_step(int64_t step) {
  slept_s_ = 0.0;
  for (size_t i = 0; i < faults_.size(); ++i) {
    const Fault& fault = faults_[i];
    if (fault.kind == Kind::kSlow) {
      if (fault.rank == rank_ && step >= fault.step) {
        be_slow(fault.factor);
      }
    } else if (fault.kind != Kind::kEnospc && fault.kind != Kind::kNan &&
               is_due(i, step) && fire_once(i)) {
      fail(fault);
    }
  }
}

void Faults::end_step(double own_s) {
  work_s_ = std::max(0.0, own_s - slept_s_);
}

bool Faults::poisons(int64_t step) {
  for (size_t i = 0; i < faults_.size(); ++i) {
    if (faults_[i].kind == Kind::kNan && is_due(i, step) && fire_once(i)) {
      return true;
    }
  }
  return false;
}

void Faults::be_slow(double factor) {
  slept_s_ = (factor - 1.0) * work_s_;
  std::this_thread::sleep_for(std::chrono::duration<double>(slept_s_));
}

void Faults::fail(const Fault& fault) {
  switch (fault.kind) {
    case Kind::kKill:
      ::raise(SIGKILL);
      break;
    case Kind::kHang:
      ::raise(SIGSTOP);
      break;
    case Kind::kSpin:
      while (true) {
        std::this_thread::sleep_for(std::chrono::hours(1));
      }
    case Kind::kExit:
      ::_exit(static_cast<int>(fault.code));
    case Kind::kCorrupt:
      corrupt_newest_checkpoint();
      break;
    case Kind::kSlow:
    case Kind::kEnospc:
    case Kind::kNan:
      break;
  }
}

void Faults::corrupt_newest_checkpoint() const {
  const std::string path =
      file_to_corrupt(RealFiles(), join_path(out_, "checkpoints"));
  if (path.empty()) {
    log_warning("fault: there is no checkpoint to corrupt");
    return;
  }
  const FileDescriptor file(path, O_RDWR);
  const int64_t middle = RealFiles().size_bytes(path) / 2;
  std::array<std::byte, 1> byte{};
  file.read_at(byte, middle);
  byte[0] ^= std::byte{4};
  if (::pwrite(file.get(), byte.data(), 1, middle) != 1) {
    throw_io_error("write", path, errno);
  }
  log_warning(
      str_cat("fault: flipped bit 2 of byte ", middle, " of '", path, "'"));
}

}  // namespace voxlift::trainer
