#include "image/inpaint/transfer_colours.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/cancel.h"
#include "base/error.h"
#include "base/sort.h"
#include "image/inpaint/colour_maths.h"
#include "image/scale/resize.h"
#include "tensor/claimed_vector.h"

namespace easel::image {
namespace {

constexpr size_t kChannels = 3;
using Pixels = ClaimedVector<Triple>;

// Calls `work` with each of many values in turn.
template <class Values, class Work>
void each(Values& values, const Work& work) {
  constexpr size_t kBetween = 1 << 15;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % kBetween == 0) poll_cancelled();
    work(values[i]);
  }
}

Pixels pixels_of(const Tensor& image) {
  const Tensor source = contiguous(image);
  Pixels out(static_cast<size_t>(source.numel()) / kChannels);
  const float* from = source.f32();
  each(out, [&](Triple& pixel) {
    for (double& v : pixel) v = *from++;
  });
  return out;
}

Matrix transposed(const Matrix& a) {
  Matrix out{};
  for (size_t i = 0; i < kChannels; ++i)
    for (size_t j = 0; j < kChannels; ++j) out[i][j] = a[j][i];
  return out;
}
Matrix diagonal(const Triple& d) {
  Matrix out{};
  for (size_t i = 0; i < kChannels; ++i) out[i][i] = d[i];
  return out;
}

Triple mean_of(const Pixels& pixels) {
  Triple out{};
  each(pixels, [&](const Triple& pixel) {
    for (size_t c = 0; c < kChannels; ++c) out[c] += pixel[c];
  });
  for (double& v : out) v /= static_cast<double>(pixels.size());
  return out;
}

Matrix covariance(const Pixels& pixels, const Triple& mean) {
  Matrix out{};
  each(pixels, [&](const Triple& pixel) {
    for (size_t i = 0; i < kChannels; ++i)
      for (size_t j = 0; j < kChannels; ++j) out[i][j] += (pixel[i] - mean[i]) * (pixel[j] - mean[j]);
  });
  for (Triple& row : out)
    for (double& v : row) v /= static_cast<double>(pixels.size() - 1);
  return out;
}

// Eigenvalues of a symmetric matrix, and its eigenvectors as columns, by Jacobi's rotations.
struct Eigen {
  Triple values{};
  Matrix vectors{};
};
Eigen eigen_of(Matrix a) {
  Eigen out;
  out.vectors = diagonal({1, 1, 1});
  constexpr int kSweeps = 60;
  for (int sweep = 0; sweep < kSweeps; ++sweep)
    for (size_t p = 0; p + 1 < kChannels; ++p)
      for (size_t q = p + 1; q < kChannels; ++q) {
        if (a[p][q] == 0) continue;
        const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const double t = (theta >= 0 ? 1.0 : -1.0) / (std::abs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1), s = t * c;
        Matrix rotation = diagonal({1, 1, 1});
        rotation[p][p] = rotation[q][q] = c;
        rotation[p][q] = s;
        rotation[q][p] = -s;
        a = times(transposed(rotation), times(a, rotation));
        a[p][q] = a[q][p] = 0;
        out.vectors = times(out.vectors, rotation);
      }
  for (size_t i = 0; i < kChannels; ++i) out.values[i] = a[i][i];
  return out;
}

Triple roots(const Triple& values) {
  Triple out{};
  for (size_t i = 0; i < kChannels; ++i) out[i] = std::sqrt(std::max(0.0, values[i]));
  return out;
}

void linear(Pixels& target, const Pixels& reference) {
  const Triple mean = mean_of(target), wanted_mean = mean_of(reference);
  const Matrix wanted = covariance(reference, wanted_mean);
  const Eigen own = eigen_of(covariance(target, mean));
  const Triple scale = roots(own.values);
  Triple inverse{};
  // A channel without deviation is divided by the smallest step from 1, as in the original.
  for (size_t i = 0; i < kChannels; ++i) inverse[i] = 1 / (scale[i] + std::numeric_limits<double>::epsilon());
  const Matrix& v = own.vectors;
  const Matrix inner = times(diagonal(scale), times(transposed(v), times(wanted, times(v, diagonal(scale)))));
  const Eigen middle = eigen_of(inner);
  const Matrix root = times(middle.vectors, times(diagonal(roots(middle.values)), transposed(middle.vectors)));
  const Matrix map = times(v, times(diagonal(inverse), times(root, times(diagonal(inverse), transposed(v)))));
  each(target, [&](Triple& pixel) {
    Triple off{};
    for (size_t c = 0; c < kChannels; ++c) off[c] = pixel[c] - mean[c];
    pixel = times(map, off);
    for (size_t c = 0; c < kChannels; ++c) pixel[c] += wanted_mean[c];
  });
}

// The values of a channel, each once, and which part of the pixels has at most that value.
struct Distribution {
  ClaimedVector<double> values, share;
};
Distribution distribution(const Pixels& pixels, size_t channel) {
  ClaimedVector<double> sorted;
  sorted.reserve(pixels.size());
  for (const Triple& pixel : pixels) sorted.push_back(pixel[channel]);
  sort_numbers(sorted.begin(), sorted.end());
  Distribution out;
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i + 1 < sorted.size() && sorted[i + 1] == sorted[i]) continue;
    out.values.push_back(sorted[i]);
    out.share.push_back(static_cast<double>(i + 1) / static_cast<double>(sorted.size()));
  }
  return out;
}

