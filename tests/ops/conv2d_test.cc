#include "ops/conv2d.h"

#include "ops/reference.h"

namespace easel::ops::testing {
namespace {

struct Case {
  int64_t n, h, w, in, out, kernel, stride, pad, pad_after;
};
constexpr Case kCases[] = {
    {1, 8, 8, 4, 32, 3, 1, 1, -1},     {2, 9, 7, 9, 32, 3, 1, 1, -1},  {1, 5, 6, 13, 4, 3, 1, 1, -1},
    {2, 8, 10, 32, 48, 3, 2, 1, -1},   {1, 8, 8, 32, 32, 3, 2, 0, 1},  {1, 7, 9, 16, 16, 3, 2, 0, 1},
    {2, 6, 6, 64, 40, 1, 1, 0, -1},    {1, 4, 5, 3, 16, 3, 1, 1, -1},  {1, 16, 16, 64, 64, 3, 1, 1, -1},
    {1, 28, 28, 3, 32, 14, 14, 0, -1}, {1, 1, 1, 8, 8, 3, 1, 1, -1},   {2, 3, 2, 33, 65, 3, 1, 1, -1},
    {1, 12, 12, 32, 3, 3, 1, 1, -1},   {1, 10, 10, 8, 8, 1, 2, 0, -1}, {1, 8, 8, 8, 8, 4, 4, 0, -1},
};

// act(conv(x) + bias + channel_bias) + residual in f64; x and weight as the op gets them.
Tensor convolution(const Tensor& x, const Tensor& weight, const Tensor& bias, const Case& c, const ConvArgs& args) {
  const auto xs = doubles(x), ws = doubles(weight);
  const auto optional = [](const Tensor& t) { return t.defined() ? doubles(t) : std::vector<double>(); };
  const auto bs = optional(bias), channel = optional(args.channel_bias);
  const int64_t after = c.pad_after < 0 ? c.pad : c.pad_after, k = c.kernel;
  const int64_t oh = (c.h + c.pad + after - k) / c.stride + 1, ow = (c.w + c.pad + after - k) / c.stride + 1;
  std::vector<double> y;
  for (int64_t n = 0; n < c.n; ++n)
    for (int64_t i = 0; i < oh; ++i)
      for (int64_t j = 0; j < ow; ++j)
        for (int64_t o = 0; o < c.out; ++o) {
          double sum = bs.empty() ? 0.0 : bs[static_cast<size_t>(o)];
          if (!channel.empty()) sum += channel[static_cast<size_t>(n * c.out + o)];
          for (int64_t u = 0; u < k; ++u)
            for (int64_t v = 0; v < k; ++v) {
              const int64_t row = i * c.stride + u - c.pad, col = j * c.stride + v - c.pad;
              if (row < 0 || row >= c.h || col < 0 || col >= c.w) continue;
              for (int64_t m = 0; m < c.in; ++m)
                sum += xs[static_cast<size_t>(((n * c.h + row) * c.w + col) * c.in + m)] *
                       ws[static_cast<size_t>(((o * c.in + m) * k + u) * k + v)];
            }
          y.push_back(reference_activation(args.activation, sum));
        }
  if (args.residual.defined()) {
    const auto rs = doubles(args.residual);
    for (size_t i = 0; i < y.size(); ++i) y[i] += rs[i];
  }
  return tensor_of({c.n, oh, ow, c.out}, y);
}

ConvShape direct(const Case& c) {
  ConvShape shape{c.stride, c.pad, c.pad_after};
  shape.method = ConvMethod::kDirect;
  return shape;
}

class Conv2d : public DeviceOps {};
EASEL_ON_EVERY_DEVICE(Conv2d);

TEST_P(Conv2d, MatchesThePlainSumForManyShapes) {
  for (const Case& c : kCases) {
    const Tensor x = random({c.n, c.h, c.w, c.in}), w = random({c.out, c.in, c.kernel, c.kernel}, 0.2f);
    const Tensor b = random_f32({c.out});
    for (const Tensor& bias : {b, Tensor()}) {
      const Tensor y = conv2d(x, *pack_conv(w, bias, direct(c)));
      EXPECT_LT(relative_error(y, convolution(x, w, bias, c, {})), tolerance())
          << c.h << "x" << c.w << " " << c.in << "->" << c.out << " k" << c.kernel << " s" << c.stride;
    }
  }
}

TEST_P(Conv2d, AddsBiasPerSampleAndResidual) {
  for (const Case& c : {Case{2, 8, 8, 32, 48, 3, 1, 1, -1}, Case{3, 5, 7, 16, 20, 1, 1, 0, -1},
                        Case{2, 9, 9, 8, 33, 3, 2, 1, -1}, Case{1, 16, 16, 64, 64, 3, 1, 1, -1}})
    for (const Activation a : {Activation::kNone, Activation::kSilu})
      for (const int which : {1, 2, 3}) {
        const Tensor x = random({c.n, c.h, c.w, c.in}), w = random({c.out, c.in, c.kernel, c.kernel}, 0.2f);
        const Tensor b = random_f32({c.out});
        const int64_t oh = (c.h + 2 * c.pad - c.kernel) / c.stride + 1,
                      ow = (c.w + 2 * c.pad - c.kernel) / c.stride + 1;
        ConvArgs args;
        args.activation = a;
        if (which & 1) args.channel_bias = random_f32({c.n, c.out});
        if (which & 2) args.residual = random({c.n, oh, ow, c.out});
        const Tensor y = conv2d(x, *pack_conv(w, b, direct(c)), args);
        EXPECT_LT(relative_error(y, convolution(x, w, b, c, args)), tolerance());
      }
}

TEST_P(Conv2d, EnlargesTheInputFirst) {
  for (const Case& c : {Case{2, 10, 12, 16, 24, 3, 1, 1, -1}, Case{1, 2, 2, 5, 7, 3, 1, 1, -1},
                        Case{1, 16, 16, 32, 32, 3, 1, 1, -1}, Case{1, 32, 32, 64, 64, 3, 1, 1, -1}}) {
    const Tensor small = random({c.n, c.h / 2, c.w / 2, c.in}), w = random({c.out, c.in, 3, 3}, 0.2f);
    const Tensor b = random_f32({c.out});
    Tensor x({c.n, c.h, c.w, c.in});
    const auto s = doubles(small);
    for (int64_t i = 0; i < x.numel(); ++i) {
      const int64_t ch = i % c.in, col = i / c.in % c.w, row = i / (c.in * c.w) % c.h, n = i / (c.in * c.w * c.h);
      x.f32()[i] =
          static_cast<float>(s[static_cast<size_t>(((n * (c.h / 2) + row / 2) * (c.w / 2) + col / 2) * c.in + ch)]);
    }
    x = convert(x, kType).to(kDevice);
    ConvArgs args;
    args.upsample2x = true;
    const Tensor expected = convolution(x, w, b, c, {});
    EXPECT_LT(relative_error(conv2d(small, *pack_conv(w, b, {1, 1}), args), expected), tolerance());
    ConvShape folded{1, 1};
    folded.upsample2x = true;
    const auto packed = pack_conv(w, b, folded);
    EXPECT_LT(relative_error(conv2d(small, *packed, args), expected), tolerance());
    args.residual = random({c.n, c.h, c.w, c.out});
    args.channel_bias = random_f32({c.n, c.out});
    ConvArgs large = args;
    large.upsample2x = false;
    EXPECT_LT(relative_error(conv2d(small, *packed, args), convolution(x, w, b, c, large)), tolerance());
    // At other sizes the window is put together again; its middle row and column come out of differences.
    EXPECT_LT(relative_error(conv2d(x, *packed), convolution(x, w, b, c, {})), 2 * tolerance());
  }
}

TEST_P(Conv2d, WinogradGivesTheSameSums) {
  for (const Case& c :
       {Case{2, 8, 10, 16, 24, 3, 1, 1, -1}, Case{1, 7, 9, 34, 70, 3, 1, 1, -1}, Case{1, 1, 1, 8, 8, 3, 1, 1, -1},
        Case{1, 40, 150, 32, 16, 3, 1, 1, -1}, Case{3, 5, 6, 64, 130, 3, 1, 1, -1}}) {
    const Tensor x = random({c.n, c.h, c.w, c.in}), w = random({c.out, c.in, 3, 3}, 0.2f);
    const Tensor b = random_f32({c.out});
    ConvArgs args;
    args.channel_bias = random_f32({c.n, c.out});
    args.residual = random({c.n, c.h, c.w, c.out});
    args.activation = Activation::kSilu;
    ConvShape shape{1, 1};
    shape.method = ConvMethod::kWinograd;
    // In bf16 the transformed values are rounded too; in f32 the error is that of any order of summation.
    EXPECT_LT(relative_error(conv2d(x, *pack_conv(w, b, shape), args), convolution(x, w, b, c, args)), 2 * tolerance())
        << c.h << "x" << c.w << " " << c.in << "->" << c.out;
    shape.method = ConvMethod::kDirect;
    EXPECT_LT(relative_error(conv2d(x, *pack_conv(w, b, shape), args), convolution(x, w, b, c, args)), tolerance());
  }
}

TEST_P(Conv2d, TakesStridedInputAndAnyFloatWeight) {
  const Tensor x = random({1, 6, 6, 16}), w = random({24, 16, 3, 3});
  const auto packed = pack_conv(w, {}, {1, 1});
  EXPECT_EQ(max_difference(conv2d(spread(x, 8), *packed), conv2d(x, *packed)), 0.0);
  const Tensor half = convert(w, DType::kF16);
  EXPECT_EQ(max_difference(conv2d(x, *pack_conv(half, {}, {1, 1})),
                           conv2d(x, *pack_conv(convert(half, DType::kF32), {}, {1, 1}))),
            0.0);
}

TEST_P(Conv2d, RejectsShapesThatDoNotFit) {
  const auto packed = pack_conv(random({8, 4, 3, 3}), {}, {1, 0});
  EXPECT_THROW(conv2d(random({1, 8, 8, 5}), *packed), Error);
  EXPECT_THROW(conv2d(random({1, 2, 8, 4}), *packed), Error);
  ConvArgs args;
  args.residual = random({1, 8, 8, 8});
  EXPECT_THROW(conv2d(random({1, 8, 8, 4}), *packed, args), Error);
  EXPECT_THROW(pack_conv(random({8, 4, 3, 2}), {}, {1, 0}), Error);
}

}  // namespace
}  // namespace easel::ops::testing
