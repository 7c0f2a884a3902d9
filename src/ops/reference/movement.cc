#include "ops/reference/backend.h"
#include "ops/reference/memory.h"
#include "ops/reference/values.h"

namespace easel::ops::reference {
namespace {

// Copies elements [first, first + count) of a contiguous tensor to `to_first` and on in another of the same type.
void copy(const Tensor& from, int64_t first, int64_t count, Tensor& to, int64_t to_first) {
  const size_t size = dtype_size(from.dtype());
  const auto* bytes = static_cast<const char*>(from.storage()->data()) + from.offset();
  memory().upload(bytes + at(first) * size, at(count) * size, to.storage(), to.offset() + at(to_first) * size);
}

}  // namespace

void ReferenceBackend::concat(std::span<const Tensor> parts, int dim, Tensor& out) const {
  int64_t outer = 1, inner = 1, begin = 0;
  for (int d = 0; d < dim; ++d) outer *= out.dim(d);
  for (int d = dim + 1; d < out.rank(); ++d) inner *= out.dim(d);
  const int64_t row = out.dim(dim) * inner;
  for (const Tensor& part : parts) {
    const Tensor from = contiguous(part);
    const int64_t piece = part.dim(dim) * inner;
    for (int64_t i = 0; i < outer; ++i) copy(from, i * piece, piece, out, i * row + begin);
    begin += piece;
  }
}

void ReferenceBackend::repeat(const Tensor& x, int64_t times, Tensor& out) const {
  const Tensor from = contiguous(x);
  for (int64_t i = 0; i < times; ++i) copy(from, 0, x.numel(), out, i * x.numel());
}

void ReferenceBackend::upsample_nearest2x(const Tensor& x, Tensor& out) const {
  const Tensor from = contiguous(x);
  const int64_t rows = out.dim(1), columns = out.dim(2), channels = x.dim(3);
  for (int64_t n = 0; n < x.dim(0); ++n)
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) {
        const int64_t pixel = (n * x.dim(1) + i / 2) * x.dim(2) + j / 2;
        copy(from, pixel * channels, channels, out, ((n * rows + i) * columns + j) * channels);
      }
}

void ReferenceBackend::avg_pool2x(const Tensor& x, Tensor& out) const {
  const Values xs = read(x);
  Values ys;
  const auto value = [&](int64_t n, int64_t i, int64_t j, int64_t c) {
    return xs[at(((n * x.dim(1) + i) * x.dim(2) + j) * x.dim(3) + c)];
  };
  for (int64_t n = 0; n < out.dim(0); ++n)
    for (int64_t i = 0; i < out.dim(1); ++i)
      for (int64_t j = 0; j < out.dim(2); ++j)
        for (int64_t c = 0; c < out.dim(3); ++c)
          ys.push_back((value(n, 2 * i, 2 * j, c) + value(n, 2 * i, 2 * j + 1, c) + value(n, 2 * i + 1, 2 * j, c) +
                        value(n, 2 * i + 1, 2 * j + 1, c)) /
                       4.0);
  write(ys, out);
}

void ReferenceBackend::pixel_unshuffle(const Tensor& x, int64_t r, Tensor& out) const {
  const Values xs = read(x);
  Values ys;
  for (int64_t n = 0; n < out.dim(0); ++n)
    for (int64_t i = 0; i < out.dim(1); ++i)
      for (int64_t j = 0; j < out.dim(2); ++j)
        for (int64_t c = 0; c < x.dim(3); ++c)
          for (int64_t u = 0; u < r; ++u)
            for (int64_t v = 0; v < r; ++v)
              ys.push_back(xs[at(((n * x.dim(1) + i * r + u) * x.dim(2) + j * r + v) * x.dim(3) + c)]);
  write(ys, out);
}

void ReferenceBackend::pixel_shuffle(const Tensor& x, int64_t r, Tensor& out) const {
  const Values xs = read(x);
  Values ys;
  for (int64_t n = 0; n < out.dim(0); ++n)
    for (int64_t i = 0; i < out.dim(1); ++i)
      for (int64_t j = 0; j < out.dim(2); ++j)
        for (int64_t c = 0; c < out.dim(3); ++c) {
          const int64_t pixel = (n * x.dim(1) + i / r) * x.dim(2) + j / r;
          ys.push_back(xs[at(pixel * x.dim(3) + (c * r + i % r) * r + j % r)]);
        }
  write(ys, out);
}

void ReferenceBackend::embedding(const StoredTensor& table, std::span<const int32_t> ids, Tensor& out) const {
  Values ys;
  for (const int32_t id : ids) {
    const Values row = read(table.slice(id, 1).tensor().to(kDevice));
    ys.insert(ys.end(), row.begin(), row.end());
  }
  write(ys, out);
}

void ReferenceBackend::timestep_embedding(std::span<const float> t, float max_period, Tensor& out) const {
  const int64_t width = out.dim(1), half = width / 2;
  Values ys(at(out.numel()), 0.0);
  for (size_t n = 0; n < t.size(); ++n)
    for (int64_t i = 0; i < half; ++i) {
      const float exponent = -std::log(max_period) * static_cast<float>(i) / static_cast<float>(half);
      const float angle = t[n] * std::exp(exponent);
      const int64_t row = static_cast<int64_t>(n) * width;
      ys[at(row + i)] = std::cos(static_cast<double>(angle));
      ys[at(row + half + i)] = std::sin(static_cast<double>(angle));
    }
  write(ys, out);
}

}  // namespace easel::ops::reference
