// Figure 1: how the decision boundary moves as the labelled set grows, for each method of a sweep on two_moons: a
// heading, then one panel per round.
#pragma once

#include "apps/draw/canvas.h"
#include "apps/report/summary.h"
#include "apps/rundir/run_record.h"

namespace crc::apps {

struct BoundaryPanel {
  std::string title;
  std::vector<double> upper;  // [rows, columns] probability of class 0 at the centres of a grid over the plane
  std::vector<Point> pool;    // unlabelled points, in the plane
  struct Labeled {
    Point at;
    int32_t label;
    bool fresh;  // queried just before this round
  };
  std::vector<Labeled> labeled;
};

struct BoundaryMethod {
  std::string name;
  std::vector<BoundaryPanel> panels;
};

struct BoundaryFigure {
  int rows = 0, columns = 0;  // of the grids
  std::vector<BoundaryMethod> methods;
};

// Of the first run of each group. Error 78 unless their data set is two_moons; 66 without a round's weights.
BoundaryFigure boundary_figure(const std::vector<RunGroup>& groups);

std::string boundary_png(const BoundaryFigure& figure);
std::string boundary_svg(const BoundaryFigure& figure);

}  // namespace crc::apps
