#pragma once
// Line charts as SVG, for reports that are one file.

#include <optional>
#include <string>
#include <vector>

namespace voxlift::launcher {

struct ChartPoint {
  double x = 0.0;
  double y = 0.0;
  double low = 0.0;  // A band low .. high is drawn behind the line.
  double high = 0.0;
};

struct ChartSeries {
  std::string name;
  std::vector<ChartPoint> points;  // Ascending in x; all finite.
};

struct Chart {
  std::string x_label;
  std::string y_label;
  std::vector<ChartSeries> series;
  // A dashed horizontal line and what stands on it.
  std::optional<double> level;
  std::string level_label;
};

// An <svg> element, 640 x 360, with axes, a legend and the exact values as
// tooltips. A chart without points says so.
std::string draw_svg(const Chart& chart);

// Round numbers, `most` at most and two at least, that span low .. high; 1, 2
// or 5 times a power of ten apart.
std::vector<double> round_ticks(double low, double high, int most);

// `value` with so many digits after the point.
std::string fixed_text(double value, int digits);

// With <, >, & and quotes as entities.
std::string xml_text(const std::string& text);

}  // namespace voxlift::launcher
