#include "ops/norm.h"

#include "ops/reference.h"

namespace easel::ops::testing {
namespace {

Tensor plain_group_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups, double eps,
                        Activation activation) {
  auto v = doubles(x);
  const auto weights = doubles(weight), biases = doubles(bias);
  const int64_t n = x.dim(0), c = x.dim(-1), positions = x.numel() / (n * c), size = c / groups;
  for (int64_t s = 0; s < n; ++s)
    for (int64_t g = 0; g < groups; ++g) {
      const auto at = [&](int64_t p, int64_t j) -> double& {
        return v[static_cast<size_t>((s * positions + p) * c + g * size + j)];
      };
      double mean = 0, variance = 0;
      for (int64_t p = 0; p < positions; ++p)
        for (int64_t j = 0; j < size; ++j) mean += at(p, j);
      mean /= static_cast<double>(positions * size);
      for (int64_t p = 0; p < positions; ++p)
        for (int64_t j = 0; j < size; ++j) variance += (at(p, j) - mean) * (at(p, j) - mean);
      variance /= static_cast<double>(positions * size);
      for (int64_t p = 0; p < positions; ++p)
        for (int64_t j = 0; j < size; ++j) {
          const double y = (at(p, j) - mean) / std::sqrt(variance + eps) * weights[static_cast<size_t>(g * size + j)] +
                           biases[static_cast<size_t>(g * size + j)];
          at(p, j) = reference_activation(activation, y);
        }
    }
  return tensor_of(x.shape(), v);
}

Tensor plain_layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  auto v = doubles(x);
  const auto weights = weight.defined() ? doubles(weight) : std::vector<double>(v.size(), 1.0);
  const auto biases = bias.defined() ? doubles(bias) : std::vector<double>(v.size(), 0.0);
  const size_t c = static_cast<size_t>(x.dim(-1));
  for (size_t r = 0; r < v.size() / c; ++r) {
    double mean = 0, variance = 0;
    for (size_t j = 0; j < c; ++j) mean += v[r * c + j] / static_cast<double>(c);
    for (size_t j = 0; j < c; ++j) variance += (v[r * c + j] - mean) * (v[r * c + j] - mean) / static_cast<double>(c);
    for (size_t j = 0; j < c; ++j) {
      double& y = v[r * c + j];
      y = (y - mean) / std::sqrt(variance + eps);
      y = y * weights[j] + biases[j];
    }
  }
  return tensor_of(x.shape(), v);
}

class Norm : public DeviceOps {};
EASEL_ON_EVERY_DEVICE(Norm);

TEST_P(Norm, GroupsMatchThePlainFormula) {
  struct Case {
    Shape shape;
    int64_t groups;
  };
  for (const Case& c :
       {Case{{1, 4, 4, 32}, 32}, Case{{2, 8, 6, 64}, 32}, Case{{2, 5, 3, 96}, 32}, Case{{1, 7, 7, 320}, 32},
        Case{{3, 50, 40}, 8}, Case{{1, 1, 1, 32}, 4}, Case{{2, 33, 17, 24}, 3}, Case{{1, 64, 64, 128}, 32},
        Case{{2, 3, 3, 7}, 1}, Case{{2, 16, 16, 960}, 32}, Case{{1, 20, 10}, 5}})
    for (const Activation a : {Activation::kNone, Activation::kSilu}) {
      const Tensor x = random(c.shape, 2.0f, 0.5f);
      const Tensor w = random_f32({c.shape[-1]}), b = random_f32({c.shape[-1]});
      EXPECT_LT(relative_error(group_norm(x, w, b, c.groups, 1e-5f, a), plain_group_norm(x, w, b, c.groups, 1e-5, a)),
                tolerance())
          << c.shape.str();
    }
}

TEST_P(Norm, AMeanFarFromZeroLosesNothing) {
  const Tensor w = random_f32({64}), b = random_f32({64});
  for (const float mean : {300.0f, -5000.0f}) {
    const Tensor x = random({2, 24, 20, 64}, std::abs(mean) / 100.0f, mean);
    EXPECT_LT(relative_error(group_norm(x, w, b, 8, 1e-5f), plain_group_norm(x, w, b, 8, 1e-5, Activation::kNone)),
              kType == DType::kF32 ? 3e-5 : tolerance());
    EXPECT_LT(relative_error(layer_norm(x, w, b, 1e-5f), plain_layer_norm(x, w, b, 1e-5)),
              kType == DType::kF32 ? 3e-5 : tolerance());
  }
}

TEST_P(Norm, LayersMatchThePlainFormula) {
  for (const Shape& shape :
       {Shape{3, 5, 320}, Shape{1, 1}, Shape{77, 768}, Shape{2, 9, 33}, Shape{1000, 64}, Shape{4, 1281}}) {
    const Tensor x = random(shape, 3.0f, 1.0f), w = random_f32({shape[-1]}), b = random_f32({shape[-1]});
    EXPECT_LT(relative_error(layer_norm(x, w, b, 1e-5f), plain_layer_norm(x, w, b, 1e-5)), tolerance());
    if (shape[-1] == 1) continue;
    EXPECT_LT(relative_error(layer_norm(x, {}, b, 1e-6f), plain_layer_norm(x, {}, b, 1e-6)), tolerance());
    EXPECT_LT(relative_error(layer_norm(x, w, {}, 1e-6f), plain_layer_norm(x, w, {}, 1e-6)), tolerance());
    EXPECT_EQ(max_difference(layer_norm(spread(x, 6), w, b, 1e-5f), layer_norm(x, w, b, 1e-5f)), 0.0);
  }
}

TEST_P(Norm, RejectsShapesThatDoNotFit) {
  const Tensor x = random({1, 4, 4, 30}), p = random_f32({30});
  EXPECT_THROW(group_norm(x, p, p, 32, 1e-5f), Error);
  EXPECT_THROW(group_norm(x, random_f32({29}), p, 3, 1e-5f), Error);
  EXPECT_THROW(group_norm(x, p, p, 3, 1e-5f, Activation::kRelu), Error);
  EXPECT_THROW(layer_norm(x, random_f32({29}), p, 1e-5f), Error);
}

}  // namespace
}  // namespace easel::ops::testing
