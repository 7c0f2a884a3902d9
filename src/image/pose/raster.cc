#include "image/pose/raster.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace easel::image {
namespace {

constexpr int kBits = 16;  // of fixed point
constexpr int64_t kOne = int64_t{1} << kBits, kHalf = kOne / 2;

void put(BytePicture& canvas, int64_t x, int64_t y, const Colour& colour) {
  if (x >= 0 && y >= 0 && x < canvas.width && y < canvas.height)
    std::copy(colour.begin(), colour.end(), canvas.at(y, x));
}

void put_row(BytePicture& canvas, int64_t y, int64_t left, int64_t right, const Colour& colour) {
  if (y < 0 || y >= canvas.height) return;
  for (int64_t x = std::max<int64_t>(left, 0); x <= std::min(right, canvas.width - 1); ++x)
    std::copy(colour.begin(), colour.end(), canvas.at(y, x));
}

// Shortens the line to what lies in 0 <= x < width, 0 <= y < height, in whole numbers. False when nothing does.
bool clip(int64_t width, int64_t height, Point& a, Point& b) {
  const int64_t right = width - 1, bottom = height - 1;
  const auto sideways = [&](const Point& p) { return (p.x < 0 ? 1 : 0) + (p.x > right ? 2 : 0); };
  const auto outside = [&](const Point& p) { return sideways(p) + (p.y < 0 ? 4 : 0) + (p.y > bottom ? 8 : 0); };
  int at_a = outside(a), at_b = outside(b);
  const auto crosses = [&] { return (at_a & at_b) == 0 && (at_a | at_b) != 0; };
  const auto share = [](int64_t part, int64_t of, int64_t whole) {
    return static_cast<int64_t>(static_cast<double>(part) * static_cast<double>(of) / static_cast<double>(whole));
  };
  constexpr int kVertical = 12, kBelow = 8;
  if (crosses()) {
    for (auto [p, at] : {std::pair{&a, &at_a}, std::pair{&b, &at_b}})
      if ((*at & kVertical) != 0) {
        const int64_t edge = *at < kBelow ? 0 : bottom;
        p->x += share(edge - p->y, b.x - a.x, b.y - a.y);
        p->y = edge;
        *at = sideways(*p);
      }
    if (crosses())
      for (auto [p, at] : {std::pair{&a, &at_a}, std::pair{&b, &at_b}})
        if (*at != 0) {
          const int64_t edge = *at == 1 ? 0 : right;
          p->y += share(edge - p->x, b.y - a.y, b.x - a.x);
          p->x = edge;
          *at = 0;
        }
  }
  return (at_a | at_b) == 0;
}

// One pixel wide, from left to right (Bresenham).
void thin_line(BytePicture& canvas, Point a, Point b, const Colour& colour) {
  if (!clip(canvas.width, canvas.height, a, b)) return;
  if (b.x < a.x) std::swap(a, b);
  int64_t along = b.x - a.x, across = std::abs(b.y - a.y);
  const int64_t step = b.y < a.y ? -1 : 1;
  const bool steep = across > along;
  if (steep) std::swap(along, across);
  int64_t error = along - 2 * across;
  for (int64_t i = 0; i <= along; ++i) {
    put(canvas, a.x, a.y, colour);
    const bool turns = error < 0;
    error += (turns ? 2 * along : 0) - 2 * across;
    if (steep) {
      a.y += step;
      a.x += turns ? 1 : 0;
    } else {
      a.x += 1;
      a.y += turns ? step : 0;
    }
  }
}

// One pixel wide, between points in fixed point.
void fine_line(BytePicture& canvas, Point a, Point b, const Colour& colour) {
  if (!clip(canvas.width << kBits, canvas.height << kBits, a, b)) return;
  const bool flat = std::abs(b.x - a.x) > std::abs(b.y - a.y);
  const auto along = [flat](Point& p) -> int64_t& { return flat ? p.x : p.y; };
  const auto across = [flat](Point& p) -> int64_t& { return flat ? p.y : p.x; };
  if (along(b) < along(a)) std::swap(a, b);
  const int64_t length = along(b) - along(a), step = ((across(b) - across(a)) * kOne) / (length | 1);
  put(canvas, (b.x + kHalf) >> kBits, (b.y + kHalf) >> kBits, colour);
  const int64_t first = (along(a) + kHalf) >> kBits;
  int64_t other = across(a) + kHalf;
  for (int64_t i = first; i <= first + (length >> kBits); ++i, other += step)
    put(canvas, flat ? i : other >> kBits, flat ? other >> kBits : i, colour);
}

// The polygon's outline, and the rows between its two sides. Corners are in fixed point of `shift` bits.
void fill_convex(BytePicture& canvas, const std::vector<Point>& corners, const Colour& colour, int shift) {
  const auto count = static_cast<int64_t>(corners.size());
  const int64_t half = (int64_t{1} << shift) >> 1;
  const auto corner = [&](int64_t i) -> const Point& { return corners[static_cast<size_t>(i)]; };
  int64_t top = 0, left_most = corner(0).x, right_most = corner(0).x, lowest = corner(0).y;
  for (int64_t i = 0; i < count; ++i) {
    const Point& before = corner((i + count - 1) % count);
    const Point& here = corner(i);
    if (here.y < corner(top).y) top = i;
    lowest = std::max(lowest, here.y);
    left_most = std::min(left_most, here.x);
    right_most = std::max(right_most, here.x);
    if (shift == 0) thin_line(canvas, before, here, colour);
    else fine_line(canvas, before, here, colour);
  }
  const auto whole = [&](int64_t v) { return (v + half) >> shift; };
  int64_t y = whole(corner(top).y);
  const int64_t last = std::min(whole(lowest), canvas.height - 1);
  constexpr int64_t kCorners = 3;
  if (count < kCorners || whole(right_most) < 0 || last < 0 || whole(left_most) >= canvas.width || y >= canvas.height)
    return;
  struct Side {
    int64_t at, step;  // the corner it goes on from, and which is next
    int64_t end, x = -kOne, dx = 0;
  };
  std::array<Side, 2> sides{Side{top, 1, y}, Side{top, count - 1, y}};
  int64_t edges = count;
  do {
    for (Side& side : sides) {
      if (y < side.end) continue;
      int64_t from = side.at, to = (from + side.step) % count;
      for (; edges-- > 0;) {
        if (const int64_t end = whole(corner(to).y); end > y) {
          const int64_t begin_x = corner(from).x << (kBits - shift), end_x = corner(to).x << (kBits - shift);
          side.end = end;
          side.dx = ((end_x - begin_x) * 2 + (end - y)) / (2 * (end - y));
          side.x = begin_x;
          side.at = to;
          break;
        }
        from = to;
        to = (to + side.step) % count;
      }
    }
    if (y >= 0) {
      const auto [left, right] = std::minmax(sides[0].x, sides[1].x);
      put_row(canvas, y, (left + kHalf) >> kBits, (right + kHalf) >> kBits, colour);
    }
    for (Side& side : sides) side.x += side.dx;
  } while (++y <= last);
}

// The outline of a circle, or all of it.
void circle(BytePicture& canvas, Point centre, int64_t radius, const Colour& colour, bool filled) {
  int64_t error = 0, dx = radius, dy = 0, plus = 1, minus = 2 * radius - 1;
  while (dx >= dy) {
    for (const auto& [across, down] : {std::pair{dx, dy}, std::pair{dy, dx}})
      for (const int64_t y : {centre.y - down, centre.y + down}) {
        if (filled) put_row(canvas, y, centre.x - across, centre.x + across, colour);
        put(canvas, centre.x - across, y, colour);
        put(canvas, centre.x + across, y, colour);
      }
    ++dy;
    error += plus;
    plus += 2;
    if (error > 0) {
      error -= minus;
      --dx;
      minus -= 2;
    }
  }
}

// The sine of whole degrees, to the seven digits that OpenCV has of it.
float sine(int64_t degrees) {
  constexpr double kDigits = 1e7, kHalfTurn = 180;
  return static_cast<float>(
      std::nearbyint(std::sin(static_cast<double>(degrees) * std::numbers::pi / kHalfTurn) * kDigits) / kDigits);
}

}  // namespace

