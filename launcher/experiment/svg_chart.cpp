#include "launcher/experiment/svg_chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <sstream>

#include "base/strings.h"

namespace voxlift::launcher {
namespace {

constexpr double kWidth = 640.0;
constexpr double kHeight = 360.0;
constexpr double kLeft = 62.0;
constexpr double kRight = 150.0;  // Room for the legend.
constexpr double kTop = 14.0;
constexpr double kBottom = 46.0;
constexpr int kMostTicks = 7;

// Okabe and Ito's palette, told apart by everybody (jfly.uni-koeln.de/color).
constexpr std::array kColours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                 "#e69f00", "#56b4e9", "#000000"};

const char* colour_of(size_t series) {
  return kColours[series % kColours.size()];
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }

  bool is_empty() const { return !(low <= high); }
};

// From values to places in the picture, over ranges that end at ticks.
class Axes {
 public:
  Axes(const Range& x, const Range& y)
      : x_ticks_(round_ticks(x.low, x.high, kMostTicks)),
        y_ticks_(round_ticks(y.low, y.high, kMostTicks)) {}

  double x(double value) const {
    return kLeft + part(value, x_ticks_) * (kWidth - kLeft - kRight);
  }

  double y(double value) const {
    return kHeight - kBottom -
           part(value, y_ticks_) * (kHeight - kTop - kBottom);
  }

  const std::vector<double>& x_ticks() const { return x_ticks_; }

  const std::vector<double>& y_ticks() const { return y_ticks_; }

 private:
  static double part(double value, const std::vector<double>& ticks) {
    return (value - ticks.front()) / (ticks.back() - ticks.front());
  }

  std::vector<double> x_ticks_;
  std::vector<double> y_ticks_;
};

std::string place(double value) {
  return fixed_text(value, 1);
}

void draw_line(double x1, double y1, double x2, double y2,
               const std::string& style, std::ostream& out) {
  out << "<line x1='" << place(x1) << "' y1='" << place(y1) << "' x2='"
      << place(x2) << "' y2='" << place(y2) << "' " << style << "/>\n";
}

void draw_text(double x, double y, const std::string& anchor,
               const std::string& text, std::ostream& out) {
  out << "<text x='" << place(x) << "' y='" << place(y) << "' text-anchor='"
      << anchor << "'>" << xml_text(text) << "</text>\n";
}

void draw_axes(const Axes& axes, const Chart& chart, std::ostream& out) {
  const double bottom = kHeight - kBottom;
  const double right = kWidth - kRight;
  for (const double tick : axes.y_ticks()) {
    draw_line(kLeft, axes.y(tick), right, axes.y(tick), "stroke='#ddd'", out);
    draw_text(kLeft - 6.0, axes.y(tick) + 4.0, "end", str_cat(tick), out);
  }
  for (const double tick : axes.x_ticks()) {
    draw_line(axes.x(tick), bottom, axes.x(tick), bottom + 5.0, "stroke='#666'",
              out);
    draw_text(axes.x(tick), bottom + 18.0, "middle", str_cat(tick), out);
  }
  draw_line(kLeft, bottom, right, bottom, "stroke='#666'", out);
  draw_text((kLeft + right) / 2.0, kHeight - 8.0, "middle", chart.x_label, out);
  out << "<g transform='translate(14 " << place((kTop + bottom) / 2.0)
      << ") rotate(-90)'>";
  draw_text(0.0, 0.0, "middle", chart.y_label, out);
  out << "</g>\n";
}

// Along the highs, and back along the lows.
void draw_band(const Axes& axes, const ChartSeries& series, const char* colour,
               std::ostream& out) {
  out << "<polygon fill='" << colour << "' fill-opacity='0.15' points='";
  for (const ChartPoint& point : series.points) {
    out << place(axes.x(point.x)) << ',' << place(axes.y(point.high)) << ' ';
  }
  for (auto point = series.points.rbegin(); point != series.points.rend();
       ++point) {
    out << place(axes.x(point->x)) << ',' << place(axes.y(point->low)) << ' ';
  }
  out << "'/>\n";
}

