#include "image/inpaint/marching.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <queue>

#include "base/cancel.h"
#include "base/error.h"

namespace easel::image {
namespace {

constexpr float kFar = 1.0e6f, kTiny = 1.0e-20f;
constexpr float kLevel = 0.01f, kAlmostNothing = 0.000001f;  // a direction below the first counts as the second
constexpr int64_t kChannels = 3;

struct Point {
  int64_t row, column;
};

// Cells of the picture with a border of one around it, so that every one of them has four neighbours.
template <class T>
class Grid {
 public:
  Grid(int64_t rows, int64_t columns, T value)
      : columns_(columns), cells_(static_cast<size_t>(rows * columns), value) {}
  T& at(int64_t row, int64_t column) { return cells_[static_cast<size_t>(row * columns_ + column)]; }
  const T& at(int64_t row, int64_t column) const { return cells_[static_cast<size_t>(row * columns_ + column)]; }

 private:
  int64_t columns_;
  std::vector<T> cells_;
};

// The cells that the front has reached and not left: nearest first, of equal ones the first that came.
class Front {
 public:
  void push(Point cell, float distance) { queue_.push({distance, count_++, cell}); }
  bool empty() const { return queue_.empty(); }
  Point pop() {
    const Point out = queue_.top().cell;
    queue_.pop();
    return out;
  }

 private:
  struct Entry {
    float distance;
    uint64_t order;
    Point cell;
    bool operator<(const Entry& other) const {
      return distance != other.distance ? distance > other.distance : order > other.order;
    }
  };
  std::priority_queue<Entry> queue_;
  uint64_t count_ = 0;
};

std::array<Point, 4> neighbours(Point p) {
  return {{{p.row - 1, p.column}, {p.row, p.column - 1}, {p.row + 1, p.column}, {p.row, p.column + 1}}};
}

// The distance that two neighbours of a cell, one above or below and one beside it, give it: the eikonal equation
// |grad T| = 1 on a grid (Sethian 1996).
float distance_by(bool vertical_known, float vertical, bool horizontal_known, float horizontal) {
  const double a = vertical, b = horizontal;
  if (vertical_known && horizontal_known) {
    if (std::fabs(a - b) >= 1.0) return static_cast<float>(1 + std::min(a, b));
    return static_cast<float>((a + b + std::sqrt(2 - (a - b) * (a - b))) * 0.5);
  }
  if (vertical_known) return static_cast<float>(1 + a);
  if (horizontal_known) return static_cast<float>(1 + b);
  return static_cast<float>(1 + std::min(a, b));
}

class Filler {
 public:
  Filler(std::span<uint8_t> rgb, std::span<const uint8_t> hole, int64_t height, int64_t width, int radius)
      : rgb_(rgb),
        height_(height),
        width_(width),
        radius_(radius),
        missing_(height + 2, width + 2, false),
        distance_(height + 2, width + 2, kFar) {
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) missing_.at(y + 1, x + 1) = hole[static_cast<size_t>(y * width + x)] != 0;
    // The border: what touches a hole, inside the picture.
    for (int64_t row = 1; row <= height; ++row)
      for (int64_t column = 1; column <= width; ++column) {
        if (missing_.at(row, column)) continue;
        const auto around = neighbours({row, column});
        if (std::none_of(around.begin(), around.end(), [&](Point p) { return missing_.at(p.row, p.column); })) continue;
        border_.push_back({row, column});
        distance_.at(row, column) = 0;
      }
  }

  void run(HoleFilling how) {
    if (how == HoleFilling::kTelea) measure_outwards();
    Front front;
    for (const Point p : border_) front.push(p, 0);
    while (!front.empty()) {
      poll_cancelled();
      for (const Point p : neighbours(front.pop())) {
        if (p.row <= 0 || p.column <= 0 || p.row > height_ || p.column > width_ || !missing_.at(p.row, p.column))
          continue;
        const float distance = distance_of(missing_, p);
        distance_.at(p.row, p.column) = distance;
        for (int64_t c = 0; c < kChannels; ++c)
          pixel(p.row - 1, p.column - 1, c) = how == HoleFilling::kTelea ? by_telea(p, c) : by_navier_stokes(p, c);
        missing_.at(p.row, p.column) = false;
        front.push(p, distance);
      }
    }
  }

 private:
  uint8_t& pixel(int64_t y, int64_t x, int64_t c) {
    return rgb_[static_cast<size_t>((y * width_ + x) * kChannels + c)];
  }
  int value(int64_t y, int64_t x, int64_t c) const {
    return rgb_[static_cast<size_t>((y * width_ + x) * kChannels + c)];
  }

