#include "synth/drawings/drawing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "image/reference_picture.h"
#include "synth/drawings/random.h"
#include "synth/drawings/scene.h"
#include "synth/drawings/style.h"

namespace easel::synth {
namespace {

TEST(Drawing, TheSameForTheSameNumberAndAnotherForAnother) {
  const Drawing a = draw(1, 7, 64), same = draw(1, 7, 64), next = draw(1, 8, 64), series = draw(2, 7, 64);
  EXPECT_EQ(a.rgb.shape(), Shape({1, 64, 64, 3}));
  EXPECT_EQ(a.caption, same.caption);
  EXPECT_EQ(testing::max_difference(a.rgb, same.rgb), 0.0);
  EXPECT_GT(testing::max_difference(a.rgb, next.rgb), 0.1);
  EXPECT_GT(testing::max_difference(a.rgb, series.rgb), 0.1);
  EXPECT_THROW(draw(1, 0, 15), Error);
  EXPECT_THROW(draw(1, 0, 1025), Error);
}

TEST(Drawing, EverySubjectAndStyleComesUpAndIsVisible) {
  std::map<std::string, int> subjects, styles;
  for (uint64_t i = 0; i < 600; ++i) {
    const Drawing d = draw(3, i, 16);
    ++subjects[d.subject];
    ++styles[std::string(d.style)];
    float low = 1, high = 0;
    for (const float v : d.rgb.values()) {
      ASSERT_TRUE(v >= 0.0f && v <= 1.0f) << i;
      low = std::min(low, v), high = std::max(high, v);
    }
    EXPECT_GT(high - low, 0.2f) << i << ": " << d.caption;
  }
  EXPECT_EQ(subjects.size(), drawing_subjects().size());
  EXPECT_EQ(styles.size(), static_cast<size_t>(kDrawingStyles));
  for (const auto& [word, count] : subjects) EXPECT_GT(count, 20) << word;
  for (const auto& [word, count] : styles) EXPECT_GT(count, 50) << word;
}

// A caption may leave things out, but it says nothing that the drawing does not have.
TEST(Drawing, CaptionsSayWhatIsThere) {
  // Words that may stand in a caption only where the drawing is so.
  const std::vector<std::pair<std::string, std::string>> truths = {{" at night", "night"},
                                                                   {" at dusk", "dusk"},
                                                                   {" at sunset", "sunset"},
                                                                   {" evening sun", "sunset"},
                                                                   {" in the rain", "rain"},
                                                                   {" falling snow", "snow"},
                                                                   {" in fog", "fog"},
                                                                   {" cloudy sky", "clouds"},
                                                                   {" ink ", "ink"},
                                                                   {"pixel art", "pixel"},
                                                                   {"pastel", "pastel"},
                                                                   {"flat ", "flat"},
                                                                   {"watercol", "watercolour"},
                                                                   {"night scene", "night"},
                                                                   {" table", "table"},
                                                                   {" desert", "desert"},
                                                                   {" forest", "forest"},
                                                                   {" a lake", "lake"},
                                                                   {" city", "town"}};
  int checked = 0;
  for (uint64_t i = 0; i < 2000; ++i) {
    const Drawing d = draw(4, i, 16);
    const std::set<std::string> so{d.hour, d.weather, d.place, std::string(d.style)};
    for (const auto& [words, truth] : truths) {
      if (d.caption.find(words) == std::string::npos) continue;
      ++checked;
      EXPECT_TRUE(so.contains(truth)) << d.caption;
    }
    for (const std::string_view subject : drawing_subjects()) {
      if (d.caption.find(" " + std::string(subject)) == std::string::npos) continue;
      ++checked;
      EXPECT_EQ(d.subject, subject) << d.caption;
    }
    EXPECT_LT(d.caption.size(), 200u);
    EXPECT_EQ(d.caption.find("  "), std::string::npos) << d.caption;
    EXPECT_EQ(d.caption.find(" a orange"), std::string::npos) << d.caption;
  }
  EXPECT_GT(checked, 3000);
}

// The mean of a picture's middle, where the subject stands.
Colour middle(const Tensor& rgb) {
  const int64_t side = rgb.dim(1);
  Colour sum;
  float count = 0;
  for (int64_t y = side * 3 / 8; y < side * 5 / 8; ++y)
    for (int64_t x = side * 3 / 8; x < side * 5 / 8; ++x, count += 1) {
      const float* p = rgb.f32() + (y * side + x) * 3;
      sum = sum + Colour{p[0], p[1], p[2]};
    }
  return sum * (1 / count);
}

TEST(Drawing, EveryStyleKeepsTheColour) {
  for (const auto& [colour, at] : {std::pair{Colour{0.83f, 0.15f, 0.14f}, 0}, {Colour{0.18f, 0.38f, 0.82f}, 2}}) {
    Sketch sketch;
    sketch.everywhere(Paint(Colour{0.8f, 0.8f, 0.8f}, Surface::kSky));
    sketch.stand({{0.5f, 1.0f}, 1});
    sketch.disc({0, 0.5f}, 0.4f, Paint(colour).round());
    for (int style = 0; style < kDrawingStyles; ++style) {
      const Colour seen = middle(render(sketch, static_cast<DrawingStyle>(style), 64, 5));
      const float mine = at == 0 ? seen.x : seen.z, other = at == 0 ? seen.z : seen.x;
      EXPECT_GT(mine, other + 0.15f) << style_name(static_cast<DrawingStyle>(style));
    }
  }
}

TEST(Drawing, PixelArtIsMadeOfSquares) {
  for (uint64_t i = 0;; ++i) {
    const Drawing d = draw(5, i, 128);
    if (d.style != "pixel") continue;
    for (int64_t y = 0; y < 128; ++y)
      for (int64_t x = 0; x < 128; ++x)
        for (int64_t c = 0; c < 3; ++c)
          ASSERT_EQ(d.rgb.f32()[(y * 128 + x) * 3 + c], d.rgb.f32()[((y / 4 * 4) * 128 + x / 4 * 4) * 3 + c]);
    break;
  }
}

TEST(Sketch, DistancesAreThoseOfTheOutline) {
  Sketch sketch;
  sketch.stand({{0.5f, 0.75f}, 0.5f});
  const auto distance = [&](int layer, Point at) {
    return sketch.layers[static_cast<size_t>(layer)].outline.distance(at);
  };
  const int box = sketch.box({-0.5f, 0}, {0.5f, 1}, Colour{});  // 0.25..0.75 across, 0.25..0.75 down
  EXPECT_NEAR(distance(box, {0.5f, 0.35f}), -0.1f, 1e-5f);
  EXPECT_NEAR(distance(box, {0.5f, 0.15f}), 0.1f, 1e-5f);
  const int disc = sketch.disc({0, 0.5f}, 0.2f, Colour{});
  EXPECT_NEAR(distance(disc, {0.5f, 0.62f}), 0.02f, 1e-5f);
  const int line = sketch.line({{-0.5f, 0.5f}, {0.5f, 0.5f}}, 0.1f, Colour{});
  EXPECT_NEAR(distance(line, {0.6f, 0.52f}), -0.03f, 1e-5f);
  const int ridge = sketch.ridge({0.25f, 0.25f}, Colour{});
  EXPECT_NEAR(distance(ridge, {0.1f, 0.70f}), 0.05f, 1e-5f);
  EXPECT_NEAR(distance(ridge, {0.9f, 0.80f}), -0.05f, 1e-5f);
}

TEST(Sketch, FramesPlaceTurnAndMirror) {
  Sketch sketch;
  sketch.stand({{0.5f, 0.5f}, 0.2f, 0, true});
  const Point mirrored = sketch.layers[static_cast<size_t>(sketch.disc({1, 1}, 0.1f, Colour{}))].outline.points[0];
  EXPECT_NEAR(mirrored.x, 0.3f, 1e-6f);
  EXPECT_NEAR(mirrored.y, 0.3f, 1e-6f);
  sketch.stand({{0.5f, 0.5f}, 0.2f, 1.5707963f});  // a quarter turn to the right: up becomes right
  const Point turned = sketch.layers[static_cast<size_t>(sketch.disc({0, 1}, 0.1f, Colour{}))].outline.points[0];
  EXPECT_NEAR(turned.x, 0.7f, 1e-6f);
  EXPECT_NEAR(turned.y, 0.5f, 1e-6f);
}

}  // namespace
}  // namespace easel::synth
