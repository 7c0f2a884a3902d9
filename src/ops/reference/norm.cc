#include "ops/reference/backend.h"
#include "ops/reference/values.h"

namespace easel::ops::reference {
namespace {

// Mean and 1 / sqrt(variance + eps) of `count` values, value(i) each.
struct Statistics {
  template <class Value>
  Statistics(int64_t count, float eps, const Value& value) {
    double sum = 0.0, squares = 0.0;
    for (int64_t i = 0; i < count; ++i) sum += value(i);
    mean = sum / static_cast<double>(count);
    for (int64_t i = 0; i < count; ++i) squares += (value(i) - mean) * (value(i) - mean);
    scale = 1.0 / std::sqrt(squares / static_cast<double>(count) + static_cast<double>(eps));
  }
  double mean, scale;
};

}  // namespace

void ReferenceBackend::group_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups, float eps,
                                  Activation activation, Tensor& out) const {
  const int64_t samples = x.dim(0), channels = x.dim(-1), size = channels / groups;
  const int64_t positions = x.numel() / (samples * channels);
  const Values xs = read(x), weights = read(weight), biases = read(bias);
  Values ys(xs.size());
  for (int64_t sample = 0; sample < samples; ++sample)
    for (int64_t group = 0; group < groups; ++group) {
      // Value i of the group, position by position.
      const auto place = [&](int64_t i) {
        return at((sample * positions + i / size) * channels + group * size + i % size);
      };
      const Statistics s(positions * size, eps, [&](int64_t i) { return xs[place(i)]; });
      for (int64_t i = 0; i < positions * size; ++i) {
        const size_t channel = at(group * size + i % size);
        const double y = (xs[place(i)] - s.mean) * s.scale * weights[channel] + biases[channel];
        ys[place(i)] = activated(y, activation);
      }
    }
  write(ys, out);
}

void ReferenceBackend::layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps,
                                  Tensor& out) const {
  const int64_t channels = x.dim(-1), rows = x.numel() / channels;
  const Values xs = read(x), weights = read_if_defined(weight), biases = read_if_defined(bias);
  Values ys(xs.size());
  for (int64_t row = 0; row < rows; ++row) {
    const Statistics s(channels, eps, [&](int64_t i) { return xs[at(row * channels + i)]; });
    for (int64_t i = 0; i < channels; ++i) {
      double y = (xs[at(row * channels + i)] - s.mean) * s.scale;
      if (!weights.empty()) y *= weights[at(i)];
      if (!biases.empty()) y += biases[at(i)];
      ys[at(row * channels + i)] = y;
    }
  }
  write(ys, out);
}

}  // namespace easel::ops::reference
