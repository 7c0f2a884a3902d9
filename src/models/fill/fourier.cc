#include "models/fill/fourier.h"

#include <cmath>
#include <functional>
#include <numbers>
#include <vector>

namespace easel::models::fill {
namespace {

// A matrix [out,in] as a layer.
nn::Linear layer(int64_t out, int64_t in, Device device, const std::function<double(int64_t, int64_t)>& value) {
  std::vector<float> values;
  for (int64_t o = 0; o < out; ++o)
    for (int64_t i = 0; i < in; ++i) values.push_back(static_cast<float>(value(o, i)));
  return nn::Linear(Tensor::of({out, in}, values), StoredTensor(), DType::kF32, ops::Packer::pack().on(device));
}

// The angle of frequency k at place i of n; the product is taken modulo n first, which keeps it exact.
double angle(int64_t k, int64_t i, int64_t n) {
  return 2 * std::numbers::pi * static_cast<double>(k * i % n) / static_cast<double>(n);
}

}  // namespace

FourierTransform::FourierTransform(int64_t height, int64_t width, Device device)
    : height_(height), width_(width), columns_(width / 2 + 1) {
  const double scale_rows = 1 / std::sqrt(static_cast<double>(width)),
               scale_columns = 1 / std::sqrt(static_cast<double>(height));
  // Along a row: real parts, then imaginary ones.
  rows_there_ = layer(2 * columns_, width, device, [&](int64_t o, int64_t x) {
    const double a = angle(o % columns_, x, width);
    return scale_rows * (o < columns_ ? std::cos(a) : -std::sin(a));
  });
  // Along a column of complex numbers: real parts, then imaginary ones, on both sides; `way` is -1 there and 1 back.
  const auto along_columns = [&](double way) {
    return layer(2 * height, 2 * height, device, [&](int64_t o, int64_t i) {
      const double a = way * angle(o % height, i % height, height);
      const bool real_out = o < height, real_in = i < height;
      return scale_columns * (real_out == real_in ? std::cos(a) : real_out ? -std::sin(a) : std::sin(a));
    });
  };
  columns_there_ = along_columns(-1);
  columns_back_ = along_columns(1);
  // All frequencies but the lowest and, of an even width, the highest stand for themselves and their mirror image.
  rows_back_ = layer(width, 2 * columns_, device, [&](int64_t x, int64_t i) {
    const int64_t k = i % columns_;
    const bool alone = k == 0 || 2 * k == width;
    const double a = angle(k, x, width);
    const double part = i < columns_ ? std::cos(a) : alone ? 0.0 : -std::sin(a);
    return scale_rows * (alone ? 1 : 2) * part;
  });
}

Tensor FourierTransform::forward(const Tensor& map) const {
  const int64_t c = map.dim(3);
  const Tensor rows = contiguous(map.view({height_, width_, c}).permute({0, 2, 1}));
  const Tensor there = rows_there_(rows).view({height_, c, 2, columns_});
  const Tensor columns = contiguous(there.permute({1, 3, 2, 0})).view({c, columns_, 2 * height_});
  const Tensor both = columns_there_(columns).view({c, columns_, 2, height_});
  return contiguous(both.permute({3, 1, 0, 2})).view({1, height_, columns_, 2 * c});
}

Tensor FourierTransform::backward(const Tensor& spectrum) const {
  const int64_t c = spectrum.dim(3) / 2;
  const Tensor columns = contiguous(spectrum.view({height_, columns_, c, 2}).permute({2, 1, 3, 0}));
  const Tensor back = columns_back_(columns.view({c, columns_, 2 * height_})).view({c, columns_, 2, height_});
  const Tensor rows = contiguous(back.permute({3, 0, 2, 1})).view({height_, c, 2 * columns_});
  return contiguous(rows_back_(rows).permute({0, 2, 1})).view({1, height_, width_, c});
}

}  // namespace easel::models::fill
