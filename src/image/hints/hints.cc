#include "image/hints/hints.h"

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <cstdlib>
#include <set>

#include "base/cancel.h"
#include "base/error.h"
#include "base/round.h"

namespace easel::image {
namespace {

constexpr uint8_t kWhite = 255;

// --- Canny ---

struct Gradient {
  int dx = 0, dy = 0;
  int size() const { return std::abs(dx) + std::abs(dy); }
};

Gradient sobel(const BytePicture& in, int64_t y, int64_t x, int64_t c) {
  const auto at = [&](int64_t dy, int64_t dx) { return static_cast<int>(in.clamped(y + dy, x + dx)[c]); };
  return {at(-1, 1) + 2 * at(0, 1) + at(1, 1) - at(-1, -1) - 2 * at(0, -1) - at(1, -1),
          at(1, -1) + 2 * at(1, 0) + at(1, 1) - at(-1, -1) - 2 * at(-1, 0) - at(-1, 1)};
}

class Edges {
 public:
  explicit Edges(const BytePicture& in)
      : height_(in.height), width_(in.width), gradients_(static_cast<size_t>(in.height * in.width)) {
    for (int64_t y = 0; y < height_; ++y) {
      poll_cancelled();
      for (int64_t x = 0; x < width_; ++x)
        for (int64_t c = 0; c < in.channels; ++c) {
          const Gradient here = sobel(in, y, x, c);
          Gradient& largest = gradients_[static_cast<size_t>(y * width_ + x)];
          if (c == 0 || here.size() > largest.size()) largest = here;
        }
    }
  }

  // Whether no neighbour along the gradient is larger; of equal ones the one before counts.
  bool is_ridge(int64_t y, int64_t x) const {
    constexpr int64_t kShift = 15, kTan22 = 13573;  // tan(22.5 degrees) in fixed point
    const Gradient g = gradients_[static_cast<size_t>(y * width_ + x)];
    const int64_t across = std::abs(g.dx), down = int64_t{std::abs(g.dy)} << kShift;
    const int64_t flat = across * kTan22, steep = flat + (across << (kShift + 1));
    const int m = g.size();
    if (down < flat) return m > size(y, x - 1) && m >= size(y, x + 1);
    if (down > steep) return m > size(y - 1, x) && m >= size(y + 1, x);
    const int64_t side = (g.dx ^ g.dy) < 0 ? -1 : 1;
    return m > size(y - 1, x - side) && m > size(y + 1, x + side);
  }
  int size(int64_t y, int64_t x) const {
    if (y < 0 || x < 0 || y >= height_ || x >= width_) return 0;
    return gradients_[static_cast<size_t>(y * width_ + x)].size();
  }