  float distance_of(const Grid<uint8_t>& unknown, Point p) const {
    float least = kFar * 2;
    for (const int64_t row : {p.row - 1, p.row + 1})
      for (const int64_t column : {p.column - 1, p.column + 1})
        least = std::min(least, distance_by(!unknown.at(row, p.column), distance_.at(row, p.column),
                                            !unknown.at(p.row, column), distance_.at(p.row, column)));
    return least;
  }

  // Outside of the holes, as far as pixels are looked at, the distance counts below zero.
  void measure_outwards() {
    Grid<uint8_t> unknown(height_ + 2, width_ + 2, false);
    for (int64_t row = 1; row <= height_; ++row)
      for (int64_t column = 1; column <= width_; ++column)
        if (missing_.at(row, column))
          for (int64_t r = std::max<int64_t>(1, row - radius_); r <= std::min(height_, row + radius_); ++r)
            for (int64_t c = std::max<int64_t>(1, column - radius_); c <= std::min(width_, column + radius_); ++c)
              unknown.at(r, c) = !missing_.at(r, c);
    Front front;
    for (const Point p : border_) {
      unknown.at(p.row, p.column) = false;
      front.push(p, 0);
    }
    std::vector<Point> reached;
    while (!front.empty()) {
      poll_cancelled();
      const Point from = front.pop();
      reached.push_back(from);
      for (const Point p : neighbours(from)) {
        if (p.row <= 0 || p.column <= 0 || !unknown.at(p.row, p.column)) continue;
        distance_.at(p.row, p.column) = distance_of(unknown, p);
        unknown.at(p.row, p.column) = false;
        front.push(p, distance_.at(p.row, p.column));
      }
    }
    for (const Point p : reached) distance_.at(p.row, p.column) = -distance_.at(p.row, p.column);
  }

  // Calls visit(row, column) for the known cells around, of the picture itself without its border.
  template <class F>
  void for_known_around(Point p, const F& visit) const {
    for (int64_t row = p.row - radius_; row <= p.row + radius_; ++row)
      for (int64_t column = p.column - radius_; column <= p.column + radius_; ++column) {
        if (row <= 0 || column <= 0 || row > height_ || column > width_ || missing_.at(row, column)) continue;
        const int64_t dy = row - p.row, dx = column - p.column;
        if (dx * dx + dy * dy <= radius_ * radius_) visit(row, column);
      }
  }

  // Where the pixel of a cell lies, and the pixels whose neighbours before and behind are those of the cell, moved
  // inwards at the picture's edges.
  struct Place {
    int64_t y, x;                // moved away from the top and the left edge
    int64_t y_behind, x_behind;  // moved away from the bottom and the right edge
  };
  Place place(int64_t row, int64_t column) const {
    return {row - 1 + (row == 1 ? 1 : 0), column - 1 + (column == 1 ? 1 : 0), row - 1 - (row == height_ ? 1 : 0),
            column - 1 - (column == width_ ? 1 : 0)};
  }

  // The gradient of the distances at a cell, from the neighbours that are known.
  static float slope(bool behind_known, float behind, bool before_known, float before, float here) {
    if (behind_known && before_known) return (behind - before) * 0.5f;
    if (behind_known) return behind - here;
    if (before_known) return here - before;
    return 0;
  }

