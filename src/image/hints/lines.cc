#include "image/hints/lines.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/cancel.h"
#include "base/error.h"
#include "image/hints/smooth.h"

namespace easel::image {
namespace {

constexpr uint8_t kWhite = 255;

// The least over the colours of (more - less), for each pixel of [1,H,W,C].
ClaimedVector<float> least_difference(const Tensor& more, const Tensor& less) {
  const int64_t channels = more.dim(3);
  ClaimedVector<float> out(static_cast<size_t>(more.dim(1) * more.dim(2)));
  for (size_t i = 0; i < out.size(); ++i) {
    const float* const a = more.f32() + static_cast<int64_t>(i) * channels;
    const float* const b = less.f32() + static_cast<int64_t>(i) * channels;
    out[i] = a[0] - b[0];
    for (int64_t c = 1; c < channels; ++c) out[i] = std::min(out[i], a[c] - b[c]);
  }
  return out;
}

// Of an even number of values the mean of the middle two; 0 of none.
float median(ClaimedVector<float>& values) {
  if (values.empty()) return 0;
  const auto half = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), half, values.end());
  if (values.size() % 2 == 1) return *half;
  return (*std::max_element(values.begin(), half) + *half) / 2;
}

// Whether no neighbour along one of four lines is larger; what is outside is not.
bool is_ridge(const Tensor& map, int64_t y, int64_t x) {
  const int64_t height = map.dim(1), width = map.dim(2);
  const float here = map.f32()[y * width + x];
  const auto below = [&](int64_t r, int64_t k) {
    return r < 0 || k < 0 || r >= height || k >= width || map.f32()[r * width + k] <= here;
  };
  constexpr std::array<std::pair<int64_t, int64_t>, 4> kLines{{{0, 1}, {1, 0}, {1, 1}, {-1, 1}}};
  return std::any_of(kLines.begin(), kLines.end(), [&](const auto& line) {
    return below(y - line.first, x - line.second) && below(y + line.first, x + line.second);
  });
}

// Makes patches 0 that are too small. `values` has a value for each pixel.
void remove_small(ClaimedVector<float>& values, int64_t height, int64_t width, const LinePatches& patches) {
  constexpr int64_t kLayers = 3;  // the original counts the pixels of all channels
  ClaimedVector<uint8_t> seen(values.size(), 0);
  ClaimedVector<int64_t> patch;
  for (int64_t first = 0; first < height * width; ++first) {
    if (first % width == 0) poll_cancelled();
    if (seen[static_cast<size_t>(first)] != 0 || values[static_cast<size_t>(first)] == 0) continue;
    patch.assign(1, first);
    seen[static_cast<size_t>(first)] = 1;
    for (size_t i = 0; i < patch.size(); ++i) {
      const int64_t y = patch[i] / width, x = patch[i] % width;
      for (int64_t r = std::max<int64_t>(0, y - 1); r <= std::min(height - 1, y + 1); ++r)
        for (int64_t k = std::max<int64_t>(0, x - 1); k <= std::min(width - 1, x + 1); ++k) {
          const auto at = static_cast<size_t>(r * width + k);
          const bool beside = r == y || k == x || patches.neighbours > 1;
          if (!beside || seen[at] != 0 || values[at] == 0) continue;
          seen[at] = 1;
          patch.push_back(r * width + k);
        }
    }
    if (static_cast<int64_t>(patch.size()) * kLayers < patches.smallest)
      for (const int64_t at : patch) values[static_cast<size_t>(at)] = 0;
  }
}

}  // namespace

BytePicture standard_lines(const BytePicture& picture, double sigma, int64_t threshold) {
  constexpr float kLeastMedian = 16, kShown = 127, kFull = 255;
  const Tensor values = floats_of(picture);
  ClaimedVector<float> darker = least_difference(gaussian_floats(values, sigma), values), above;
  for (float& v : darker) {
    v = std::clamp(v, 0.0f, kFull);
    if (v > static_cast<float>(threshold)) above.push_back(v);
  }
  const float usual = std::max(kLeastMedian, median(above));
  BytePicture out(picture.height, picture.width, 1);
  std::transform(darker.begin(), darker.end(), out.data.begin(),
                 [&](float v) { return static_cast<uint8_t>(std::clamp(v / usual * kShown, 0.0f, kFull)); });
  return out;
}

BytePicture scribbled(const BytePicture& edges) {
  constexpr double kSigma = 3;
  constexpr float kSeen = 127;
  constexpr uint8_t kTouched = 4;
  const Tensor soft = gaussian_floats(floats_of(edges), kSigma);
  BytePicture ridges(edges.height, edges.width, 1);
  for (int64_t y = 0; y < edges.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < edges.width; ++x)
      *ridges.at(y, x) = soft.f32()[y * edges.width + x] > kSeen && is_ridge(soft, y, x) ? kWhite : 0;
  }
  BytePicture out = gaussian_bytes(ridges, kSigma);
  for (uint8_t& v : out.data) v = v > kTouched ? kWhite : 0;
  return out;
}

BytePicture difference_scribble(const BytePicture& picture, int64_t threshold) {
  constexpr double kFine = 0.5, kCoarse = 5;
  constexpr float kFull = 255;
  const Tensor values = floats_of(picture);
  const ClaimedVector<float> darker =
      least_difference(gaussian_floats(values, kCoarse), gaussian_floats(values, kFine));
  BytePicture out(picture.height, picture.width, 1);
  std::transform(darker.begin(), darker.end(), out.data.begin(), [&](float v) {
    const int shown = kWhite - static_cast<int>(std::clamp(kFull - v, 0.0f, kFull));
    const auto twice = static_cast<uint8_t>(2 * shown);  // the original's bytes overflow as these do
    return twice > threshold ? kWhite : uint8_t{0};
  });
  return out;
}

Tensor lines_over_edges(const Tensor& edges, const Tensor& lines, const LinePatches& patches) {
  require_image(edges, "edges");
  require_image(lines, "lines");
  if (!(edges.shape() == lines.shape()))
    throw Error(Fault::kInvalid, "lines " + lines.shape().str() + " do not fit edges " + edges.shape().str());
  const Tensor from = contiguous(lines), under = contiguous(edges);
  Tensor out(edges.shape());
  const int64_t height = edges.dim(1), width = edges.dim(2), channels = edges.dim(3);
  const auto least = static_cast<float>(patches.least), most = static_cast<float>(patches.most);
  for (int64_t n = 0; n < edges.dim(0); ++n) {
    ClaimedVector<float> kept(static_cast<size_t>(height * width));
    const int64_t start = n * height * width;
    for (size_t i = 0; i < kept.size(); ++i) {
      const float v = from.f32()[(start + static_cast<int64_t>(i)) * channels];
      kept[i] = v >= least && v <= most ? v : 0;
    }
    remove_small(kept, height, width, patches);
    for (size_t i = 0; i < kept.size(); ++i)
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t at = (start + static_cast<int64_t>(i)) * channels + c;
        const float below = under.f32()[at];
        out.f32()[at] = kept[i] == 0 ? below : 1 - (1 - kept[i]) * (1 - below);
      }
  }
  return out;
}

}  // namespace easel::image
