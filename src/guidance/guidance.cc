#include "guidance/guidance.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "models/gligen/gligen.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"

namespace easel::guidance {
namespace {

// Contexts of different lengths share a batch if repeating their tokens, which does not change the attention, makes
// them equally long and none more than this many times as long as the shortest.
constexpr int64_t kMaxStretch = 4;

bool same_shape(const Tensor& a, const Tensor& b) {
  return a.defined() == b.defined() && (!a.defined() || a.shape() == b.shape());
}

bool contexts_fit(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  if (a.shape() == b.shape()) return true;
  if (a.dim(0) != b.dim(0) || a.dim(2) != b.dim(2)) return false;
  return std::lcm(a.dim(1), b.dim(1)) / std::min(a.dim(1), b.dim(1)) <= kMaxStretch;
}

// [n,T,C] -> [n,tokens,C], tokens a multiple of T.
Tensor repeat_tokens(const Tensor& context, int64_t tokens) {
  if (context.dim(1) == tokens) return context;
  const std::vector<Tensor> copies(static_cast<size_t>(tokens / context.dim(1)), context);
  return ops::concat(copies, 1);
}

Tensor cut(const Tensor& t, const Region& r) { return contiguous(t.slice(1, r.y, r.height).slice(2, r.x, r.width)); }

// One input of all entries of a batch, concatenated; undefined if they have none. `parts` is working memory.
template <class Get>
Tensor stack(size_t count, std::vector<Tensor>& parts, const Get& get) {
  parts.clear();
  for (size_t i = 0; i < count; ++i) parts.push_back(get(i));
  Tensor out;
  if (parts[0].defined()) out = count == 1 ? parts[0] : ops::concat(parts, 0);
  parts.clear();
  return out;
}

}  // namespace

// The weighted results of one list, and the sum of the weights.
struct Guidance::Sum {
  Sum() = default;
  explicit Sum(const Shape& latent)
      : total(Tensor::zeros(latent)), count(Tensor::full(Shape{latent[0], latent[1], latent[2], 1}, 1e-37f)) {}

  void add(const Tensor& part, const Tensor& weights, const Region& r) {
    const auto region = [&](const Tensor& t) { return t.slice(1, r.y, r.height).slice(2, r.x, r.width); };
    const Tensor weight = weights.view({weights.dim(0), weights.dim(1), weights.dim(2), 1});
    ops::update(
        region(count), [](auto old, auto w) { return old + w; }, weight);
    ops::update(
        region(total), [](auto old, auto v, auto w) { return old + v * w; }, part, weight);
  }

  Tensor mean() const {
    return ops::map([](auto sum, auto weight) { return sum / weight; }, total, count);
  }

