// Solids given by distance functions, rays that meet them, and the light of a large window.
#pragma once

#include <span>

#include "synth/pictures/paint.h"

namespace easel::synth {

// Inside the sphere (centre, bound) a solid lies where `distance`, taken from its centre, is below 0.
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

// The first solid a ray meets before `limit`.
Hit first_hit(std::span<const Solid> solids, const Ray& ray, float limit);

// Which way a solid's surface faces.
Vec normal(const Solid& solid, Vec at);

// How much of a light of angular size 1 / sharpness, `distance` away along the ray, is seen past the solids; 0..1.
float light_seen(std::span<const Solid> solids, const Ray& ray, float distance, float sharpness, int but = -1);

// How much of the sky around a surface is free of the solids' spheres, scaled by `size`; 0..1.
float openness(std::span<const Solid> solids, Vec at, Vec facing, float size, int but = -1);

// Shapes to make distance functions of.
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
