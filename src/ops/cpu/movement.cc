#include "ops/cpu/movement.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/cancel.h"
#include "base/parallel.h"
#include "ops/check.h"

namespace easel::ops::cpu {

void concat(std::span<const Tensor> parts, int dim, Tensor& out) {
  const Shape& shape = out.shape();
  const size_t item = dtype_size(out.dtype());
  int64_t outer = 1, inner = 1;
  for (int d = 0; d < dim; ++d) outer *= shape[d];
  for (int d = dim + 1; d < shape.rank(); ++d) inner *= shape[d];
  const size_t row = static_cast<size_t>(shape[dim] * inner) * item;
  size_t at = 0;
  for (const Tensor& part : parts) {
    const Tensor t = contiguous(part);
    const size_t piece = static_cast<size_t>(t.dim(dim) * inner) * item;
    const auto* from = static_cast<const char*>(t.raw());
    char* to = static_cast<char*>(out.raw()) + at;
    parallel_for(outer, std::max<int64_t>(1, (1 << 16) / static_cast<int64_t>(piece + 1)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t r = begin; r < end; ++r)
                     std::memcpy(to + static_cast<size_t>(r) * row, from + static_cast<size_t>(r) * piece, piece);
                 });
    at += piece;
  }
}

void repeat(const Tensor& x, int64_t times, Tensor& out) {
  const Tensor from = contiguous(x);
  for (int64_t i = 0; i < times; ++i) {
    poll_cancelled();
    std::memcpy(static_cast<char*>(out.raw()) + static_cast<size_t>(i) * from.nbytes(), from.raw(), from.nbytes());
  }
}

void upsample_nearest2x(const Tensor& input, Tensor& out) {
  const Tensor x = contiguous(input);
  const int64_t n = x.dim(0), h = x.dim(1), w = x.dim(2);
  const size_t pixel = static_cast<size_t>(x.dim(3)) * dtype_size(x.dtype()), row = static_cast<size_t>(2 * w) * pixel;
  parallel_for(n * h, 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const char* from = static_cast<const char*>(x.raw()) + static_cast<size_t>(r * w) * pixel;
      char* to = static_cast<char*>(out.raw()) + static_cast<size_t>(2 * r) * row;
      for (int64_t i = 0; i < w; ++i, from += pixel) {
        std::memcpy(to + static_cast<size_t>(2 * i) * pixel, from, pixel);
        std::memcpy(to + static_cast<size_t>(2 * i + 1) * pixel, from, pixel);
      }
      std::memcpy(to + row, to, row);
    }
  });
}

void avg_pool2x(const Tensor& input, Tensor& out) {
  const Tensor x = contiguous(input);
  const int64_t h = x.dim(1) / 2, w = x.dim(2) / 2, c = x.dim(3), line = x.dim(2) * c;
  with_type(x.dtype(), [&]<class T>(T) {
    parallel_for(x.dim(0) * h, 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const T* in = x.data<T>() + (r / h * x.dim(1) + r % h * 2) * line;
        T* to = out.data<T>() + r * w * c;
        for (int64_t i = 0; i < w; ++i)
          for (int64_t j = 0; j < c; ++j) {
            const T* p = in + 2 * i * c + j;
            to[i * c + j] = T((static_cast<float>(p[0]) + static_cast<float>(p[c]) + static_cast<float>(p[line]) +
                               static_cast<float>(p[line + c])) *
                              0.25f);
          }
      }
    });
  });
}

void pixel_unshuffle(const Tensor& input, int64_t r, Tensor& out) {
  const Tensor x = contiguous(input);
  const int64_t h = x.dim(1) / r, w = x.dim(2) / r, c = x.dim(3);
  with_type(x.dtype(), [&]<class T>(T) {
    parallel_for(x.dim(0) * h, 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        for (int64_t col = 0; col < w; ++col) {
          T* to = out.data<T>() + (row * w + col) * c * r * r;
          for (int64_t i = 0; i < r; ++i)
            for (int64_t j = 0; j < r; ++j) {
              const T* from = x.data<T>() + ((row * r + i) * x.dim(2) + col * r + j) * c;
              for (int64_t k = 0; k < c; ++k) to[(k * r + i) * r + j] = from[k];
            }
        }
    });
  });
}

void pixel_shuffle(const Tensor& input, int64_t r, Tensor& out) {
  const Tensor x = contiguous(input);
  const int64_t w = x.dim(2), c = x.dim(3) / (r * r);
  with_type(x.dtype(), [&]<class T>(T) {
    parallel_for(x.dim(0) * x.dim(1), 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        for (int64_t col = 0; col < w; ++col) {
          const T* from = x.data<T>() + (row * w + col) * c * r * r;
          for (int64_t i = 0; i < r; ++i)
            for (int64_t j = 0; j < r; ++j) {
              T* to = out.data<T>() + ((row * r + i) * w * r + col * r + j) * c;
              for (int64_t k = 0; k < c; ++k) to[k] = from[(k * r + i) * r + j];
            }
        }
    });
  });
}

void embedding(const StoredTensor& table, std::span<const int32_t> ids, Tensor& out) {
  const size_t width = static_cast<size_t>(out.dim(1)) * dtype_size(out.dtype());
  char* to = static_cast<char*>(out.raw());
  for (const int32_t id : ids) {
    const Tensor row = convert(table.slice(id, 1).tensor(), out.dtype());
    std::memcpy(to, row.raw(), width);
    to += width;
  }
}

void timestep_embedding(std::span<const float> t, float max_period, Tensor& out) {
  const int64_t dim = out.dim(1), half = dim / 2;
  float* row = out.f32();
  for (const float time : t) {
    for (int64_t i = 0; i < half; ++i) {
      const float exponent = -std::log(max_period) * static_cast<float>(i) / static_cast<float>(half);
      const float angle = time * std::exp(exponent);
      row[i] = std::cos(angle);
      row[half + i] = std::sin(angle);
    }
    if (dim % 2 != 0) row[dim - 1] = 0.0f;
    row += dim;
  }
}

}  // namespace easel::ops::cpu
