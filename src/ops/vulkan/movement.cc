#include <cmath>
#include <numbers>
#include <vector>

#include "base/round.h"
#include "ops/vulkan/walk.h"
#include "tensor/host_memory.h"

namespace easel::ops::vulkan {
namespace {

// x [N,H,W,C] seen as [N,H,r,W,r,C] where it has r x r pixels for each, and so on: movements are copies between views.
Tensor as_view(const Tensor& t, const Shape& shape) { return contiguous(t).view(shape); }

bool floats(const Tensor& t) {
  return t.dtype() == DType::kF32 || t.dtype() == DType::kF16 || t.dtype() == DType::kBF16;
}

std::vector<uint32_t> words(const std::vector<int64_t>& values) {
  std::vector<uint32_t> out;
  for (const int64_t v : values) out.push_back(number(v));
  return out;
}

}  // namespace

void VulkanBackend::move(const Tensor& from, const Tensor& to) const {
  if (from.numel() == 0) return;
  const size_t size = dtype_size(from.dtype());
  const bool same = from.dtype() == to.dtype();
  if (same && from.contiguous() && to.contiguous()) {
    stream_.copy(Memory::place(from), Memory::place(to), from.nbytes());
    return;
  }
  const Walk<2> walk(from.shape(), {&from.strides(), &to.strides()}, 2);
  const struct {
    uint64_t from, to;
    uint32_t count;
    std::array<uint32_t, Shape::kMaxRank> shape, from_stride, to_stride;
    uint32_t padding;
  } push{.from = address(from),
         .to = address(to),
         .count = number(from.numel()),
         .shape = walk.shape,
         .from_stride = walk.strides[0],
         .to_stride = walk.strides[1],
         .padding = 0};
  run(Shader::kCopy,
      {threads(), walk.rank, same ? static_cast<uint32_t>(size) : 0, same ? 0 : type_number(from.dtype()),
       same ? 0 : type_number(to.dtype())},
      push, ceil_div(from.numel(), threads()));
}

void VulkanBackend::convert(const Tensor& from, Tensor& to) const {
  const bool whole = from.dtype() == to.dtype() && dtype_size(from.dtype()) > 1;
  if (whole || (floats(from) && floats(to)) || (from.dtype() == to.dtype() && from.contiguous())) {
    move(from, to);
    return;
  }
  // Types that only files have, and single bytes, which not every device can store: the host does it.
  const size_t elements = [&] {
    size_t last = 1;
    for (int d = 0; d < from.rank(); ++d) last += static_cast<size_t>((from.dim(d) - 1) * from.stride(d));
    return last;
  }();
  Tensor all({static_cast<int64_t>(elements)}, from.dtype());
  memory_.download(from.storage(), from.offset(), all.nbytes(), all.raw());
  const Tensor view(all.storage(), all.raw(), from.shape(), from.strides(), from.dtype());
  Tensor converted(to.shape(), to.dtype());
  host_memory().convert(view, converted);
  memory_.upload(converted.raw(), converted.nbytes(), to.storage(), to.offset());
}

void VulkanBackend::concat(std::span<const Tensor> parts, int dim, Tensor& out) const {
  int64_t begin = 0;
  for (const Tensor& part : parts) {
    if (part.numel() > 0) {
      const Tensor to = out.slice(dim, begin, part.dim(dim));
      if (dtype_size(part.dtype()) > 1) {
        move(part, to);
      } else {
        throw Error(Fault::kUnsupported, "joining " + part.str() + " on a graphics card");
      }
    }
    begin += part.dim(dim);
  }
}

void VulkanBackend::repeat(const Tensor& x, int64_t times, Tensor& out) const {
  for (int64_t i = 0; i < times; ++i) move(x, out.slice(0, i * x.dim(0), x.dim(0)));
}

void VulkanBackend::upsample_nearest2x(const Tensor& x, Tensor& out) const {
  const int64_t n = x.dim(0), h = x.dim(1), w = x.dim(2), c = x.dim(3);
  move(as_view(x, {n, h, 1, w, 1, c}).expand({n, h, 2, w, 2, c}), out.view({n, h, 2, w, 2, c}));
}

void VulkanBackend::avg_pool2x(const Tensor& x, Tensor& out) const {
  const int64_t n = x.dim(0), h = out.dim(1), w = out.dim(2), c = x.dim(3);
  const Tensor even = contiguous(x.slice(1, 0, 2 * h).slice(2, 0, 2 * w)).view({n, h, 2, w, 2, c});
  std::array<Tensor, 4> pixels;
  for (size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = even.select(2, static_cast<int64_t>(i / 2)).select(3, static_cast<int64_t>(i % 2));
  evaluate(formula_of<4>([](auto a, auto b, auto d, auto e) { return (a + b + d + e) * 0.25f; }), pixels, out);
}

void VulkanBackend::pixel_unshuffle(const Tensor& x, int64_t r, Tensor& out) const {
  const int64_t n = out.dim(0), h = out.dim(1), w = out.dim(2), c = x.dim(3);
  move(as_view(x, {n, h, r, w, r, c}).permute({0, 1, 3, 5, 2, 4}), out.view({n, h, w, c, r, r}));
}

void VulkanBackend::pixel_shuffle(const Tensor& x, int64_t r, Tensor& out) const {
  const int64_t n = x.dim(0), h = x.dim(1), w = x.dim(2), c = out.dim(3);
  move(as_view(x, {n, h, w, c, r, r}).permute({0, 1, 4, 2, 5, 3}), out.view({n, h, r, w, r, c}));
}

void VulkanBackend::resample(const Tensor& x, const Taps& rows, const Taps& columns, Tensor& out) const {
  const auto weights = [&](const Taps& taps) {
    return taps.weight.empty() ? Tensor() : numbers(std::as_bytes(std::span(taps.weight)));
  };
  const std::vector<uint32_t> row_words = words(rows.index), column_words = words(columns.index);
  const Tensor row_index = numbers(std::as_bytes(std::span(row_words))), row_weight = weights(rows);
  const Tensor column_index = numbers(std::as_bytes(std::span(column_words))), column_weight = weights(columns);
  const struct {
    uint64_t x, result, row_index, row_weight, column_index, column_weight;
    uint32_t count, height, width, channels, rows, columns, row_taps, column_taps;
    uint32_t stride_n, stride_y, stride_x, stride_c;
  } push{.x = address(x),
         .result = address(out),
         .row_index = address(row_index),
         .row_weight = address(row_weight),
         .column_index = address(column_index),
         .column_weight = address(column_weight),
         .count = number(out.numel()),
         .height = number(x.dim(1)),
         .width = number(x.dim(2)),
         .channels = number(x.dim(3)),
         .rows = number(out.dim(1)),
         .columns = number(out.dim(2)),
         .row_taps = number(rows.count),
         .column_taps = number(columns.count),
         .stride_n = number(x.stride(0)),
         .stride_y = number(x.stride(1)),
         .stride_x = number(x.stride(2)),
         .stride_c = number(x.stride(3))};
  run(Shader::kResample, {threads(), type_number(x.dtype())}, push, ceil_div(out.numel(), threads()));
}

void VulkanBackend::scale_low_frequencies(const Tensor& x, float by, Tensor& out) const {
  const auto waves = [&](int64_t size) {
    std::vector<float> values;
    for (int64_t i = 0; i < size; ++i) {
      const double angle = 2.0 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(size);
      values.push_back(static_cast<float>(std::cos(angle)));
      values.push_back(static_cast<float>(std::sin(angle)));
    }
    return numbers(std::as_bytes(std::span(values)));
  };
  const Tensor row_waves = waves(x.dim(1)), column_waves = waves(x.dim(2));
  const int64_t count = x.dim(0) * x.dim(3);
  const struct {
    uint64_t x, result, row_waves, column_waves;
    uint32_t count, height, width, channels, stride_n, stride_y, stride_x, stride_c;
    float change;
    uint32_t padding;
  } push{.x = address(x),
         .result = address(out),
         .row_waves = address(row_waves),
         .column_waves = address(column_waves),
         .count = number(count),
         .height = number(x.dim(1)),
         .width = number(x.dim(2)),
         .channels = number(x.dim(3)),
         .stride_n = number(x.stride(0)),
         .stride_y = number(x.stride(1)),
         .stride_x = number(x.stride(2)),
         .stride_c = number(x.stride(3)),
         .change = static_cast<float>((static_cast<double>(by) - 1.0) / static_cast<double>(x.dim(1) * x.dim(2))),
         .padding = 0};
  run(Shader::kLowFrequencies, {threads(), type_number(x.dtype())}, push, ceil_div(count, threads()));
}

// A few rows of a table that is on the host.
void VulkanBackend::embedding(const StoredTensor& table, std::span<const int32_t> ids, Tensor& out) const {
  const int64_t width = out.dim(-1);
  Tensor rows(out.shape(), out.dtype());
  int64_t row = 0;
  for (const int32_t id : ids) {
    const Tensor from = easel::convert(table.slice(id, 1).tensor(), out.dtype());
    Tensor to = rows.view({-1, width}).slice(0, row++, 1);
    host_memory().convert(from, to);
  }
  memory_.upload(rows.raw(), rows.nbytes(), out.storage(), out.offset());
}

// Angles go up to a thousand turns, where a device's cosine need not be good to more than a digit or two.
void VulkanBackend::timestep_embedding(std::span<const float> t, float max_period, Tensor& out) const {
  const int64_t width = out.dim(1), half = width / 2;
  std::vector<float> values(static_cast<size_t>(out.numel()), 0.0f);
  for (size_t n = 0; n < t.size(); ++n)
    for (int64_t i = 0; i < half; ++i) {
      const float exponent = -std::log(max_period) * static_cast<float>(i) / static_cast<float>(half);
      const float angle = t[n] * std::exp(exponent);
      float* const row = values.data() + static_cast<int64_t>(n) * width;
      row[i] = std::cos(angle);
      row[half + i] = std::sin(angle);
    }
  memory_.upload(values.data(), values.size() * sizeof(float), out.storage(), out.offset());
}

}  // namespace easel::ops::vulkan