void draw_series(const Axes& axes, const ChartSeries& series,
                 const char* colour, std::ostream& out) {
  draw_band(axes, series, colour, out);
  out << "<polyline fill='none' stroke-width='2' stroke='" << colour
      << "' points='";
  for (const ChartPoint& point : series.points) {
    out << place(axes.x(point.x)) << ',' << place(axes.y(point.y)) << ' ';
  }
  out << "'/>\n";
  for (const ChartPoint& point : series.points) {
    out << "<circle r='3' fill='" << colour << "' cx='"
        << place(axes.x(point.x)) << "' cy='" << place(axes.y(point.y))
        << "'><title>" << xml_text(series.name) << ": " << point.y << " ("
        << point.low << " to " << point.high << ") at " << point.x
        << "</title></circle>\n";
  }
}

void draw_legend(const std::vector<ChartSeries>& series, std::ostream& out) {
  const double x = kWidth - kRight + 16.0;
  for (size_t i = 0; i < series.size(); ++i) {
    const double y = kTop + 14.0 + 18.0 * static_cast<double>(i);
    draw_line(x, y - 4.0, x + 18.0, y - 4.0,
              str_cat("stroke-width='3' stroke='", colour_of(i), "'"), out);
    draw_text(x + 24.0, y, "start", series[i].name, out);
  }
}

void draw_level(const Axes& axes, double level, const std::string& label,
                std::ostream& out) {
  draw_line(kLeft, axes.y(level), kWidth - kRight, axes.y(level),
            "stroke='#666' stroke-dasharray='5 4'", out);
  draw_text(kWidth - kRight - 4.0, axes.y(level) - 5.0, "end", label, out);
}

}  // namespace

std::string fixed_text(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

std::string xml_text(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '&':
        safe += "&amp;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::vector<double> round_ticks(double low, double high, int most) {
  if (!(low < high)) {  // One value: some room around it.
    const double room = low == 0.0 ? 1.0 : 0.1 * std::abs(low);
    low -= room;
    high += room;
  }
  double step = std::pow(10.0, std::floor(std::log10((high - low) / most)));
  constexpr std::array kFactors = {2.0, 2.5, 2.0};  // 1, 2, 5, 10, ...
  const auto number = [&] {
    return std::ceil(high / step - 1e-9) - std::floor(low / step + 1e-9) + 1.0;
  };
  for (size_t i = 0; number() > most; ++i) {
    step *= kFactors[i % kFactors.size()];
  }
  const double first = std::floor(low / step + 1e-9);
  std::vector<double> ticks;
  for (int i = 0; i < static_cast<int>(number()); ++i) {
    ticks.push_back((first + i) * step);
  }
  return ticks;
}

std::string draw_svg(const Chart& chart) {
  Range x;
  Range y;
  for (const ChartSeries& series : chart.series) {
    for (const ChartPoint& point : series.points) {
      x.add(point.x);
      y.add(point.low);
      y.add(point.high);
    }
  }
  std::ostringstream out;
  out << "<svg viewBox='0 0 " << kWidth << ' ' << kHeight
      << "' xmlns='http://www.w3.org/2000/svg' role='img'>\n";
  if (x.is_empty()) {
    draw_text(kWidth / 2.0, kHeight / 2.0, "middle", "no finished run", out);
  } else {
    if (chart.level) {
      y.add(*chart.level);
    }
    const Axes axes(x, y);
    draw_axes(axes, chart, out);
    for (size_t i = 0; i < chart.series.size(); ++i) {
      draw_series(axes, chart.series[i], colour_of(i), out);
    }
    if (chart.level) {
      draw_level(axes, *chart.level, chart.level_label, out);
    }
    draw_legend(chart.series, out);
  }
  out << "</svg>\n";
  return out.str();
}

}  // namespace voxlift::launcher
