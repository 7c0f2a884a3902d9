#include <cmath>
#include <numbers>

#include "image/pose/people.h"
#include "image/pose/raster.h"

namespace easel::image {
namespace {

constexpr std::array<std::array<size_t, 2>, 17> kSticks{{{1, 2},
                                                         {1, 5},
                                                         {2, 3},
                                                         {3, 4},
                                                         {5, 6},
                                                         {6, 7},
                                                         {1, 8},
                                                         {8, 9},
                                                         {9, 10},
                                                         {1, 11},
                                                         {11, 12},
                                                         {12, 13},
                                                         {1, 0},
                                                         {0, 14},
                                                         {14, 16},
                                                         {0, 15},
                                                         {15, 17}}};
// Around the circle of colours, one for each part; sticks take them in the same order.
constexpr std::array<Colour, kBodyParts> kColours{{{255, 0, 0},
                                                   {255, 85, 0},
                                                   {255, 170, 0},
                                                   {255, 255, 0},
                                                   {170, 255, 0},
                                                   {85, 255, 0},
                                                   {0, 255, 0},
                                                   {0, 255, 85},
                                                   {0, 255, 170},
                                                   {0, 255, 255},
                                                   {0, 170, 255},
                                                   {0, 85, 255},
                                                   {0, 0, 255},
                                                   {85, 0, 255},
                                                   {170, 0, 255},
                                                   {255, 0, 255},
                                                   {255, 0, 170},
                                                   {255, 0, 85}}};

int64_t stick_width(int64_t height, int64_t width, bool wide) {
  constexpr int64_t kWidth = 4, kSmall = 500, kStep = 1000, kMost = 7;
  const int64_t side = std::max(height, width);
  return kWidth * (!wide || side < kSmall ? 1 : std::min(2 + side / kStep, kMost));
}

// What places are multiplied by to become pixels.
struct Sides {
  double height = 1, width = 1;
};

void draw_body(BytePicture& canvas, const Body& body, const Sides& sides, bool wide) {
  const double height = sides.height, width = sides.width;
  for (size_t i = 0; i < kSticks.size(); ++i) {
    const auto &a = body.parts[kSticks[i][0]], &b = body.parts[kSticks[i][1]];
    if (!a || !b) continue;
    const double ax = a->x * width, bx = b->x * width, ay = a->y * height, by = b->y * height;
    const double length = std::sqrt((ay - by) * (ay - by) + (ax - bx) * (ax - bx));
    const double degrees = std::atan2(ay - by, ax - bx) * (180.0 / std::numbers::pi);
    constexpr double kDarker = 0.6;
    Colour colour{};
    for (size_t c = 0; c < colour.size(); ++c) colour[c] = static_cast<uint8_t>(kColours[i][c] * kDarker);
    draw_polygon(canvas,
                 ellipse({static_cast<int64_t>((ax + bx) / 2), static_cast<int64_t>((ay + by) / 2)},
                         {static_cast<int64_t>(length / 2), stick_width(canvas.height, canvas.width, wide)},
                         static_cast<int64_t>(degrees)),
                 colour);
  }
  for (size_t i = 0; i < kBodyParts; ++i)
    if (const auto& part = body.parts[i])
      draw_disc(canvas, {static_cast<int64_t>(part->x * width), static_cast<int64_t>(part->y * height)}, 4,
                kColours[i]);
}

// Its pixel; not there when it is in the first row or column, where what was not found is, or outside.
std::optional<Point> pixel_of(const SmallPart& part, const Sides& sides) {
  const Point p{static_cast<int64_t>(part.x * static_cast<float>(sides.width)),
                static_cast<int64_t>(part.y * static_cast<float>(sides.height))};
  return part.found && p.x > 0 && p.y > 0 ? std::optional(p) : std::nullopt;
}

// The colour of a hue from 0 to 1, with fractions cut as OpenCV rounds them.
Colour hue(double h) {
  constexpr double kParts = 6, kFull = 255;
  const double part = h * kParts, within = part - std::floor(part);
  const auto byte = [](double v) { return static_cast<uint8_t>(std::nearbyint(v * kFull)); };
  const uint8_t full = byte(1), rising = byte(1.0 - (1.0 - within)), falling = byte(1.0 - within);
  switch (static_cast<int>(part)) {
    case 0: return {full, rising, 0};
    case 1: return {falling, full, 0};
    case 2: return {0, full, rising};
    case 3: return {0, falling, full};
    case 4: return {rising, 0, full};
    default: return {full, 0, falling};
  }
}

void draw_hand(BytePicture& canvas, const SmallParts& hand, const Sides& sides) {
  if (hand.size() != kHandParts) return;
  constexpr size_t kFingers = 5, kJoints = 4;
  for (size_t i = 0; i < kFingers * kJoints; ++i) {
    const size_t to = i + 1, from = i % kJoints == 0 ? 0 : i;
    const auto a = pixel_of(hand[from], sides), b = pixel_of(hand[to], sides);
    if (a && b) draw_line(canvas, *a, *b, hue(static_cast<double>(i) / (kFingers * kJoints)));
  }
  for (const SmallPart& part : hand)
    if (const auto p = pixel_of(part, sides)) draw_disc(canvas, *p, 4, {0, 0, 255});
}

}  // namespace

BytePicture drawn_people(const std::vector<Person>& people, int64_t height, int64_t width, const PeopleDrawing& what) {
  BytePicture canvas(height, width, 3);
  const Sides sides = what.in_pixels ? Sides{} : Sides{static_cast<double>(height), static_cast<double>(width)};
  for (const Person& person : people) {
    if (what.bodies) draw_body(canvas, person.body, sides, what.wide_sticks);
    if (what.hands) {
      draw_hand(canvas, person.left_hand, sides);
      draw_hand(canvas, person.right_hand, sides);
    }
    if (!what.faces) continue;
    for (const SmallPart& part : person.face)
      if (const auto p = pixel_of(part, sides)) draw_disc(canvas, *p, 3, {255, 255, 255});
  }
  return canvas;
}

}  // namespace easel::image
