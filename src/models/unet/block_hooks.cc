#include "models/unet/block_hooks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "base/parallel.h"

namespace easel::models {
namespace {

using Complex = std::complex<float>;

// exp(2 pi i at / size) for every place along a side: the frequency -1.
std::vector<Complex> wave(int64_t size) {
  std::vector<Complex> out;
  for (int64_t at = 0; at < size; ++at) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(at) / static_cast<double>(size);
    out.emplace_back(static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle)));
  }
  return out;
}

// Scales the frequencies 0 and -1 of both directions (the middle 2x2 of the shifted spectrum) of maps of one size.
class LowFrequencies {
 public:
  LowFrequencies(int64_t height, int64_t width) : rows_(wave(height)), columns_(wave(width)) {}

  // One map whose pixels are `stride` apart.
  void scale(float* map, int64_t stride, float by) const {
    const size_t h = rows_.size(), w = columns_.size();
    const auto pixel = [&](size_t y, size_t x) -> float& { return map[static_cast<int64_t>(y * w + x) * stride]; };
    std::array<Complex, 4> found{};  // of the frequencies (0,0), (0,-1), (-1,0), (-1,-1)
    for (size_t y = 0; y < h; ++y) {
      Complex still{}, moving{};
      for (size_t x = 0; x < w; ++x) still += pixel(y, x), moving += pixel(y, x) * columns_[x];
      found[0] += still, found[1] += moving, found[2] += still * rows_[y], found[3] += moving * rows_[y];
    }
    // Along a side of one pixel there is only the frequency 0.
    if (w == 1) found[1] = found[3] = 0;
    if (h == 1) found[2] = found[3] = 0;
    const float change = (by - 1) / static_cast<float>(h * w);
    for (size_t y = 0; y < h; ++y) {
      const Complex row = std::conj(rows_[y]), still = found[0] + found[2] * row, moving = found[1] + found[3] * row;
      for (size_t x = 0; x < w; ++x) pixel(y, x) += change * (still + moving * std::conj(columns_[x])).real();
    }
  }

 private:
  std::vector<Complex> rows_, columns_;
};

class FreeUHook final : public BlockHook {
 public:
  FreeUHook(const FreeU& options, int64_t width) : options_(options), width_(width) {}

  void before_output(const StepInfo&, Tensor& h, Tensor& skip) const override {
    const bool four = h.dim(3) == width_ * 4, two = h.dim(3) == width_ * 2;
    if (!four && !two) return;
    const Device device = h.device();
    h = clone(h.to(kHost));
    strengthen(h, four ? options_.backbone4 : options_.backbone2);
    h = h.to(device);
    skip = clone(skip.to(kHost));
    const float scale = four ? options_.skip4 : options_.skip2;
    const int64_t rows = skip.dim(1), columns = skip.dim(2), channels = skip.dim(3);
    const LowFrequencies low(rows, columns);
    parallel_for(skip.dim(0) * channels, 16, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        low.scale(skip.f32() + i / channels * rows * columns * channels + i % channels, channels, scale);
    });
    skip = skip.to(device);
  }

 private:
  void strengthen(Tensor& h, float by) const {
    const int64_t channels = h.dim(3), pixels = h.dim(1) * h.dim(2);
    for (int64_t n = 0; n < h.dim(0); ++n) {
      std::vector<float> mean(static_cast<size_t>(pixels), 1.0f);
      float* map = h.f32() + n * pixels * channels;
      if (options_.by_mean) {
        for (int64_t i = 0; i < pixels; ++i) {
          float sum = 0;
          for (int64_t c = 0; c < channels; ++c) sum += map[i * channels + c];
          mean[static_cast<size_t>(i)] = sum / static_cast<float>(channels);
        }
        const auto [least, most] = std::minmax_element(mean.begin(), mean.end());
        const float low = *least, range = *most - low;
        // The reference divides 0 by 0 on a map that is the same everywhere.
        for (float& v : mean) v = range > 0 ? (v - low) / range : 0.0f;
      }
      for (int64_t i = 0; i < pixels; ++i) {
        const float scale = (by - 1) * mean[static_cast<size_t>(i)] + 1;
        for (int64_t c = 0; c < channels / 2; ++c) map[i * channels + c] *= scale;
      }
    }
  }

  FreeU options_;
  int64_t width_;
};

class DeepShrinkHook final : public BlockHook {
 public:
  explicit DeepShrinkHook(const DeepShrink& options) : options_(options) {}

  Tensor before_skip(int index, const StepInfo& step, const Tensor& h) const override {
    return options_.after_skip ? h : shrunk(index, step, h);
  }
  Tensor after_skip(int index, const StepInfo& step, const Tensor& h) const override {
    return options_.after_skip ? shrunk(index, step, h) : h;
  }
  void before_output(const StepInfo&, Tensor& h, Tensor& skip) const override {
    if (h.dim(1) != skip.dim(1) || h.dim(2) != skip.dim(2))
      h = image::resize(h.to(kHost), {skip.dim(2), skip.dim(1)}, options_.up).to(h.device());
  }

 private:
  Tensor shrunk(int index, const StepInfo& step, const Tensor& h) const {
    if (index != options_.block || step.sigma > options_.first_sigma || step.sigma < options_.last_sigma) return h;
    const auto side = [&](int64_t size) {
      return std::max<int64_t>(1, image::round_half_even(static_cast<double>(size) * (1.0 / options_.factor)));
    };
    return image::resize(h.to(kHost), {side(h.dim(2)), side(h.dim(1))}, options_.down).to(h.device());
  }

  DeepShrink options_;
};

}  // namespace

BlockHookPtr free_u(const FreeU& options, const UNetConfig& config) {
  return std::make_shared<const FreeUHook>(options, config.model_channels);
}

BlockHookPtr deep_shrink(const DeepShrink& options) { return std::make_shared<const DeepShrinkHook>(options); }

}  // namespace easel::models