 private:
  int64_t height_, width_;
  ClaimedVector<Gradient> gradients_;
};

// --- Black and white ---

// The threshold that separates two classes best (Otsu 1979).
int otsu(const ClaimedVector<uint8_t>& values) {
  std::array<double, 256> share{};
  for (const uint8_t v : values) share[v] += 1.0 / static_cast<double>(values.size());
  double mean = 0;
  for (size_t i = 0; i < share.size(); ++i) mean += static_cast<double>(i) * share[i];
  double below = 0, mean_below = 0, best = 0;
  int out = 0;
  for (int i = 0; i < static_cast<int>(share.size()); ++i) {
    const double p = share[static_cast<size_t>(i)];
    mean_below *= below;
    below += p;
    const double above = 1.0 - below;
    if (std::min(below, above) < FLT_EPSILON || std::max(below, above) > 1.0 - FLT_EPSILON) continue;
    mean_below = (mean_below + i * p) / below;
    const double mean_above = (mean - below * mean_below) / above;
    const double between = below * above * (mean_below - mean_above) * (mean_below - mean_above);
    if (between > best) {
      best = between;
      out = i;
    }
  }
  return out;
}

void make_binary(BytePicture& grey) {
  const int threshold = otsu(grey.data);
  for (uint8_t& v : grey.data) v = v > threshold ? kWhite : 0;
}

// The least or the largest value of the 3x3 pixels around, of those inside the picture.
template <class F>
BytePicture around(const BytePicture& in, const F& better) {
  BytePicture out = in;
  for (int64_t y = 0; y < in.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < in.width; ++x)
      for (int64_t c = 0; c < in.channels; ++c)
        for (int64_t r = std::max<int64_t>(0, y - 1); r <= std::min(in.height - 1, y + 1); ++r)
          for (int64_t k = std::max<int64_t>(0, x - 1); k <= std::min(in.width - 1, x + 1); ++k)
            out.at(y, x)[c] = better(out.at(y, x)[c], in.at(r, k)[c]);
  }
  return out;
}

// Whether more than half of what is white goes when it is shrunk by a pixel and grown again.
bool is_of_thin_lines(const BytePicture& in) {
  const auto least = [](uint8_t a, uint8_t b) { return std::min(a, b); };
  const auto most = [](uint8_t a, uint8_t b) { return std::max(a, b); };
  const BytePicture opened = around(around(in, least), most);
  int64_t gone = 0, white = 0;
  for (size_t i = 0; i < in.data.size(); ++i) {
    gone += opened.data[i] < in.data[i];
    white += in.data[i] > 127;
  }
  return gone * 2 > white;
}

// What is not less than both neighbours along one of four lines; the rest becomes black.
BytePicture ridges(const BytePicture& in) {
  constexpr std::array<std::pair<int64_t, int64_t>, 4> kLines{{{0, 1}, {1, 0}, {1, 1}, {-1, 1}}};
  BytePicture out(in.height, in.width, 1);
  const auto value = [&](int64_t y, int64_t x) {
    return y < 0 || x < 0 || y >= in.height || x >= in.width ? 0 : static_cast<int>(*in.at(y, x));
  };
  for (int64_t y = 0; y < in.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < in.width; ++x)
      for (const auto& [dy, dx] : kLines)
        if (const int v = *in.at(y, x); v >= value(y - dy, x - dx) && v >= value(y + dy, x + dx))
          *out.at(y, x) = static_cast<uint8_t>(v);
  }
  return out;
}

// 1: white, -1: black, 0: either.
using Pattern = std::array<std::array<int, 3>, 3>;

Pattern turned(const Pattern& p) {  // by a quarter, against the clock
  Pattern out{};
  for (size_t y = 0; y < 3; ++y)
    for (size_t x = 0; x < 3; ++x) out[y][x] = p[x][2 - y];
  return out;
}

// Both patterns, then both turned by a quarter, and so on.
std::vector<Pattern> in_four_directions(Pattern first, Pattern second) {
  std::vector<Pattern> firsts, seconds;
  for (int i = 0; i < 4; ++i) {
    firsts.push_back(first);
    seconds.push_back(second);
    first = turned(first);
    second = turned(second);
  }
  std::vector<Pattern> out;
  for (size_t i = 0; i < firsts.size(); ++i) {
    out.push_back(firsts[i]);
    out.push_back(seconds[i]);
  }
  return out;
}

// Makes every pixel black that is the middle of the pattern; what lies outside of the picture fits any. Whether there
// was one.
bool remove(BytePicture& lines, const Pattern& pattern) {
  ClaimedVector<uint8_t*> found;
  const auto fits = [&](int64_t y, int64_t x) {
    for (int64_t dy = -1; dy <= 1; ++dy)
      for (int64_t dx = -1; dx <= 1; ++dx) {
        const int wanted = pattern[static_cast<size_t>(dy + 1)][static_cast<size_t>(dx + 1)];
        const int64_t r = y + dy, k = x + dx;
        if (wanted == 0 || r < 0 || k < 0 || r >= lines.height || k >= lines.width) continue;
        if ((*lines.at(r, k) != 0) != (wanted == 1)) return false;
      }
    return true;
  };
  for (int64_t y = 0; y < lines.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < lines.width; ++x)
      if (fits(y, x)) found.push_back(lines.at(y, x));
  }
  for (uint8_t* pixel : found) *pixel = 0;
  return !found.empty();
}

