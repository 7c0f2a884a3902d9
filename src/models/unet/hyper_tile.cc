#include "models/unet/hyper_tile.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <vector>

#include "ops/attention.h"
#include "ops/elementwise.h"
#include "sampling/random/torch_random.h"

namespace easel::models {
namespace {

constexpr int64_t kLeastTile = 32, kFactor = 8;  // pixels; pixels along a latent pixel

// Python's random.seed(seed); random.randint(0, count - 1)
int64_t python_choice(int64_t count, uint64_t seed) {
  sampling::TorchGenerator random;
  random.seed_by_array(seed);
  const int bits = std::bit_width(static_cast<uint64_t>(count));
  int64_t drawn = count;
  while (drawn >= count) drawn = static_cast<int64_t>(random.random() >> (32 - bits));
  return drawn;
}

// The divisors of a number from 2 up, with what they leave, whose ratio is nearest to `aspect`.
std::pair<int64_t, int64_t> nearest_divisors(int64_t tokens, double aspect) {
  std::pair<int64_t, int64_t> best{1, tokens};
  double distance = -1;
  for (int64_t h = 2; h <= tokens; ++h) {
    if (tokens % h != 0) continue;
    const double away = std::abs(static_cast<double>(tokens / h) / static_cast<double>(h) - aspect);
    if (distance >= 0 && away >= distance) continue;
    best = {h, tokens / h};
    distance = away;
  }
  return best;
}

// One run. The draws are counted, so that the hook has state; a run evaluates one batch after the other.
class TilingHook final : public AttentionHook {
 public:
  TilingHook(const HyperTile& options, int64_t channels) : options_(options), channels_(channels) {}

  Tensor replace_self_attention(const AttentionSite& site, const StepInfo& step,
                                const SelfAttention& of) const override {
    const Tensor &q = of.q, &k = of.k, &v = of.v;
    const int64_t n = q.dim(0), tokens = q.dim(1), c = q.dim(2);
    if (!applies_to(c)) return {};
    const auto [h, w] =
        tiled_sides(tokens, static_cast<double>(step.latent_width) / static_cast<double>(step.latent_height));
    const int64_t scale = options_.scale_depth ? int64_t{1} << (c / channels_ - 1) : 1;
    const int64_t least = std::max(kLeastTile, options_.tile_size) / kFactor * scale;
    const int64_t rows = tiles_along(h, least, options_.swap_size, ++drawn_);
    const int64_t columns = tiles_along(w, least, options_.swap_size, ++drawn_);
    const int64_t tiles = rows * columns, each = tokens / tiles;
    if (tiles == 1) return {};
    const Tensor parts =
        contiguous(contiguous(q).view({n, rows, h / rows, columns, w / columns, c}).permute({0, 1, 3, 2, 4, 5}));
    const auto in_order = [&](const Tensor& t) { return contiguous(t).view({n * tiles, each, c}); };
    const Tensor out = ops::attention(parts.view({n * tiles, each, c}), in_order(k), in_order(v), site.heads);
    return contiguous(out.view({n, rows, columns, h / rows, w / columns, c}).permute({0, 1, 3, 2, 4, 5}))
        .view({n, tokens, c});
  }

 private:
  bool applies_to(int64_t width) const {
    for (int64_t depth = 0; depth <= options_.max_depth; ++depth)
      if (width == channels_ << depth) return true;
    return false;
  }

  HyperTile options_;
  int64_t channels_;
  mutable uint64_t drawn_ = 0;
};

class TilingRun final : public GuidanceStep {
 public:
  TilingRun(const HyperTile& options, int64_t channels)
      : hook_(std::make_shared<const TilingHook>(options, channels)) {}
  AttentionHookPtr hook() const override { return hook_; }

 private:
  AttentionHookPtr hook_;
};

class TilingPatch final : public ModelPatch {
 public:
  TilingPatch(const HyperTile& options, int64_t channels) : options_(options), channels_(channels) {}
  std::string_view kind() const override { return "hook"; }
  std::unique_ptr<GuidanceStep> guidance() const override { return std::make_unique<TilingRun>(options_, channels_); }

 private:
  HyperTile options_;
  int64_t channels_;
};

}  // namespace

std::pair<int64_t, int64_t> tiled_sides(int64_t tokens, double aspect) {
  const auto count = static_cast<double>(tokens);
  const auto side = [](double v) { return std::max<int64_t>(1, static_cast<int64_t>(std::nearbyint(std::sqrt(v)))); };
  const int64_t h = side(count * aspect), w = side(count / aspect);
  if (h * w == tokens) return {h, w};
  if (tokens % h == 0) return {h, tokens / h};
  if (tokens % w == 0) return {tokens / w, w};
  return nearest_divisors(tokens, aspect);
}

int64_t tiles_along(int64_t size, int64_t least, int64_t options, uint64_t seed) {
  std::vector<int64_t> counts;
  for (int64_t side = std::min(least, size); side <= size && static_cast<int64_t>(counts.size()) < options; ++side)
    if (size % side == 0) counts.push_back(size / side);
  return counts[static_cast<size_t>(python_choice(static_cast<int64_t>(counts.size()), seed))];
}

ModelPatchPtr hyper_tile(const HyperTile& options, const UNetConfig& config) {
  return std::make_shared<const TilingPatch>(options, config.model_channels);
}

}  // namespace easel::models
