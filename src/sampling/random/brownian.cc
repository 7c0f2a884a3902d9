#include "sampling/random/brownian.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/random/numpy_random.h"
#include "ops/arithmetic/formula.h"
#include "sampling/random/torch_random.h"

namespace easel::sampling {
namespace {

constexpr size_t kPoolSize = 24;    // torchsde's default for trees
constexpr size_t kMaxKept = 64;     // increments held at most; one query uses about 50
constexpr uint64_t kMaxDepth = 60;  // far above log2(largest sigma / 1e-6)

// Decimal rounding to 1e-6, half to even on the exact value, as Python's round(t, 6).
double round6(double t) {
  char text[64];
  std::snprintf(text, sizeof text, "%.6f", t);
  return std::strtod(text, nullptr);
}

}  // namespace

struct BrownianTree::Interval {
  Interval(double from, double to, Interval* above) : start(round6(from)), end(round6(to)), parent(above) {}

  double start, end;
  Interval* parent;
  uint64_t key = 0, depth = 0;  // position in the tree: the spawn key of this interval's seed
  double middle = 0;
  uint32_t seed = 0;  // of the noise that divides this interval's increment among its halves
  std::unique_ptr<Interval> left, right;
  Tensor increment;  // defined while held
  std::list<Interval*>::iterator kept;
};

BrownianTree::BrownianTree(double t0, double t1, int64_t size, uint64_t seed)
    : size_(size), seed_(seed), root_(std::make_unique<Interval>(t0, t1, nullptr)) {
  if (!(t0 <= t1)) throw Error(Fault::kInternal, "a Brownian tree over a reversed interval");
  TorchGenerator rng(seed_sequence(seed, {}, kPoolSize, 1)[0]);
  Tensor noise(Shape{size});
  rng.randn(noise.values());
  const auto scale = static_cast<float>(std::sqrt(t1 - t0));
  root_->increment = ops::map([=](auto z) { return z * scale; }, noise);
}

BrownianTree::~BrownianTree() = default;

Tensor BrownianTree::increment(double a, double b) {
  a = round6(std::clamp(a, root_->start, root_->end));
  b = round6(std::clamp(b, root_->start, root_->end));
  if (a > b) throw Error(Fault::kInternal, "a Brownian increment backwards in time");
  if (a == b) return Tensor::zeros(Shape{size_});

  std::vector<Interval*> parts;
  collect(*root_, a, b, parts);
  Tensor sum = value(*parts[0]);
  for (size_t i = 1; i < parts.size(); ++i) {
    sum = ops::map([](auto total, auto part) { return total + part; }, sum, value(*parts[i]));
  }
  return sum;
}

// Appends the intervals of the tree that together are [a, b], left to right, splitting leaves as needed.
void BrownianTree::collect(Interval& node, double a, double b, std::vector<Interval*>& parts) {
  if (a == node.start && b == node.end) {
    parts.push_back(&node);
    return;
  }
  if (!node.left) split_down_to(node, a == node.start ? b : a);
  if (a < node.middle) collect(*node.left, a, std::min(b, node.middle), parts);
  if (b > node.middle) collect(*node.right, std::max(a, node.middle), b, parts);
}

// Halves `leaf`, then the half that holds `time`, until `time` is a boundary.
void BrownianTree::split_down_to(Interval& leaf, double time) {
  Interval* node = &leaf;
  for (;;) {
    halve(*node);
    if (time == node->middle) return;
    node = time > node->middle ? node->right.get() : node->left.get();
  }
}

void BrownianTree::halve(Interval& leaf) {
  leaf.middle = round6(0.5 * (leaf.end + leaf.start));
  if (leaf.parent) {
    leaf.key = 2 * leaf.parent->key + (leaf.parent->right.get() == &leaf ? 1 : 0);
    leaf.depth = leaf.parent->depth + 1;
  }
  if (leaf.depth > kMaxDepth) throw Error(Fault::kInternal, "a Brownian tree split below its resolution");
  const uint64_t position[] = {leaf.key, leaf.depth};
  leaf.seed = seed_sequence(seed_, position, kPoolSize, 1)[0];
  leaf.left = std::make_unique<Interval>(leaf.start, leaf.middle, &leaf);
  leaf.right = std::make_unique<Interval>(leaf.middle, leaf.end, &leaf);
}

// The increment over an interval. If it is not held, it and its sibling are drawn from their parent's increment.
const Tensor& BrownianTree::value(Interval& node) {
  if (!node.parent) return node.increment;
  if (node.increment.defined()) {
    kept_.splice(kept_.begin(), kept_, node.kept);
    return node.increment;
  }
  Interval& parent = *node.parent;
  const Tensor whole = value(parent);
  TorchGenerator rng(parent.seed);
  Tensor noise(Shape{size_});
  rng.randn(noise.values());

  const double per_length = 1 / (parent.end - parent.start);
  const double left_length = parent.middle - parent.start, right_length = parent.end - parent.middle;
  const auto length = static_cast<float>(left_length), reciprocal = static_cast<float>(per_length);
  const auto deviation = static_cast<float>(std::sqrt(left_length * right_length * per_length));
  Tensor left = ops::map([=](auto w, auto z) { return length * w * reciprocal + deviation * z; }, whole, noise);
  Tensor right = ops::map([](auto w, auto half) { return w - half; }, whole, left);
  const bool is_left = parent.left.get() == &node;
  keep(is_left ? *parent.right : *parent.left, is_left ? right : left);
  keep(node, is_left ? left : right);
  return node.increment;
}

void BrownianTree::keep(Interval& node, Tensor value) {
  if (node.increment.defined()) return;
  if (kept_.size() >= kMaxKept) {
    kept_.back()->increment = Tensor();
    kept_.pop_back();
  }
  kept_.push_front(&node);
  node.kept = kept_.begin();
  node.increment = std::move(value);
}

BrownianNoise::BrownianNoise(const Shape& latent, float sigma_min, float sigma_max, uint64_t seed)
    : shape_(latent), tree_(sigma_min, sigma_max, latent.numel(), seed) {}

Tensor BrownianNoise::operator()(float sigma, float sigma_next) {
  const float low = std::min(sigma, sigma_next), high = std::max(sigma, sigma_next);
  const float sign = sigma < sigma_next ? 1.0f : -1.0f;
  const float deviation = std::sqrt(std::fabs(sigma_next - sigma));
  const Tensor path = tree_.increment(low, high);
  return from_torch_order(ops::map([=](auto w) { return w * sign / deviation; }, path).values(), shape_);
}

}  // namespace easel::sampling
