#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/strings.h"
#include "launcher/doctor/library_check.h"
#include "launcher/doctor/machine_check.h"
#include "launcher/doctor/slurm_check.h"

namespace voxlift::launcher {
namespace {

MachineFacts good_machine() {
  return {.num_cores = 8,
          .memory_total = int64_t{64} << 30,
          .memory_available = int64_t{32} << 30,
          .max_open_files = 65536,
          .max_locked_memory = 8 << 20,
          .shm_free = int64_t{16} << 30,
          .interfaces = {"eth0 10.0.0.2"}};
}

Finding named(const Findings& findings, const std::string& name) {
  const auto found =
      std::find_if(findings.begin(), findings.end(),
                   [&](const Finding& f) { return f.name == name; });
  return found == findings.end() ? Finding{} : *found;
}

Findings problems(const Findings& findings) {
  Findings bad;
  std::copy_if(findings.begin(), findings.end(), std::back_inserter(bad),
               [](const Finding& f) { return !f.problem.empty(); });
  return bad;
}

void expect_problem(const Findings& findings, const std::string& name,
                    const std::string& problem, const std::string& remedy) {
  const Finding finding = named(findings, name);
  EXPECT_NE(finding.problem.find(problem), std::string::npos)
      << name << ": " << finding.problem;
  EXPECT_NE(finding.remedy.find(remedy), std::string::npos) << finding.remedy;
}

// Answers by the command line's first two words.
Ask answers(std::map<std::string, std::string> texts) {
  return
      [texts = std::move(texts)](
          const std::vector<std::string>& argv) -> std::optional<std::string> {
        const auto found = texts.find(str_cat(argv[0], " ", argv[1]));
        return found == texts.end() ? std::nullopt
                                    : std::optional<std::string>(found->second);
      };
}

TEST(DoctorTest, FindsNothingWrongWithAGoodMachine) {
  const Findings findings = check_machine(good_machine());
  EXPECT_TRUE(problems(findings).empty());
  EXPECT_EQ(named(findings, "cores").value, "8");
  EXPECT_EQ(named(findings, "interfaces").value, "eth0 10.0.0.2");
}

TEST(DoctorTest, NamesEachLimitThatIsTooLow) {
  MachineFacts facts = good_machine();
  facts.max_open_files = 1024;
  facts.shm_free = 64 << 20;
  facts.memory_available = 100 << 20;
  facts.has_infiniband = true;
  const Findings findings = check_machine(facts);
  EXPECT_EQ(problems(findings).size(), 4U);
  expect_problem(findings, "open files", "fewer than 4096", "nofile");
  expect_problem(findings, "/dev/shm free", "less than", "--shm-size");
  expect_problem(findings, "memory", "available", "fewer ranks");
  expect_problem(findings, "locked memory", "InfiniBand", "memlock");
}

TEST(DoctorTest, ReadsMeminfo) {
  EXPECT_EQ(meminfo_bytes("MemTotal:  10 kB\nMemFree: 7 kB\n", "MemFree"),
            7 * 1024);
  EXPECT_EQ(meminfo_bytes("", "MemFree"), 0);
}

TEST(DoctorTest, SaysHowRanksStartAndWhy) {
  const std::string pmix = "MPI plugin types are...\n\tpmix\n\tnone\n";
  const Findings with =
      check_launch(answers({{"mpirun --version", "mpirun 4\n"},
                            {"sinfo --version", "slurm 22"},
                            {"srun --mpi=list", pmix}}),
                   {});
  EXPECT_TRUE(problems(with).empty());
  EXPECT_NE(named(with, "voxlift-launch").value.find("srun --mpi=pmix"),
            std::string::npos);
  const Findings without =
      check_launch(answers({{"mpirun --version", "mpirun 4\n"},
                            {"sinfo --version", "slurm 22"},
                            {"srun --mpi=list", "\tnone\n"}}),
                   {.in_slurm = true});
  expect_problem(without, "srun --mpi=pmix", "mpirun does", "mpi_pmix.so");
  EXPECT_NE(named(without, "voxlift-launch").value.find("no PMIx plugin"),
            std::string::npos);
}

TEST(DoctorTest, NamesAMissingMpirun) {
  const Findings findings = check_launch(answers({}), {});
  expect_problem(findings, "mpirun", "without SLURM", "openmpi-bin");
  EXPECT_NE(named(findings, "voxlift-launch").value.find("no SLURM job"),
            std::string::npos);
}

TEST(DoctorTest, ReadsWhatSlurmDoesToJobs) {
  const Findings findings = check_slurm(answers(
      {{"sinfo --version", "slurm-wlm 22.05.8\n"},
       {"scontrol show",
        "JobRequeue = 0\nKillWait = 3 sec\nPreemptMode = REQUEUE\n"
        "SlurmctldParameters = preempt_send_user_signal\n"
        "SlurmdTimeout = 300 sec\n"},
       {"scontrol --oneliner",
        "PartitionName=low GraceTime=5 PreemptMode=REQUEUE MaxTime=1-0\n"}}));
  expect_problem(findings, "JobRequeue", "not requeued", "--requeue");
  expect_problem(findings, "KillWait", "TERM to KILL", "--signal");
  EXPECT_EQ(named(findings, "PreemptMode").value,
            "REQUEUE, --signal is sent at preemption, too");
  EXPECT_EQ(named(findings, "partition low").value,
            "PreemptMode REQUEUE, GraceTime 5 s, MaxTime 1-0");
}

TEST(DoctorTest, NamesAControllerThatDoesNotAnswer) {
  expect_problem(check_slurm(answers({{"sinfo --version", "slurm 22\n"}})),
                 "controller", "cannot be submitted", "scontrol ping");
  EXPECT_EQ(check_slurm(answers({})).at(0).value,
            "not installed, or no slurm.conf found");
}

TEST(DoctorTest, MissesNcclOnlyWhereThereAreGpus) {
  const auto nothing = [](const std::string&) { return false; };
  EXPECT_TRUE(problems(check_gpus(answers({}), nothing)).empty());
  const Ask gpus = answers({{"nvidia-smi -L", "GPU 0: X (UUID: 1)\n"}});
  expect_problem(check_gpus(gpus, nothing), "NCCL", "gradients", "libnccl2");
  EXPECT_EQ(named(check_gpus(gpus, nothing), "GPUs").value,
            "1, the first: GPU 0: X ");
}

TEST(DoctorTest, TellsVersionsByFileNames) {
  const Findings findings =
      check_libraries({"/lib/libhdf5_hl.so.1", "/lib/libhdf5_serial.so.103.3.0",
                       "/lib/libjpeg.so.62.3.0"});
  EXPECT_EQ(named(findings, "libhdf5").value, "libhdf5_serial.so.103.3.0");
  EXPECT_EQ(named(findings, "libjpeg").value, "libjpeg.so.62.3.0");
}

}  // namespace
}  // namespace voxlift::launcher
