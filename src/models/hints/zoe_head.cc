#include "models/hints/zoe_head.h"

#include <cmath>

#include "models/hints/zoe_depth.h"
#include "ops/arithmetic/reduce.h"

namespace easel::models {
namespace {

using dpt::between_corners;

constexpr int64_t kLastWidth = 32;
// Of attractors; what keeps numbers from 0; and the temperatures between which the distributions are.
constexpr float kStrength = 1000, kLittle = 1e-4f, kColdest = 0.0212f, kHottest = 50.0f;

Tensor softplus(const Tensor& x) {
  // As torch: beyond 20 it is x itself.
  return ops::map([](auto v) { return ops::select(v > 20.0f, v, ops::log(1.0f + ops::exp(v))); }, x);
}

// log(n choose k) by Stirling's formula, as the original has it.
float log_binomial(float n, float k) {
  constexpr float kTiny = 1e-7f;
  n += kTiny;
  k += kTiny;
  return n * std::log(n) - k * std::log(k) - (n - k) * std::log(n - k + kTiny);
}

}  // namespace

ZoeHead::Pair::Pair(const nn::Weights& w, int64_t in, int64_t hidden, int64_t out)
    : first(dpt::conv(w[0], in, hidden, 1)), second(dpt::conv(w[2], hidden, out, 1)) {}

Tensor ZoeHead::Pair::operator()(const Tensor& x, ops::Activation activation) const {
  return second(first(x, {.activation = activation}));
}

ZoeHead::ZoeHead(const nn::Weights& w, const ZoeConfig& c) {
  constexpr int64_t kSeedHidden = 256, kHidden = 128, kOut = 4;
  const auto hidden = [](const nn::Weights& net, int64_t usual) {
    const auto shape = net[2].shape("weight");
    return shape && shape->rank() == 4 ? (*shape)[1] : usual;
  };
  const auto pair = [&](const nn::Weights& net, int64_t in, int64_t usual, int64_t out) {
    return Pair(net, in, hidden(net, usual), out);
  };
  first_ = dpt::conv(w["conv2"], c.features, c.features, 1);
  seed_ = pair(w["seed_bin_regressor"]["_net"], c.features, kSeedHidden, c.bins);
  seed_projector_ = pair(w["seed_projector"]["_net"], c.features, kHidden, c.embedding);
  for (size_t i = 0; i < projectors_.size(); ++i) {
    const auto n = static_cast<int64_t>(i);
    projectors_[i] = pair(w["projectors"][n]["_net"], c.features, kHidden, c.embedding);
    attractors_[i] = pair(w["attractors"][n]["_net"], c.embedding, kHidden, c.attractors[i]);
  }
  const int64_t in = kLastWidth + 1 + c.embedding;
  binomial_ = pair(w["conditional_log_binomial"]["mlp"], in, in / 2, kOut);
  std::vector<float> places, binomials;
  for (int64_t k = 0; k < c.bins; ++k) {
    places.push_back(static_cast<float>(k));
    binomials.push_back(log_binomial(static_cast<float>(c.bins - 1), static_cast<float>(k)));
  }
  const Device device = w.packer().device();
  places_ = Tensor::of({1, 1, 1, c.bins}, places).to(device);
  binomials_ = Tensor::of({1, 1, 1, c.bins}, binomials).to(device);
}

size_t ZoeHead::bytes() const {
  size_t out = first_.bytes() + seed_.bytes() + seed_projector_.bytes() + binomial_.bytes();
  for (size_t i = 0; i < projectors_.size(); ++i) out += projectors_[i].bytes() + attractors_[i].bytes();
  return out;
}

// Each centre moves by the mean of what the attractors do to it.
Tensor ZoeHead::attracted(const Tensor& centres, const Tensor& attractors) const {
  const int64_t count = attractors.dim(3);
  Tensor moves = Tensor::zeros(centres.shape(), DType::kF32, centres.device());
  for (int64_t i = 0; i < count; ++i)
    ops::update(
        moves,
        [](auto sum, auto attractor, auto centre) {
          const auto away = attractor - centre;
          return sum + away / (1.0f + kStrength * (away * away));
        },
        attractors.slice(3, i, 1), centres);
  const float by = static_cast<float>(count);
  return ops::map([by](auto centre, auto move) { return centre + move / by; }, centres, moves);
}

// How much each bin counts: a binomial distribution of a temperature.
Tensor ZoeHead::weights(const Tensor& last, const Tensor& embedding) const {
  const Tensor four = softplus(binomial_(ops::concat({last, embedding}, -1), ops::Activation::kGelu));
  const auto share = [](auto a, auto b) { return (a + kLittle) / ((a + kLittle) + (b + kLittle)); };
  const Tensor p = ops::map(share, four.slice(3, 0, 1), four.slice(3, 1, 1));
  const Tensor t = ops::map([&](auto a, auto b) { return (kHottest - kColdest) * share(a, b) + kColdest; },
                            four.slice(3, 2, 1), four.slice(3, 3, 1));
  const auto last_bin = static_cast<float>(places_.numel() - 1);
  const Tensor scores = ops::map(
      [last_bin](auto probability, auto temperature, auto k, auto binomial) {
        const auto yes = ops::log(ops::clamp(probability, kLittle, 1.0f)),
                   no = ops::log(ops::clamp(1.0f - probability, kLittle, 1.0f));
        return (binomial + k * yes + (last_bin - k) * no) / temperature;
      },
      p, t, places_, binomials_);
  const Tensor raised = ops::map([](auto v, auto highest) { return ops::exp(v - highest); }, scores,
                                 ops::reduce(scores, ops::Reduction::kMax, 3, 3));
  return ops::map([](auto v, auto all) { return v / all; }, raised, ops::reduce(raised, ops::Reduction::kSum, 3, 3));
}

Tensor ZoeHead::operator()(const Tensor& coarsest, const std::array<Tensor, 4>& joined, const Tensor& last,
                           const Tensor& relative) const {
  const Tensor x = first_(coarsest);
  Tensor centres = softplus(seed_(x)), embedding = seed_projector_(x);
  for (size_t i = 0; i < joined.size(); ++i) {
    const int64_t h = joined[i].dim(1), w = joined[i].dim(2);
    const Tensor here = projectors_[i](joined[i]);
    const Tensor attractors = softplus(attractors_[i](ops::add(here, between_corners(embedding, h, w))));
    centres = attracted(between_corners(centres, h, w), attractors);
    embedding = here;
  }
  const int64_t h = last.dim(1), w = last.dim(2);
  const Tensor shares = weights(ops::concat({last, relative}, -1), between_corners(embedding, h, w));
  return ops::reduce(ops::mul(shares, between_corners(centres, h, w)), ops::Reduction::kSum, 3, 3);
}

}  // namespace easel::models