// Lines of one pixel; `ends`: single pixels at their ends go as well.
void thin(BytePicture& lines, bool ends) {
  static const std::vector<Pattern> kThick =
      in_four_directions({{{-1, -1, -1}, {0, 1, 0}, {1, 1, 1}}}, {{{0, -1, -1}, {1, 1, -1}, {0, 1, 0}}});
  static const std::vector<Pattern> kEnds =
      in_four_directions({{{-1, -1, -1}, {-1, 1, -1}, {0, 0, -1}}}, {{{-1, -1, -1}, {-1, 1, -1}, {-1, 0, 0}}});
  constexpr int kMostPasses = 32;
  for (int pass = 0; pass < kMostPasses; ++pass) {
    bool changed = false;
    for (const Pattern& pattern : kThick) changed = remove(lines, pattern) || changed;
    if (!changed) break;
  }
  if (!ends) return;
  for (const Pattern& pattern : kEnds) remove(lines, pattern);
}

BytePicture three_channels(const BytePicture& grey) {
  BytePicture out(grey.height, grey.width, 3);
  for (size_t i = 0; i < grey.data.size(); ++i)
    std::fill_n(out.data.begin() + static_cast<int64_t>(i) * 3, 3, grey.data[i]);
  return out;
}

BytePicture mean_of_channels(const BytePicture& in) {
  BytePicture out(in.height, in.width, 1);
  for (size_t i = 0; i < out.data.size(); ++i)
    out.data[i] = static_cast<uint8_t>((in.data[3 * i] + in.data[3 * i + 1] + in.data[3 * i + 2]) / 3);
  return out;
}

BytePicture stretched(const BytePicture& hint, Size size) {
  if (hint.height == size.height && hint.width == size.width) return hint;
  constexpr size_t kFewColours = 200;
  std::set<std::array<uint8_t, 3>> colours;
  for (size_t i = 0; i + 2 < hint.data.size() && colours.size() < kFewColours; i += 3)
    colours.insert({hint.data[i], hint.data[i + 1], hint.data[i + 2]});
  const int64_t pixels = size.height * size.width, before = hint.height * hint.width;
  const auto [least, most] = std::minmax_element(hint.data.begin(), hint.data.end());
  const bool binary = colours.size() == 2 && *least < 16 && *most > 240;
  const bool thin_lines = binary && is_of_thin_lines(hint);
  const bool few = colours.size() > 2 && colours.size() < kFewColours;
  const BytePicture out = resized(hint, size,
                                  few               ? ByteFilter::kNearest
                                  : pixels < before ? ByteFilter::kArea
                                                    : ByteFilter::kCubic);
  if (!binary) return out;
  BytePicture grey = mean_of_channels(out);
  if (thin_lines) grey = ridges(grey);
  make_binary(grey);
  if (thin_lines) thin(grey, pixels > before);
  return three_channels(grey);
}

// The picture with the median of its border's colours around.
BytePicture framed(const BytePicture& original, const BytePicture& inside, Size size) {
  BytePicture out(size.height, size.width, 3);
  std::array<uint8_t, 3> colour{};
  for (int64_t c = 0; c < 3; ++c) {
    std::vector<uint8_t> border;
    for (int64_t x = 0; x < original.width; ++x)
      for (const int64_t y : {int64_t{0}, original.height - 1}) border.push_back(original.at(y, x)[c]);
    for (int64_t y = 0; y < original.height; ++y) {
      poll_cancelled();
      for (const int64_t x : {int64_t{0}, original.width - 1}) border.push_back(original.at(y, x)[c]);
    }
    std::sort(border.begin(), border.end());
    const size_t half = border.size() / 2;  // their number is even
    colour[static_cast<size_t>(c)] = static_cast<uint8_t>((border[half - 1] + border[half]) / 2);
  }
  const int64_t top = std::max<int64_t>(0, (size.height - inside.height) / 2),
                left = std::max<int64_t>(0, (size.width - inside.width) / 2);
  for (int64_t y = 0; y < size.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < size.width; ++x) {
      const bool in = y >= top && x >= left && y < top + inside.height && x < left + inside.width;
      std::copy_n(in ? inside.at(y - top, x - left) : colour.data(), 3, out.at(y, x));
    }
  }
  return out;
}

}  // namespace

