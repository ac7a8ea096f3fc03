#include "launcher/doctor/slurm_check.h"

#include <sstream>

#include "base/strings.h"
#include "launcher/launch/launch_plan.h"
#include "launcher/launch/slurm_answers.h"

namespace voxlift::launcher {
namespace {

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

Finding slurm_finding(const std::string& name, const std::string& value) {
  return {"slurm", name, value.empty() ? "not said" : value, "", ""};
}

// "30" of "30 sec"; nothing if it is no number.
std::optional<int64_t> seconds_in(const std::string& config,
                                  const std::string& key) {
  return parse_int(slurm_setting(config, key));
}

Finding check_requeue(const std::string& config) {
  Finding finding =
      slurm_finding("JobRequeue", slurm_setting(config, "JobRequeue"));
  if (finding.value == "0") {
    finding.problem = "jobs are not requeued unless they ask for it";
    finding.remedy = "submit with --requeue (scripts/slurm/*.sbatch do)";
  }
  return finding;
}

Finding check_kill_wait(const std::string& config) {
  constexpr int64_t kShortS = 10;
  Finding finding =
      slurm_finding("KillWait", slurm_setting(config, "KillWait") + " s");
  if (seconds_in(config, "KillWait").value_or(kShortS) < kShortS) {
    finding.problem = str_cat("less than ", kShortS,
                              " s from TERM to KILL: a checkpoint may not "
                              "fit in");
    finding.remedy = "submit with --signal=B:USR1@120, as scripts/slurm do";
  }
  return finding;
}

Finding check_preemption(const std::string& config) {
  const std::string mode = slurm_setting(config, "PreemptMode");
  const bool warns = slurm_setting(config, "SlurmctldParameters")
                         .find("preempt_send_user_signal") != std::string::npos;
  return slurm_finding(
      "PreemptMode",
      mode.empty() || mode == "OFF"
          ? mode
          : str_cat(mode, warns
                              ? ", --signal is sent at preemption, too"
                              : ", no warning but the partition's GraceTime"));
}

// One finding for each partition that others preempt.
Findings check_partitions(const std::string& partitions) {
  Findings findings;
  for (const std::string& line : str_split(partitions, '\n')) {
    const std::string name = slurm_setting(line, "PartitionName");
    if (!name.empty()) {
      findings.push_back(slurm_finding(
          "partition " + name,
          str_cat("PreemptMode ", slurm_setting(line, "PreemptMode"),
                  ", GraceTime ", slurm_setting(line, "GraceTime"),
                  " s, MaxTime ", slurm_setting(line, "MaxTime"))));
    }
  }
  return findings;
}

Finding check_pmix(const Ask& ask) {
  const std::vector<std::string> plugins =
      pmix_plugins(ask({"srun", "--mpi=list"}).value_or(""));
  Finding finding = {"launch", "srun --mpi=pmix", str_join(plugins, ", "), "",
                     ""};
  if (plugins.empty()) {
    finding.value = "no";
    finding.problem =
        "srun cannot start Open MPI's ranks: mpirun does, and a "
        "preemption ends it without a checkpoint";
    finding.remedy = "install SLURM's PMIx plugin (mpi_pmix.so)";
  }
  return finding;
}

}  // namespace

Findings check_launch(const Ask& ask, const ClusterEnv& cluster) {
  Findings findings;
  const std::optional<std::string> mpirun = ask({"mpirun", "--version"});
  findings.push_back(
      {"launch", "mpirun", mpirun ? first_line(*mpirun) : "missing", "", ""});
  if (!mpirun) {
    findings.back().problem = "ranks cannot be started without SLURM";
    findings.back().remedy = "apt-get install openmpi-bin";
  }
  bool has_pmix = false;
  if (ask({"sinfo", "--version"})) {
    findings.push_back(check_pmix(ask));
    has_pmix = findings.back().problem.empty();
  }
  // Asked by hand on a login node, the answer is for a job.
  ClusterEnv as_job = cluster;
  as_job.in_slurm = cluster.in_slurm || has_pmix;
  std::string why;
  uses_srun({}, as_job, {.srun_has_pmix = has_pmix}, &why);
  findings.push_back({"launch", "voxlift-launch", why, "", ""});
  return findings;
}

Findings check_slurm(const Ask& ask) {
  const std::optional<std::string> version = ask({"sinfo", "--version"});
  if (!version) {
    return {
        {"slurm", "version", "not installed, or no slurm.conf found", "", ""}};
  }
  Findings findings = {slurm_finding("version", first_line(*version))};
  const std::optional<std::string> config = ask({"scontrol", "show", "config"});
  if (!config) {
    findings.push_back(slurm_finding("controller", "does not answer"));
    findings.back().problem = "jobs cannot be submitted or requeued from here";
    findings.back().remedy =
        "ask the administrator (scontrol ping; SLURM_CONF; munge)";
    return findings;
  }
  findings.push_back(check_requeue(*config));
  findings.push_back(check_kill_wait(*config));
  findings.push_back(check_preemption(*config));
  findings.push_back(slurm_finding(
      "SlurmdTimeout", slurm_setting(*config, "SlurmdTimeout") +
                           " s until a silent node counts as lost"));
  const Findings partitions = check_partitions(
      ask({"scontrol", "--oneliner", "show", "partition"}).value_or(""));
  findings.insert(findings.end(), partitions.begin(), partitions.end());
  return findings;
}

}  // namespace voxlift::launcher