// The value of a share, between those of the neighbouring shares.
double value_at(const Distribution& d, double share) {
  const auto next = std::upper_bound(d.share.begin(), d.share.end(), share);
  if (next == d.share.begin()) return d.values.front();
  const auto j = static_cast<size_t>(next - d.share.begin()) - 1;
  if (j + 1 >= d.values.size()) return d.values.back();
  const double slope = (d.values[j + 1] - d.values[j]) / (d.share[j + 1] - d.share[j]);
  return slope * (share - d.share[j]) + d.values[j];
}

// `to_float`: the original keeps the result in the type of the target.
void histogram(Pixels& target, const Pixels& reference, bool to_float) {
  for (size_t c = 0; c < kChannels; ++c) {
    const Distribution own = distribution(target, c), wanted = distribution(reference, c);
    ClaimedVector<double> mapped;
    mapped.reserve(own.share.size());
    each(own.share, [&](double share) { mapped.push_back(value_at(wanted, share)); });
    each(target, [&](Triple& pixel) {
      const auto at = std::lower_bound(own.values.begin(), own.values.end(), pixel[c]) - own.values.begin();
      const double value = mapped[static_cast<size_t>(at)];
      pixel[c] = to_float ? static_cast<double>(static_cast<float>(value)) : value;
    });
  }
}

// Long, middle and short waves, and back (Reinhard et al. 2001, with the numbers of the original).
constexpr Matrix kToWaves{{{0.3811, 0.5783, 0.0402}, {0.1967, 0.7244, 0.0782}, {0.0241, 0.1288, 0.8444}}};
constexpr Matrix kFromWaves{{{4.4679, -3.5873, 0.1193}, {-1.2186, 2.3809, -0.1624}, {0.0497, -0.2439, 1.2045}}};
constexpr Matrix kOpponents{{{1, 1, 1}, {1, 1, -2}, {1, -1, 0}}};

Matrix opponents() { return times(diagonal({1 / std::sqrt(3.0), 1 / std::sqrt(6.0), 1 / std::sqrt(2.0)}), kOpponents); }

void without_zeros(Pixels& pixels) {
  each(pixels, [](Triple& pixel) {
    for (double& v : pixel)
      if (v == 0) v = static_cast<double>(1.0f / 255.0f);
  });
}

void to_opponents(Pixels& pixels) {
  const Matrix m = opponents();
  each(pixels, [&](Triple& pixel) {
    pixel = times(kToWaves, pixel);
    for (double& v : pixel) v = std::log10(v);
    pixel = times(m, pixel);
  });
}

Triple deviation(const Pixels& pixels, const Triple& mean) {
  Triple out{};
  each(pixels, [&](const Triple& pixel) {
    for (size_t c = 0; c < kChannels; ++c) out[c] += (pixel[c] - mean[c]) * (pixel[c] - mean[c]);
  });
  for (double& v : out) v = std::sqrt(v / static_cast<double>(pixels.size()));
  return out;
}

void reinhard(Pixels& target, Pixels reference) {
  without_zeros(reference);
  to_opponents(target);
  to_opponents(reference);
  const Triple mean = mean_of(target), wanted = mean_of(reference);
  const Triple spread = deviation(target, mean), wanted_spread = deviation(reference, wanted);
  // What rounding leaves of a deviation of 0.
  constexpr double kNone = 1e-12;
  if (*std::min_element(spread.begin(), spread.end()) < kNone)
    throw Error(Fault::kInvalid, "the picture has no contrast that could be matched")
        .fix("Choose another method for pictures of one colour");
  const Matrix back = transposed(opponents());
  each(target, [&](Triple& pixel) {
    for (size_t c = 0; c < kChannels; ++c) pixel[c] = (pixel[c] - mean[c]) * (wanted_spread[c] / spread[c]) + wanted[c];
    pixel = times(back, pixel);
    for (double& v : pixel) v = std::pow(10.0, v);
    pixel = times(kFromWaves, pixel);
  });
}

}  // namespace

Tensor transfer_colours(const Tensor& target, const Tensor& reference, ColourTransfer how, double strength) {
  require_image(target, "the picture");
  require_image(reference, "the reference");
  if (target.dim(3) != 3 || reference.dim(3) != 3) throw Error(Fault::kInvalid, "takes pictures of three colours");
  Pixels own = pixels_of(target);
  const Pixels wanted = pixels_of(reference);
  const bool linearly = how == ColourTransfer::kLinear || how == ColourTransfer::kHistogramAndLinear;
  if (linearly && (own.size() < 2 || wanted.size() < 2)) return target;
  if (how == ColourTransfer::kReinhard) without_zeros(own);
  Pixels out = own;
  if (how == ColourTransfer::kReinhard) reinhard(out, wanted);
  if (how == ColourTransfer::kHistogram || how == ColourTransfer::kHistogramAndLinear) histogram(out, wanted, true);
  if (linearly) linear(out, wanted);
  if (how == ColourTransfer::kHistogramAndLinear) histogram(out, wanted, false);
  Tensor result(target.shape());
  for (size_t i = 0; i < out.size(); ++i)
    for (size_t c = 0; c < kChannels; ++c) {
      const double value = strength == 1 ? out[i][c] : own[i][c] + strength * (out[i][c] - own[i][c]);
      result.f32()[i * kChannels + c] = std::clamp(static_cast<float>(value), 0.0f, 1.0f);
    }
  return result;
}

}  // namespace easel::image