  uint8_t by_telea(Point p, int64_t c) const {
    const auto known = [&](int64_t row, int64_t column) { return !missing_.at(row, column); };
    const float here = distance_.at(p.row, p.column);
    const float slope_x = slope(known(p.row, p.column + 1), distance_.at(p.row, p.column + 1),
                                known(p.row, p.column - 1), distance_.at(p.row, p.column - 1), here);
    const float slope_y = slope(known(p.row + 1, p.column), distance_.at(p.row + 1, p.column),
                                known(p.row - 1, p.column), distance_.at(p.row - 1, p.column), here);
    float sum = 0, along_x = 0, along_y = 0, weights = kTiny;
    for_known_around(p, [&](int64_t row, int64_t column) {
      const auto dy = static_cast<float>(p.row - row), dx = static_cast<float>(p.column - column);
      const float square = dx * dx + dy * dy;
      const auto nearness =
          static_cast<float>(1.0 / (static_cast<double>(square) * std::sqrt(static_cast<double>(square))));
      const auto level = static_cast<float>(1.0 / (1 + std::fabs(distance_.at(row, column) - here)));
      float direction = dx * slope_x + dy * slope_y;
      if (std::fabs(direction) <= kLevel) direction = kAlmostNothing;
      const float weight = std::fabs(nearness * level * direction);
      const Place at = place(row, column);
      float gradient_x = 0, gradient_y = 0;
      const bool right = known(row, column + 1), left = known(row, column - 1);
      if (right && left)
        gradient_x = static_cast<float>(value(at.y, at.x_behind + 1, c) - value(at.y, at.x - 1, c)) * 2.0f;
      else if (right) gradient_x = static_cast<float>(value(at.y, at.x_behind + 1, c) - value(at.y, at.x, c));
      else if (left) gradient_x = static_cast<float>(value(at.y, at.x_behind, c) - value(at.y, at.x - 1, c));
      const bool below = known(row + 1, column), above = known(row - 1, column);
      if (below && above)
        gradient_y = static_cast<float>(value(at.y_behind + 1, at.x, c) - value(at.y - 1, at.x, c)) * 2.0f;
      else if (below) gradient_y = static_cast<float>(value(at.y_behind + 1, at.x, c) - value(at.y, at.x, c));
      else if (above) gradient_y = static_cast<float>(value(at.y_behind, at.x, c) - value(at.y - 1, at.x, c));
      sum += weight * static_cast<float>(value(at.y, at.x, c));
      along_x -= weight * (gradient_x * dx);
      along_y -= weight * (gradient_y * dy);
      weights += weight;
    });
    const float predicted =
        sum / weights + (along_x + along_y) / (std::sqrt(along_x * along_x + along_y * along_y) + kTiny) + 0.5f;
    return rounded(static_cast<double>(predicted));
  }

  uint8_t by_navier_stokes(Point p, int64_t c) const {
    const auto known = [&](int64_t row, int64_t column) { return !missing_.at(row, column); };
    float sum = 0, weights = kTiny;
    for_known_around(p, [&](int64_t row, int64_t column) {
      const auto dy = static_cast<float>(row - p.row), dx = static_cast<float>(column - p.column);
      const float square = dx * dx + dy * dy;
      const float nearness = 1 / (square * square + 1);
      const Place at = place(row, column);
      // Changes from one pixel to the next, up and down and to both sides; one of them counts twice when it is alone.
      const auto change = [&](int64_t y, int64_t x, int64_t other_y, int64_t other_x) {
        return static_cast<float>(std::abs(value(y, x, c) - value(other_y, other_x, c)));
      };
      const auto both = [](bool behind_known, bool before_known, const auto& behind, const auto& before) {
        if (behind_known && before_known) return behind() + before();
        if (behind_known) return behind() * 2.0f;
        return before_known ? before() * 2.0f : 0.0f;
      };
      const float vertical = both(
          known(row + 1, column), known(row - 1, column),
          [&] { return change(at.y_behind + 1, at.x, at.y_behind, at.x); },
          [&] { return change(at.y_behind, at.x, at.y - 1, at.x); });
      const float horizontal = both(
          known(row, column + 1), known(row, column - 1), [&] { return change(at.y, at.x_behind + 1, at.y, at.x); },
          [&] { return change(at.y, at.x, at.y, at.x - 1); });
      // The isophote is at right angles to the gradient.
      const float dot = dx * -vertical + dy * horizontal;
      const float length = vertical * vertical + horizontal * horizontal;
      const float direction =
          std::fabs(dot) <= kLevel ? kAlmostNothing : static_cast<float>(std::fabs(dot / std::sqrt(square * length)));
      const float weight = nearness * direction;
      sum += weight * static_cast<float>(value(at.y, at.x, c));
      weights += weight;
    });
    return rounded(static_cast<double>(sum) / static_cast<double>(weights));
  }

  static uint8_t rounded(double v) {
    constexpr double kMost = 255;
    return static_cast<uint8_t>(std::clamp(std::nearbyint(v), 0.0, kMost));
  }

  std::span<uint8_t> rgb_;
  const int64_t height_, width_, radius_;
  Grid<uint8_t> missing_;
  Grid<float> distance_;
  std::vector<Point> border_;
};

}  // namespace

void close_holes(std::span<uint8_t> rgb, std::span<const uint8_t> hole, int64_t height, int64_t width, int radius,
                 HoleFilling how) {
  constexpr int64_t kLeast = 2;  // pixels each way that the gradients need
  if (height < kLeast || width < kLeast || static_cast<int64_t>(rgb.size()) != height * width * kChannels ||
      static_cast<int64_t>(hole.size()) != height * width)
    throw Error(Fault::kInvalid, "a picture of " + std::to_string(width) + "x" + std::to_string(height) +
                                     " is too small for its holes to be closed")
        .fix("Give one of at least 2 pixels each way");
  Filler(rgb, hole, height, width, std::clamp(radius, 1, 100)).run(how);
}

}  // namespace easel::image
