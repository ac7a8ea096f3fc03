#include "launcher/launch/start_planner.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "launcher/launch/command_output.h"
#include "launcher/launch/job_token.h"
#include "launcher/launch/slurm_answers.h"

namespace voxlift::launcher {
namespace {

constexpr double kProbeS = 5.0;
constexpr double kCleanUpS = 10.0;

std::string this_host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

bool is_this_host(const std::string& name) {
  return name == "localhost" || name == this_host_name();
}

std::vector<std::string> agent_words(const LaunchConfig& config) {
  std::istringstream words(config.rsh_agent.empty()
                               ? "ssh -o BatchMode=yes -o ConnectTimeout=5"
                               : config.rsh_agent);
  return {std::istream_iterator<std::string>(words), {}};
}

// Of `all`, those that are not in `living`: "h2, h3".
std::string names_without(const std::vector<Host>& all,
                          const std::vector<Host>& living) {
  std::vector<std::string> names;
  for (const Host& host : all) {
    if (std::find(living.begin(), living.end(), host) == living.end()) {
      names.push_back(host.name);
    }
  }
  return str_join(names, ", ");
}

std::string temporary_file() {
  std::string path =
      (std::filesystem::temp_directory_path() / "voxlift-hosts-XXXXXX")
          .string();
  const int fd = ::mkstemp(path.data());
  if (fd < 0) {
    throw_io_error("cannot make", path, errno);
  }
  ::close(fd);
  return path;
}

std::vector<std::string> current_environment() {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    entries.emplace_back(*entry);
  }
  return entries;
}

}  // namespace

StartPlanner::StartPlanner(const LaunchConfig& config,
                           std::vector<std::string> command,
                           const ClusterEnv& cluster, HostFacts host,
                           std::function<void(const std::string&)> say)
    : config_(config),
      command_(std::move(command)),
      cluster_(cluster),
      host_(std::move(host)),
      say_(std::move(say)) {
  if (!config_.hostfile.empty()) {
    RealFiles files;
    hosts_ =
        parse_hostfile(as_text(files.read(config_.hostfile)), config_.hostfile);
  }
}

StartPlanner::~StartPlanner() {
  if (!living_hostfile_.empty()) {
    ::unlink(living_hostfile_.c_str());
  }
}

std::vector<std::string> StartPlanner::over_agent(
    const std::string& host, const std::vector<std::string>& words) {
  if (is_this_host(host)) {
    return words;
  }
  std::vector<std::string> argv = agent_words(config_);
  argv.push_back(host);
  argv.insert(argv.end(), words.begin(), words.end());
  return argv;
}

void StartPlanner::say_left_out(const std::string& which, size_t num_all,
                                int64_t ranks) {
  say_(str_cat("left out, of ", num_all, " hosts: ", which, "; starting ",
               ranks, " ranks on the others"));
}

void StartPlanner::leave_out_dead_hosts(LaunchConfig* config) {
  const std::vector<Host> living =
      hosts_that_answer(hosts_, [this](const std::string& host) {
        return answer_of(over_agent(host, {"true"}), kProbeS).has_value();
      });
  int64_t slots = 0;
  for (const Host& host : living) {
    slots += host.slots;
  }
  config->ranks = ranks_that_fit(config->ranks, slots, config->min_ranks);
  if (config->ranks == 0) {
    throw CommError(str_cat("only ", living.size(), " of ", hosts_.size(),
                            " hosts of '", config->hostfile, "' answer, with ",
                            slots, " slots; min-ranks is ", config->min_ranks));
  }
  if (living_hostfile_.empty()) {
    living_hostfile_ = temporary_file();
  }
  std::ofstream(living_hostfile_) << to_hostfile(living);
  config->hostfile = living_hostfile_;
  if (living.size() < hosts_.size()) {
    say_left_out(names_without(hosts_, living), hosts_.size(), config->ranks);
  }
}

void StartPlanner::leave_out_dead_nodes(LaunchConfig* config,
                                        ClusterEnv* cluster, HostFacts* host) {
  const std::optional<std::string> answer = answer_of(
      {"sinfo", "-h", "-N", "-n", cluster->slurm_nodes, "-o", "%N %T"},
      kProbeS);
  const auto num_all = static_cast<size_t>(cluster->slurm_num_nodes);
  if (!answer || num_all == 0) {
    return;
  }
  std::vector<std::string> living = living_nodes(*answer);
  const int64_t ranks = num_ranks(*config, *cluster);
  const int64_t per_node =
      (ranks + cluster->slurm_num_nodes - 1) / cluster->slurm_num_nodes;
  config->ranks = ranks_that_fit(
      ranks, per_node * static_cast<int64_t>(living.size()), config->min_ranks);
  if (config->ranks == 0) {
    throw CommError(str_cat("only ", living.size(), " of ", num_all,
                            " nodes of the job live; min-ranks is ",
                            config->min_ranks));
  }
  if (living.size() == num_all) {
    return;
  }
  say_left_out(str_cat("all but ", str_join(living, ",")), num_all,
               config->ranks);
  living.resize(static_cast<size_t>((config->ranks + per_node - 1) / per_node));
  cluster->slurm_num_nodes = static_cast<int>(living.size());
  host->only_nodes = living;
}

LaunchPlan StartPlanner::plan() {
  LaunchConfig config = config_;
  ClusterEnv cluster = cluster_;
  HostFacts host = host_;
  config.ranks = num_ranks(config, cluster);
  if (config.min_ranks > 0 && !hosts_.empty()) {
    leave_out_dead_hosts(&config);
  } else if (config.min_ranks > 0 && cluster.in_slurm) {
    leave_out_dead_nodes(&config, &cluster, &host);
  }
  return make_launch_plan(config, command_, cluster, host);
}

Start StartPlanner::next() {
  const LaunchPlan plan = this->plan();
  return {plan.argv, make_environment(current_environment(), plan)};
}

void StartPlanner::clean_up() {
  const int here = end_job(host_.job_token);
  if (here > 0) {
    say_(str_cat("killed ", here, " processes that were left on this host"));
  }
  const std::string launcher =
      std::filesystem::read_symlink("/proc/self/exe").string();
  std::vector<std::string> answers(hosts_.size());
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < hosts_.size(); ++i) {
      threads.emplace_back([&, i] {
        answers[i] =
            is_this_host(hosts_[i].name)
                ? "0"
                : answer_of(over_agent(hosts_[i].name, {launcher, "--end-job",
                                                        host_.job_token}),
                            kCleanUpS)
                      .value_or("");
      });
    }
  }
  for (size_t i = 0; i < hosts_.size(); ++i) {
    const std::string count = answers[i].substr(0, answers[i].find('\n'));
    if (!parse_int(count)) {
      say_(str_cat("host ", hosts_[i].name,
                   " does not answer: what it runs is not cleaned up"));
    } else if (count != "0") {
      say_(str_cat("killed ", count, " processes that were left on ",
                   hosts_[i].name));
    }
  }
}

}  // namespace voxlift::launcher
