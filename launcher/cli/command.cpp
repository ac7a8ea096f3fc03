#include "launcher/cli/command.h"

#include <sys/resource.h>

#include <algorithm>
#include <exception>
#include <iostream>
#include <new>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::launcher {
namespace {

void print_help(const Program& program) {
  std::cout << program.name << ": " << program.summary << "\n\n"
            << "usage: " << program.name << " COMMAND [OPTIONS]\n"
            << "       " << program.name << " COMMAND --help\n\ncommands:\n";
  for (const Command& command : program.commands) {
    const std::string padded =
        command.name +
        std::string(12 - std::min<size_t>(command.name.size(), 11), ' ');
    std::cout << "  " << padded << command.summary << "\n";
  }
  std::cout << "\nexit codes: 0 done, 2 configuration, 3 bad data, 4 system "
               "call, 5 lost\nrank, 70 bug, 75 stopped on request "
               "(docs/errors.md)\n";
}

const Command& find_command(const Program& program, const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : program.commands) {
    if (command.name == name) {
      return command;
    }
    names.push_back(command.name);
  }
  throw ConfigError(str_cat("unknown command '", name, "'; the nearest is '",
                            nearest_word(name, names), "'"));
}

int report(const std::string& who, const char* kind, const char* what,
           ExitCode code) {
  // One write, so that lines of several ranks do not mix.
  const std::string line = str_cat(who, ": ", kind, ": ", what, "\n");
  std::cerr.write(line.data(), static_cast<std::streamsize>(line.size()));
  std::cerr.flush();
  return static_cast<int>(code);
}

}  // namespace

int run_guarded(const std::string& who, const std::function<int()>& body) {
  try {
    return body();
  } catch (const Error& error) {
    return report(who, error.kind(), error.what(), error.code());
  } catch (const std::bad_alloc&) {
    return report(who, "IoError", "out of memory", ExitCode::kIo);
  } catch (const std::exception& error) {
    return report(who, "InternalError", error.what(), ExitCode::kInternal);
  }
}

namespace {

// A data set keeps one descriptor per shard open: as many as the system grants.
void raise_open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

}  // namespace

int run_program(const Program& program, std::span<const std::string> args) {
  raise_open_file_limit();
  if (args.empty() || args[0] == "--help" || args[0] == "-h" ||
      args[0] == "help") {
    print_help(program);
    return static_cast<int>(args.empty() ? ExitCode::kConfig : ExitCode::kOk);
  }
  if (args[0] == "--version") {
    std::cout << program.name << " " << version() << "\n";
    return static_cast<int>(ExitCode::kOk);
  }
  std::string who = program.name;
  return run_guarded(who, [&] {
    const Command& command = find_command(program, args[0]);
    return run_guarded(who + " " + command.name,
                       [&] { return command.run(args.subspan(1)); });
  });
}

std::vector<std::string> arguments_of(int argc, char** argv) {
  return {argv + std::min(argc, 1), argv + argc};
}

bool wants_help(std::span<const std::string> args) {
  return std::any_of(args.begin(), args.end(), [](const std::string& arg) {
    return arg == "--help" || arg == "-h";
  });
}

const char* version() {
  return VOXLIFT_VERSION;
}

}  // namespace voxlift::launcher
