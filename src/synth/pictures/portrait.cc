// A young woman in a dark pullover, in three-quarter view, before an evening street out of focus.
#include <algorithm>
#include <array>

#include "synth/pictures/solids.h"

namespace easel::synth {
namespace {

// The head is turned to our left; its own axes: x to its left, y up, z out of the face.
constexpr float kTurnCos = 0.9211f, kTurnSin = 0.3894f;
Vec to_head(Vec p) { return {kTurnCos * p.x + kTurnSin * p.z, p.y, kTurnCos * p.z - kTurnSin * p.x}; }

constexpr Vec kEyeball{0.172f, 0.030f, 0.362f};
constexpr float kEyeRadius = 0.094f;

float eye_at(Vec q) { return ball(q - kEyeball, kEyeRadius); }

// The line where the lips meet: level in the middle, up at the corners.
float lip_line(float x) { return -0.345f + 1.1f * x * x; }

float mouth(Vec q, float face) {
  const float upper = std::min(capsule(q, {0.004f, -0.327f, 0.450f}, {0.118f, -0.326f, 0.378f}, 0.022f, 0.008f),
                               ball(q - Vec{0.026f, -0.324f, 0.450f}, 0.021f));
  const float lower = capsule(q, {0, -0.371f, 0.443f}, {0.090f, -0.352f, 0.402f}, 0.028f, 0.010f);
  const float lips = join(join(face, upper, 0.035f), lower, 0.035f);
  return carve(lips, egg(q - Vec{0, lip_line(q.x), 0.47f}, {0.128f, 0.006f, 0.065f}), 0.014f);
}

float nose(Vec q, float face) {
  float d = join(face, capsule(q, {0, 0.10f, 0.425f}, {0, -0.125f, 0.540f}, 0.040f, 0.048f), 0.085f);
  d = join(d, ball(q - Vec{0, -0.140f, 0.535f}, 0.056f), 0.04f);
  d = join(d, egg(q - Vec{0.062f, -0.165f, 0.478f}, {0.042f, 0.036f, 0.055f}), 0.035f);
  return carve(d, egg(q - Vec{0.033f, -0.200f, 0.505f}, {0.018f, 0.014f, 0.03f}), 0.015f);
}

float eyelids(Vec q, float face) {
  const Vec e = q - kEyeball;
  const float opening = egg(e - Vec{0.004f, -0.006f - 0.10f * e.x * e.x * 9.0f, 0.09f}, {0.092f, 0.037f, 0.075f});
  const float lid = carve(ball(e, kEyeRadius + 0.013f), opening, 0.012f);
  const float socket = carve(face, egg(q - Vec{0.175f, 0.040f, 0.475f}, {0.125f, 0.070f, 0.085f}), 0.09f);
  const float crease =
      carve(join(socket, lid, 0.030f), std::abs(opening - 0.030f) - 0.002f + (e.y < 0.01f ? 0.05f : 0.0f), 0.010f);
  return carve(crease, opening, 0.006f);
}

float head(Vec p) {
  Vec q = to_head(p);
  q.x = std::abs(q.x);
  float d = join(egg(q - Vec{0, 0.17f, -0.06f}, {0.430f, 0.49f, 0.53f}),
                 egg(q - Vec{0, -0.15f, 0.075f}, {0.305f, 0.435f, 0.375f}), 0.24f);
  const float neck = capsule(q, {0, -0.40f, -0.10f}, {0, -1.05f, -0.20f}, 0.165f, 0.215f);
  if (std::min(d, neck) > 0.2f) return (std::min(d, neck) - 0.12f) * 0.8f;  // too far away for the features to matter
  d = join(d, egg(q - Vec{0, -0.505f, 0.275f}, {0.095f, 0.085f, 0.095f}), 0.17f);
  d = join(d, capsule(q, {0.225f, -0.33f, 0.04f}, {0.04f, -0.515f, 0.235f}, 0.055f, 0.06f), 0.18f);
  d = join(d, ball(q - Vec{0.190f, -0.105f, 0.295f}, 0.120f), 0.16f);
  d = join(d, capsule(q, {0.05f, 0.140f, 0.395f}, {0.25f, 0.160f, 0.305f}, 0.042f, 0.036f), 0.11f);
  d = eyelids(q, d);
  d = nose(q, d);
  d = mouth(q, d);
  return join(d, neck, 0.10f) * 0.8f;
}

float eyes(Vec p) {
  Vec q = to_head(p);
  q.x = std::abs(q.x);
  return eye_at(q);
}

float hair(Vec p) {
  Vec q = to_head(p);
  const float side = q.x;
  q.x = std::abs(q.x);
  float d = egg(q - Vec{0, 0.205f, -0.095f}, {0.490f, 0.530f, 0.565f});
  d = join(d, capsule(q, {0.385f, 0.15f, -0.02f}, {0.395f, -0.50f, 0.04f}, 0.15f, 0.095f), 0.20f);
  d = join(d, capsule(q, {0.20f, 0.10f, -0.42f}, {0.24f, -0.56f, -0.24f}, 0.24f, 0.20f), 0.25f);
  if (d > 0.15f) return (d - 0.05f) * 0.8f;
  const float strand = 0.012f * (noise(std::atan2(side, q.z + 0.1f) * 14.0f, q.y * 1.4f, 3) - 0.5f);
  // The parting lies over her left eye; the hair sweeps across the forehead from there.
  const float sweep = 0.315f + 0.20f * smoothstep(-0.36f, 0.14f, side) - 0.26f * smoothstep(0.18f, 0.42f, side);
  const float window = egg(q - Vec{0, -0.22f, 0.52f}, {0.300f, 0.66f, 0.50f});
  const float face = std::max(window, std::max(q.y - sweep, -0.25f - q.z));
  return (carve(d, face, 0.06f) + strand) * 0.75f;
}

float knit(Vec p) { return std::cos(p.x * 84.0f) * std::cos(p.y * 70.0f + 2.0f * std::cos(p.x * 84.0f)); }

float pullover(Vec p) {
  Vec q{std::abs(p.x), p.y, p.z};
  float d = egg(q - Vec{0, -1.66f, -0.20f}, {0.90f, 0.66f, 0.44f});
  d = join(d, capsule(q, {0.18f, -1.08f, -0.18f}, {0.76f, -1.33f, -0.22f}, 0.15f, 0.21f), 0.20f);
  const float around = std::hypot(q.x, q.z + 0.175f);
  const float collar =
      std::max(std::abs(around - 0.238f + 0.05f * (p.y + 0.86f)) - 0.034f, std::abs(p.y + 0.92f) - 0.135f) - 0.022f;
  d = join(d, collar, 0.05f);
  if (d > 0.1f) return (d - 0.02f) * 0.8f;
  const float ribs = 0.005f * std::cos(46.0f * std::atan2(p.x, p.z + 0.175f)) * smoothstep(0.04f, 0.0f, collar);
  return (d + ribs + 0.0022f * knit(p)) * 0.8f;
}

enum Part { kHead, kEyes, kHair, kPullover };
constexpr Vec kCentre{0.02f, 0.06f, 0.0f};
constexpr std::array<Solid, 4> kSolids{
    {{kCentre, 1.30f, head}, {kCentre, 0.62f, eyes}, {kCentre, 1.00f, hair}, {kCentre, 2.6f, pullover}}};
constexpr std::array<Solid, 3> kShadows{{kSolids[kHead], kSolids[kHair], kSolids[kPullover]}};

constexpr Vec kKey{-2.6f, 2.1f, 3.0f}, kRim{2.4f, 1.5f, -1.6f};

Colour skin(Vec q) {
  const float x = std::abs(q.x);
  Colour c = mix(rgb(0.89f, 0.70f, 0.60f), rgb(0.84f, 0.62f, 0.52f), cloud(q.x * 7.0f, q.y * 7.0f, 4, 2));
  const float cheek = bump(std::hypot(x - 0.215f, q.y + 0.125f), 0.12f),
              tip = bump(std::hypot(x, q.y + 0.15f), 0.07f) * smoothstep(0.4f, 0.5f, q.z);
  c = mix(c, rgb(0.86f, 0.48f, 0.44f), 0.42f * cheek + 0.25f * tip);
  c = mix(c, rgb(0.66f, 0.42f, 0.38f), 0.35f * bump(std::hypot((x - 0.17f) / 1.5f, q.y - 0.052f), 0.06f));
  // Lips.
  const float bow = -0.304f - 0.014f * bump(x, 0.014f) - 0.4f * x * x - 0.018f * smoothstep(0.06f, 0.12f, x);
  const float edge = -0.400f + 3.2f * x * x;
  const float front = smoothstep(0.28f, 0.34f, q.z);
  const float lips = smoothstep(bow + 0.008f, bow - 0.004f, q.y) * smoothstep(edge - 0.008f, edge + 0.005f, q.y) *
                     smoothstep(0.134f, 0.118f, x) * front;
  c = mix(c, mix(rgb(0.78f, 0.36f, 0.36f), rgb(0.66f, 0.26f, 0.28f), smoothstep(-0.36f, -0.32f, q.y)), 0.85f * lips);
  const float seam = bump(q.y - lip_line(x), 0.006f) * smoothstep(0.128f, 0.105f, x) * front;
  c = mix(c, rgb(0.30f, 0.09f, 0.10f), 0.8f * seam);
  // Brows: hairs that lean outwards.
  const float arch = 0.176f + 0.030f * smoothstep(0.06f, 0.21f, x) - 0.045f * smoothstep(0.20f, 0.31f, x);
  const float thick = 0.019f * smoothstep(0.325f, 0.12f, x) + 0.004f;
  const float hairs = 0.65f + 0.35f * noise((x + 0.6f * q.y) * 150.0f, q.y * 30.0f, 41);
  const float brow = smoothstep(thick, thick * 0.45f, std::abs(q.y - arch)) * smoothstep(0.055f, 0.085f, x) *
                     smoothstep(0.32f, 0.28f, x) * smoothstep(0.1f, 0.2f, q.z);
  c = mix(c, rgb(0.20f, 0.12f, 0.09f), 0.85f * brow * hairs);
  // Lashes along the upper lid, shadow below.
  const Vec e = Vec{x, q.y, q.z} - kEyeball;
  const float opening = egg(e - Vec{0.004f, -0.006f - 0.9f * e.x * e.x, 0.09f}, {0.092f, 0.037f, 0.075f});
  const float lash =
      smoothstep(0.013f, 0.003f, opening) * smoothstep(0.105f, 0.095f, std::abs(e.x)) * smoothstep(0.0f, 0.05f, e.z);
  return mix(c, rgb(0.10f, 0.06f, 0.05f), lash * (e.y > -0.004f ? 0.92f : 0.35f));
}

Colour eye_colour(Vec q, float side) {
  Vec e = Vec{std::abs(q.x), q.y, q.z} - kEyeball;
  e.x = side > 0 ? e.x : -e.x;
  // She looks at us: along the view, in the head's axes.
  const Vec gaze = normalized(Vec{0.335f, -0.01f, 0.94f});
  const float off = std::acos(std::clamp(dot(normalized(e), gaze), -1.0f, 1.0f)), around = std::atan2(e.y, e.x);
  Colour c = mix(rgb(0.90f, 0.87f, 0.85f), rgb(0.80f, 0.58f, 0.54f), smoothstep(0.55f, 1.0f, off));
  const Colour iris = mix(rgb(0.26f, 0.38f, 0.34f), rgb(0.55f, 0.50f, 0.30f),
                          smoothstep(0.42f, 0.16f, off) * (0.6f + 0.4f * noise(around * 9.0f, off * 8.0f, 44)));
  c = mix(c, mix(iris, rgb(0.06f, 0.09f, 0.10f), smoothstep(0.36f, 0.46f, off)), smoothstep(0.475f, 0.445f, off));
  return mix(c, rgb(0.02f, 0.02f, 0.02f), smoothstep(0.185f, 0.165f, off));
}

struct Material {
  Colour colour;
  float gloss, tightness;
};

Material material(int part, Vec p) {
  const Vec q = to_head(p);
  if (part == kHead) return {skin(q), 0.16f, 18.0f};
  if (part == kEyes) return {eye_colour(q, q.x), 1.4f, 260.0f};
  if (part == kPullover) {
    const float wool = (0.90f + 0.10f * knit(p)) * (0.8f + 0.4f * cloud(p.x * 9.0f, p.y * 9.0f, 4, 50));
    return {rgb(0.20f, 0.28f, 0.33f) * wool, 0.03f, 6.0f};
  }
  const float along = std::atan2(q.x, q.z + 0.1f), fine = cloud(along * 110.0f, q.y * 1.6f, 3, 51);
  const float lock = cloud(along * 14.0f, q.y * 1.2f, 3, 52);
  return {mix(rgb(0.22f, 0.12f, 0.08f), rgb(0.44f, 0.26f, 0.16f), 0.25f + 0.35f * fine + 0.4f * lock),
          0.10f + 0.16f * fine, 9.0f};
}

// Hair shines in a band across the strands rather than in a spot.
float highlight(int part, const Material& m, Vec facing, Vec to_light, Vec view) {
  const Vec half = normalized(to_light + view);
  if (part != kHair) return std::pow(clamp01(dot(facing, half)), m.tightness) * m.gloss;
  const Vec strand = normalized(Vec{0, 1, 0} - facing * facing.y);
  const float across = dot(strand, half);
  return std::pow(std::sqrt(std::max(0.0f, 1.0f - across * across)), 3.0f * m.tightness) * m.gloss *
         clamp01(dot(facing, to_light) + 0.3f);
}

Colour person(const Ray& ray, const Hit& hit) {
  const Vec at = ray.at(hit.t), facing = normal(kSolids[static_cast<size_t>(hit.solid)], at), view = ray.along * -1.0f;
  const Material m = material(hit.solid, at - kCentre);
  const Vec to_key = normalized(kKey - at), to_rim = normalized(kRim - at);
  const float seen = light_seen(kShadows, {at + facing * 0.012f, to_key}, 4.0f, 5.0f);
  const float rim_seen = light_seen(kShadows, {at + facing * 0.02f, to_rim}, 3.0f, 6.0f);
  const float wrap = hit.solid == kHead ? 0.22f : 0.08f, key = clamp01((dot(facing, to_key) + wrap) / (1.0f + wrap));
  // Light that scatters in skin is redder at the edge of the shadow.
  const Colour key_light =
      hit.solid == kHead ? Colour{key, std::pow(key, 1.18f), std::pow(key, 1.3f)} : Colour{key, key, key};
  const float lower = hit.solid == kPullover ? 1.0f : mix(0.45f, 1.0f, smoothstep(-0.75f, -0.35f, at.y));
  const Colour room = mix(Colour{0.16f, 0.11f, 0.09f}, Colour{0.22f, 0.25f, 0.31f}, 0.5f + 0.5f * facing.y) *
                      (lower * (0.65f + 0.35f * clamp01(facing.z)));
  const Colour fill = Colour{0.13f, 0.115f, 0.10f} * (clamp01(dot(facing, normalized({2.2f, -0.2f, 2.4f}))) * lower);
  Colour c = m.colour * (key_light * Colour{2.25f, 2.02f, 1.75f} * seen + room + fill);
  c = c + Colour{1.0f, 0.62f, 0.34f} * (m.colour * (2.4f * clamp01(dot(facing, to_rim)) * rim_seen));
  c = c + Colour{1.0f, 0.96f, 0.90f} * (highlight(hit.solid, m, facing, to_key, view) * seen);
  c = c + Colour{1.0f, 0.72f, 0.46f} * (highlight(hit.solid, m, facing, to_rim, view) * rim_seen * 0.8f);
  if (hit.solid == kEyes) c = c * (0.55f + 0.45f * smoothstep(0.085f, 0.030f, at.y - kCentre.y));
  return c;
}

// Lamps far behind, as soft discs.
Colour street(float x, float y) {
  Colour c = mix(rgb(0.13f, 0.17f, 0.23f), rgb(0.30f, 0.27f, 0.30f), smoothstep(1.2f, -1.0f, y + 0.35f * x));
  c = c + rgb(0.52f, 0.34f, 0.22f) * (0.5f * bump(std::hypot(x - 0.9f, y + 0.1f), 0.9f));
  for (int i = 0; i < 26; ++i) {
    const float lx = -1.9f + 3.8f * hash(i, 60), ly = -0.9f + 1.7f * hash(i, 61) * hash(i, 62) + 0.15f,
                radius = 0.055f + 0.095f * hash(i, 63);
    const float off = std::hypot(x - lx, y - ly) / radius;
    const Colour lamp = hash(i, 64) < 0.68f  ? rgb(1.0f, 0.70f, 0.36f)
                        : hash(i, 65) < 0.5f ? rgb(0.46f, 0.72f, 0.86f)
                                             : rgb(0.95f, 0.36f, 0.30f);
    c = c + lamp * (smoothstep(1.04f, 0.94f, off) * (0.16f + 0.20f * hash(i, 66)) * (0.75f + 0.35f * off * off));
  }
  return c * 0.85f;
}

}  // namespace

Colour portrait(const Spot& spot) {
  constexpr Vec kEye{0.0f, 0.05f, 4.4f};
  const Ray ray{kEye, normalized({spot.x, spot.y - 0.20f, -3.95f})};
  const Hit hit = first_hit(kSolids, ray, 9.0f);
  const Colour c = hit.solid >= 0 ? person(ray, hit) : street(spot.x, spot.y);
  return c * (1.0f - 0.22f * smoothstep(0.7f, 1.6f, std::hypot(spot.x, spot.y)));
}

}  // namespace easel::synth
