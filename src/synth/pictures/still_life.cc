// Fruit and a jug on a table, in the light of a window on the left.
#include <array>

#include "synth/pictures/solids.h"

namespace easel::synth {
namespace {

float apple(Vec p) {
  const float around = std::hypot(p.x, p.z);
  const float lobes = 0.012f * std::cos(5.0f * std::atan2(p.z, p.x)) * smoothstep(0.1f, -0.35f, p.y);
  const float body = std::hypot(around - 0.13f, p.y * 1.02f + 0.03f * around) - 0.245f + lobes;
  return std::max(body, -0.5f) * 0.85f;
}

float pear(Vec p) {
  return join(egg(p - Vec{0, -0.12f, 0}, {0.33f, 0.31f, 0.33f}), egg(p - Vec{0.04f, 0.25f, 0}, {0.165f, 0.22f, 0.165f}),
              0.24f);
}

float orange(Vec p) { return ball({p.x, p.y * 1.04f, p.z}, 0.33f) * 0.95f; }

float lemon(Vec p) {
  // Lies on its side, turned towards us.
  const Vec q{0.80f * p.x - 0.60f * p.z, p.y, 0.60f * p.x + 0.80f * p.z};
  return join(egg(q, {0.30f, 0.205f, 0.205f}), egg(q - Vec{0.275f, 0, 0}, {0.085f, 0.055f, 0.055f}), 0.10f);
}

float grape(Vec p) { return egg(p, {0.115f, 0.125f, 0.115f}); }

// Turned on a wheel: a radius for each height, walls hollow at the neck.
float jug_radius(float y) {
  const float belly = 0.46f * std::exp(-std::pow((y + 0.28f) / 0.52f, 2.0f));
  const float neck = 0.145f + 0.075f * smoothstep(0.52f, 0.86f, y);
  return std::max(0.0f, mix(0.22f + belly * 0.62f, neck, smoothstep(0.22f, 0.52f, y)));
}

float jug(Vec p) {
  const float around = std::hypot(p.x, p.z);
  const float wall = around - jug_radius(p.y);
  const float outside = std::max(wall, std::abs(p.y + 0.01f) - 0.84f);
  const float hollow = std::max(wall + 0.035f, 0.25f - p.y);
  const float body = carve(outside, hollow, 0.02f) - 0.012f;
  const float ring = std::hypot(std::hypot((p.x - 0.36f) * 1.05f, (p.y - 0.34f) * 0.80f) - 0.21f, p.z) - 0.042f;
  const float handle = std::max(ring, 0.155f - p.x);
  return join(body, handle, 0.07f) * 0.72f;
}

float stalk_a(Vec p) { return capsule(p, {0, -0.09f, 0}, {0.035f, 0.09f, 0.01f}, 0.012f, 0.016f); }
float stalk_p(Vec p) { return capsule(p, {0, -0.09f, 0}, {0.06f, 0.10f, 0.0f}, 0.014f, 0.019f); }

enum Thing { kApple, kPear, kOrange, kLemon, kJug, kStalkA, kStalkP, kFirstGrape };

constexpr std::array<Solid, 20> kSolids{
    {{{-0.12f, 0.268f, 0.62f}, 0.42f, apple},  {{0.56f, 0.428f, 0.10f}, 0.52f, pear},
     {{0.02f, 0.320f, -0.22f}, 0.36f, orange}, {{0.58f, 0.205f, 0.80f}, 0.40f, lemon},
     {{-0.56f, 0.850f, -0.30f}, 0.98f, jug},   {{-0.12f, 0.500f, 0.62f}, 0.14f, stalk_a},
     {{0.60f, 0.950f, 0.10f}, 0.16f, stalk_p}, {{-0.66f, 0.12f, 0.78f}, 0.13f, grape},
     {{-0.86f, 0.12f, 0.70f}, 0.13f, grape},   {{-0.74f, 0.12f, 0.98f}, 0.13f, grape},
     {{-0.95f, 0.12f, 0.92f}, 0.13f, grape},   {{-0.55f, 0.12f, 0.99f}, 0.13f, grape},
     {{-1.07f, 0.12f, 0.72f}, 0.13f, grape},   {{-0.76f, 0.29f, 0.83f}, 0.13f, grape},
     {{-0.94f, 0.28f, 0.79f}, 0.13f, grape},   {{-0.62f, 0.27f, 0.90f}, 0.13f, grape},
     {{-0.82f, 0.42f, 0.80f}, 0.13f, grape},   {{-1.16f, 0.12f, 0.95f}, 0.13f, grape},
     {{-0.38f, 0.12f, 1.06f}, 0.13f, grape},   {{0.98f, 0.12f, 0.62f}, 0.13f, grape}}};

constexpr Vec kEye{0.0f, 1.28f, 4.6f}, kLookAt{-0.02f, 0.60f, 0.0f};
constexpr Vec kWindow{-3.4f, 3.3f, 2.3f};
constexpr float kWall = -1.5f;

Colour fruit_colour(int thing, Vec p, Vec facing) {
  const float turn = std::atan2(p.z, p.x);
  switch (thing) {
    case kApple: {
      const float streak = cloud(turn * 5.0f, p.y * 2.2f, 4, 7),
                  blush = smoothstep(-0.9f, 0.7f, facing.x + 0.5f * facing.y);
      const Colour skin = mix(rgb(0.88f, 0.72f, 0.22f), rgb(0.78f, 0.09f, 0.10f),
                              smoothstep(0.22f, 0.52f, streak + 0.38f * blush - 0.08f));
      return mix(skin, rgb(0.62f, 0.60f, 0.24f),
                 smoothstep(0.19f, 0.10f, std::hypot(p.x, p.z)) * (p.y > 0 ? 0.8f : 0.0f));
    }
    case kPear: {
      const float freckle =
          smoothstep(0.62f, 0.85f, noise(turn * 22.0f, p.y * 62.0f, 9) * noise(turn * 5.0f, p.y * 9.0f, 10) * 1.5f);
      const Colour skin = mix(rgb(0.80f, 0.76f, 0.28f), rgb(0.60f, 0.68f, 0.22f), cloud(turn * 2.0f, p.y * 4.0f, 4, 8));
      return mix(mix(skin, rgb(0.80f, 0.45f, 0.22f), 0.55f * smoothstep(0.0f, 0.9f, facing.x)),
                 rgb(0.45f, 0.33f, 0.15f), 0.5f * freckle);
    }
    case kOrange: return mix(rgb(0.98f, 0.55f, 0.10f), rgb(0.92f, 0.44f, 0.06f), cloud(turn * 4.0f, p.y * 9.0f, 3, 5));
    case kLemon:
      return mix(rgb(0.98f, 0.87f, 0.24f), rgb(0.92f, 0.78f, 0.18f), cloud(p.x * 9.0f, p.y * 9.0f + p.z * 5.0f, 3, 6));
    case kJug: {
      const float glaze = p.y + 0.10f * cloud(turn * 2.2f, 1.0f, 4, 12) - 0.05f;
      const Colour clay =
          mix(rgb(0.62f, 0.42f, 0.30f), rgb(0.50f, 0.32f, 0.22f), cloud(turn * 12.0f, p.y * 60.0f, 3, 13));
      const Colour blue =
          mix(rgb(0.16f, 0.34f, 0.48f), rgb(0.34f, 0.58f, 0.66f), cloud(turn * 4.0f, p.y * 5.0f, 5, 14));
      const Colour body = mix(clay, blue, smoothstep(-0.42f, -0.38f, glaze));
      return mix(body, rgb(0.90f, 0.86f, 0.76f), 0.8f * smoothstep(0.024f, 0.016f, std::abs(p.y - 0.16f)));
    }
    case kStalkA:
    case kStalkP: return rgb(0.34f, 0.24f, 0.13f);
    default:
      return mix(rgb(0.26f, 0.10f, 0.24f), rgb(0.38f, 0.36f, 0.50f),
                 0.55f * cloud(turn * 2.0f + p.x * 9.0f, p.y * 8.0f, 4, 15));
  }
}

struct Surface {
  Colour colour;
  float gloss;
};

float gloss_of(int thing) {
  if (thing == kJug) return 0.85f;
  if (thing == kStalkA || thing == kStalkP) return 0.02f;
  if (thing == kPear) return 0.16f;
  if (thing == kOrange || thing == kLemon) return 0.24f;
  return thing >= kFirstGrape ? 0.34f : 0.60f;
}

// Peel is not smooth.
Vec roughened(int thing, Vec facing, Vec p) {
  if (thing != kOrange && thing != kLemon) return facing;
  constexpr float kScale = 58.0f, kDepth = 0.16f;
  const float u = (p.x + 0.8f * p.z) * kScale, v = (p.y - 0.6f * p.z) * kScale, here = noise(u, v, 31);
  return normalized(facing + Vec{noise(u + 0.5f, v, 31) - here, noise(u, v + 0.5f, 31) - here, 0} * kDepth);
}

Colour wood(Vec at) {
  const float plank = std::floor(at.z / 0.62f + 40.0f);
  const float shift = hash(static_cast<int32_t>(plank), 5) * 20.0f;
  const float bend = 0.5f * cloud(at.x * 0.7f + shift, at.z * 1.5f, 3, 20);
  const float ring = std::abs(std::sin((at.z * 2.6f + bend * 2.2f) * 9.0f + shift));
  const float fibre = cloud(at.x * 1.6f + shift, at.z * 60.0f, 4, 22);
  Colour c = mix(rgb(0.50f, 0.32f, 0.19f), rgb(0.33f, 0.19f, 0.11f), 0.55f * ring * ring + 0.45f * fibre);
  c = c * (0.88f + 0.24f * hash(static_cast<int32_t>(plank), 8));
  const float seam = std::abs(at.z / 0.62f + 40.0f - plank - 0.5f);
  return c * (0.35f + 0.65f * smoothstep(0.498f, 0.488f, seam));
}

Colour wall(Vec at) {
  const float plaster = 0.90f + 0.22f * (cloud(at.x * 1.7f, at.y * 1.7f, 6, 24) - 0.5f);
  return rgb(0.50f, 0.47f, 0.42f) * plaster;
}

// The reflection of the window: four panes.
float window_mirrored(Vec at, Vec direction) {
  const Vec facing = normalized(Vec{0, 0.8f, 0} - kWindow), right = normalized(cross(facing, {0, 1, 0})),
            up = cross(right, facing);
  const float toward = dot(direction, facing * -1.0f);
  if (toward <= 0.02f) return 0;
  const Vec on = direction * (dot(kWindow - at, facing * -1.0f) / toward) + at - kWindow;
  const float u = std::abs(dot(on, right)), v = std::abs(dot(on, up));
  const float pane = smoothstep(0.86f, 0.80f, u) * smoothstep(1.16f, 1.10f, v);
  return pane * smoothstep(0.03f, 0.07f, u) * smoothstep(0.03f, 0.07f, v);
}

Colour lit(Vec at, Vec facing, const Surface& surface, Vec seen_from, int but) {
  const Vec to = kWindow - at;
  const float distance = length(to), facing_light = clamp01(0.06f + 0.94f * dot(facing, to) / distance);
  const float seen = light_seen(kSolids, {at + facing * 0.004f, normalized(to)}, distance, 3.2f, but);
  const float open =
      openness(kSolids, at, facing, 0.80f, but) *
      (at.y < 0.6f && but >= 0 ? mix(0.55f, 1.0f, smoothstep(0.0f, 0.5f, at.y + 0.3f * facing.y + 0.1f)) : 1.0f);
  const Colour window = Colour{1.0f, 0.93f, 0.80f} * (22.0f * facing_light * seen / (distance * distance));
  const Colour room = mix(Colour{0.11f, 0.085f, 0.07f}, Colour{0.15f, 0.17f, 0.21f}, 0.5f + 0.5f * facing.y) * open;
  const Colour bounce = Colour{0.10f, 0.055f, 0.028f} * (clamp01(-facing.y * 0.5f + 0.4f) * open);
  const Vec view = normalized(seen_from - at), mirrored = facing * (2.0f * dot(facing, view)) - view;
  const float rim = std::pow(1.0f - clamp01(dot(facing, view)), 5.0f);
  const float shine = window_mirrored(at, mirrored) * surface.gloss * (0.35f + 0.65f * seen) * (0.55f + 2.0f * rim);
  return surface.colour * (window + room + bounce) + Colour{1.0f, 0.96f, 0.88f} * (1.5f * shine) +
         Colour{0.2f, 0.22f, 0.25f} * (0.5f * rim * surface.gloss * open);
}

Colour solid_light(const Ray& ray, const Hit& hit) {
  const Solid& solid = kSolids[static_cast<size_t>(hit.solid)];
  const Vec at = ray.at(hit.t), p = at - solid.centre, facing = normal(solid, at);
  const Surface surface{fruit_colour(hit.solid, p, facing), gloss_of(hit.solid)};
  return lit(at, roughened(hit.solid, facing, p), surface, ray.from, hit.solid);
}

Colour room_light(const Ray& ray, bool mirrors) {
  const float to_table = ray.along.y < -1e-4f ? -ray.from.y / ray.along.y : 1e9f;
  const float to_wall = ray.along.z < -1e-4f ? (kWall - ray.from.z) / ray.along.z : 1e9f;
  if (to_wall < to_table) {
    const Vec at = ray.at(to_wall);
    const float fade = mix(0.42f, 1.0f, smoothstep(1.7f, -1.6f, at.x)) * mix(1.0f, 0.55f, smoothstep(0.8f, 2.6f, at.y));
    return lit(at, {0, 0, 1}, {wall(at), 0.0f}, ray.from, -1) * fade;
  }
  const Vec at = ray.at(to_table);
  const Colour c = lit(at, {0, 1, 0}, {wood(at), 0.06f}, ray.from, -1);
  if (!mirrors) return c;
  const Ray mirrored{at + Vec{0, 0.003f, 0}, {ray.along.x, -ray.along.y, ray.along.z}};
  const Hit hit = first_hit(kSolids, mirrored, 6.0f);
  const float polish = 0.05f + 0.45f * std::pow(1.0f - clamp01(-ray.along.y), 4.0f);
  const Colour reflection = hit.solid >= 0 ? solid_light(mirrored, hit) : Colour{0.07f, 0.065f, 0.06f};
  return c * (1.0f - 0.5f * polish) + reflection * (polish * (hit.solid >= 0 ? std::exp(-1.2f * hit.t) : 0.5f));
}

}  // namespace

Colour still_life(const Spot& spot) {
  const Vec forward = normalized(kLookAt - kEye), right = normalized(cross(forward, {0, 1, 0})),
            up = cross(right, forward);
  const Ray ray{kEye, normalized(forward * 3.35f + right * spot.x + up * spot.y)};
  const Hit hit = first_hit(kSolids, ray, 12.0f);
  const Colour c = hit.solid >= 0 ? solid_light(ray, hit) : room_light(ray, true);
  return c * 1.25f * (1.0f - 0.16f * smoothstep(0.7f, 1.7f, std::hypot(spot.x, spot.y)));
}

}  // namespace easel::synth
