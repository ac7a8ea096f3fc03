#pragma once
// The runs of an experiment: initialisations times label shares times seeds.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"

namespace voxlift::launcher {

// What runs start from. Either `weights` (init.weights; empty: none) or
// `options_file`, a file of further training options.
struct Initialisation {
  std::string name;
  std::string weights;
  std::string options_file;
};

// Of "NAME=WEIGHTS" and "NAME=@FILE". Throws ConfigError: not of that form, a
// name that is no good file name, a name twice, none at all.
std::vector<Initialisation> parse_initialisations(
    std::span<const std::string> words);

// Numbers in (0, 1], ascending. Throws ConfigError.
std::vector<double> parse_fractions(std::span<const std::string> words);

struct PlannedRun {
  std::string init;
  double fraction = 1.0;  // data.fraction.
  uint64_t seed = 0;      // run.seed and data.fraction_seed.

  // "ours_f20_s1": 20 % of the labels.
  std::string name() const;
};

struct ExperimentPlan {
  std::string kind;    // "convergence" or "annotation".
  std::string metric;  // A member of the scores of an evaluation.
  bool larger_is_better = true;
  std::vector<Initialisation> inits;  // Others are compared with the first.
  std::vector<double> fractions;      // Ascending.
  std::vector<uint64_t> seeds;

  // Seed by seed, so that whoever stops early has whole comparisons.
  std::vector<PlannedRun> runs() const;

  const Initialisation& init_of(const PlannedRun& run) const;

  // plan.json; the list of runs in it is for people and scripts.
  Json to_json(const std::string& out) const;
  // Throws DataError naming `origin` and the member.
  static ExperimentPlan from_json(const Json& json, const std::string& origin);
};

// The folder of a run (run.out) below the experiment's.
std::string run_dir(const std::string& out, const PlannedRun& run);

}  // namespace voxlift::launcher
