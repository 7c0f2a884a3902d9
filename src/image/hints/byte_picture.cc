#include "image/hints/byte_picture.h"

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>

#include "base/cancel.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/sort.h"
#include "image/scale/opencv_weights.h"
#include "image/scale/resize.h"

namespace easel::image {
namespace {

constexpr int kBits = 11;  // of a weight in fixed point
constexpr float kOne = 1 << kBits;

uint8_t to_byte(float v) { return static_cast<uint8_t>(std::clamp(std::nearbyint(v), 0.0f, 255.0f)); }

BytePicture nearest(const BytePicture& in, Size size) {
  BytePicture out(size.height, size.width, in.channels);
  const auto source = [](int64_t i, int64_t from, int64_t to) {
    const double factor = static_cast<double>(to) / static_cast<double>(from);
    return std::min(from - 1, static_cast<int64_t>(std::floor(static_cast<double>(i) * (1.0 / factor))));
  };
  for (int64_t y = 0; y < out.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < out.width; ++x)
      std::copy_n(in.at(source(y, in.height, out.height), source(x, in.width, out.width)), in.channels, out.at(y, x));
  }
  return out;
}

// --- Areas ---

BytePicture whole_areas(const BytePicture& in, Size size) {
  const int64_t rows = in.height / size.height, columns = in.width / size.width;
  const float scale = 1.0f / static_cast<float>(rows * columns);
  BytePicture out(size.height, size.width, in.channels);
  for (int64_t y = 0; y < out.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < out.width; ++x)
      for (int64_t c = 0; c < in.channels; ++c) {
        int sum = 0;
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t k = 0; k < columns; ++k) sum += in.at(y * rows + r, x * columns + k)[c];
        constexpr int64_t kTwo = 2;
        out.at(y, x)[c] = rows == kTwo && columns == kTwo ? static_cast<uint8_t>((sum + 2) >> 2)
                                                          : to_byte(static_cast<float>(sum) * scale);
      }
  }
  return out;
}

BytePicture areas(const BytePicture& in, Size size) {
  const double scale_x = opencv_scale(in.width, size.width), scale_y = opencv_scale(in.height, size.height);
  const auto whole = [](double v) { return std::fabs(v - std::nearbyint(v)) < DBL_EPSILON; };
  if (whole(scale_x) && whole(scale_y)) return whole_areas(in, size);
  const std::vector<AreaShare> across = area_shares(in.width, size.width), down = area_shares(in.height, size.height);
  BytePicture out(size.height, size.width, in.channels);
  const auto line = static_cast<size_t>(out.width * in.channels);
  std::vector<float> row(line), sum(line, 0.0f);
  const auto put = [&](int64_t y) {
    std::transform(sum.begin(), sum.end(), out.at(y, 0), to_byte);
    std::fill(sum.begin(), sum.end(), 0.0f);
  };
  for (size_t i = 0; i < down.size(); ++i) {
    poll_cancelled();
    std::fill(row.begin(), row.end(), 0.0f);
    for (const AreaShare& share : across)
      for (int64_t c = 0; c < in.channels; ++c)
        row[static_cast<size_t>(share.to * in.channels + c)] +=
            static_cast<float>(in.at(down[i].from, share.from)[c]) * share.weight;
    for (size_t k = 0; k < line; ++k) sum[k] += down[i].weight * row[k];
    if (i + 1 == down.size() || down[i + 1].to != down[i].to) put(down[i].to);
  }
  return out;
}

// --- Weights in fixed point ---

struct Taps {
  int64_t first = 0;
  std::array<int, 4> weights{};
};

int fixed(float weight) { return static_cast<int>(std::nearbyint(weight * kOne)); }

Taps cubic_taps(int64_t i, double scale) {
  const CubicWeights exact = cubic_weights(i, scale);
  Taps out{exact.first, {}};
  std::transform(exact.weights.begin(), exact.weights.end(), out.weights.begin(), fixed);
  return out;
}

