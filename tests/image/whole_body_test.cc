// What DWPose does before and after its networks, against the same in numpy (values/whole_body.py).
#include "image/pose/whole_body.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"

namespace easel::image {
namespace {

BytePicture picture(int64_t height, int64_t width) {
  BytePicture out(height, width, 3);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < 3; ++c)
        out.at(y, x)[c] = static_cast<uint8_t>((y * 7 + x * 13 + c * 50 + x * y % 17) % 256);
  return out;
}

float at(const Tensor& t, int64_t c, int64_t y, int64_t x) { return t.f32()[(c * t.dim(2) + y) * t.dim(3) + x]; }

TEST(WholeBody, TheDetectorSeesThePictureInACorner) {
  double ratio = 0;
  const Tensor seen = detector_pixels(picture(20, 30), ratio);
  ASSERT_EQ(seen.shape(), (Shape{1, 3, 640, 640}));
  EXPECT_NEAR(ratio, 21.333333, 1e-6);
  EXPECT_EQ(at(seen, 0, 0, 0), 0);
  EXPECT_EQ(at(seen, 1, 5, 9), 50);
  EXPECT_EQ(at(seen, 2, 211, 333), 121);
  EXPECT_EQ(at(seen, 0, 425, 639), 5);
  for (int64_t c = 0; c < 3; ++c) EXPECT_EQ(at(seen, c, 426, 5), 114) << "below the picture";
  double sum = 0;
  for (int64_t c = 0; c < 3; ++c)
    for (int64_t y = 0; y < 426; ++y)
      for (int64_t x = 0; x < 640; ++x) sum += static_cast<double>(at(seen, c, y, x));
  EXPECT_NEAR(sum / (3 * 426 * 640), 132.61017, 1e-4);
  EXPECT_THROW(detector_pixels(BytePicture(1, 5000, 3), ratio), Error);
}

TEST(WholeBody, BoxesOfPeopleAreThoseThatNoLikelierOneCovers) {
  Tensor said = Tensor::zeros({1, 8400, 85});
  const auto see = [&](int64_t cell, const std::array<float, 6>& values) {
    std::copy(values.begin(), values.end(), said.f32() + cell * 85);
  };
  see(0, {0.5f, 0.5f, 1.0f, 1.2f, 0.9f, 0.8f});
  see(1, {-0.5f, 0.5f, 1.0f, 1.2f, 0.8f, 0.8f});
  see(3000, {0.3f, 0.1f, 2.0f, 2.5f, 0.95f, 0.9f});
  see(6450, {0.2f, 0.7f, 1.1f, 1.4f, 0.7f, 0.9f});
  see(8250, {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.5f});
  see(8399, {0.6f, 0.6f, 0.8f, 0.9f, 0.99f, 0.6f});
  said.f32()[5000 * 85 + 4] = said.f32()[5000 * 85 + 7] = 1;
  const std::vector<Box> boxes = people_boxes(said, 1.5);
  const std::vector<std::array<float, 4>> expected{{195.22919f, 165.38f, 234.63747f, 230.35332f},
                                                   {-4.5820851f, -6.1869793f, 9.9154186f, 11.520312f},
                                                   {92.777779f, -3.4944f, 124.82221f, 39.761066f},
                                                   {394.39426f, 391.89758f, 441.87244f, 444.36911f}};
  ASSERT_EQ(boxes.size(), expected.size());
  for (size_t i = 0; i < boxes.size(); ++i) {
    EXPECT_NEAR(boxes[i].left, expected[i][0], 1e-4);
    EXPECT_NEAR(boxes[i].top, expected[i][1], 1e-4);
    EXPECT_NEAR(boxes[i].right, expected[i][2], 1e-4);
    EXPECT_NEAR(boxes[i].bottom, expected[i][3], 1e-4);
  }
  EXPECT_THROW(people_boxes(Tensor::zeros({1, 8400, 84}), 1), Error);
}

TEST(WholeBody, BoxesOfNoUseAreLeftOut) {
  Tensor said = Tensor::zeros({1, 8400, 85});
  for (int64_t i = 0; i < 4; ++i) said.f32()[i * 85 + 4] = said.f32()[i * 85 + 5] = 1;
  said.f32()[2] = std::numeric_limits<float>::quiet_NaN();
  said.f32()[85 + 2] = 500;  // as wide as e^500 cells
  said.f32()[2 * 85] = 1e30f;
  EXPECT_EQ(people_boxes(said, 1).size(), 1u);
  // A network that sees someone everywhere is refused instead of keeping the machine.
  Tensor everywhere = Tensor::full({1, 8400, 85}, 0.9f);
  for (int64_t i = 0; i < 8400; ++i) everywhere.f32()[i * 85 + 2] = everywhere.f32()[i * 85 + 3] = -3;
  EXPECT_THROW(people_boxes(everywhere, 1), Error);
}

TEST(WholeBody, TheEstimatorSeesABoxWithAMargin) {
  const std::array<Box, 2> boxes{Box{10.25f, 5.5f, 30.75f, 55.25f}, Box{-6.0f, 20.0f, 70.5f, 41.0f}};
  const std::array<std::array<double, 10>, 2> expected{
      std::array<double, 10>{20.5, 30.375, 46.640625, 62.1875, -2.1179039, -1.3179271, 1.7162527, -2.1179039,
                             0.029636167, 1.2977656},
      std::array<double, 10>{32.25, 30.5, 95.625, 127.5, -2.1179039, 1.2205882, 2.3437037, -2.1179039, -1.1215164,
                             1.7276963}};
  for (size_t i = 0; i < boxes.size(); ++i) {
    const PosePiece piece = pose_piece(picture(60, 80), boxes[i], {48, 64});
    ASSERT_EQ(piece.pixels.shape(), (Shape{1, 3, 64, 48}));
    double sum = 0, squares = 0;
    for (const float v : piece.pixels.values()) {
      sum += static_cast<double>(v);
      squares += static_cast<double>(v) * static_cast<double>(v);
    }
    const auto count = static_cast<double>(piece.pixels.numel());
    const std::array<double, 10> found{piece.centre[0],
                                       piece.centre[1],
                                       piece.size[0],
                                       piece.size[1],
                                       static_cast<double>(at(piece.pixels, 0, 0, 0)),
                                       static_cast<double>(at(piece.pixels, 1, 20, 11)),
                                       static_cast<double>(at(piece.pixels, 2, 40, 30)),
                                       static_cast<double>(at(piece.pixels, 0, 63, 47)),
                                       sum / count,
                                       std::sqrt(squares / count)};
    for (size_t k = 0; k < found.size(); ++k) EXPECT_NEAR(found[k], expected[i][k], 1e-5) << "box " << i << ", " << k;
  }
}

TEST(WholeBody, PartsAreWhereTheirRowsAreHighest) {
  const auto sines = [](const Shape& shape, double phase) {
    Tensor out(shape);
    for (int64_t i = 0; i < out.numel(); ++i)
      out.f32()[i] = static_cast<float>(std::sin(static_cast<double>(i) * 0.7 + phase) * 0.9);
    return out;
  };
  Tensor xs = sines({1, 133, 96}, 0.3), ys = sines({1, 133, 128}, 1.1);
  for (int64_t k = 0; k < 133; ++k) {
    xs.f32()[k * 96 + k * 5 % 96] = static_cast<float>(1.0 + static_cast<double>(k) / 100);
    ys.f32()[k * 128 + k * 7 % 128] = 1.5f;
  }
  for (const int64_t k : {7, 13, 60, 95, 120}) std::fill_n(xs.f32() + k * 96, 96, 0.2f);
  std::fill_n(ys.f32() + 6 * 128, 128, 0.25f);
  std::fill_n(xs.f32() + 11 * 96, 96, -1.0f);
  PosePiece piece;
  piece.centre = {40.5, 33.25};
  piece.size = {30, 40};
  const Person person = person_of(xs, ys, piece, {48, 64});
  std::vector<size_t> there;
  for (size_t i = 0; i < kBodyParts; ++i)
    if (person.body.parts[i]) there.push_back(i);
  EXPECT_EQ(there, (std::vector<size_t>{0, 3, 4, 5, 7, 8, 9, 10, 13, 14, 15, 16, 17}));
  const auto found = [](const SmallParts& parts) {
    return std::count_if(parts.begin(), parts.end(), [](const SmallPart& p) { return p.found; });
  };
  EXPECT_EQ(found(person.left_hand), 20);
  EXPECT_EQ(found(person.right_hand), 20);
  ASSERT_EQ(person.face.size(), 70u);
  EXPECT_EQ(found(person.face), 67 + 2) << "both eyes of the body are there";
  EXPECT_NEAR(person.body.parts[0]->x, 25.5, 1e-6);
  EXPECT_NEAR(person.body.parts[0]->y, 13.25, 1e-6);
  EXPECT_NEAR(person.body.parts[5]->x, 33.3125, 1e-6);
  EXPECT_NEAR(person.body.parts[5]->y, 24.1875, 1e-6);
  EXPECT_NEAR(person.body.parts[16]->x, 31.75, 1e-6);
  EXPECT_NEAR(person.face[0].x, 31.4375, 1e-6);
  EXPECT_NEAR(person.face[0].y, 23.5625, 1e-6);
  EXPECT_NEAR(person.left_hand[1].x, 49.25, 1e-6);
  EXPECT_NEAR(person.right_hand[20].x, 51.75, 1e-6);
  EXPECT_NEAR(person.right_hand[20].y, 22, 1e-6);
  EXPECT_THROW(person_of(ys, xs, piece, {48, 64}), Error);
}

// Places in pixels are drawn where they are, those that were not found nowhere.
TEST(WholeBody, PeopleAreDrawnInPixels) {
  Person person;
  person.body.parts[0] = Keypoint{30, 20, 1};
  person.face = {{10, 40}, {50, 40, false}};
  const BytePicture drawn = drawn_people({person}, 60, 80, {.in_pixels = true});
  EXPECT_EQ(drawn.at(20, 30)[0], 255);
  EXPECT_EQ(drawn.at(40, 10)[1], 255);
  EXPECT_EQ(drawn.at(40, 50)[1], 0);
}

}  // namespace
}  // namespace easel::image
