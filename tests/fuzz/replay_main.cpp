// Puts the kept inputs through their targets, without libFuzzer:
//   fuzz_corpus FOLDER     with FOLDER/<target>/<any name>
// Exit code 1 if an input is a finding or a target has no input.

#include <cstdio>
#include <exception>
#include <string>

#include "base/files.h"
#include "tests/fuzz/targets.h"

namespace voxlift::fuzz {
namespace {

// Number of inputs, or -1 after a finding.
int replay(const Target& target, const std::string& dir) {
  const RealFiles files;
  int num_inputs = 0;
  for (const std::string& name : files.list_dir(dir)) {
    const std::string path = join_path(dir, name);
    try {
      target.run(files.read(path));
    } catch (const std::exception& error) {
      std::printf("%s: %s\n", path.c_str(), error.what());
      return -1;
    }
    ++num_inputs;
  }
  return num_inputs;
}

int replay_all(const std::string& corpus) {
  int num_inputs = 0;
  bool good = true;
  for (const Target& target : kTargets) {
    const std::string dir = join_path(corpus, target.name);
    const int num = RealFiles().is_dir(dir) ? replay(target, dir) : 0;
    if (num == 0) {
      std::printf("%s: no input\n", dir.c_str());
    }
    good = good && num > 0;
    num_inputs += num;
  }
  std::printf("fuzz_corpus: %d inputs, %zu targets\n", num_inputs,
              kTargets.size());
  return good ? 0 : 1;
}

}  // namespace
}  // namespace voxlift::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_corpus FOLDER\n");
    return 2;
  }
  return voxlift::fuzz::replay_all(argv[1]);
}
