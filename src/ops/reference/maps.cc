#include <algorithm>
#include <complex>
#include <numbers>

#include "ops/reference/backend.h"
#include "ops/reference/values.h"

namespace easel::ops::reference {
namespace {

double weight_of(const Taps& taps, int64_t tap) {
  return taps.weight.empty() ? 1.0 : static_cast<double>(taps.weight[at(tap)]);
}

}  // namespace

void ReferenceBackend::resample(const Tensor& x, const Taps& rows, const Taps& columns, Tensor& out) const {
  const int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3);
  const Values xs = read(x);
  Values ys;
  for (int64_t n = 0; n < x.dim(0); ++n)
    for (int64_t i = 0; i < out.dim(1); ++i)
      for (int64_t j = 0; j < out.dim(2); ++j)
        for (int64_t c = 0; c < channels; ++c) {
          double sum = 0.0;
          for (int64_t u = i * rows.count; u < (i + 1) * rows.count; ++u)
            for (int64_t v = j * columns.count; v < (j + 1) * columns.count; ++v) {
              const int64_t pixel = (n * height + rows.index[at(u)]) * width + columns.index[at(v)];
              sum += weight_of(rows, u) * weight_of(columns, v) * xs[at(pixel * channels + c)];
            }
          ys.push_back(sum);
        }
  write(ys, out);
}

void ReferenceBackend::scale_low_frequencies(const Tensor& x, float by, Tensor& out) const {
  using Complex = std::complex<double>;
  const int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3), pixels = height * width;
  const Values xs = read(x);
  Values ys = xs;
  // The basis function of the frequency (-u, -v) at a pixel.
  const auto basis = [&](int64_t u, int64_t v, int64_t pixel) {
    const int64_t row = pixel / width, column = pixel % width;
    const double turns = static_cast<double>(u * row) / static_cast<double>(height) +
                         static_cast<double>(v * column) / static_cast<double>(width);
    return std::polar(1.0, -2.0 * std::numbers::pi * turns);
  };
  for (int64_t n = 0; n < x.dim(0); ++n)
    for (int64_t c = 0; c < channels; ++c)
      // Along a side of one pixel there is only the frequency 0.
      for (int64_t u = 0; u < std::min<int64_t>(2, height); ++u)
        for (int64_t v = 0; v < std::min<int64_t>(2, width); ++v) {
          Complex found = 0.0;
          for (int64_t p = 0; p < pixels; ++p)
            found += xs[at((n * pixels + p) * channels + c)] * std::conj(basis(u, v, p));
          found *= (static_cast<double>(by) - 1.0) / static_cast<double>(pixels);
          for (int64_t p = 0; p < pixels; ++p)
            ys[at((n * pixels + p) * channels + c)] += (found * basis(u, v, p)).real();
        }
  write(ys, out);
}

}  // namespace easel::ops::reference
