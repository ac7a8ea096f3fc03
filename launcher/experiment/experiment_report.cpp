#include "launcher/experiment/experiment_report.h"

#include <sstream>

#include "base/strings.h"
#include "launcher/experiment/svg_chart.h"

namespace voxlift::launcher {
namespace {

constexpr const char* kStyle = R"(
body { font: 15px/1.45 system-ui, sans-serif; max-width: 52rem;
       margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff; }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: #222; }
table { border-collapse: collapse; }
th, td { padding: .2rem .8rem; text-align: right;
         border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
)";

std::vector<ChartPoint> chart_points(const std::vector<SummaryPoint>& points,
                                     double x_scale) {
  std::vector<ChartPoint> drawn;
  for (const SummaryPoint& point : points) {
    drawn.push_back({.x = x_scale * point.x,
                     .y = point.y.mean,
                     .low = point.y.low,
                     .high = point.y.high});
  }
  return drawn;
}

// The final mean of the first initialisation with all labels.
std::optional<double> level_of(const ExperimentPlan& plan,
                               const ExperimentScores& scores) {
  const auto points = against_share(scores, plan.inits.front().name);
  if (points.empty() || points.back().x != plan.fractions.back()) {
    return std::nullopt;
  }
  return points.back().y.mean;
}

Chart epochs_chart(const ExperimentPlan& plan, const ExperimentScores& scores) {
  Chart chart{.x_label = "epochs",
              .y_label = plan.metric,
              .series = {},
              .level = {},
              .level_label = {}};
  for (const Initialisation& init : plan.inits) {
    chart.series.push_back(
        {init.name,
         chart_points(against_epochs(scores, init.name, plan.fractions.back()),
                      1.0)});
  }
  return chart;
}

Chart share_chart(const ExperimentPlan& plan, const ExperimentScores& scores) {
  Chart chart{.x_label = "labels used, %",
              .y_label = plan.metric,
              .series = {},
              .level = level_of(plan, scores),
              .level_label = plan.inits.front().name + ", all labels"};
  for (const Initialisation& init : plan.inits) {
    chart.series.push_back(
        {init.name, chart_points(against_share(scores, init.name), 100.0)});
  }
  return chart;
}

std::string mean_text(const std::optional<ScoreSummary>& score) {
  return score ? str_cat(fixed_text(score->mean, 4), " ± ",
                         fixed_text(score->deviation, 4), " (", score->n, ")")
               : "no run";
}

std::string percent(double share) {
  return fixed_text(100.0 * share, 0) + " %";
}

std::string share_text(const Comparison& row) {
  if (!row.share) {
    return "not reached";
  }
  return (row.share_is_bound ? "at most " : "") + percent(*row.share);
}

std::string saved_text(const Comparison& row) {
  if (!row.share) {
    return "none";
  }
  return (row.share_is_bound ? "at least " : "") + percent(1.0 - *row.share);
}

using Cells = std::vector<std::string>;

void add_row(const char* tag, const Cells& cells, std::ostream& out) {
  out << "<tr>";
  for (const std::string& cell : cells) {
    out << "<" << tag << ">" << xml_text(cell) << "</" << tag << ">";
  }
  out << "</tr>\n";
}

void add_comparison(const ExperimentPlan& plan, const ExperimentScores& scores,
                    std::ostream& out) {
  const bool has_shares = plan.fractions.size() > 1;
  out << "<h2>At equal score</h2>\n<p>Where the mean first reaches what "
      << xml_text(plan.inits.front().name) << " has at the end with "
      << percent(plan.fractions.back())
      << " of the labels, on straight lines between what was measured.</p>\n"
         "<table>\n";
  Cells heading = {"initialisation",
                   plan.metric + " with " + percent(plan.fractions.back()),
                   "epochs to it"};
  if (has_shares) {
    heading.insert(heading.end(), {"labels for it", "labels saved"});
  }
  add_row("th", heading, out);
  for (const Comparison& row : compare_inits(plan, scores)) {
    Cells cells = {row.init, mean_text(row.with_all),
                   row.epochs ? fixed_text(*row.epochs, 1) : "not reached"};
    if (has_shares) {
      cells.insert(cells.end(), {share_text(row), saved_text(row)});
    }
    add_row("td", cells, out);
  }
  out << "</table>\n";
}

void add_all_scores(const ExperimentPlan& plan, const ExperimentScores& scores,
                    std::ostream& out) {
  out << "<h2>All final scores</h2>\n<table>\n";
  add_row("th",
          {"initialisation", "labels", "mean", "deviation", "lowest", "highest",
           "runs"},
          out);
  for (const Initialisation& init : plan.inits) {
    for (const SummaryPoint& point : against_share(scores, init.name)) {
      add_row("td",
              {init.name, percent(point.x), fixed_text(point.y.mean, 4),
               fixed_text(point.y.deviation, 4), fixed_text(point.y.low, 4),
               fixed_text(point.y.high, 4), str_cat(point.y.n)},
              out);
    }
  }
  out << "</table>\n";
}

void add_missing(const ExperimentScores& scores, std::ostream& out) {
  if (scores.missing.empty()) {
    return;
  }
  out << "<h2>Missing</h2>\n<ul>\n";
  for (const std::string& line : scores.missing) {
    out << "<li>" << xml_text(line) << "</li>\n";
  }
  out << "</ul>\n";
}

}  // namespace

std::vector<Comparison> compare_inits(const ExperimentPlan& plan,
                                      const ExperimentScores& scores) {
  const std::optional<double> level = level_of(plan, scores);
  std::vector<Comparison> rows;
  for (const Initialisation& init : plan.inits) {
    Comparison row{.init = init.name,
                   .with_all = {},
                   .share = {},
                   .share_is_bound = false,
                   .epochs = {}};
    const auto shares = against_share(scores, init.name);
    if (!shares.empty() && shares.back().x == plan.fractions.back()) {
      row.with_all = shares.back().y;
    }
    if (level) {
      row.share = first_reaching(shares, *level, plan.larger_is_better);
      row.share_is_bound =
          row.share && shares.size() > 1 && *row.share == shares.front().x;
      row.epochs = first_reaching(
          against_epochs(scores, init.name, plan.fractions.back()), *level,
          plan.larger_is_better);
    }
    rows.push_back(row);
  }
  return rows;
}

std::string scores_csv(const ExperimentPlan& plan,
                       const ExperimentScores& scores) {
  std::ostringstream out;
  out << "init,fraction,seed,step,epoch," << plan.metric << "\n";
  for (const RunScores& run : scores.runs) {
    for (const ScorePoint& point : run.curve) {
      out << run.run.init << ',' << run.run.fraction << ',' << run.run.seed
          << ',' << point.step << ',' << point.epoch << ',' << point.score
          << "\n";
    }
  }
  return out.str();
}

std::string report_html(const ExperimentPlan& plan,
                        const ExperimentScores& scores) {
  std::ostringstream out;
  out << "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>\n"
         "<title>voxlift: "
      << plan.kind << "</title>\n<style>" << kStyle
      << "</style></head><body>\n<h1>voxlift experiment " << plan.kind
      << "</h1>\n<p>" << scores.runs.size() << " of " << plan.runs().size()
      << " runs: " << plan.inits.size() << " initialisations, "
      << plan.fractions.size() << " label shares, " << plan.seeds.size()
      << " seeds. Lines are means over the seeds, bands reach from the lowest "
         "to the highest run; "
      << (plan.larger_is_better ? "larger" : "smaller") << " is better.</p>\n";
  out << "<h2>" << xml_text(plan.metric) << " against epochs, with "
      << percent(plan.fractions.back()) << " of the labels</h2>\n"
      << draw_svg(epochs_chart(plan, scores));
  if (plan.fractions.size() > 1) {
    out << "<h2>" << xml_text(plan.metric)
        << " against the share of the labels</h2>\n"
        << draw_svg(share_chart(plan, scores));
  }
  add_comparison(plan, scores, out);
  add_all_scores(plan, scores, out);
  add_missing(scores, out);
  out << "</body></html>\n";
  return out.str();
}

}  // namespace voxlift::launcher
