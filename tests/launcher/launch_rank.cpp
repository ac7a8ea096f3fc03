// A rank for the launcher's tests: counts steps in lockstep with its peers,
// writes step_* folders, stops on USR2 with 75, and fails where it is told.
//
//   launch_rank --out DIR [--steps N] [--exit CODE] [--kill STEP]
//               [--hang STEP] [--deaf] [--fork]
//
// --kill: rank 1 kills itself at STEP of a run that begins without a
// checkpoint. --hang: the same with SIGSTOP. --deaf ignores stop signals.
// --fork leaves a child behind that outlives everything polite.

#include <mpi.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

// Open MPI keeps memory to the end; its leaks are not ours to find.
extern "C" const char* __asan_default_options() {  // NOLINT
  return "detect_leaks=0";
}

namespace {

std::atomic<int> stop_requested{0};

extern "C" void request_stop(int /*number*/) {
  stop_requested.store(1);
}

using Options = std::map<std::string, std::string>;

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const bool has_value = i + 1 < argc && argv[i + 1][0] != '-';
    options[argv[i] + 2] = has_value ? argv[i + 1] : "";
    i += has_value ? 1 : 0;
  }
  return options;
}

int number(const Options& options, const std::string& name, int otherwise) {
  const auto found = options.find(name);
  return found == options.end() ? otherwise : std::stoi(found->second);
}

int last_step(const std::string& out) {
  int last = 0;
  for (const auto& entry : std::filesystem::directory_iterator(out)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("step_", 0) == 0) {
      last = std::max(last, std::stoi(name.substr(5)));
    }
  }
  return last;
}

void leave_child_behind() {
  if (::fork() == 0) {
    ::signal(SIGTERM, SIG_IGN);
    ::signal(SIGCONT, SIG_IGN);
    ::execlp("sleep", "sleep", "4713", nullptr);
  }
}

void checkpoint(const std::string& out, int step) {
  char name[32];
  std::snprintf(name, sizeof(name), "/step_%08d", step);
  ::mkdir((out + name).c_str(), 0777);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const bool deaf = options.count("deaf") != 0;
  ::signal(SIGUSR2, deaf ? SIG_IGN : request_stop);
  ::signal(SIGTERM, deaf ? SIG_IGN : request_stop);
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (options.count("exit") != 0) {
    MPI_Abort(MPI_COMM_WORLD, number(options, "exit", 0));
  }
  if (rank == 1 && options.count("fork") != 0) {
    leave_child_behind();
  }
  const std::string out = options.at("out");
  const int begin = last_step(out);
  MPI_Barrier(MPI_COMM_WORLD);
  for (int step = begin + 1; step <= number(options, "steps", 5); ++step) {
    ::usleep(50000);
    if (rank == 1 && begin == 0 && step == number(options, "kill", -1)) {
      ::raise(SIGKILL);
    }
    if (rank == 1 && begin == 0 && step == number(options, "hang", -1)) {
      ::raise(SIGSTOP);
    }
    int stop = stop_requested.load();
    MPI_Allreduce(MPI_IN_PLACE, &stop, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    if (rank == 0) {
      checkpoint(out, step);
    }
    if (stop != 0) {
      MPI_Finalize();
      return 75;
    }
  }
  MPI_Finalize();
  return 0;
}
