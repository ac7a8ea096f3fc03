#include "launcher/doctor/library_check.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/files.h"
#include "base/strings.h"

namespace voxlift::launcher {
namespace {

int collect(dl_phdr_info* info, size_t /*size*/, void* data) {
  const std::string path = info->dlpi_name;
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  if (!path.empty() && !error) {
    static_cast<std::vector<std::string>*>(data)->push_back(real.string());
  }
  return 0;
}

int64_t count_lines(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

}  // namespace

std::vector<std::string> loaded_libraries() {
  std::vector<std::string> paths;
  ::dl_iterate_phdr(collect, &paths);
  return paths;
}

Findings check_libraries(const std::vector<std::string>& paths) {
  Findings findings;
  for (const std::string prefix :
       {"libhdf5", "libjpeg", "libpng", "libmpi.", "libz."}) {
    const auto found =
        std::find_if(paths.begin(), paths.end(), [&](const std::string& path) {
          return base_name(path).starts_with(prefix) &&
                 !base_name(path).starts_with("libhdf5_hl");
        });
    if (found != paths.end()) {
      findings.push_back({"libraries", prefix.substr(0, prefix.find('.')),
                          base_name(*found), "", ""});
    }
  }
  return findings;
}

Findings check_gpus(const Ask& ask,
                    const std::function<bool(const std::string&)>& can_load) {
  const std::string list = ask({"nvidia-smi", "-L"}).value_or("");
  const int64_t num_gpus = count_lines(list);
  Findings findings = {
      {"gpu", "GPUs",
       num_gpus == 0
           ? "none"
           : str_cat(num_gpus, ", the first: ", list.substr(0, list.find('('))),
       "", ""}};
  const bool has_nccl = can_load("libnccl.so.2");
  findings.push_back({"gpu", "NCCL", has_nccl ? "found" : "not found", "", ""});
  if (num_gpus > 0 && !has_nccl) {
    findings.back().problem = "ranks on GPUs cannot exchange gradients";
    findings.back().remedy =
        "install NVIDIA's libnccl2 and build voxlift against it";
  }
  return findings;
}

bool can_load_library(const std::string& name) {
  void* handle = ::dlopen(name.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (handle != nullptr) {
    ::dlclose(handle);
  }
  return handle != nullptr;
}

}  // namespace voxlift::launcher
