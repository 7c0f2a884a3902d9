// What finds and draws people, against OpenCV and NumPy (values/poses.py).
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "base/error.h"
#include "image/hints/shuffle.h"
#include "image/pose/people.h"
#include "image/pose/raster.h"
#include "image/pose/score_maps.h"

namespace easel::image {
namespace {

BytePicture picture(int64_t height, int64_t width) {
  BytePicture out(height, width, 3);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < 3; ++c) {
        const bool disc = (y - 11) * (y - 11) + (x - 15 - 2 * c) * (x - 15 - 2 * c) < 64;
        out.at(y, x)[c] =
            static_cast<uint8_t>((9 * y + 4 * x * (c + 1) + (disc ? 120 : 0) + (x * y * (3 + c)) % 19) % 256);
      }
  return out;
}

uint32_t crc(const BytePicture& in) {
  return static_cast<uint32_t>(crc32(0, in.data.data(), static_cast<uInt>(in.data.size())));
}

TEST(Shuffle, MovesPixelsAsOpenCv) {
  EXPECT_EQ(crc(shuffled(picture(128, 64), 7)), 0xf2a733fau);
  EXPECT_EQ(crc(shuffled(picture(320, 576), (uint64_t{1} << 63) + 11)), 0x3265ae94u);
}

// Two channels, from 0 to 1.
Tensor values() {
  const BytePicture bytes = picture(24, 36);
  Tensor out({24, 36, 2});
  for (int64_t i = 0; i < 24 * 36; ++i)
    for (int64_t c = 0; c < 2; ++c)
      out.f32()[2 * i + c] = static_cast<float>(bytes.data[static_cast<size_t>(3 * i + c)]) / 255.0f;
  return out;
}

double root_mean_square(const Tensor& t) {
  double squares = 0;
  for (const float v : t.values()) squares += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(squares / static_cast<double>(t.numel()));
}

TEST(ScoreMaps, AreResizedAsOpenCv) {
  EXPECT_EQ(crc(pose_resized(picture(24, 36), {60, 47})), 0x4cc8ee47u);
  EXPECT_EQ(crc(pose_resized(picture(24, 36), {25, 17})), 0x5ff85875u);
  EXPECT_EQ(crc(slightly_blurred(picture(24, 36))), 0x247bd8d1u);
  const auto at = [](const Tensor& t, int64_t y, int64_t x, int64_t c) {
    return t.f32()[(y * t.dim(1) + x) * t.dim(2) + c];
  };
  const Tensor larger = pose_resized(values(), {60, 47});
  EXPECT_NEAR(at(larger, 0, 0, 0), -0.004181, 1e-6);
  EXPECT_NEAR(at(larger, 20, 31, 1), 0.436202, 1e-6);
  EXPECT_NEAR(at(larger, 46, 59, 0), 0.360596, 1e-6);
  EXPECT_NEAR(root_mean_square(larger), 0.544403, 1e-6);
  const Tensor smaller = pose_resized(values(), {25, 17});
  EXPECT_NEAR(at(smaller, 0, 0, 0), 0.016136, 1e-6);
  EXPECT_NEAR(at(smaller, 9, 13, 1), 0.524619, 1e-6);
  EXPECT_NEAR(at(smaller, 16, 24, 0), 0.362709, 1e-6);
  EXPECT_NEAR(root_mean_square(smaller), 0.533255, 1e-6);
  EXPECT_THROW(pose_resized(values(), {40, 2}), Error);
}

TEST(ScoreMaps, AreSmoothedAsSciPy) {
  const auto smooth = smoothed_channel(values(), 1);
  EXPECT_NEAR(smooth[0], 0.148587, 1e-6);
  EXPECT_NEAR(smooth[11 * 36 + 20], 0.483541, 1e-6);
  EXPECT_NEAR(smooth[23 * 36 + 35], 0.812005, 1e-6);
}

TEST(Raster, DrawsPixelForPixelAsOpenCv) {
  BytePicture canvas(48, 64, 3);
  for (const auto& [x, y, r] : {std::array<int64_t, 3>{20, 20, 4}, {1, 46, 4}, {62, 0, 3}, {40, 30, 9}})
    draw_disc(canvas, {x, y}, r, {static_cast<uint8_t>(10 * r), static_cast<uint8_t>(x), static_cast<uint8_t>(y)});
  EXPECT_EQ(crc(canvas), 0xcae78086u);

  const auto colour = [](size_t i) {
    return Colour{static_cast<uint8_t>(20 * i + 20), static_cast<uint8_t>(255 - i), 7};
  };
  canvas = BytePicture(48, 64, 3);
  const std::vector<std::array<Point, 2>> lines{{{{3, 4}, {50, 30}}},  {{{60, 2}, {5, 44}}},  {{{30, 30}, {30, 30}}},
                                                {{{10, 8}, {10, 40}}}, {{{5, 20}, {60, 21}}}, {{{-9, 10}, {20, -7}}},
                                                {{{50, 40}, {75, 60}}}};
  for (size_t i = 0; i < lines.size(); ++i) draw_line(canvas, lines[i][0], lines[i][1], colour(i));
  EXPECT_EQ(crc(canvas), 0x17b53000u);

  struct Ellipse {
    Point centre, axes;
    int64_t degrees;
  };
  canvas = BytePicture(48, 64, 3);
  const std::vector<Ellipse> ellipses{{{20, 20}, {15, 4}, 33}, {{40, 24}, {22, 4}, -71}, {{2, 40}, {12, 4}, 150},
                                      {{60, 6}, {9, 8}, -180}, {{30, 44}, {0, 4}, 12},   {{33, 10}, {0, 0}, 0}};
  for (size_t i = 0; i < ellipses.size(); ++i)
    draw_polygon(canvas, ellipse(ellipses[i].centre, ellipses[i].axes, ellipses[i].degrees), colour(i));
  EXPECT_EQ(crc(canvas), 0x32cbc7b3u);
}

// --- People ---

constexpr int64_t kHeight = 128, kWidth = 192;
constexpr std::array<Point, kBodyParts> kPlaces{{{60, 20},
                                                 {60, 34},
                                                 {48, 36},
                                                 {40, 52},
                                                 {36, 68},
                                                 {72, 36},
                                                 {82, 50},
                                                 {88, 64},
                                                 {52, 70},
                                                 {50, 90},
                                                 {49, 110},
                                                 {68, 70},
                                                 {70, 92},
                                                 {71, 112},
                                                 {57, 16},
                                                 {63, 16},
                                                 {53, 19},
                                                 {67, 19}}};
constexpr std::array<std::array<size_t, 3>, 19> kLimbChannels{{{1, 2, 12},
                                                               {1, 5, 20},
                                                               {2, 3, 14},
                                                               {3, 4, 16},
                                                               {5, 6, 22},
                                                               {6, 7, 24},
                                                               {1, 8, 0},
                                                               {8, 9, 2},
                                                               {9, 10, 4},
                                                               {1, 11, 6},
                                                               {11, 12, 8},
                                                               {12, 13, 10},
                                                               {1, 0, 28},
                                                               {0, 14, 30},
                                                               {14, 16, 34},
                                                               {0, 15, 32},
                                                               {15, 17, 36},
                                                               {2, 16, 18},
                                                               {5, 17, 26}}};
const std::set<size_t> kMissingOfSecond{4, 7, 13};

Point place(size_t person, size_t part) {
  return {kPlaces[part].x + (person == 0 ? 0 : 84), kPlaces[part].y + (person == 0 ? 0 : 9)};
}
bool has(size_t person, size_t part) { return person == 0 || !kMissingOfSecond.contains(part); }

std::pair<Tensor, Tensor> maps_of_two() {
  Tensor heat = Tensor::zeros({kHeight, kWidth, 19}), fields = Tensor::zeros({kHeight, kWidth, 38});
  for (int64_t y = 0; y < kHeight; ++y)
    for (int64_t x = 0; x < kWidth; ++x)
      for (size_t n = 0; n < 2; ++n) {
        const int64_t pixel = y * kWidth + x;
        for (size_t i = 0; i < kBodyParts; ++i) {
          if (!has(n, i)) continue;
          const Point p = place(n, i);
          const double far = static_cast<double>((x - p.x) * (x - p.x) + (y - p.y) * (y - p.y));
          float& v = heat.f32()[pixel * 19 + static_cast<int64_t>(i)];
          v = std::max(v, static_cast<float>((0.9 - 0.1 * static_cast<double>(n)) * std::exp(-far / 32.0)));
        }
        for (const auto& [a, b, channel] : kLimbChannels) {
          if (!has(n, a) || !has(n, b)) continue;
          const Point from = place(n, a), to = place(n, b);
          const auto dx = static_cast<double>(to.x - from.x), dy = static_cast<double>(to.y - from.y);
          const double length = std::hypot(dx, dy), ux = dx / length, uy = dy / length;
          const auto px = static_cast<double>(x - from.x), py = static_cast<double>(y - from.y);
          const double along = px * ux + py * uy;
          if (along < -2 || along > length + 2 || std::fabs(px * uy - py * ux) > 3) continue;
          fields.f32()[pixel * 38 + static_cast<int64_t>(channel)] = static_cast<float>(ux);
          fields.f32()[pixel * 38 + static_cast<int64_t>(channel) + 1] = static_cast<float>(uy);
        }
      }
  return {heat, fields};
}

TEST(People, AreFoundByTheirLimbs) {
  const auto [heat, fields] = maps_of_two();
  const std::vector<Body> bodies = find_bodies(heat, fields);
  ASSERT_EQ(bodies.size(), 2u);
  for (size_t n = 0; n < 2; ++n)
    for (size_t i = 0; i < kBodyParts; ++i) {
      ASSERT_EQ(bodies[n].parts[i].has_value(), has(n, i)) << "part " << i << " of person " << n;
      if (!has(n, i)) continue;
      EXPECT_EQ(bodies[n].parts[i]->x, static_cast<double>(place(n, i).x));
      EXPECT_EQ(bodies[n].parts[i]->y, static_cast<double>(place(n, i).y));
    }
  // Without limbs nobody, and noise that is everywhere is refused, not joined for hours.
  EXPECT_TRUE(find_bodies(heat, Tensor::zeros(fields.shape())).empty());
  EXPECT_THROW(find_bodies(Tensor::full(heat.shape(), 0.5f), fields), Error);
}

TEST(People, AreDrawnAsOpenCvDrawsThem) {
  const auto [heat, fields] = maps_of_two();
  std::vector<Person> people;
  for (const Body& body : find_bodies(heat, fields)) {
    Person person;
    for (size_t i = 0; i < kBodyParts; ++i)
      if (const auto& part = body.parts[i])
        person.body.parts[i] = Keypoint{part->x / kWidth, part->y / kHeight, part->score};
    std::vector<std::array<int64_t, 2>> hand, face;
    for (int64_t i = 0; i < 21; ++i) hand.push_back({10 + 3 * (i % 7), 12 + 5 * (i / 3)});
    for (int64_t x = 100; x < 140; x += 7) face.push_back({x, 50});
    person.left_hand = in_picture(hand, 0, 0, kHeight, kWidth);
    person.face = in_picture(face, 0, 0, kHeight, kWidth);
    people.push_back(person);
  }
  EXPECT_EQ(crc(drawn_people(people, kHeight, kWidth, {})), 0xba42ca3eu);
  const BytePicture nothing = drawn_people(people, kHeight, kWidth, {.bodies = false, .hands = false, .faces = false});
  EXPECT_TRUE(std::all_of(nothing.data.begin(), nothing.data.end(), [](uint8_t v) { return v == 0; }));
}

TEST(People, HandsAndFacesAreLookedForAroundWristsAndNoses) {
  Body body;
  body.parts[2] = Keypoint{100, 50, 1};
  body.parts[3] = Keypoint{100, 90, 1};
  body.parts[4] = Keypoint{130, 130, 1};
  // 1.5 times the lower arm of 50 pixels, around the wrist and a third of the arm beyond.
  const HandPlaces hands = hand_places(body, 256, 256);
  EXPECT_FALSE(hands.left);
  ASSERT_TRUE(hands.right);
  EXPECT_EQ(hands.right->side, 75);
  EXPECT_EQ(hands.right->x, static_cast<int64_t>(130 + 0.33 * 30 - 37.5));
  EXPECT_EQ(hands.right->y, static_cast<int64_t>(130 + 0.33 * 40 - 37.5));
  EXPECT_EQ(hand_places(body, 256, 150).right->side, static_cast<int64_t>(150 - (130 + 0.33 * 30 - 37.5)));
  EXPECT_FALSE(hand_places(body, 256, 105).right) << "less than 20 pixels of it are in the picture";
  EXPECT_FALSE(face_place(body, 256, 256));
  body.parts[0] = Keypoint{100, 40, 1};
  EXPECT_FALSE(face_place(body, 256, 256)) << "neither an eye nor an ear";
  body.parts[14] = Keypoint{92, 34, 1};
  body.parts[16] = Keypoint{80, 38, 1};
  const auto face = face_place(body, 256, 256);
  ASSERT_TRUE(face);
  EXPECT_EQ(face->x, 70);
  EXPECT_EQ(face->y, 10);
  EXPECT_EQ(face->side, 60);
}

TEST(People, PeaksOfHandsAreThoseOfTheirLargestPart) {
  Tensor heat = Tensor::zeros({128, 128, 22});
  const auto bump = [&](int64_t part, int64_t cx, int64_t cy, double height, double width) {
    for (int64_t y = 0; y < 128; ++y)
      for (int64_t x = 0; x < 128; ++x) {
        const double far = static_cast<double>((x - cx) * (x - cx) + (y - cy) * (y - cy));
        heat.f32()[(y * 128 + x) * 22 + part] += static_cast<float>(height * std::exp(-far / width));
      }
  };
  bump(0, 40, 90, 0.6, 200);  // large and low
  bump(0, 100, 20, 0.9, 20);  // small and high
  bump(20, 64, 32, 0.8, 50);
  const auto peaks = hand_peaks(heat, 256, 64);
  ASSERT_EQ(peaks.size(), 21u);
  EXPECT_EQ(peaks[0], (std::array<int64_t, 2>{20, 180}));
  EXPECT_EQ(peaks[1], (std::array<int64_t, 2>{0, 0}));
  EXPECT_EQ(peaks[20], (std::array<int64_t, 2>{32, 64}));
  const SmallParts parts = in_picture(peaks, 10, 20, 400, 200);
  EXPECT_EQ(parts[0].x, 30.0f / 200.0f);
  EXPECT_EQ(parts[0].y, 200.0f / 400.0f);
  EXPECT_LT(parts[1].x, 0.0f);
  const auto faces = face_peaks(heat);
  ASSERT_EQ(faces.size(), 2u) << "channels without a peak are left out";
  EXPECT_EQ(faces[0], (std::array<int64_t, 2>{100, 20}));
}

}  // namespace
}  // namespace easel::image
