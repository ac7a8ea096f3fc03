#include "launcher/cli/doctor_command.h"

#include <algorithm>
#include <iostream>

#include "base/error.h"
#include "base/json.h"
#include "base/strings.h"
#include "launcher/cli/command_help.h"
#include "launcher/cli/trainer_program.h"
#include "launcher/doctor/library_check.h"
#include "launcher/doctor/machine_check.h"
#include "launcher/doctor/slurm_check.h"
#include "launcher/launch/command_output.h"

namespace voxlift::launcher {
namespace {

constexpr double kAnswerS = 10.0;

struct DoctorOptions {
  bool json = false;
};

OptionBinder bind(DoctorOptions& options) {
  OptionBinder binder("voxlift doctor", false);
  binder.add("json", options.json, "one JSON array instead of a table");
  return binder;
}

void print_help(const OptionBinder& binder) {
  print_command_help(
      {"voxlift doctor [OPTIONS]",
       "Looks at this host, Open MPI, SLURM, libraries and GPUs, says how "
       "ranks would be\nstarted and why, and names each problem with its "
       "remedy. Exit code 1 if there is\none. Run it inside a job, too: nodes "
       "differ.",
       {"voxlift doctor", "voxlift doctor --conv --help",
        "srun -N 4 --ntasks-per-node=1 voxlift doctor"}},
      binder);
}

Findings examine() {
  const Ask ask = [](const std::vector<std::string>& argv) {
    return answer_of(argv, kAnswerS);
  };
  Findings all;
  for (const Findings& part :
       {check_machine(read_machine_facts()),
        check_launch(ask, read_cluster_env(process_env())), check_slurm(ask),
        check_libraries(loaded_libraries()),
        check_gpus(ask, can_load_library)}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

void print_table(const Findings& findings) {
  std::string area;
  for (const Finding& finding : findings) {
    if (finding.area != area) {
      area = finding.area;
      std::cout << area << "\n";
    }
    std::cout << "  " << finding.name << ": " << finding.value << "\n";
    if (!finding.problem.empty()) {
      std::cout << "    PROBLEM: " << finding.problem
                << "\n    remedy: " << finding.remedy << "\n";
    }
  }
}

void print_json(const Findings& findings) {
  Json json = Json::array();
  for (const Finding& finding : findings) {
    json.push_back({{"area", finding.area},
                    {"name", finding.name},
                    {"value", finding.value},
                    {"problem", finding.problem},
                    {"remedy", finding.remedy}});
  }
  std::cout << json.dump(2) << "\n";
}

int run(std::span<const std::string> args) {
  if (std::find(args.begin(), args.end(), "--conv") != args.end()) {
    return make_trainer_command("doctor", "").run(args);
  }
  DoctorOptions options;
  OptionBinder binder = bind(options);
  if (wants_help(args)) {
    print_help(binder);
    return 0;
  }
  binder.parse(args);
  const Findings findings = examine();
  options.json ? print_json(findings) : print_table(findings);
  const auto num_problems =
      std::count_if(findings.begin(), findings.end(),
                    [](const Finding& f) { return !f.problem.empty(); });
  if (!options.json) {
    std::cout << (num_problems == 0 ? "no problem found"
                                    : str_cat(num_problems, " problems"))
              << "\n";
  }
  return num_problems == 0 ? 0 : 1;
}

}  // namespace

Command make_doctor_command() {
  return {"doctor", "look for problems of this host, MPI and SLURM", run};
}

}  // namespace voxlift::launcher
