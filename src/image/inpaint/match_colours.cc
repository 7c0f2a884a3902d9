// L*a*b* with the numbers of the reference (kornia, after scikit-image): D65, the 2 degree observer.
#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/parallel.h"
#include "image/edit/pictures.h"
#include "image/inpaint/colour_maths.h"
#include "image/inpaint/fill.h"
#include "image/scale/resize.h"

namespace easel::image {
namespace {

constexpr int64_t kColours = 3;
constexpr int64_t kGrain = 1 << 14;

constexpr Matrix kToXyz{
    {{0.412453, 0.357580, 0.180423}, {0.212671, 0.715160, 0.072169}, {0.019334, 0.119193, 0.950227}}};
constexpr Matrix kFromXyz{{{3.2404813432005266, -1.5371515162713185, -0.4985363261688878},
                           {-0.9692549499965682, 1.8759900014898907, 0.0415559265582928},
                           {0.0556466391351772, -0.2040413383665112, 1.0573110696453443}}};
constexpr Triple kWhite{0.95047, 1.0, 1.08883};
constexpr double kEpsilon = 0.008856, kSlope = 7.787, kOffset = 4.0 / 29.0, kLinearBelow = 0.2068966;

// IEC 61966-2-1 and back.
double linear(double v) { return v > 0.04045 ? std::pow((v + 0.055) / 1.055, 2.4) : v / 12.92; }
double encoded(double v) { return v > 0.0031308 ? 1.055 * std::pow(v, 1 / 2.4) - 0.055 : 12.92 * v; }

Triple to_lab(const float* rgb) {
  const Triple xyz = times(kToXyz, Triple{linear(rgb[0]), linear(rgb[1]), linear(rgb[2])});
  Triple f{};
  for (size_t i = 0; i < f.size(); ++i) {
    const double v = xyz[i] / kWhite[i];
    f[i] = v > kEpsilon ? std::cbrt(v) : kSlope * v + kOffset;
  }
  return {116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])};
}

Triple from_lab(const Triple& lab) {
  const double y = (lab[0] + 16) / 116;
  const Triple f{lab[1] / 500 + y, y, std::max(0.0, y - lab[2] / 200)};
  Triple xyz{};
  for (size_t i = 0; i < f.size(); ++i)
    xyz[i] = kWhite[i] * (f[i] > kLinearBelow ? f[i] * f[i] * f[i] : (f[i] - kOffset) / kSlope);
  Triple out = times(kFromXyz, xyz);
  for (double& v : out) v = std::clamp(encoded(v), 0.0, 1.0);
  return out;
}

struct Statistics {
  Triple mean{}, deviation{};
};

// Mean and deviation over all pixels, of which those that are left out count as 0.
Statistics statistics(const float* rgb, const float* excluded, int64_t pixels) {
  Triple sum{}, squares{};
  for (int64_t i = 0; i < pixels; ++i) {
    if (excluded && excluded[i] >= 0.5f) continue;
    const Triple lab = to_lab(rgb + i * kColours);
    for (size_t c = 0; c < lab.size(); ++c) {
      sum[c] += lab[c];
      squares[c] += lab[c] * lab[c];
    }
  }
  Statistics out;
  for (size_t c = 0; c < sum.size(); ++c) {
    out.mean[c] = sum[c] / static_cast<double>(pixels);
    out.deviation[c] = std::sqrt(std::max(0.0, squares[c] / static_cast<double>(pixels) - out.mean[c] * out.mean[c]));
  }
  return out;
}

void require_colour(const Tensor& image, const char* what) {
  require_image(image, what);
  if (image.dim(3) != kColours)
    throw Error(Fault::kInvalid,
                std::string("'") + what + "' has " + std::to_string(image.dim(3)) + " channels where three are needed");
}

// The mask at a picture's size, bilinear, as often as there are pictures of it.
Tensor sized(const Tensor& mask, const Tensor& image) {
  if (!mask.defined()) return mask;
  require_mask(mask, "exclude_mask");
  const bool fits = mask.dim(1) == image.dim(1) && mask.dim(2) == image.dim(2);
  const Tensor out =
      fits ? mask : as_mask(resize(as_picture(mask), {image.dim(2), image.dim(1)}, ResizeMethod::kBilinear));
  if (out.dim(0) != 1 && out.dim(0) != image.dim(0))
    throw Error(Fault::kInvalid,
                "there are " + std::to_string(out.dim(0)) + " masks for " + std::to_string(image.dim(0)) + " pictures")
        .at_input("exclude_mask")
        .fix("Give one mask, or one for each picture");
  return contiguous(out);
}

const float* part(const Tensor& t, int64_t n) {
  if (!t.defined()) return nullptr;
  return t.f32() + (t.dim(0) == 1 ? 0 : n) * (t.numel() / t.dim(0));
}

}  // namespace

Tensor match_colours(const Tensor& target, const Tensor& reference, const Tensor& exclude, double strength) {
  require_colour(target, "target");
  require_colour(reference, "reference");
  if (reference.dim(0) != 1 && reference.dim(0) != target.dim(0))
    throw Error(Fault::kInvalid, "there are " + std::to_string(reference.dim(0)) + " reference pictures for " +
                                     std::to_string(target.dim(0)) + " targets")
        .at_input("reference")
        .fix("Give one reference, or one for each target");
  if (strength <= 0.0) return target;
  const Tensor in = contiguous(target), other = contiguous(reference);
  const Tensor in_mask = sized(exclude, in), other_mask = sized(exclude, other);
  constexpr double kLeastDeviation = 1e-6;
  const int64_t pixels = in.dim(1) * in.dim(2), other_pixels = other.dim(1) * other.dim(2);
  Tensor out(in.shape());
  for (int64_t n = 0; n < in.dim(0); ++n) {
    const float* rgb = part(in, in.dim(0) == 1 ? 0 : n);
    const Statistics from = statistics(rgb, part(in_mask, n), pixels);
    const Statistics to = statistics(part(other, n), part(other_mask, n), other_pixels);
    float* made = out.f32() + n * pixels * kColours;
    parallel_for(pixels, kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        Triple lab = to_lab(rgb + i * kColours);
        for (size_t c = 0; c < lab.size(); ++c)
          lab[c] =
              (lab[c] - from.mean[c]) * (to.deviation[c] / std::max(from.deviation[c], kLeastDeviation)) + to.mean[c];
        const Triple matched = from_lab(lab);
        for (int64_t c = 0; c < kColours; ++c) {
          const double v = matched[static_cast<size_t>(c)];
          made[i * kColours + c] = static_cast<float>(
              std::clamp((1 - strength) * static_cast<double>(rgb[i * kColours + c]) + strength * v, 0.0, 1.0));
        }
      }
    });
  }
  return out;
}

}  // namespace easel::image
