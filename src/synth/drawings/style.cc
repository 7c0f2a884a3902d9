#include "synth/drawings/style.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace easel::synth {
namespace {

constexpr Colour kPaper{0.965f, 0.95f, 0.91f}, kToned{0.80f, 0.75f, 0.69f}, kInk{0.10f, 0.09f, 0.12f};
constexpr int kPixelCell = 4;          // a pixel of pixel art, at a side of 128
constexpr float kReferenceSide = 128;  // brush and paper are described in pixels of a picture of this side

float luminance(Colour c) { return 0.3f * c.x + 0.59f * c.y + 0.11f * c.z; }
Colour times(Colour a, Colour b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
Colour clamped(Colour c) { return {clamp01(c.x), clamp01(c.y), clamp01(c.z)}; }

// One place of a layer, as a style is given it. Lengths are in pixels of a picture of side 128.
struct Touch {
  Point at;        // pixels
  float distance;  // to the edge; less than 0 inside
  Colour colour;   // with gradient, form and the hour's light
  const Paint& paint;
};

class Canvas {
 public:
  Canvas(const Sketch& sketch, DrawingStyle style, int side, uint64_t seed)
      : sketch_(sketch),
        style_(style),
        side_(side),
        unit_(kReferenceSide / static_cast<float>(side)),
        seed_(static_cast<int32_t>(seed % 100000)),
        pixels_(static_cast<size_t>(side) * static_cast<size_t>(side), ground()) {}

  void paint() {
    for (const Layer& layer : sketch_.layers) paint(layer);
    if (sketch_.night) light_up();
    finish();
  }

  const std::vector<Colour>& pixels() const { return pixels_; }

 private:
  Colour ground() const { return style_ == DrawingStyle::kPastel ? kToned : kPaper; }
  Colour& pixel(int x, int y) {
    return pixels_[static_cast<size_t>(y) * static_cast<size_t>(side_) + static_cast<size_t>(x)];
  }

  void paint(const Layer& layer) {
    const Box box = layer.outline.bounds();
    const float side = static_cast<float>(side_), margin = 4 / unit_;
    const auto within = [&](float v) { return std::clamp(v, 0.0f, side); };
    const int left = static_cast<int>(within(box.low.x * side - margin));
    const int right = static_cast<int>(within(box.high.x * side + margin + 1));
    const int top = static_cast<int>(within(box.low.y * side - margin));
    const int bottom = static_cast<int>(within(box.high.y * side + margin + 1));
    for (int y = top; y < bottom; ++y)
      for (int x = left; x < right; ++x) {
        const Point at{(static_cast<float>(x) + 0.5f) / side, (static_cast<float>(y) + 0.5f) / side};
        float distance = layer.outline.distance(at);
        // Lines thinner than a pixel are drawn one pixel wide.
        if (layer.outline.kind == Outline::Kind::kLine)
          distance -= std::max(0.0f, 0.45f / side - layer.outline.radius.x);
        if (layer.within >= 0)
          distance = std::max(distance, sketch_.layers[static_cast<size_t>(layer.within)].outline.distance(at));
        const Touch touch{{at.x * kReferenceSide, at.y * kReferenceSide},
                          distance * kReferenceSide,
                          coloured(layer, box, at),
                          layer.paint};
        Colour& to = pixel(x, y);
        if (touch.distance < 4) to = drawn(to, touch);
      }
  }

  Colour coloured(const Layer& layer, const Box& box, Point at) const {
    const Paint& paint = layer.paint;
    Colour c = paint.colour;
    const float across = clamp01((at.x - box.low.x) / std::max(1e-6f, box.high.x - box.low.x));
    const float down = clamp01((at.y - box.low.y) / std::max(1e-6f, box.high.y - box.low.y));
    if (paint.below) c = mix(c, *paint.below, down);
    if (paint.form > 0) {
      const float turned = 0.7f * across + 0.5f * down;  // away from a light at the upper left
      const bool plain = style_ == DrawingStyle::kFlat || style_ == DrawingStyle::kPixel;
      const float shade = plain ? (turned > 0.74f ? 0.30f : 0.0f) : smoothstep(0.25f, 1.15f, turned) * 0.55f;
      c = c * (1 - paint.form * shade);
      if (!plain) c = mix(c, {1, 1, 1}, paint.form * 0.22f * (1 - smoothstep(0.0f, 0.45f, turned)));
    }
    return paint.glow > 0 || paint.surface == Surface::kSky ? c : times(c, sketch_.light);
  }

  float wave(Point p, float size, int salt) const { return noise(p.x / size, p.y / size, seed_ + salt) - 0.5f; }

  Colour drawn(Colour under, const Touch& t) const {
    switch (style_) {
      case DrawingStyle::kFlat:
      case DrawingStyle::kNight: return mix(under, t.colour, t.paint.opacity * cover(t.distance, 1 * unit_));
      case DrawingStyle::kPixel: return mix(under, t.colour, t.paint.opacity * (t.distance < 0 ? 1.0f : 0.0f));
      case DrawingStyle::kInk: return inked(under, t);
      case DrawingStyle::kWatercolour: return washed(under, t);
      case DrawingStyle::kPastel: return rubbed(under, t);
    }
    return under;
  }

  static float cover(float distance, float soft) { return clamp01(0.5f - distance / soft); }

  // A pale wash, hatching where it is dark, and a line around it.
  Colour inked(Colour under, const Touch& t) const {
    const float d = t.distance + 0.9f * wave(t.at, 9, 1);
    const float inside = t.paint.opacity * cover(d, unit_);
    const float wash = t.paint.surface == Surface::kBody ? 0.66f : t.paint.surface == Surface::kAir ? 1.0f : 0.34f;
    Colour c = mix(under, mix(kPaper, t.colour, wash), inside);
    const float dark = clamp01(0.80f - luminance(t.colour));
    if (t.paint.surface == Surface::kBody && dark > 0.22f) {
      const float phase = (t.at.x + t.at.y) / (6.0f - 2.2f * dark) + wave(t.at, 14, 2);
      const float stroke = std::abs(phase - std::floor(phase) - 0.5f) * 2;
      c = mix(c, kInk, inside * 0.7f * smoothstep(0.62f, 0.95f, stroke) * smoothstep(0.22f, 0.4f, dark));
    }
    if (t.paint.surface == Surface::kAir || t.paint.surface == Surface::kSky) return c;
    const float thick = (t.paint.surface == Surface::kBody ? 0.72f : 0.45f) * (1 + 0.9f * wave(t.at, 6, 3));
    return mix(c, kInk, 0.95f * clamp01((thick - std::abs(d)) / unit_ + 0.5f) * std::min(1.0f, t.paint.opacity * 1.5f));
  }

  // Pigment that runs, gathers at the edge and lets the paper through.
  Colour washed(Colour under, const Touch& t) const {
    const float d = t.distance + 2.6f * wave(t.at, 11, 4) + 1.2f * wave(t.at, 4, 5);
    const bool small = t.paint.surface == Surface::kAir;
    const float inside = t.paint.opacity * cover(small ? t.distance : d, 1.6f);
    const float pigment = 0.70f + 0.42f * (cloud(t.at.x / 22, t.at.y / 22, 3, seed_ + 6) - 0.3f);
    const float rim = small ? 0 : 0.24f * bump(d + 1.1f, 1.1f);
    const Colour c = mix(kPaper, t.colour, clamp01(pigment)) * (1 - rim);
    return mix(under, c, inside * 0.94f);
  }

  // Chalk on toned paper: light colours, soft edges, strokes in one direction.
  Colour rubbed(Colour under, const Touch& t) const {
    const float along = t.at.x * 0.8f + t.at.y * 0.6f, across = t.at.y * 0.8f - t.at.x * 0.6f;
    const float stroke = noise(along / 14, across / 2.6f, seed_ + 7),
                grain = hash(static_cast<int32_t>(t.at.x), static_cast<int32_t>(t.at.y), seed_);
    const float inside = cover(t.distance + 1.6f * (grain - 0.5f), 2.6f);
    const Colour c = mix(t.colour, {0.98f, 0.95f, 0.93f}, 0.30f);
    const float chalk = 0.76f + 0.40f * stroke - 0.10f * grain;
    return mix(under, c * (0.94f + 0.10f * stroke), t.paint.opacity * inside * clamp01(chalk));
  }

  // Lamps and lit windows shine on what is around them.
  void light_up() {
    for (const Layer& layer : sketch_.layers) {
      if (layer.paint.glow <= 0) continue;
      const Box box = layer.outline.bounds();
      const Point centre{(box.low.x + box.high.x) / 2, (box.low.y + box.high.y) / 2};
      const float reach = layer.paint.glow;
      for (int y = 0; y < side_; ++y)
        for (int x = 0; x < side_; ++x) {
          const float dx = (static_cast<float>(x) + 0.5f) / static_cast<float>(side_) - centre.x;
          const float dy = (static_cast<float>(y) + 0.5f) / static_cast<float>(side_) - centre.y;
          const float glow = 0.45f * std::exp(-(dx * dx + dy * dy) / (reach * reach));
          if (glow > 0.004f)
            pixel(x, y) = pixel(x, y) + times(layer.paint.colour, Colour{1, 1, 1} - pixel(x, y)) * glow;
        }
    }
  }

  void finish() {
    for (int y = 0; y < side_; ++y)
      for (int x = 0; x < side_; ++x) {
        Colour& c = pixel(x, y);
        const Point at{(static_cast<float>(x) + 0.5f) * unit_, (static_cast<float>(y) + 0.5f) * unit_};
        if (style_ == DrawingStyle::kWatercolour) {
          const float edge = std::min(std::min(at.x, kReferenceSide - at.x), std::min(at.y, kReferenceSide - at.y));
          c = mix(kPaper, c, smoothstep(1.0f, 4.0f, edge + 5 * wave(at, 12, 8)));
          c = c * (0.985f + 0.05f * wave(at, 1.7f, 9));
        }
        if (style_ == DrawingStyle::kPixel) {
          const auto step = [](float v) { return std::round(clamp01(v) * 7) / 7; };
          c = {step(c.x), step(c.y), step(c.z)};
        }
        c = clamped(c);
      }
  }

  const Sketch& sketch_;
  const DrawingStyle style_;
  const int side_;
  const float unit_;  // pixels of the reference side in one of ours
  const int32_t seed_;
  std::vector<Colour> pixels_;
};

}  // namespace

std::string_view style_name(DrawingStyle style) {
  constexpr std::array<std::string_view, kDrawingStyles> kNames{"flat",  "ink",   "watercolour",
                                                                "pixel", "night", "pastel"};
  return kNames[static_cast<size_t>(style)];
}

Tensor render(const Sketch& sketch, DrawingStyle style, int side, uint64_t seed) {
  const int cells =
      style == DrawingStyle::kPixel ? std::max(1, std::min(side, static_cast<int>(kReferenceSide) / kPixelCell)) : side;
  Canvas canvas(sketch, style, cells, seed);
  canvas.paint();
  Tensor out(Shape{1, side, side, 3});
  float* to = out.f32();
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      const Colour& c = canvas.pixels()[static_cast<size_t>(y * cells / side) * static_cast<size_t>(cells) +
                                        static_cast<size_t>(x * cells / side)];
      for (const float v : {c.x, c.y, c.z}) *to++ = v;
    }
  return out;
}

}  // namespace easel::synth
