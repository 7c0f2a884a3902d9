// Lines and scribbles made of pictures, against what their formulas say in f64.
#include "image/hints/lines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/error.h"
#include "image/hints/smooth.h"

namespace easel::image {
namespace {

BytePicture made_up(int64_t height, int64_t width, int64_t channels) {
  BytePicture out(height, width, channels);
  uint32_t seed = 7;
  for (uint8_t& v : out.data) {
    seed = seed * 1664525u + 1013904223u;
    v = static_cast<uint8_t>(seed >> 24);
  }
  return out;
}

int64_t mirrored_place(int64_t i, int64_t n) {
  while (i < 0 || i >= n) i = i < 0 ? -i : 2 * (n - 1) - i;
  return i;
}

// The sum over a window of 2 reach + 1 pixels each way, as one sum.
double smoothed(const BytePicture& in, int64_t y, int64_t x, int64_t c, double sigma, int64_t reach) {
  double sum = 0, weights = 0;
  for (int64_t dy = -reach; dy <= reach; ++dy)
    for (int64_t dx = -reach; dx <= reach; ++dx) {
      const double w = std::exp(-static_cast<double>(dy * dy + dx * dx) / (2 * sigma * sigma));
      weights += w;
      sum += w * in.at(mirrored_place(y + dy, in.height), mirrored_place(x + dx, in.width))[c];
    }
  return sum / weights;
}

TEST(Smooth, IsAGaussianOfFourSigmasEachWay) {
  const BytePicture in = made_up(9, 14, 3);
  // The windows are 5, 17 and 25 pixels wide.
  for (const auto& [sigma, reach] : {std::pair{0.5, 2}, std::pair{2.0, 8}, std::pair{3.0, 12}}) {
    const Tensor out = gaussian_floats(floats_of(in), sigma);
    for (int64_t i = 0; i < out.numel(); ++i)
      EXPECT_NEAR(out.f32()[i], smoothed(in, i / 42, i / 3 % 14, i % 3, sigma, reach), 1e-4) << i << " " << sigma;
  }
  EXPECT_THROW(gaussian_floats(floats_of(in), 0), Error);
  EXPECT_THROW(gaussian_floats(floats_of(in), 101), Error);
}

TEST(Smooth, BytesAreRoundedInFixedPoint) {
  const BytePicture in = made_up(9, 14, 1);
  const BytePicture out = gaussian_bytes(in, 3.0);  // 19 pixels
  for (int64_t y = 0; y < 9; ++y)
    for (int64_t x = 0; x < 14; ++x) EXPECT_NEAR(*out.at(y, x), smoothed(in, y, x, 0, 3.0, 9), 1.6) << x << " " << y;
  // Weights sum to one exactly, so that what is even stays.
  const BytePicture even = gaussian_bytes(BytePicture(8, 8, 3, 201), 3.0);
  EXPECT_TRUE(std::all_of(even.data.begin(), even.data.end(), [](uint8_t v) { return v == 201; }));
  // A single point shows the weight of the middle, 34 of 256, squared.
  BytePicture point(41, 41, 1);
  *point.at(20, 20) = 255;
  const BytePicture shown = gaussian_bytes(point, 3.0);
  EXPECT_EQ(*shown.at(20, 20), std::lround(255.0 * 34 * 34 / 65536));
  EXPECT_EQ(*shown.at(20, 30), 0);
}

TEST(StandardLines, AreWhatIsDarkerThanItsSurroundings) {
  const BytePicture in = made_up(12, 16, 3);
  const auto expected = [&](double sigma, int64_t reach, double threshold) {
    std::vector<double> darker, above;
    for (int64_t y = 0; y < 12; ++y)
      for (int64_t x = 0; x < 16; ++x) {
        double least = 1e9;
        for (int64_t c = 0; c < 3; ++c) least = std::min(least, smoothed(in, y, x, c, sigma, reach) - in.at(y, x)[c]);
        darker.push_back(std::clamp(least, 0.0, 255.0));
        if (darker.back() > threshold) above.push_back(darker.back());
      }
    std::sort(above.begin(), above.end());
    const size_t half = above.size() / 2;
    const double median = above.size() % 2 == 1 ? above[half] : (above[half - 1] + above[half]) / 2;
    for (double& v : darker) v = std::min(255.0, v / std::max(16.0, median) * 127);
    return darker;
  };
  for (const int64_t threshold : {8, 16}) {
    const BytePicture out = standard_lines(in, 2.0, threshold);
    const std::vector<double> values = expected(2.0, 8, static_cast<double>(threshold));
    int64_t shown = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_NEAR(out.data[i], values[i] - 0.5, 0.502) << i;
      shown += out.data[i] > 0;
    }
    EXPECT_GT(shown, 20);
  }
  const BytePicture even = standard_lines(BytePicture(8, 8, 3, 90), 6.0, 8);
  EXPECT_EQ(std::count(even.data.begin(), even.data.end(), 0), 64) << "without lines there is no median";
}

TEST(Scribbles, FollowRidges) {
  // A steep roof that rises a little along its ridge: no pixel beside the ridge is the highest along any line.
  BytePicture edges(48, 49, 1);
  for (int64_t y = 0; y < 48; ++y)
    for (int64_t x = 0; x < 49; ++x)
      *edges.at(y, x) = static_cast<uint8_t>(std::max<int64_t>(0, 200 - 10 * std::abs(x - 24) + y));
  const BytePicture out = scribbled(edges);
  // One column of 255, smoothed by weights 34 32 28 20 14 9 4 of 256, is above 4 up to 5 pixels away.
  for (const int64_t y : {16, 24, 30})
    for (int64_t x = 0; x < 49; ++x) EXPECT_EQ(*out.at(y, x), std::abs(x - 24) <= 5 ? 255 : 0) << x << " " << y;
  const BytePicture faint = scribbled(BytePicture(32, 32, 1, 126));
  EXPECT_EQ(std::count(faint.data.begin(), faint.data.end(), 0), 32 * 32);
}

TEST(Scribbles, AreWhereSmoothedPicturesDiffer) {
  BytePicture in(12, 16, 3);  // grey, but for a little
  const BytePicture grey = made_up(12, 16, 1);
  for (size_t i = 0; i < in.data.size(); ++i)
    in.data[i] = static_cast<uint8_t>(std::min<size_t>(255, grey.data[i / 3] + i % 3));
  const BytePicture out = difference_scribble(in, 32);
  int64_t white = 0, compared = 0;
  for (int64_t y = 0; y < 12; ++y)
    for (int64_t x = 0; x < 16; ++x) {
      double least = 1e9;
      for (int64_t c = 0; c < 3; ++c)
        least = std::min(least, smoothed(in, y, x, c, 5.0, 20) - smoothed(in, y, x, c, 0.5, 2));
      const double shown = 255 - std::clamp(255 - least, 0.0, 255.0);
      white += *out.at(y, x) == 255;
      if (shown > 0 && std::abs(shown - std::round(shown)) < 1e-3) continue;
      ++compared;
      EXPECT_EQ(*out.at(y, x), std::fmod(2 * std::ceil(shown), 256.0) > 32 ? 255 : 0) << x << " " << y;
    }
  EXPECT_GT(white, 10);
  EXPECT_GT(compared, 100);
}

TEST(LinesOverEdges, LeaveOutSmallPatchesAndFaintLines) {
  const Tensor edges = Tensor::full({1, 4, 8, 3}, 0.25f);
  Tensor lines = Tensor::zeros({1, 4, 8, 3});
  const auto set = [&](int64_t y, int64_t x, float v) {
    for (int64_t c = 0; c < 3; ++c) lines.f32()[(y * 8 + x) * 3 + c] = v;
  };
  const auto at = [](const Tensor& t, int64_t y, int64_t x) { return t.f32()[(y * 8 + x) * 3 + 1]; };
  // Three pixels in a row, one at their corner, and two far away, one of them faint.
  for (int64_t x = 0; x < 3; ++x) set(0, x, 0.5f);
  set(1, 3, 0.5f);
  set(3, 6, 0.5f);
  set(3, 7, 0.125f);
  const float over = 1 - 0.5f * 0.75f;
  const auto of = [&](const LinePatches& patches) { return lines_over_edges(edges, lines, patches); };
  const Tensor sides = of({.smallest = 7});  // three pixels and more
  EXPECT_EQ(at(sides, 0, 1), over);
  EXPECT_EQ(at(sides, 1, 3), 0.25f) << "a corner is no side";
  EXPECT_EQ(at(sides, 3, 6), 0.25f);
  EXPECT_EQ(at(sides, 2, 2), 0.25f);
  const Tensor corners = of({.smallest = 12, .neighbours = 2});
  EXPECT_EQ(at(corners, 1, 3), over);
  EXPECT_EQ(at(of({.smallest = 13, .neighbours = 2}), 1, 3), 0.25f);
  const Tensor strong = of({.least = 0.25, .smallest = 1});
  EXPECT_EQ(at(strong, 3, 6), over);
  EXPECT_EQ(at(strong, 3, 7), 0.25f) << "too faint";
  const Tensor faint = of({.most = 0.25, .smallest = 1});
  EXPECT_EQ(at(faint, 3, 6), 0.25f) << "too strong";
  EXPECT_EQ(at(faint, 3, 7), 1 - 0.875f * 0.75f);
  EXPECT_THROW(lines_over_edges(edges, Tensor::zeros({1, 4, 7, 3}), {}), Error);
}

}  // namespace
}  // namespace easel::image
