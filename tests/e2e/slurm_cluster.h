#pragma once
// A private SLURM on this machine, made of the Debian packages by the scripts
// in VOXLIFT_SHARED/slurm-sim.

#include <string>
#include <vector>

namespace voxlift::test {

// Four nodes n1..n4 that live as long as this object. Partition low is
// preempted by jobs in high after a grace of 5 s.
class SlurmCluster {
 public:
  // What a start needs and is not there, as text for a skip; empty: nothing.
  static std::string missing();

  // `dir`: made for the cluster, removed at the end. Check started().
  explicit SlurmCluster(std::string dir);
  ~SlurmCluster();
  SlurmCluster(const SlurmCluster&) = delete;
  SlurmCluster& operator=(const SlurmCluster&) = delete;

  // Why it has not started; empty if it has.
  const std::string& problem() const { return problem_; }

  // Nodes with a network and processes of their own, which can crash.
  bool has_real_nodes() const;

  // Runs shell text with the cluster's environment; its standard output without
  // the last newline. Fails the test if it does not end with 0.
  std::string shell(const std::string& text) const;

  // Submits `words` (options of sbatch, script, arguments); the job's number.
  std::string submit(const std::vector<std::string>& words) const;

  // "RUNNING", "PENDING", "COMPLETED", ...
  std::string state(const std::string& job) const;

  // A member of `scontrol show job`: "Restarts", "BatchHost", ...
  std::string value(const std::string& job, const std::string& key) const;

  // Waits until the job has been started again so often and is not ending.
  bool wait_restarts(const std::string& job, int restarts,
                     double timeout_s) const;

  // Waits for the job's end and returns its state.
  std::string wait_end(const std::string& job, double timeout_s) const;

  // Takes all nodes for a second for a job that preempts.
  void preempt() const;

  // Kills everything on a node at once.
  void crash(const std::string& node) const;

 private:
  std::string dir_;
  std::string problem_;
};

}  // namespace voxlift::test
