#include "synth/drawings/sketch.h"

#include <algorithm>
#include <cmath>

namespace easel::synth {
namespace {

float segment_distance(Point p, Point a, Point b) {
  const float ex = b.x - a.x, ey = b.y - a.y, wx = p.x - a.x, wy = p.y - a.y;
  const float t = clamp01((wx * ex + wy * ey) / std::max(1e-12f, ex * ex + ey * ey));
  return std::hypot(wx - ex * t, wy - ey * t);
}

float polygon_distance(const std::vector<Point>& points, Point p) {
  float nearest = 1e9f;
  bool inside = false;
  for (size_t i = 0, j = points.size() - 1; i < points.size(); j = i++) {
    const Point a = points[j], b = points[i];
    nearest = std::min(nearest, segment_distance(p, a, b));
    if ((a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) * (b.x - a.x) / (b.y - a.y)) inside = !inside;
  }
  return inside ? -nearest : nearest;
}

float line_distance(const std::vector<Point>& points, Point p) {
  float nearest = std::hypot(p.x - points[0].x, p.y - points[0].y);
  for (size_t i = 1; i < points.size(); ++i) nearest = std::min(nearest, segment_distance(p, points[i - 1], points[i]));
  return nearest;
}

float ridge_distance(const std::vector<Point>& points, Point p) {
  const float at = clamp01(p.x) * static_cast<float>(points.size() - 1);
  const size_t i = std::min(static_cast<size_t>(at), points.size() - 2);
  const float rise = points[i + 1].y - points[i].y, run = points[i + 1].x - points[i].x;
  const float surface = mix(points[i].y, points[i + 1].y, at - static_cast<float>(i));
  return (surface - p.y) * run / std::hypot(rise, run);
}

// Catmull and Rom's spline between the second and the third of four points.
Point between(Point a, Point b, Point c, Point d, float t) {
  const auto along = [t](float p, float q, float r, float s) {
    return 0.5f * (2 * q + (r - p) * t + (2 * p - 5 * q + 4 * r - s) * t * t + (3 * q - p - 3 * r + s) * t * t * t);
  };
  return {along(a.x, b.x, c.x, d.x), along(a.y, b.y, c.y, d.y)};
}

constexpr int kPieces = 5;  // of a curve, from one given point to the next

}  // namespace

float Outline::distance(Point at) const {
  switch (kind) {
    case Kind::kPolygon: return polygon_distance(points, at);
    case Kind::kLine: return line_distance(points, at) - radius.x;
    case Kind::kRidge: return ridge_distance(points, at);
    case Kind::kEllipse: break;
  }
  const float dx = at.x - points[0].x, dy = at.y - points[0].y;
  const float x = (dx * cosine + dy * sine) / radius.x, y = (dy * cosine - dx * sine) / radius.y;
  const float k = std::hypot(x, y), gradient = std::hypot(x / radius.x, y / radius.y);
  return gradient < 1e-6f ? -std::min(radius.x, radius.y) : k * (k - 1) / gradient;
}

Box Outline::bounds() const {
  Box box{{1e9f, 1e9f}, {-1e9f, -1e9f}};
  float margin = 0;
  if (kind == Kind::kEllipse) margin = std::max(radius.x, radius.y);
  if (kind == Kind::kLine) margin = radius.x;
  for (const Point p : points) {
    box.low = {std::min(box.low.x, p.x - margin), std::min(box.low.y, p.y - margin)};
    box.high = {std::max(box.high.x, p.x + margin), std::max(box.high.y, p.y + margin)};
  }
  if (kind == Kind::kRidge) box.high.y = 1;
  return box;
}

Point Sketch::placed(Point p) const {
  const float x = frame_.mirrored ? -p.x : p.x, turn = frame_.mirrored ? -frame_.turn : frame_.turn;
  const float c = std::cos(turn), s = std::sin(turn);
  return {frame_.foot.x + frame_.scale * (x * c + p.y * s), frame_.foot.y - frame_.scale * (p.y * c - x * s)};
}

int Sketch::add(Outline shape, const Paint& paint) {
  layers.push_back({std::move(shape), paint, within_});
  return static_cast<int>(layers.size()) - 1;
}

int Sketch::polygon(std::vector<Point> points, const Paint& paint) {
  for (Point& p : points) p = placed(p);
  return add({Outline::Kind::kPolygon, std::move(points), {}}, paint);
}

int Sketch::box(Point low, Point high, const Paint& paint) {
  return polygon({low, {high.x, low.y}, high, {low.x, high.y}}, paint);
}

int Sketch::ellipse(Point centre, float radius_x, float radius_y, const Paint& paint, float turn) {
  const float angle = frame_.mirrored ? -(turn + frame_.turn) : turn + frame_.turn;
  return add({Outline::Kind::kEllipse,
              {placed(centre)},
              {radius_x * frame_.scale, radius_y * frame_.scale},
              std::cos(angle),
              std::sin(angle)},
             paint);
}

int Sketch::line(std::vector<Point> points, float radius, const Paint& paint) {
  for (Point& p : points) p = placed(p);
  return add({Outline::Kind::kLine, std::move(points), {radius * frame_.scale, 0}}, paint);
}

int Sketch::curve(const std::vector<Point>& points, float radius, const Paint& paint) {
  std::vector<Point> fine;
  const size_t n = points.size();
  for (size_t i = 0; i + 1 < n; ++i)
    for (int k = 0; k < kPieces; ++k)
      fine.push_back(between(points[i > 0 ? i - 1 : 0], points[i], points[i + 1], points[std::min(i + 2, n - 1)],
                             static_cast<float>(k) / kPieces));
  fine.push_back(points.back());
  return line(std::move(fine), radius, paint);
}

int Sketch::blob(const std::vector<Point>& points, const Paint& paint) {
  std::vector<Point> fine;
  const size_t n = points.size();
  for (size_t i = 0; i < n; ++i)
    for (int k = 0; k < kPieces; ++k)
      fine.push_back(between(points[(i + n - 1) % n], points[i], points[(i + 1) % n], points[(i + 2) % n],
                             static_cast<float>(k) / kPieces));
  return polygon(std::move(fine), paint);
}

int Sketch::ridge(const std::vector<float>& heights, const Paint& paint) {
  std::vector<Point> points;
  for (size_t i = 0; i < heights.size(); ++i)
    points.push_back({static_cast<float>(i) / static_cast<float>(heights.size() - 1), 1 - heights[i]});
  return add({Outline::Kind::kRidge, std::move(points), {}}, paint);
}

}  // namespace easel::synth
