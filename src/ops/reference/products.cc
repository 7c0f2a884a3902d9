// Linear layers and convolutions as sums over their inputs.
#include "base/parallel.h"
#include "ops/reference/backend.h"
#include "ops/reference/memory.h"
#include "ops/reference/values.h"

namespace easel::ops::reference {
namespace {

struct Linear final : PackedLinear {
  Values weight, bias;  // [out][in], [out]
};

struct Conv final : PackedConv {
  Values weight, bias;  // [out][in][kernel][kernel], [out]
};

// The values of a host tensor, rounded to the compute type of the layer. For 8-bit layers that is f32: the CPU
// quantises the values of the file, not rounded ones.
Values packed(const StoredTensor& t, DType compute) {
  const Tensor rounded = convert(t.tensor(), compute == DType::kI8 ? DType::kF32 : compute);
  return read(rounded.to(kDevice));
}

Values packed_bias(const StoredTensor& bias, int64_t outputs) {
  return bias.defined() ? read(bias.decoded().to(kDevice)) : Values(at(outputs), 0.0);
}

size_t packed_bytes(int64_t weights, int64_t biases) { return at(weights + biases) * sizeof(double); }

}  // namespace

PackedLinearPtr ReferenceBackend::pack_linear(std::span<const StoredTensor> weights, const StoredTensor& bias,
                                              DType compute, bool geglu, const Packer& packer) const {
  auto w = std::make_shared<Linear>();
  w->device = kDevice;
  w->in_features = weights[0].dim(1);
  for (const StoredTensor& part : weights) w->out_features += part.dim(0);
  w->compute = value_type(compute);
  w->geglu = geglu;
  w->bytes = packed_bytes(w->out_features * w->in_features, w->out_features);
  if (packer.measures()) return w;
  for (const StoredTensor& part : weights) {
    const Values rows = packed(part, compute);
    w->weight.insert(w->weight.end(), rows.begin(), rows.end());
  }
  w->bias = packed_bias(bias, w->out_features);
  return w;
}

void ReferenceBackend::linear(const Tensor& x, const PackedLinear& packed, const LinearArgs& args, Tensor& out) const {
  const auto& w = static_cast<const Linear&>(packed);
  const int64_t rows = x.dim(0), in = w.in_features, columns = out.dim(-1);
  const Values xs = read(x), residual = read_if_defined(args.residual);
  Values ys(at(rows * columns));
  const auto product = [&](int64_t row, int64_t output) {
    double sum = w.bias[at(output)];
    for (int64_t i = 0; i < in; ++i) sum += xs[at(row * in + i)] * w.weight[at(output * in + i)];
    return sum;
  };
  parallel_for(rows * columns, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / columns, column = i % columns;
      double y = product(row, column);
      if (w.geglu) y *= activated(product(row, columns + column), Activation::kGelu);
      y = static_cast<double>(args.scale) * activated(y, args.activation);
      ys[at(i)] = residual.empty() ? y : y + residual[at(i)];
    }
  });
  write(ys, out);
}

PackedConvPtr ReferenceBackend::pack_conv2d(const StoredTensor& weight, const StoredTensor& bias,
                                            const ConvShape& shape, DType compute, const Packer& packer) const {
  auto w = std::make_shared<Conv>();
  w->device = kDevice;
  w->out_channels = weight.dim(0);
  w->in_channels = weight.dim(1);
  w->kernel = weight.dim(2);
  w->shape = shape;
  if (w->shape.pad_after < 0) w->shape.pad_after = shape.pad;
  w->compute = value_type(compute);
  w->bytes = packed_bytes(weight.numel(), w->out_channels);
  if (packer.measures()) return w;
  w->weight = packed(weight, compute);
  w->bias = packed_bias(bias, w->out_channels);
  return w;
}

void ReferenceBackend::conv2d(const Tensor& x, const PackedConv& packed, const ConvArgs& args, Tensor& out) const {
  const auto& w = static_cast<const Conv&>(packed);
  const Values xs = read(x), residual = read_if_defined(args.residual),
               channel_bias = read_if_defined(args.channel_bias);
  const int64_t up = args.upsample2x ? 2 : 1, height = x.dim(1), width = x.dim(2), in = w.in_channels, k = w.kernel;
  Values ys(at(out.numel()));
  // The sum over the window that begins at row `top` and column `left` of the enlarged and padded input.
  const auto window = [&](int64_t sample, int64_t top, int64_t left, int64_t output) {
    double sum = 0.0;
    for (int64_t u = 0; u < k; ++u)
      for (int64_t v = 0; v < k; ++v) {
        const int64_t row = top + u - w.shape.pad, column = left + v - w.shape.pad;
        if (row < 0 || row >= up * height || column < 0 || column >= up * width) continue;
        const int64_t pixel = ((sample * height + row / up) * width + column / up) * in;
        for (int64_t i = 0; i < in; ++i) sum += xs[at(pixel + i)] * w.weight[at(((output * in + i) * k + u) * k + v)];
      }
    return sum;
  };
  const int64_t rows = out.dim(1), columns = out.dim(2), outputs = w.out_channels;
  parallel_for(out.dim(0) * rows, 1, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line)
      for (int64_t column = 0; column < columns; ++column)
        for (int64_t output = 0; output < outputs; ++output) {
          const int64_t sample = line / rows, row = line % rows;
          double y = window(sample, row * w.shape.stride, column * w.shape.stride, output) + w.bias[at(output)];
          if (!channel_bias.empty()) y += channel_bias[at(sample * outputs + output)];
          y = activated(y, args.activation);
          const size_t place = at((line * columns + column) * outputs + output);
          ys[place] = residual.empty() ? y : y + residual[place];
        }
  });
  write(ys, out);
}

}  // namespace easel::ops::reference
