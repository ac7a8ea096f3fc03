#pragma once
// mpirun or srun with everything below it.

#include <signal.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace voxlift::launcher {

// A child in a session of its own. Orphans of that session become this
// process's children (PR_SET_CHILD_SUBREAPER), so that none is out of reach;
// if this process is killed, the child gets TERM. One thread, one group at a
// time: it reaps every child of this process.
class RankGroup {
 public:
  // argv[0] is looked up in PATH. `mask` is the child's signal mask. Throws
  // ConfigError if the program cannot be run, IoError if fork fails.
  RankGroup(const std::vector<std::string>& argv,
            const std::vector<std::string>& environment, const sigset_t& mask);
  // Kills what is left.
  ~RankGroup();
  RankGroup(const RankGroup&) = delete;
  RankGroup& operator=(const RankGroup&) = delete;

  int pid() const { return pid_; }

  // The child's exit code, 128 + N if signal N has ended it; nothing while it
  // runs. Never waits.
  std::optional<int> try_wait();

  // To the child alone: mpirun and srun pass USR1 and USR2 on to all ranks.
  void signal(int number) const;

  // Kills every process of the session and everything that was adopted;
  // returns how many there were. Waits for their ends.
  int kill_all();

  // Waits up to `timeout_s` for the session to be empty.
  bool is_gone_within(double timeout_s);

 private:
  std::vector<int> members();

  int pid_ = -1;
  std::optional<int> exit_code_;
};

}  // namespace voxlift::launcher
