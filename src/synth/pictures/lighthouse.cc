// A lighthouse on a cliff at dusk: layers from far to near.
#include "synth/pictures/paint.h"

#include <algorithm>

namespace easel::synth {
namespace {

constexpr float kHorizon = -0.28f;
constexpr float kSunX = -0.52f, kSunY = kHorizon + 0.05f;
constexpr float kTowerX = 0.46f, kTowerFoot = -0.32f, kTowerTop = 0.42f;
constexpr float kLampY = 0.505f;

Colour sky(float x, float y) {
  const float height = clamp01((y - kHorizon) / 1.3f);
  Colour c = mix(rgb(1.00f, 0.60f, 0.30f), rgb(0.86f, 0.42f, 0.42f), smoothstep(0.0f, 0.16f, height));
  c = mix(c, rgb(0.48f, 0.33f, 0.52f), smoothstep(0.10f, 0.38f, height));
  c = mix(c, rgb(0.16f, 0.19f, 0.40f), smoothstep(0.30f, 0.80f, height));
  c = mix(c, rgb(0.08f, 0.10f, 0.26f), smoothstep(0.70f, 1.05f, height));
  const float sun = std::hypot(x - kSunX, (y - kSunY) * 1.15f);
  c = c + rgb(1.0f, 0.62f, 0.30f) * (0.9f * bump(sun, 0.42f)) + rgb(1.0f, 0.85f, 0.60f) * (2.2f * bump(sun, 0.10f));
  return mix(c, {3.0f, 2.3f, 1.5f}, smoothstep(0.072f, 0.066f, sun));
}

Colour stars(float x, float y) {
  const float cell = 26.0f;
  const auto ix = static_cast<int32_t>(std::floor(x * cell)), iy = static_cast<int32_t>(std::floor(y * cell));
  if (hash(ix, iy, 3) > 0.11f) return {};
  const float px = (static_cast<float>(ix) + 0.2f + 0.6f * hash(ix, iy, 4)) / cell;
  const float py = (static_cast<float>(iy) + 0.2f + 0.6f * hash(ix, iy, 5)) / cell;
  const float bright = hash(ix, iy, 6) * hash(ix, iy, 6) * smoothstep(0.35f, 0.95f, y);
  return Colour{1.0f, 0.95f, 0.9f} * (2.6f * bright * bump(std::hypot(x - px, y - py), 0.0022f + 0.0016f * bright));
}

// Long clouds, dark above and lit from below by the sun.
Colour with_clouds(Colour behind, float x, float y) {
  const float level = (y - kHorizon);
  const float stretch = 1.5f + 2.2f * smoothstep(0.5f, 0.0f, level);
  const float warp = cloud(x * 1.3f, y * 3.0f, 3, 40) * 0.5f;
  const float body = cloud(x * 1.15f + warp + 3.7f, y * 3.1f * stretch + warp, 6, 11);
  const float lower = cloud(x * 1.15f + warp + 3.7f, (y - 0.035f) * 3.1f * stretch + warp, 6, 11);
  const float cover = smoothstep(0.50f, 0.72f, body) * smoothstep(0.02f, 0.2f, level) * smoothstep(1.35f, 0.7f, level);
  const float lit = clamp01((body - lower) * 3.0f + 0.35f);
  const float near_sun = bump(std::hypot((x - kSunX) * 0.8f, level), 0.75f);
  const Colour shade = mix(rgb(0.26f, 0.23f, 0.40f), rgb(0.52f, 0.30f, 0.38f), near_sun);
  const Colour light = mix(rgb(0.62f, 0.42f, 0.52f), rgb(1.0f, 0.62f, 0.40f), near_sun) * (1.0f + 0.5f * near_sun);
  return mix(behind, mix(shade, light, lit), 0.82f * cover);
}

Colour heaven(float x, float y) { return with_clouds(sky(x, y) + stars(x, y), x, y); }

Colour far_hills(Colour behind, float x, float y) {
  const float ridge = kHorizon + 0.055f * smoothstep(-0.1f, -1.5f, x) * (0.5f + cloud(x * 3.1f + 5, 1, 4, 70)) +
                      0.030f * smoothstep(0.0f, 0.3f, x) * cloud(x * 4.0f, 9, 4, 71);
  return mix(behind, mix(rgb(0.42f, 0.30f, 0.42f), rgb(0.78f, 0.44f, 0.38f), bump(x - kSunX, 0.5f)),
             0.85f * smoothstep(ridge + 0.004f, ridge - 0.004f, y));
}

// The sky again, mirrored by waves that grow towards the viewer.
Colour sea(float x, float y) {
  const float depth = kHorizon - y, near = clamp01(depth / 0.75f);
  const float far_away = 1.0f / (depth + 0.03f);
  const float wave = cloud(x * (2.0f + 0.9f * far_away), 2.2f * far_away, 4, 21) - 0.5f;
  const float chop = cloud(x * (9.0f + 2.0f * far_away), 9.0f * far_away, 3, 25) - 0.5f;
  const float tilt = (0.10f + 0.55f * near) * wave + 0.10f * chop;
  Colour c = sky(x + 0.25f * tilt, kHorizon + depth * 0.75f + 0.03f + std::abs(tilt) * 0.8f);
  c = mix(c * 0.72f, rgb(0.07f, 0.17f, 0.27f), 0.25f + 0.55f * near);
  c = c + rgb(0.30f, 0.36f, 0.48f) * (0.22f * smoothstep(0.10f, 0.36f, wave + 0.5f * chop) * near);
  const float path = bump(x - kSunX - 0.12f * tilt, 0.05f + 0.22f * near);
  const float glint = smoothstep(0.02f, 0.22f, chop + 0.5f * wave) * (1.0f - 0.55f * near);
  return c + rgb(1.0f, 0.66f, 0.36f) * (path * (0.35f + 2.4f * glint));
}

// Height of the cliff's edge: a broken face towards the sea, ledges on the way down.
float cliff_top(float x) {
  const float broken = cloud(x * 9.0f, 2.0f, 4, 50) - 0.5f;
  const float ledge = 0.16f * smoothstep(0.185f, 0.165f, x + 0.03f * broken) +
                      0.20f * smoothstep(0.115f, 0.090f, x + 0.05f * broken) +
                      0.26f * smoothstep(0.03f, -0.01f, x + 0.05f * broken) + 0.30f * smoothstep(-0.12f, -0.22f, x);
  return -0.335f + 0.02f * std::sin(x * 5.0f + 1.0f) + 0.03f * broken - ledge;
}

// Blocks of stone with dark joints, lit from the left.
Colour rock(float x, float y) {
  const float bend = 0.10f * (cloud(x * 2.5f, y * 2.5f, 3, 58) - 0.5f);
  const auto relief = [&](float px, float py) {
    return 0.6f * cloud(px * 6.0f + 1.5f * py, py * 9.0f - px, 6, 60) + 0.4f * cloud(px * 19.0f, py * 8.0f, 4, 63);
  };
  const float here = relief(x, y + bend), lit = clamp01(0.5f + (here - relief(x - 0.012f, y + bend + 0.008f)) * 9.0f);
  const float joint = std::abs(cloud(x * 7.0f + 3.0f * bend, (y + bend) * 3.2f, 4, 66) - 0.5f);
  const float bed = std::abs(std::sin((y + bend + 0.03f * here) * 34.0f));
  Colour c = mix(rgb(0.20f, 0.18f, 0.23f), rgb(0.46f, 0.38f, 0.37f), here);
  c = c * (0.35f + 0.65f * smoothstep(0.0f, 0.045f, joint)) * (0.62f + 0.38f * smoothstep(0.0f, 0.35f, bed));
  const float to_sun = smoothstep(0.85f, -0.15f, x);
  return c * (0.55f + 0.6f * lit) + rgb(0.95f, 0.50f, 0.30f) * (0.34f * lit * lit * (0.15f + 0.85f * to_sun));
}

Colour grass(float x, float y, float below_edge) {
  const float blade = noise(x * 120.0f + 6.0f * noise(x * 20, y * 20, 4), y * 26.0f, 80);
  const Colour c = mix(rgb(0.10f, 0.16f, 0.13f), rgb(0.30f, 0.33f, 0.17f), blade);
  return c + rgb(0.95f, 0.55f, 0.25f) * (0.16f * blade * smoothstep(0.03f, 0.0f, below_edge));
}

Colour with_cliff(Colour behind, float x, float y) {
  const float tuft = 0.016f * noise(x * 95.0f, 3.0f, 81) * noise(x * 11.0f, 5.0f, 82) * smoothstep(0.13f, 0.24f, x);
  const float edge = cliff_top(x) + tuft;
  const float cover = smoothstep(edge + 0.003f, edge - 0.003f, y);
  if (cover <= 0) return behind;
  const float turf =
      (0.03f + 0.07f * cloud(x * 8.0f, 4.0f, 4, 84) + 0.10f * smoothstep(0.2f, 0.9f, x)) * smoothstep(0.13f, 0.24f, x);
  Colour c = mix(grass(x, y, edge - y), rock(x, y), smoothstep(turf * 0.7f - 0.001f, turf, edge - y));
  const float foam_line = -0.93f + 0.08f * smoothstep(0.4f, -0.6f, x) + 0.04f * cloud(x * 7.0f, 1.0f, 4, 86);
  c = mix(c, rgb(0.62f, 0.60f, 0.66f),
          0.7f * smoothstep(foam_line + 0.03f, foam_line - 0.03f, y) * cloud(x * 14.0f, y * 22.0f, 4, 87));
  return mix(behind, c, cover);
}

// An upright round wall: light from the sun's side, a little of the sky from the other.
float round_light(float across) {
  const float facing = std::sqrt(std::max(0.0f, 1.0f - across * across));
  return 0.16f + 0.95f * clamp01(-0.80f * across + 0.42f * facing) + 0.16f * clamp01(across - 0.55f);
}

void cover(Colour& c, Colour with, float amount) { c = mix(c, with, clamp01(amount)); }
float inside(float value, float low, float high, float soft = 0.0015f) {
  return smoothstep(low - soft, low + soft, value) * smoothstep(high + soft, high - soft, value);
}

void house(Colour& c, float x, float y) {
  const float left = 0.62f, right = 0.93f, foot = -0.34f, eaves = -0.20f, ridge = -0.105f, middle = (left + right) / 2;
  const float wall = inside(x, left, right) * inside(y, foot, eaves);
  const float plaster = 0.92f + 0.16f * (cloud(x * 40, y * 40, 3, 90) - 0.5f);
  cover(c, rgb(0.86f, 0.74f, 0.66f) * (plaster * mix(0.62f, 0.30f, smoothstep(left, right, x))), wall);
  cover(c, rgb(0.30f, 0.20f, 0.20f),
        inside(x, right - 0.09f, right - 0.055f) * inside(y, ridge - 0.075f, ridge + 0.03f));
  const float slope = eaves + (ridge - eaves) * clamp01(1.25f - std::abs(x - middle) / (right - left) * 2.3f);
  const float roof = inside(x, left - 0.02f, right + 0.02f) * inside(y, eaves - 0.006f, slope);
  const float tile = 0.75f + 0.5f * noise(x * 70, y * 160, 92);
  cover(c, rgb(0.42f, 0.20f, 0.18f) * (tile * mix(0.9f, 0.5f, smoothstep(left, right, x))), roof);
  for (const float window : {left + 0.065f, left + 0.215f}) {
    const float pane = inside(x, window - 0.022f, window + 0.022f) * inside(y, -0.285f, -0.235f);
    const float bars = std::max(inside(x, window - 0.002f, window + 0.002f), inside(y, -0.262f, -0.258f));
    cover(c, rgb(1.0f, 0.80f, 0.42f) * 1.9f, pane);
    cover(c, rgb(0.22f, 0.15f, 0.13f), pane * bars);
    c = c + rgb(1.0f, 0.65f, 0.3f) * (0.16f * bump(std::hypot(x - window, y + 0.26f), 0.06f));
  }
  cover(c, rgb(0.18f, 0.22f, 0.28f), inside(x, middle - 0.018f, middle + 0.02f) * inside(y, foot, -0.25f));
}

void tower(Colour& c, float x, float y) {
  const float up = clamp01((y - kTowerFoot) / (kTowerTop - kTowerFoot));
  const float half = mix(0.115f, 0.072f, std::pow(up, 0.8f));
  const float across = (x - kTowerX) / half;
  const float body = inside(x, kTowerX - half, kTowerX + half) * inside(y, kTowerFoot - 0.03f, kTowerTop);
  const float curve = y + 0.012f * across * across;  // bands bend round the wall
  const float band = smoothstep(-0.02f, 0.02f, std::sin((curve - 0.02f) * 16.5f));
  const float wear = 0.90f + 0.22f * (cloud(x * 26.0f, y * 9.0f, 4, 95) - 0.5f);
  const Colour paint = mix(rgb(0.93f, 0.88f, 0.84f), rgb(0.76f, 0.16f, 0.13f), band) * wear;
  const float light = round_light(std::clamp(across, -1.0f, 1.0f));
  const Colour glow = mix(rgb(0.30f, 0.30f, 0.46f), rgb(1.15f, 0.88f, 0.72f), clamp01(light));
  cover(c, paint * glow * (light + 0.08f), body);
  for (const float level : {-0.10f, 0.10f, 0.29f}) {
    const float pane = smoothstep(1.05f, 0.95f, std::hypot((x - kTowerX + 0.012f) / 0.017f, (y - level) / 0.030f));
    cover(c, rgb(0.55f, 0.40f, 0.30f),
          smoothstep(1.4f, 1.3f, std::hypot((x - kTowerX + 0.012f) / 0.017f, (y - level) / 0.030f)));
    cover(c, rgb(1.0f, 0.78f, 0.40f) * 1.5f, pane);
  }
  const float door =
      smoothstep(1.04f, 0.98f,
                 std::max(std::abs(x - kTowerX + 0.02f) / 0.026f,
                          y > -0.265f ? std::hypot((x - kTowerX + 0.02f) / 0.026f, (y + 0.265f) / 0.03f) : 0.0f));
  cover(c, rgb(0.20f, 0.16f, 0.18f), door * inside(y, -0.36f, -0.23f));
}

void lantern(Colour& c, float x, float y) {
  const float across = (x - kTowerX);
  const Colour iron = rgb(0.17f, 0.16f, 0.21f);
  const auto lit = [&](float half) { return 0.35f + 0.9f * round_light(std::clamp(across / half, -1.0f, 1.0f)); };
  cover(c, iron * lit(0.10f), inside(across, -0.100f, 0.100f) * inside(y, kTowerTop - 0.008f, kTowerTop + 0.016f));
  const float rail = std::max({inside(y, 0.487f, 0.492f, 0.001f), inside(y, 0.462f, 0.465f, 0.001f),
                               smoothstep(0.86f, 0.95f, std::cos(across * 250.0f)) * inside(y, kTowerTop, 0.492f)});
  const float glass = inside(across, -0.056f, 0.056f) * inside(y, kTowerTop + 0.016f, 0.575f);
  cover(c, mix(rgb(1.0f, 0.72f, 0.36f) * 1.4f, {7.0f, 5.6f, 3.4f}, bump(std::hypot(across, y - kLampY), 0.035f)),
        glass);
  const float bar = smoothstep(0.80f, 0.90f, std::cos(across * 168.0f)) * glass;
  cover(c, iron * 0.8f, std::max(bar, glass * inside(y, 0.532f, 0.536f, 0.001f)));
  cover(c, iron * lit(0.1f), rail * inside(across, -0.096f, 0.096f));
  const float dome =
      smoothstep(1.02f, 0.98f, std::hypot(across / 0.070f, (y - 0.575f) / 0.068f)) * smoothstep(0.571f, 0.575f, y);
  cover(c, rgb(0.62f, 0.14f, 0.12f) * (0.10f + 0.95f * round_light(std::clamp(across / 0.07f, -1.0f, 1.0f))), dome);
  cover(c, iron, inside(across, -0.074f, 0.074f) * inside(y, 0.568f, 0.580f));
  cover(c, iron, inside(across, -0.004f, 0.004f) * inside(y, 0.63f, 0.695f));
  cover(c, iron, smoothstep(0.012f, 0.010f, std::hypot(across, y - 0.655f)));
}

// Two beams in the haze, and the glow round the lamp.
Colour light(float x, float y) {
  const float dx = x - kTowerX, dy = y - kLampY;
  Colour c =
      rgb(1.0f, 0.82f, 0.52f) * (1.1f * bump(std::hypot(dx, dy), 0.085f) + 0.22f * bump(std::hypot(dx, dy), 0.26f));
  for (const float slope : {0.13f, -0.10f}) {
    const float along = slope > 0 ? -dx : dx;
    if (along <= 0) continue;
    const float off = dy - slope * along;
    const float width = 0.018f + 0.10f * along;
    const float haze = 0.72f + 0.55f * cloud(x * 3.0f, y * 6.0f, 4, 99);
    c = c + rgb(1.0f, 0.86f, 0.62f) *
                (0.36f * haze * bump(off, width) * std::exp(-0.9f * along) * smoothstep(0.0f, 0.07f, along));
  }
  return c;
}

void birds(Colour& c, float x, float y) {
  for (int i = 0; i < 5; ++i) {
    const float bx = -0.25f + 0.11f * static_cast<float>(i) + 0.05f * hash(i, 1),
                by = 0.17f + 0.10f * hash(i, 2) + 0.02f * static_cast<float>(i);
    const float size = 0.020f + 0.012f * hash(i, 3), dx = (x - bx) / size;
    if (std::abs(dx) > 1) continue;
    const float wing = by + size * (0.55f * std::sqrt(std::abs(dx)) - 0.35f * dx * dx);
    cover(c, rgb(0.13f, 0.11f, 0.18f),
          inside(y, wing - 0.0022f * (1.1f - std::abs(dx)), wing + 0.0022f * (1.1f - std::abs(dx)), 0.001f));
  }
}

}  // namespace

Colour lighthouse(const Spot& spot) {
  const float x = spot.x, y = spot.y;
  Colour c = y > kHorizon ? far_hills(heaven(x, y), x, y) : sea(x, y);
  c = mix(c, rgb(0.98f, 0.62f, 0.42f), 0.35f * bump(y - kHorizon, 0.02f));
  birds(c, x, y);
  c = with_cliff(c, x, y);
  house(c, x, y);
  tower(c, x, y);
  lantern(c, x, y);
  c = with_cliff(c, x, y + 0.045f + 0.02f * noise(x * 30.0f, 1.0f, 83));
  return c + light(x, y);
}

}  // namespace easel::synth