  Tensor total, count;
};

Guidance::Guidance(PreparedConditioning conditioning, const Shape& latent, models::Network network,
                   const GuidanceOptions& options)
    : latent_(latent), network_(std::move(network)), options_(options) {
  const std::array lists{&conditioning.positive, &conditioning.negative, &conditioning.middle};
  for (int side : {0, 1, 2}) {
    for (PreparedEntry& prepared : *lists[static_cast<size_t>(side)]) {
      Entry entry;
      entry.side = side;
      entry.id = static_cast<int>(entries_.size());
      entry.region = visible_region(prepared.region, latent[1], latent[2]);
      entry.weights = entry_weights(prepared, latent);
      entry.inputs.context = models::repeat_to_batch(prepared.inputs.context, latent[0]);
      entry.inputs.y = models::repeat_to_batch(prepared.inputs.y, latent[0]);
      if (prepared.inputs.concat.defined()) {
        entry.inputs.concat = models::repeat_to_batch(cut(prepared.inputs.concat, entry.region), latent[0]);
      }
      if (prepared.gligen) entry.hook = models::gligen_hook(*prepared.gligen, entry.region.height, entry.region.width);
      entry.prepared = std::move(prepared);
      entries_.push_back(std::move(entry));
    }
  }
  for (const models::ModelPatchPtr& patch : options_.patches) {
    if (auto step = patch->guidance()) {
      if (options_.sampling) step->begin(*options_.sampling);
      steps_.push_back(std::move(step));
    }
    patched_always_uncond_ = patched_always_uncond_ || patch->always_uncond();
  }
}

bool Guidance::can_share_batch(const Entry& a, const Entry& b) {
  return a.region.height == b.region.height && a.region.width == b.region.width &&
         a.prepared.control == b.prepared.control && a.prepared.gligen == b.prepared.gligen &&
         a.prepared.hooks == b.prepared.hooks && contexts_fit(a.inputs.context, b.inputs.context) &&
         same_shape(a.inputs.y, b.inputs.y) && same_shape(a.inputs.concat, b.inputs.concat);
}

// Moves the entries that can share a batch with the first one from `waiting` to `batch`, the last one first; only some
// of them if all would be too many.
void Guidance::take_batch() {
  std::vector<const Entry*>&waiting = work_.waiting, &fitting = work_.batch;
  fitting.clear();
  for (const Entry* entry : waiting) {
    if (can_share_batch(*entry, *waiting[0])) fitting.insert(fitting.begin(), entry);
  }
  const int64_t pixels = latent_[0] * fitting[0]->region.height * fitting[0]->region.width;
  size_t size = 1;
  for (size_t parts = 1; parts <= fitting.size(); ++parts) {
    size = fitting.size() / parts;
    if (static_cast<int64_t>(size) * pixels <= max_batch_pixels_) break;
  }
  fitting.resize(size);
  std::erase_if(waiting, [&](const Entry* e) { return std::find(fitting.begin(), fitting.end(), e) != fitting.end(); });
}

// `alone`: the entries are of one list, which is marked as conditional, as in the reference.
Tensor Guidance::evaluate(const Tensor& x, float sigma, const Hooks& hooks, bool alone) {
  const std::vector<const Entry*>& batch = work_.batch;
  std::vector<Tensor>& parts = work_.parts;
  models::NetworkBatch& in = work_.in;
  in.members.clear();
  in.cond_or_uncond.clear();
  in.sigma = sigma;
  in.hooks = hooks;
  if (batch[0]->hook) in.hooks.push_back(batch[0]->hook);
  in.control = batch[0]->prepared.control;
  int64_t tokens = 1;
  for (const Entry* entry : batch) {
    in.members.push_back(entry->id);
    in.cond_or_uncond.push_back(entry->side == 0 || alone ? 0 : 1);
    if (entry->inputs.context.defined()) tokens = std::lcm(tokens, entry->inputs.context.dim(1));
  }
  in.x = stack(batch.size(), parts, [&](size_t i) { return cut(x, batch[i]->region); });
  in.inputs.y = stack(batch.size(), parts, [&](size_t i) { return batch[i]->inputs.y; });
  in.inputs.concat = stack(batch.size(), parts, [&](size_t i) { return batch[i]->inputs.concat; });
  in.inputs.context = stack(batch.size(), parts, [&](size_t i) {
    const Tensor& context = batch[i]->inputs.context;
    return context.defined() ? repeat_tokens(context, tokens) : context;
  });
  Tensor out = options_.hooked ? options_.hooked->evaluate(batch[0]->prepared.hooks.get(), in) : network_(in);
  in.x = {};
  in.inputs = {};
  in.control = {};
  return out;
}

// Notes the entries that are evaluated at a noise level.
void Guidance::wait_for(float sigma, const Sides& sides) {
  work_.waiting.clear();
  bool defaults = false;
  for (const Entry& entry : entries_) {
    if (!sides[static_cast<size_t>(entry.side)] || !entry.prepared.active(sigma)) continue;
    if (entry.prepared.is_default) defaults = true;
    else work_.waiting.push_back(&entry);
  }
  if (defaults) add_defaults(sigma, sides);
}

HookedNetworks::Groups Guidance::waiting_hooks() const {
  HookedNetworks::Groups groups;
  for (const Entry* entry : work_.waiting) groups.push_back(entry->prepared.hooks.get());
  return groups;
}

// Tells the networks with hooks which entries are evaluated next.
void Guidance::tell_hooked(float sigma) {
  if (!options_.hooked) return;
  HookedNetworks::Groups active;
  for (const Entry& entry : entries_)
    if (entry.prepared.active(sigma)) active.push_back(entry.prepared.hooks.get());
  options_.hooked->at(sigma, waiting_hooks(), active);
}

void Guidance::load(float sigma) {
  if (!options_.hooked) return;
  wait_for(sigma, needed());
  options_.hooked->load(sigma, waiting_hooks());
}

// Gives default entries the weight that the others of their list leave at each pixel, if there is any.
void Guidance::add_defaults(float sigma, const Sides& sides) {
  const size_t others = work_.waiting.size();
  for (int side : {0, 1, 2}) {
    if (!sides[static_cast<size_t>(side)]) continue;
    Tensor rest = Tensor::full(Shape{latent_[0], latent_[1], latent_[2]}, 1.0f);
    for (size_t i = 0; i < others; ++i) {
      const Entry& entry = *work_.waiting[i];
      if (entry.side != side) continue;
      const Region& r = entry.region;
      ops::update(
          rest.slice(1, r.y, r.height).slice(2, r.x, r.width), [](auto left, auto w) { return left - w; },
          entry.weights);
    }
    rest = ops::map([](auto left) { return max(left, 0.0f); }, rest);
    if (ops::item(ops::reduce(rest, ops::Reduction::kMax, 0, -1)) == 0) continue;
    for (Entry& entry : entries_) {
      if (entry.side != side || !entry.prepared.is_default || !entry.prepared.active(sigma)) continue;
      entry.weights = rest;
      work_.waiting.push_back(&entry);
    }
  }
}

// The predictions for the lists selected by `sides`. Of the others, the negative one's is zero, the middle one's
// undefined.
std::array<Tensor, 3> Guidance::pictures(const Tensor& x, float sigma, const Sides& sides, const Hooks& hooks,
                                         bool alone) {
  ++work_.in.evaluation;
  wait_for(sigma, sides);
  tell_hooked(sigma);
  std::array sums{Sum(latent_), Sum(latent_), sides[2] ? Sum(latent_) : Sum()};
  while (!work_.waiting.empty()) {
    take_batch();
    const Tensor result = evaluate(x, sigma, hooks, alone);
    const auto& batch = work_.batch;
    for (size_t i = 0; i < batch.size(); ++i) {
      const Tensor part = result.slice(0, static_cast<int64_t>(i) * latent_[0], latent_[0]);
      sums[static_cast<size_t>(batch[i]->side)].add(part, batch[i]->weights, batch[i]->region);
    }
  }
  return {sums[0].mean(), sums[1].mean(), sides[2] ? sums[2].mean() : Tensor()};
}

Guidance::Sides Guidance::needed() const {
  const auto is_one = [](double v) { return std::fabs(v - 1.0) <= 1e-9 * std::max(1.0, v); };
  const bool all = options_.always_uncond || patched_always_uncond_;
  switch (options_.style) {
    case GuidanceStyle::kCfg: return {true, all || !is_one(options_.cfg), false};
    case GuidanceStyle::kDual: {
      const bool negative = all || !is_one(options_.negative_scale);
      return {true, negative, negative || !is_one(options_.cfg)};
    }
    case GuidanceStyle::kDualNested:
    case GuidanceStyle::kPerpNeg: break;
  }
  return {true, true, true};
}

namespace {

Tensor guide(const Tensor& cond, const Tensor& uncond, double by) {
  const auto cfg = static_cast<float>(by);
  return ops::map([=](auto c, auto u) { return u + (c - u) * cfg; }, cond, uncond);
}

// Subtracts the part of the negative direction that is perpendicular to the positive one.
Tensor perpendicular(const Tensor& positive, const Tensor& negative, const Tensor& neutral, double cfg, double scale) {
  const auto total = [](const Tensor& t) { return ops::reduce(t, ops::Reduction::kSum, 0, -1); };
  const Tensor along =
      total(ops::map([](auto p, auto n, auto z) { return (n - z) * (p - z); }, positive, negative, neutral));
  const Tensor squares = total(ops::map([](auto p, auto z) { return (p - z) * (p - z); }, positive, neutral));
  const auto by = static_cast<float>(cfg), weight = static_cast<float>(scale);
  return ops::map(
      [=](auto p, auto n, auto z, auto dot, auto square) {
        const auto towards = p - z, across = (n - z) - dot / square * towards;
        return z + by * (towards - across * weight);
      },
      positive, negative, neutral, along, squares);
}

}  // namespace

// Combines the predictions of the lists into one.
Tensor Guidance::combine(GuidanceMoment& moment, const Tensor& middle) const {
  const double cfg = options_.cfg, negative_scale = options_.negative_scale;
  switch (options_.style) {
    case GuidanceStyle::kCfg: {
      for (auto it = steps_.rbegin(); it != steps_.rend(); ++it)
        if ((*it)->combine(moment)) return moment.denoised;
      return guide(moment.cond, moment.uncond, cfg);
    }
    case GuidanceStyle::kDual: {
      const Tensor inner = guide(middle, moment.uncond, negative_scale);
      const auto by = static_cast<float>(cfg);
      return ops::map([=](auto v, auto p, auto m) { return v + (p - m) * by; }, inner, moment.cond, middle);
    }
    case GuidanceStyle::kDualNested: return guide(guide(moment.cond, middle, cfg), moment.uncond, negative_scale);
    case GuidanceStyle::kPerpNeg: return perpendicular(moment.cond, moment.uncond, middle, cfg, negative_scale);
  }
  return moment.cond;
}

Tensor Guidance::denoised(const Tensor& x, float sigma) {
  if (!(x.shape() == latent_)) throw Error(Fault::kInternal, "guidance was made for another latent");
  for (const auto& step : steps_)
    if (Tensor instead = step->instead(x, sigma); instead.defined()) return instead;
  uncond_ = {};
  Hooks hooks;
  for (const auto& step : steps_)
    if (models::AttentionHookPtr hook = step->hook()) hooks.push_back(std::move(hook));
  Sides sides = needed();
  const bool middle_later = sides[2] && options_.middle_alone;
  if (middle_later) sides[2] = false;
  auto [cond, uncond, middle] = pictures(x, sigma, sides, hooks);
  if (middle_later) middle = pictures(x, sigma, {false, false, true}, hooks, true)[2];
  GuidanceMoment moment{.x = x, .sigma = sigma, .cfg = options_.cfg, .cond = cond, .uncond = uncond};
  // Set only for patches, so that a step without them does not allocate on the heap.
  if (!steps_.empty())
    moment.evaluate = [&](GuidanceMoment::Side side, const Tensor& at, const models::AttentionHookPtr& hook) {
      Sides only{};
      only[static_cast<size_t>(side)] = true;
      Hooks with = hooks;
      if (hook) with.insert(with.begin(), hook);
      return pictures(at, sigma, only, with, true)[static_cast<size_t>(side)];
    };
  // Guiders of three lists combine what was predicted as it is; the node Perp-Neg comes after such changes.
  if (options_.style == GuidanceStyle::kCfg || options_.middle_alone)
    for (const auto& step : steps_) step->before(moment);
  moment.denoised = combine(moment, middle);
  for (const auto& step : steps_) step->after(moment);
  for (const auto& step : steps_) step->was(x, sigma, moment.denoised);
  uncond_ = moment.uncond;
  return moment.denoised;
}

}  // namespace easel::guidance
