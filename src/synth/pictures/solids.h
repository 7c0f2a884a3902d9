// Solids given by distance functions, rays that meet them, and the light of a large window.
#pragma once

#include <span>

#include "synth/pictures/paint.h"

namespace easel::synth {

// A solid within the sphere (centre, bound): the points where `distance`, relative to the centre, is below 0.
struct Solid {
  Vec centre;
  float bound;
  float (*distance)(Vec from_centre);
};

struct Ray {
  Vec from, along;  // a unit vector
  Vec at(float t) const { return from + along * t; }
};

struct Hit {
  float t = 1e9f;
  int solid = -1;  // none
};

// The first solid that a ray hits before `limit`.
Hit first_hit(std::span<const Solid> solids, const Ray& ray, float limit);

// The normal of a solid's surface.
Vec normal(const Solid& solid, Vec at);

// The visible part, 0..1, of a light of angular size 1 / sharpness at `distance` along the ray, past all solids but
// `but`.
float light_seen(std::span<const Solid> solids, const Ray& ray, float distance, float sharpness, int but = -1);

// The part of the sky, 0..1, that the solids' spheres, scaled by `size`, leave visible from a surface.
float openness(std::span<const Solid> solids, Vec at, Vec facing, float size, int but = -1);

// Shapes from which distance functions are made.
inline float ball(Vec p, float radius) { return length(p) - radius; }
inline float egg(Vec p, Vec radii) {
  const Vec q{p.x / radii.x, p.y / radii.y, p.z / radii.z};
  const Vec g{q.x / radii.x, q.y / radii.y, q.z / radii.z};
  const float k = length(q);
  return k * (k - 1.0f) / std::max(1e-6f, length(g));
}
inline float capsule(Vec p, Vec a, Vec b, float radius_a, float radius_b) {
  const Vec ab = b - a;
  const float t = clamp01(dot(p - a, ab) / dot(ab, ab));
  return length(p - a - ab * t) - mix(radius_a, radius_b, t);
}
// Union, and difference, with a joint rounded over `soft`.
inline float join(float a, float b, float soft) {
  const float h = std::max(0.0f, soft - std::abs(a - b)) / soft;
  return std::min(a, b) - h * h * soft * 0.25f;
}
inline float carve(float a, float b, float soft) { return -join(-a, b, soft); }

}  // namespace easel::synth