void draw_disc(BytePicture& canvas, Point centre, int64_t radius, Colour colour) {
  circle(canvas, centre, radius, colour, true);
}

void draw_line(BytePicture& canvas, Point from, Point to, Colour colour) {
  const Point a{from.x << kBits, from.y << kBits}, b{to.x << kBits, to.y << kBits};
  const auto dx = static_cast<double>(from.x - to.x), dy = static_cast<double>(to.y - from.y);
  if (const double length = dx * dx + dy * dy; length > 0) {
    const double r = static_cast<double>(kOne) / std::sqrt(length);
    const Point aside{std::llrint(dy * r), std::llrint(dx * r)};
    fill_convex(canvas,
                {{a.x + aside.x, a.y + aside.y},
                 {a.x - aside.x, a.y - aside.y},
                 {b.x - aside.x, b.y - aside.y},
                 {b.x + aside.x, b.y + aside.y}},
                colour, kBits);
  }
  for (const Point& end : {from, to}) circle(canvas, end, 1, colour, true);
}

void draw_thin_line(BytePicture& canvas, Point from, Point to, Colour colour) { thin_line(canvas, from, to, colour); }

void draw_polygon(BytePicture& canvas, const std::vector<Point>& corners, Colour colour) {
  if (!corners.empty()) fill_convex(canvas, corners, colour, 0);
}

std::vector<Point> ellipse(Point centre, Point axes, int64_t degrees) {
  constexpr int64_t kTurn = 360, kQuarter = 90;
  const int64_t turned = ((degrees % kTurn) + kTurn) % kTurn;
  const auto cos_turn = static_cast<double>(sine(kQuarter + kTurn - turned)),
             sin_turn = static_cast<double>(sine(turned));
  std::vector<Point> out;
  for (int64_t angle = 0; angle <= kTurn; ++angle) {
    const double x = static_cast<double>(axes.x) * static_cast<double>(sine(kQuarter + kTurn - angle)),
                 y = static_cast<double>(axes.y) * static_cast<double>(sine(angle));
    const Point p{std::llrint(static_cast<double>(centre.x) + x * cos_turn - y * sin_turn),
                  std::llrint(static_cast<double>(centre.y) + x * sin_turn + y * cos_turn)};
    if (out.empty() || out.back() != p) out.push_back(p);
  }
  if (out.size() == 1) out.assign(2, centre);
  return out;
}

}  // namespace easel::image