// What stands in for areas where one side grows: two neighbours, by how much of each the pixel covers.
Taps area_like_taps(int64_t i, double scale) {
  const auto floor = static_cast<int64_t>(std::floor(static_cast<double>(i) * scale));
  const auto beyond = static_cast<float>(static_cast<double>(i + 1) - static_cast<double>(floor + 1) * (1.0 / scale));
  const float x = beyond <= 0 ? 0.0f : beyond - std::floor(beyond);
  return {floor, {fixed(1.0f - x), fixed(x), 0, 0}};
}

Taps linear_taps(int64_t i, double scale) {
  const auto at = static_cast<float>((static_cast<double>(i) + 0.5) * scale - 0.5);
  const float floor = std::floor(at), x = at - floor;
  return {static_cast<int64_t>(floor), {fixed(1.0f - x), fixed(x), 0, 0}};
}

// Four values of a column, in fixed point with the weights of the row, as one byte. OpenCV has three ways to round,
// each of which it takes at certain places.
using Column = std::array<int, 4>;

uint8_t exactly(const Column& v, const Taps& t) {
  constexpr int kShift = 2 * kBits, kByte = 255;
  int64_t sum = 0;
  for (size_t k = 0; k < v.size(); ++k) sum += int64_t{v[k]} * t.weights[k];
  return static_cast<uint8_t>(std::clamp<int64_t>((sum + (int64_t{1} << (kShift - 1))) >> kShift, 0, kByte));
}

uint8_t by_floats(const Column& v, const Taps& t) {
  const auto term = [&](size_t k) {
    return static_cast<float>(v[k]) * (static_cast<float>(t.weights[k]) * (1.0f / (kOne * kOne)));
  };
  return to_byte(term(0) + (term(1) + (term(2) + term(3))));
}

uint8_t by_halves(const Column& v, const Taps& t) {
  const auto term = [&](size_t k) { return (t.weights[k] * (v[k] >> 4)) >> 16; };
  return static_cast<uint8_t>((term(0) + term(1) + 2) >> 2);
}

BytePicture by_taps(const BytePicture& in, Size size, Taps (*taps)(int64_t, double), bool cubic) {
  const double scale_x = opencv_scale(in.width, size.width), scale_y = opencv_scale(in.height, size.height);
  const auto line = static_cast<size_t>(size.width * in.channels);
  ClaimedVector<int> rows(static_cast<size_t>(in.height) * line);
  std::vector<Taps> across;
  for (int64_t x = 0; x < size.width; ++x) across.push_back(taps(x, scale_x));
  parallel_for(in.height, 16, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y)
      for (int64_t x = 0; x < size.width; ++x)
        for (int64_t c = 0; c < in.channels; ++c) {
          int sum = 0;
          const Taps& t = across[static_cast<size_t>(x)];
          for (int64_t k = 0; k < 4; ++k) sum += in.clamped(y, t.first + k)[c] * t.weights[static_cast<size_t>(k)];
          rows[static_cast<size_t>(y) * line + static_cast<size_t>(x * in.channels + c)] = sum;
        }
  });
  BytePicture out(size.height, size.width, in.channels);
  constexpr size_t kLanes = 8;  // of the vectors in which OpenCV makes bicubic rows, as far as they go
  const size_t vectors = line / kLanes * kLanes;
  parallel_for(out.height, 16, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y) {
      const Taps t = taps(y, scale_y);
      for (size_t i = 0; i < line; ++i) {
        Column v{};
        for (int64_t k = 0; k < 4; ++k)
          v[static_cast<size_t>(k)] =
              rows[static_cast<size_t>(std::clamp<int64_t>(t.first + k, 0, in.height - 1)) * line + i];
        out.data[static_cast<size_t>(y) * line + i] = !cubic        ? by_halves(v, t)
                                                      : i < vectors ? by_floats(v, t)
                                                                    : exactly(v, t);
      }
    }
  });
  return out;
}

}  // namespace

