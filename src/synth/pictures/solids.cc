#include "synth/pictures/solids.h"

#include <algorithm>

namespace easel::synth {
namespace {

constexpr int kMostSteps = 64;

// The part of a ray inside a sphere; empty if it ends before it begins.
struct Span {
  float from, to;
};
Span pass(const Ray& ray, Vec centre, float radius) {
  const Vec away = ray.from - centre;
  const float b = dot(away, ray.along), c = dot(away, away) - radius * radius, d = b * b - c;
  if (d < 0) return {1, 0};
  const float root = std::sqrt(d);
  return {std::max(0.0f, -b - root), -b + root};
}

}  // namespace

Hit first_hit(std::span<const Solid> solids, const Ray& ray, float limit) {
  Hit hit{limit, -1};
  for (size_t i = 0; i < solids.size(); ++i) {
    const Solid& solid = solids[i];
    const Span span = pass(ray, solid.centre, solid.bound);
    float t = span.from;
    for (int step = 0; step < kMostSteps && t < std::min(span.to, hit.t); ++step) {
      const float free = solid.distance(ray.at(t) - solid.centre);
      if (free < 0.0004f * (1.0f + t)) {
        hit = {t, static_cast<int>(i)};
        break;
      }
      t += free;
    }
  }
  return hit;
}

Vec normal(const Solid& solid, Vec at) {
  constexpr float kStep = 0.0012f;
  const Vec p = at - solid.centre;
  const auto slope = [&](Vec d) { return solid.distance(p + d) - solid.distance(p - d); };
  return normalized({slope({kStep, 0, 0}), slope({0, kStep, 0}), slope({0, 0, kStep})});
}

// A ray that passes a solid at distance h after t leaves an angle of h / t free; the smallest such angle counts.
float light_seen(std::span<const Solid> solids, const Ray& ray, float distance, float sharpness, int but) {
  float seen = 1;
  for (size_t i = 0; i < solids.size(); ++i) {
    if (static_cast<int>(i) == but) continue;
    const Solid& solid = solids[i];
    const float reach = solid.bound + length(solid.centre - ray.from) / sharpness;
    const Span span = pass(ray, solid.centre, reach);
    float t = std::max(span.from, 0.01f), gap = 1;
    for (int step = 0; step < 28 && t < std::min(span.to, distance) && gap > -1; ++step) {
      const float free = solid.distance(ray.at(t) - solid.centre);
      gap = std::min(gap, sharpness * free / t);
      t += std::clamp(std::abs(free), 0.02f, 0.35f);
    }
    // From -1 (wholly behind) to 1 (wholly free).
    const float part = clamp01(0.5f + 0.5f * gap);
    seen = std::min(seen, part * part * (3.0f - 2.0f * part));
  }
  return seen;
}

float openness(std::span<const Solid> solids, Vec at, Vec facing, float size, int but) {
  float open = 1;
  for (size_t i = 0; i < solids.size(); ++i) {
    if (static_cast<int>(i) == but) continue;
    const Vec to = solids[i].centre - at;
    const float radius = solids[i].bound * size, distance = std::max(length(to), radius);
    const float facing_it = clamp01(0.3f + 0.7f * dot(facing, to) / distance);
    open *= 1.0f - 0.9f * facing_it * (radius * radius) / (distance * distance);
  }
  return open;
}

}  // namespace easel::synth
