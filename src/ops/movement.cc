// Joining, repeating, enlarging: ops that move values and compute little or nothing.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/parallel.h"
#include "ops/check.h"
#include "ops/counters.h"
#include "ops/elementwise.h"

namespace easel::ops {
namespace {

void check_map(const char* op, const Tensor& x) {
  check_float(op, x);
  if (x.rank() != 4) reject(op, x.str() + " is no [N,H,W,C]");
}

}  // namespace

Tensor concat(std::span<const Tensor> parts, int dim) {
  CountOp count(OpKind::kMovement);
  if (parts.empty()) reject("concat", "nothing to join");
  Shape shape = parts[0].shape();
  if (dim < 0) dim += shape.rank();
  if (dim < 0 || dim >= shape.rank()) reject("concat", "dimension of " + parts[0].str());
  shape[dim] = 0;
  for (const Tensor& t : parts) {
    bool fits = t.rank() == shape.rank() && t.dtype() == parts[0].dtype();
    for (int d = 0; fits && d < shape.rank(); ++d) fits = d == dim || t.dim(d) == shape[d];
    if (!fits) reject("concat", t.str() + " beside " + parts[0].str());
    shape[dim] += t.dim(dim);
  }
  Tensor out(shape, parts[0].dtype());
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
  count.add(0, 0, 2 * out.nbytes());
  return out;
}

Tensor concat(std::initializer_list<Tensor> parts, int dim) {
  return concat(std::span<const Tensor>(parts.begin(), parts.size()), dim);
}

Tensor repeat(const Tensor& x, int64_t times) {
  CountOp count(OpKind::kMovement);
  if (!x.defined() || x.rank() < 1 || times < 0) reject("repeat", x.str());
  const Tensor from = contiguous(x);
  Shape shape = x.shape();
  shape[0] *= times;
  Tensor out(shape, x.dtype());
  for (int64_t i = 0; i < times; ++i)
    std::memcpy(static_cast<char*>(out.raw()) + static_cast<size_t>(i) * from.nbytes(), from.raw(), from.nbytes());
  count.add(0, 0, 2 * out.nbytes());
  return out;
}

Tensor upsample_nearest2x(const Tensor& input) {
  CountOp count(OpKind::kMovement);
  check_map("upsample_nearest2x", input);
  const Tensor x = contiguous(input);
  const int64_t n = x.dim(0), h = x.dim(1), w = x.dim(2);
  Tensor out({n, 2 * h, 2 * w, x.dim(3)}, x.dtype());
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
  count.add(0, 0, 2 * out.nbytes());
  return out;
}

Tensor avg_pool2x(const Tensor& input) {
  CountOp count(OpKind::kMovement);
  check_map("avg_pool2x", input);
  const Tensor x = contiguous(input);
  const int64_t h = x.dim(1) / 2, w = x.dim(2) / 2, c = x.dim(3), line = x.dim(2) * c;
  Tensor out({x.dim(0), h, w, c}, x.dtype());
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
  count.add(0, 0, 2 * out.nbytes());
  return out;
}

Tensor pixel_unshuffle(const Tensor& input, int64_t r) {
  CountOp count(OpKind::kMovement);
  check_map("pixel_unshuffle", input);
  if (r < 1 || input.dim(1) % r != 0 || input.dim(2) % r != 0)
    reject("pixel_unshuffle", input.str() + " by " + std::to_string(r));
  const Tensor x = contiguous(input);
  const int64_t h = x.dim(1) / r, w = x.dim(2) / r, c = x.dim(3);
  Tensor out({x.dim(0), h, w, c * r * r}, x.dtype());
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
  count.add(0, 0, 2 * out.nbytes());
  return out;
}

Tensor pixel_shuffle(const Tensor& input, int64_t r) {
  CountOp count(OpKind::kMovement);
  check_map("pixel_shuffle", input);
  if (r < 1 || input.dim(3) % (r * r) != 0) reject("pixel_shuffle", input.str() + " by " + std::to_string(r));
  const Tensor x = contiguous(input);
  const int64_t w = x.dim(2), c = x.dim(3) / (r * r);
  Tensor out({x.dim(0), x.dim(1) * r, w * r, c}, x.dtype());
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
  count.add(0, 0, 2 * out.nbytes());
  return out;
}

Tensor mean_over_map(const Tensor& input) {
  CountOp count(OpKind::kMovement);
  check_map("mean_over_map", input);
  const Tensor x = contiguous(convert(input, DType::kF32));
  const int64_t pixels = x.dim(1) * x.dim(2), c = x.dim(3);
  Tensor out({x.dim(0), 1, 1, c});
  parallel_for(x.dim(0), 1, [&](int64_t begin, int64_t end) {
    std::vector<double> sum(static_cast<size_t>(c));
    for (int64_t n = begin; n < end; ++n) {
      std::fill(sum.begin(), sum.end(), 0.0);
      for (int64_t p = 0; p < pixels; ++p)
        for (int64_t k = 0; k < c; ++k)
          sum[static_cast<size_t>(k)] += static_cast<double>(x.f32()[(n * pixels + p) * c + k]);
      for (int64_t k = 0; k < c; ++k)
        out.f32()[n * c + k] = static_cast<float>(sum[static_cast<size_t>(k)] / static_cast<double>(pixels));
    }
  });
  count.add(0, 0, x.nbytes());
  return out;
}

Tensor embedding(const StoredTensor& table, std::span<const int32_t> ids, DType dtype) {
  CountOp count(OpKind::kMovement);
  if (!table.defined() || table.rank() != 2 || !table.is_float()) reject("embedding", "table " + table.str());
  Tensor rows({static_cast<int64_t>(ids.size()), table.dim(1)}, dtype);
  const size_t width = static_cast<size_t>(table.dim(1)) * dtype_size(dtype);
  char* to = static_cast<char*>(rows.raw());
  for (const int32_t id : ids) {
    if (id < 0 || id >= table.dim(0))
      reject("embedding", "row " + std::to_string(id) + " of " + std::to_string(table.dim(0)));
    const Tensor row = convert(table.slice(id, 1).tensor(), dtype);
    std::memcpy(to, row.raw(), width);
    to += width;
  }
  count.add(0, 0, 2 * rows.nbytes());
  return rows;
}

Tensor timestep_embedding(std::span<const float> t, int64_t dim, float max_period) {
  if (dim < 2) reject("timestep_embedding", "width " + std::to_string(dim));
  const int64_t half = dim / 2;
  Tensor out = Tensor::zeros({static_cast<int64_t>(t.size()), dim});  // an odd width ends in a zero
  float* row = out.f32();
  for (const float time : t) {
    for (int64_t i = 0; i < half; ++i) {
      const float exponent = -std::log(max_period) * static_cast<float>(i) / static_cast<float>(half);
      const float angle = time * std::exp(exponent);
      row[i] = std::cos(angle);
      row[half + i] = std::sin(angle);
    }
    row += dim;
  }
  return out;
}

}  // namespace easel::ops