const uint8_t* BytePicture::clamped(int64_t y, int64_t x) const {
  return at(std::clamp<int64_t>(y, 0, height - 1), std::clamp<int64_t>(x, 0, width - 1));
}

BytePicture byte_picture(const Tensor& image, int64_t n) {
  require_image(image, "image");
  const Tensor one = contiguous(image.slice(0, n, 1));
  BytePicture out(image.dim(1), image.dim(2), image.dim(3));
  std::transform(one.f32(), one.f32() + one.numel(), out.data.begin(),
                 [](float v) { return static_cast<uint8_t>(std::clamp(255.0f * v, 0.0f, 255.0f)); });
  return out;
}

BytePicture spread_over_bytes(const Tensor& values) {
  require_image(values, "values");
  const Tensor one = contiguous(values);
  const auto [least, most] = std::minmax_element(one.f32(), one.f32() + one.numel());
  const float low = *least, range = *most - *least;
  BytePicture out(values.dim(1), values.dim(2), 1);
  constexpr float kFull = 255.0f;
  if (range > 0)
    std::transform(one.f32(), one.f32() + out.height * out.width, out.data.begin(),
                   [&](float v) { return static_cast<uint8_t>((v - low) / range * kFull); });
  return out;
}

namespace {

// As NumPy's percentile(): between the two values beside the place.
float percentile(const std::vector<float>& sorted, double percent) {
  const double place = percent / 100 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place), above = std::min(below + 1, sorted.size() - 1);
  const auto low = static_cast<double>(sorted[below]), high = static_cast<double>(sorted[above]);
  return static_cast<float>(low + (high - low) * (place - static_cast<double>(below)));
}

}  // namespace

BytePicture near_bytes(const Tensor& distances) {
  require_image(distances, "distances");
  const Tensor one = contiguous(distances);
  std::vector<float> sorted(one.f32(), one.f32() + one.numel());
  sort_numbers(sorted.begin(), sorted.end());
  constexpr double kNear = 2, kFar = 85;
  const float least = percentile(sorted, kNear), range = percentile(sorted, kFar) - least;
  BytePicture out(distances.dim(1), distances.dim(2), 1);
  constexpr float kFull = 255.0f;
  std::transform(one.f32(), one.f32() + out.height * out.width, out.data.begin(), [&](float v) {
    const float byte = (1.0f - (v - least) / range) * kFull;
    return std::isnan(byte) ? uint8_t{0} : static_cast<uint8_t>(std::clamp(byte, 0.0f, kFull));  // all at one distance
  });
  return out;
}

Tensor picture_of(const std::vector<BytePicture>& pictures) {
  if (pictures.empty()) throw Error(Fault::kInternal, "a batch of no pictures");
  const BytePicture& first = pictures.front();
  Tensor out({static_cast<int64_t>(pictures.size()), first.height, first.width, first.channels});
  for (size_t n = 0; n < pictures.size(); ++n) {
    if (pictures[n].data.size() != first.data.size()) throw Error(Fault::kInternal, "pictures of several sizes");
    std::transform(pictures[n].data.begin(), pictures[n].data.end(), out.f32() + n * first.data.size(),
                   [](uint8_t v) { return static_cast<float>(v) / 255.0f; });
  }
  return out;
}

BytePicture resized(const BytePicture& picture, Size size, ByteFilter filter) {
  require_size(size);
  if (size.height == picture.height && size.width == picture.width) return picture;
  if (filter == ByteFilter::kNearest) return nearest(picture, size);
  if (filter == ByteFilter::kCubic) return by_taps(picture, size, cubic_taps, true);
  // OpenCV takes halves for areas.
  const bool halves = size.height * 2 == picture.height && size.width * 2 == picture.width;
  if (filter == ByteFilter::kLinear && !halves) return by_taps(picture, size, linear_taps, false);
  if (size.height <= picture.height && size.width <= picture.width) return areas(picture, size);
  return by_taps(picture, size, area_like_taps, false);
}

}  // namespace easel::image