BytePicture canny_bytes(const BytePicture& picture, int low, int high) {
  if (low > high) std::swap(low, high);
  const Edges edges(picture);
  BytePicture out(picture.height, picture.width, 1);
  constexpr uint8_t kWeak = 1;
  ClaimedVector<std::pair<int64_t, int64_t>> strong;
  for (int64_t y = 0; y < picture.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < picture.width; ++x) {
      const int m = edges.size(y, x);
      if (m <= low || !edges.is_ridge(y, x)) continue;
      *out.at(y, x) = m > high ? kWhite : kWeak;
      if (m > high) strong.emplace_back(y, x);
    }
  }
  constexpr uint32_t kPixels = 1 << 16;  // between two looks at whether the work is to stop
  for (uint32_t seen = 0; !strong.empty(); ++seen) {
    if (seen % kPixels == 0) poll_cancelled();
    const auto [y, x] = strong.back();
    strong.pop_back();
    for (int64_t r = std::max<int64_t>(0, y - 1); r <= std::min(out.height - 1, y + 1); ++r)
      for (int64_t k = std::max<int64_t>(0, x - 1); k <= std::min(out.width - 1, x + 1); ++k)
        if (*out.at(r, k) == kWeak) {
          *out.at(r, k) = kWhite;
          strong.emplace_back(r, k);
        }
  }
  for (uint8_t& v : out.data) v = v == kWhite ? kWhite : 0;
  return out;
}

Size hint_size(Size now, int64_t resolution) {
  const double k = static_cast<double>(resolution) / static_cast<double>(std::min(now.height, now.width));
  return scaled_by(now, k);
}

PaddedHint padded_hint(const BytePicture& picture, int64_t resolution, ByteFilter when_growing) {
  constexpr int64_t kMultiple = 64;
  const bool grows = resolution > std::min(picture.height, picture.width);
  PaddedHint out;
  out.size = hint_size({picture.width, picture.height}, resolution);
  const BytePicture small = resized(picture, out.size, grows ? when_growing : ByteFilter::kArea);
  out.picture = BytePicture(round_up(small.height, kMultiple), round_up(small.width, kMultiple), small.channels);
  for (int64_t y = 0; y < out.picture.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < out.picture.width; ++x)
      std::copy_n(small.clamped(y, x), small.channels, out.picture.at(y, x));
  }
  return out;
}

BytePicture unpadded(const BytePicture& picture, Size size) {
  BytePicture out(size.height, size.width, 3);
  for (int64_t y = 0; y < size.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < size.width; ++x)
      for (int64_t c = 0; c < 3; ++c) out.at(y, x)[c] = picture.at(y, x)[picture.channels == 1 ? 0 : c];
  }
  return out;
}

BytePicture likelihood_bytes(const Tensor& scores, int64_t steps) {
  require_image(scores, "scores");
  const Tensor one = contiguous(scores);
  BytePicture out(scores.dim(1), scores.dim(2), 1);
  std::transform(one.f32(), one.f32() + out.height * out.width, out.data.begin(), [steps](float score) {
    constexpr double kFull = 255;
    double share = 1 / (1 + std::exp(-static_cast<double>(score)));
    if (std::isnan(share)) return uint8_t{0};
    const auto parts = static_cast<float>(steps);
    if (steps > 0) share = static_cast<double>(std::trunc(static_cast<float>(share) * (parts + 1)) / parts);
    return static_cast<uint8_t>(std::min(share * kFull, kFull));
  });
  return out;
}

BytePicture hint_resized(const BytePicture& hint, Size size, HintFit fit) {
  if (hint.channels != 3)
    throw Error(Fault::kInvalid, "a hint of " + std::to_string(hint.channels) + " channels where three are needed");
  if (fit == HintFit::kStretch) return stretched(hint, size);
  const double by_height = static_cast<double>(size.height) / static_cast<double>(hint.height);
  const double by_width = static_cast<double>(size.width) / static_cast<double>(hint.width);
  const double k = fit == HintFit::kFill ? std::min(by_height, by_width) : std::max(by_height, by_width);
  const BytePicture scaled = stretched(hint, scaled_by({hint.width, hint.height}, k));
  if (fit == HintFit::kFill) return framed(hint, scaled, size);
  const int64_t top = std::max<int64_t>(0, (scaled.height - size.height) / 2),
                left = std::max<int64_t>(0, (scaled.width - size.width) / 2);
  BytePicture out(std::min(size.height, scaled.height - top), std::min(size.width, scaled.width - left), 3);
  for (int64_t y = 0; y < out.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < out.width; ++x) std::copy_n(scaled.at(top + y, left + x), 3, out.at(y, x));
  }
  return out;
}

}  // namespace easel::image
