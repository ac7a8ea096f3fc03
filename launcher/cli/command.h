#pragma once
// The frame that every command of every program runs in.

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace voxlift::launcher {

// One command of a program.
struct Command {
  std::string name;     // "pack".
  std::string summary;  // One line for --help.
  // Gets the arguments after the name; returns the exit code. Errors are
  // thrown.
  std::function<int(std::span<const std::string> args)> run;
};

// A program that is a list of commands.
struct Program {
  std::string name;     // "voxlift".
  std::string summary;  // One line for --help.
  std::vector<Command> commands;
};

// Runs the command that args[0] names, or answers --help and --version.
// Catches everything: an error becomes one line on standard error,
// "voxlift pack: DataError: ...", and its exit code (docs/errors.md). An
// unknown command names the nearest one and is exit code 2.
int run_program(const Program& program, std::span<const std::string> args);

// Calls `body` with that treatment of errors. `who` starts the line.
int run_guarded(const std::string& who, const std::function<int()>& body);

// argv[1..] as strings.
std::vector<std::string> arguments_of(int argc, char** argv);

// True if one of `args` is --help or -h.
bool wants_help(std::span<const std::string> args);

// The version of this build, "0.1.0".
const char* version();

}  // namespace voxlift::launcher
