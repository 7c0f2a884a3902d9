// A drawing before a style is chosen: shapes with their paint, the farthest first.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "synth/pictures/paint.h"

namespace easel::synth {

// x to the right, y down, the picture is 0..1 in both directions. In a Frame (below) y is up.
struct Point {
  float x = 0, y = 0;
};

struct Box {
  Point low, high;
};

struct Outline {
  enum class Kind {
    kPolygon,  // the inside of `points`
    kEllipse,  // around points[0]
    kLine,     // a pen of radius `radius.x` along `points`
    kRidge,    // everything below a line whose heights, the y of `points`, are equally spaced from edge to edge
  };
  Kind kind = Kind::kPolygon;
  std::vector<Point> points;
  Point radius;                // of an ellipse; a line's is radius.x
  float cosine = 1, sine = 0;  // how far an ellipse is turned

  // The distance of a place from the shape, negative inside; exact near the edge, in the picture's units.
  float distance(Point at) const;
  Box bounds() const;
};

// What a surface is, for styles that treat paper, body and air differently.
enum class Surface { kBody, kGround, kSky, kAir };

struct Paint {
  Colour colour;                // screen values 0..1, at the top of the shape
  std::optional<Colour> below;  // at its foot, when it changes
  Surface surface = Surface::kBody;
  float form = 0;     // roundness: 0 flat, 1 dark on the side away from the light
  float opacity = 1;  // of the paint
  float glow = 0;     // radius of the light that it gives at night, in the picture's units

  Paint(Colour c) : colour(c) {}  // NOLINT: a colour is the plainest paint
  Paint(Colour c, Surface s) : colour(c), surface(s) {}
  Paint round(float by = 0.6f) const { return with(&Paint::form, by); }
  Paint sheer(float by) const { return with(&Paint::opacity, by); }
  Paint lit(float reach) const { return with(&Paint::glow, reach); }
  Paint down_to(Colour c) const {
    Paint p = *this;
    p.below = c;
    return p;
  }

 private:
  Paint with(float Paint::*field, float value) const {
    Paint p = *this;
    p.*field = value;
    return p;
  }
};

struct Layer {
  Outline outline;
  Paint paint;
  int within = -1;  // index of the layer it is cut to, or none
};

// Where a thing stands: its foot, its height in the picture, how it is turned (radians, to the right).
struct Frame {
  Point foot{0, 1};
  float scale = 1;
  float turn = 0;
  bool mirrored = false;
};

// Collects layers. Coordinates are those of the frame: x to the right and y UP from the foot, in units of its scale.
class Sketch {
 public:
  std::vector<Layer> layers;
  Colour light{1, 1, 1};  // the light of the hour, a factor for every colour that does not glow
  bool night = false;

  void stand(const Frame& frame) { frame_ = frame; }
  // Clips the layers that follow to that one; -1 ends it.
  void cut_to(int layer) { within_ = layer; }

  // Each gives the layer's index.
  int polygon(std::vector<Point> points, const Paint& paint);
  int box(Point low, Point high, const Paint& paint);
  int ellipse(Point centre, float radius_x, float radius_y, const Paint& paint, float turn = 0);
  int disc(Point centre, float radius, const Paint& paint) { return ellipse(centre, radius, radius, paint); }
  int line(std::vector<Point> points, float radius, const Paint& paint);
  // A smooth line through the points.
  int curve(const std::vector<Point>& points, float radius, const Paint& paint);
  // A closed smooth outline through the points.
  int blob(const std::vector<Point>& points, const Paint& paint);
  // Heights above the lower edge of the picture, from left to right; independent of the frame.
  int ridge(const std::vector<float>& heights, const Paint& paint);
  // The whole picture.
  int everywhere(const Paint& paint) { return ridge({1.1f, 1.1f}, paint); }

 private:
  Point placed(Point p) const;
  int add(Outline shape, const Paint& paint);

  Frame frame_;
  int within_ = -1;
};

}  // namespace easel::synth
