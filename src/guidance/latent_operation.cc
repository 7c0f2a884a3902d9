#include "guidance/latent_operation.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"

namespace easel::guidance {
namespace {

// The length of each pixel's vector of channels, [N,h,w,1].
Tensor lengths(const Tensor& latent) {
  const Tensor squares = ops::reduce(ops::map([](auto v) { return v * v; }, latent), ops::Reduction::kSum, 3, 3);
  return ops::map([](auto sum) { return sqrt(sum); }, squares);
}

class Tonemap final : public LatentOperation {
 public:
  explicit Tonemap(double multiplier) : multiplier_(static_cast<float>(multiplier)) {}

  Tensor operator()(const Tensor& latent) const override {
    if (multiplier_ == 0) return Tensor::zeros(latent.shape());
    const Tensor length = ops::map([](auto l) { return l + 1e-10f; }, lengths(latent));
    const Tensor mean = ops::reduce(length, ops::Reduction::kMean, 1, 3);
    const Tensor off = ops::map([](auto l, auto m) { return (l - m) * (l - m); }, length, mean);
    const auto free = static_cast<float>(length.numel() / length.dim(0) - 1);
    const Tensor top =
        ops::map([=, by = multiplier_](auto m, auto squares) { return (sqrt(squares / free) * 5 + m) * by; }, mean,
                 ops::reduce(off, ops::Reduction::kSum, 1, 3));
    return ops::map(
        [](auto v, auto l, auto t) {
          const auto share = l / t;
          return v / l * (share / (share + 1) * t);
        },
        latent, length, top);
  }

 private:
  float multiplier_;
};

class Sharpen final : public LatentOperation {
 public:
  Sharpen(int64_t radius, double sigma, double alpha) : radius_(radius), alpha_(static_cast<float>(alpha)) {
    double total = 0;
    for (int64_t i = -radius; i <= radius; ++i) {
      const double at = static_cast<double>(i) / static_cast<double>(radius);
      kernel_.push_back(std::exp(-at * at / (2 * sigma * sigma)));
      total += kernel_.back();
    }
    for (double& k : kernel_) k /= total;
  }

  Tensor operator()(const Tensor& latent) const override {
    if (std::min(latent.dim(1), latent.dim(2)) <= radius_)
      throw Error(Fault::kInvalid, "a latent of " + std::to_string(latent.dim(2)) + "x" +
                                       std::to_string(latent.dim(1)) + " is too small to be sharpened over " +
                                       std::to_string(radius_) + " pixels")
          .fix("Use a sharpen_radius below the smaller side");
    const Tensor length = ops::map([](auto l) { return l + 1e-6f; }, lengths(latent));
    const Tensor direction = ops::map([](auto v, auto l) { return v / l; }, latent, length);
    const Tensor soft = ops::resample(direction, mirrored(latent.dim(1)), mirrored(latent.dim(2)));
    return ops::map([by = 10 * alpha_](auto d, auto s, auto l) { return l * (d + by * (d - s)); }, direction, soft,
                    length);
  }

 private:
  ops::Taps mirrored(int64_t size) const {
    ops::Taps taps{2 * radius_ + 1, {}, {}};
    for (int64_t i = 0; i < size; ++i)
      for (int64_t k = -radius_; k <= radius_; ++k) {
        const int64_t at = std::abs(i + k);
        taps.index.push_back(at < size ? at : 2 * (size - 1) - at);
        taps.weight.push_back(static_cast<float>(kernel_[static_cast<size_t>(k + radius_)]));
      }
    return taps;
  }

  int64_t radius_;
  float alpha_;
  std::vector<double> kernel_;
};

}  // namespace

LatentOperationPtr tonemap_reinhard(double multiplier) { return std::make_shared<const Tonemap>(multiplier); }
LatentOperationPtr sharpen_latent(int64_t radius, double sigma, double alpha) {
  return std::make_shared<const Sharpen>(radius, sigma, alpha);
}

}  // namespace easel::guidance
