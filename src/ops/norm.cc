#include "ops/norm.h"

#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "ops/check.h"

namespace easel::ops {
namespace {

void check_parameter(const char* op, const Tensor& t, int64_t width) {
  if (t.dtype() != DType::kF32 || t.rank() != 1 || t.dim(0) != width || !t.contiguous())
    reject(op, "parameter " + t.str() + " for width " + std::to_string(width));
}

}  // namespace

Tensor group_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups, float eps,
                  Activation activation, std::optional<DType> type) {
  check_float("group_norm", x);
  if (x.rank() < 2 || !x.contiguous() || groups < 1 || x.dim(-1) % groups != 0)
    reject("group_norm", x.str() + " in " + std::to_string(groups) + " groups");
  if (activation != Activation::kNone && activation != Activation::kSilu) reject("group_norm", "activation");
  const int64_t c = x.dim(-1), n = x.dim(0), size = c / groups;
  check_parameter("group_norm", weight, c);
  check_parameter("group_norm", bias, c);
  Tensor out(x.shape(), type.value_or(x.dtype()));
  if (x.numel() == 0) return out;
  const int64_t positions = x.numel() / (n * c);
  with_types(x.dtype(), out.dtype(), [&]<class T, class Out>(T, Out) {
    const T* in = x.data<T>();
    Out* to = out.data<Out>();
    parallel_for(n * groups, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t base = i / groups * positions * c + i % groups * size;
        double sum = 0, squares = 0;
        for (int64_t p = 0; p < positions; ++p)
          for (int64_t j = 0; j < size; ++j) {
            const double value = static_cast<double>(static_cast<float>(in[base + p * c + j]));
            sum += value;
            squares += value * value;
          }
        const double count = static_cast<double>(positions * size), mean = sum / count;
        const double inverse = 1.0 / std::sqrt(std::max(0.0, squares / count - mean * mean) + static_cast<double>(eps));
        for (int64_t j = 0; j < size; ++j) {
          const int64_t channel = i % groups * size + j;
          const float scale = static_cast<float>(inverse) * weight.f32()[channel];
          const float m = static_cast<float>(mean), shift = bias.f32()[channel];
          for (int64_t p = 0; p < positions; ++p) {
            float y = (static_cast<float>(in[base + p * c + j]) - m) * scale + shift;
            if (activation == Activation::kSilu) y = y / (1.0f + std::exp(-y));
            to[base + p * c + j] = Out(y);
          }
        }
      }
    });
  });
  return out;
}

Tensor layer_norm(const Tensor& input, const Tensor& weight, const Tensor& bias, float eps, std::optional<DType> type) {
  check_float("layer_norm", input);
  if (input.rank() < 1) reject("layer_norm", input.str());
  const Tensor x = contiguous(input);
  const int64_t c = x.dim(-1);
  if (weight.defined()) check_parameter("layer_norm", weight, c);
  if (bias.defined()) check_parameter("layer_norm", bias, c);
  Tensor out(x.shape(), type.value_or(x.dtype()));
  if (x.numel() == 0) return out;
  with_types(x.dtype(), out.dtype(), [&]<class T, class Out>(T, Out) {
    parallel_for(x.numel() / c, 16, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const T* in = x.data<T>() + r * c;
        Out* to = out.data<Out>() + r * c;
        double sum = 0, squares = 0;
        for (int64_t j = 0; j < c; ++j) sum += static_cast<double>(static_cast<float>(in[j]));
        const float mean = static_cast<float>(sum / static_cast<double>(c));
        for (int64_t j = 0; j < c; ++j) {
          const double d = static_cast<double>(static_cast<float>(in[j])) - static_cast<double>(mean);
          squares += d * d;
        }
        const float inverse =
            static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(c) + static_cast<double>(eps)));
        for (int64_t j = 0; j < c; ++j) {
          float y = (static_cast<float>(in[j]) - mean) * inverse;
          if (weight.defined()) y *= weight.f32()[j];
          if (bias.defined()) y += bias.f32()[j];
          to[j] = Out(y);
        }
      }
    });
  });
  return out;
}

}  // namespace easel::ops
