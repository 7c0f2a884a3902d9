#include "guidance/prepared.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "image/scale/resize.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"

namespace easel::guidance {
namespace {

constexpr int64_t kSmallestBounds = 8;  // the least width and height of a mask's bounding box, in latent pixels
constexpr int64_t kFade = 8;

// Python's round(): ties to even. Throws Error(kInvalid) for values that do not fit an integer.
int64_t rounded(double value) {
  if (!(std::fabs(value) < 1e9)) throw Error(Fault::kInvalid, "a conditioning's area is not a size");
  return static_cast<int64_t>(std::nearbyint(value));
}

Region resolve_area(const models::Area& area, int64_t h, int64_t w) {
  Region r;
  if (area.relative) {
    const auto height = static_cast<double>(h), width = static_cast<double>(w);
    r = {std::max<int64_t>(1, rounded(area.height * height)), std::max<int64_t>(1, rounded(area.width * width)),
         rounded(area.y * height), rounded(area.x * width)};
  } else {
    r = {rounded(area.height), rounded(area.width), rounded(area.y), rounded(area.x)};
  }
  if (r.y < 0 || r.x < 0 || r.height < 1 || r.width < 1 || r.y >= h || r.x >= w) {
    throw Error(Fault::kInvalid, "a conditioning's area (" + std::to_string(r.width) + "x" + std::to_string(r.height) +
                                     " at " + std::to_string(r.x) + "," + std::to_string(r.y) +
                                     " in latent pixels) lies outside of the latent of " + std::to_string(w) + "x" +
                                     std::to_string(h))
        .fix("Move the area into the picture");
  }
  return r;
}

// A mask [H,W] or [n,H,W] scaled to the latent's size, [n,h,w].
Tensor resolve_mask(const Tensor& mask, int64_t h, int64_t w) {
  if (mask.rank() < 2 || mask.rank() > 3 || mask.numel() == 0) {
    throw Error(Fault::kInvalid, "a conditioning's mask has the shape " + mask.shape().str());
  }
  const Tensor flat = contiguous(convert(mask, DType::kF32));
  const int64_t n = mask.rank() == 3 ? mask.dim(0) : 1;
  const Tensor picture = flat.view(Shape{n, mask.dim(-2), mask.dim(-1), 1});
  const Tensor sized = mask.dim(-2) == h && mask.dim(-1) == w
                           ? picture
                           : image::resize(picture, {.width = w, .height = h}, image::ResizeMethod::kBilinear);
  return sized.view(Shape{n, h, w});
}

// The box around everything in the mask that is not 0.
Region mask_bounds(const Tensor& mask) {
  const auto any = [](const Tensor& t, int dim) { return ops::reduce(t, ops::Reduction::kMax, dim, dim); };
  const Tensor counts = any(ops::map([](auto v) { return 1 - (v == 0); }, mask), 0);
  // The first position along a side where the mask is not 0, and the one after the last.
  const auto range = [](const Tensor& along) {
    const std::vector<float> used = ops::read(along);
    const auto counts_there = [](float v) { return v != 0; };
    const auto first = std::find_if(used.begin(), used.end(), counts_there);
    const auto last = std::find_if(used.rbegin(), used.rend(), counts_there);
    return std::pair<int64_t, int64_t>(first - used.begin(), used.rend() - last);
  };
  const auto [top, bottom] = range(any(counts, 2));
  const auto [left, right] = range(any(counts, 1));
  if (bottom == 0) return {kSmallestBounds, kSmallestBounds, 0, 0};  // 0 everywhere: as little work as possible
  return {std::max(kSmallestBounds, bottom - top), std::max(kSmallestBounds, right - left), top, left};
}

PreparedEntry resolve_place_and_time(const models::ConditioningEntry& entry, int64_t h, int64_t w,
                                     const sampling::ModelSampling& sampling) {
  PreparedEntry out;
  out.strength = entry.strength;
  out.mask_strength = entry.mask_strength;
  out.control = entry.control;
  out.control_apply_to_uncond = entry.control_apply_to_uncond;
  out.gligen = entry.gligen;
  out.hooks = entry.hooks;
  out.is_default = entry.is_default;
  if (entry.is_default && (entry.area || (entry.mask.defined() && entry.set_area_to_bounds)))
    throw Error(Fault::kInvalid, "a conditioning that takes the place that others leave cannot have an area of its own")
        .fix("Take the area away, or do not make it the default");
  if (entry.area) out.region = resolve_area(*entry.area, h, w);
  if (entry.mask.defined()) {
    out.mask = resolve_mask(entry.mask, h, w);
    if (entry.set_area_to_bounds) out.region = mask_bounds(out.mask);
  }
  std::optional<double> start = entry.start_percent, end = entry.end_percent;
  if (entry.text_start_percent) start = std::max(*entry.text_start_percent, start.value_or(0.0));
  if (entry.text_end_percent) end = std::min(*entry.text_end_percent, end.value_or(1.0));
  if (start) out.first_sigma = static_cast<float>(sampling.percent_to_sigma(*start));
  if (end) out.last_sigma = static_cast<float>(sampling.percent_to_sigma(*end));
  return out;
}

// Gives `others` an entry for the area of `entry`, so that both lists are evaluated on the same part of the picture.
void add_opposite(const PreparedEntry& entry, std::vector<PreparedEntry>& others) {
  if (!entry.region) return;
  const PreparedEntry* smallest = nullptr;
  for (const PreparedEntry& other : others) {
    if (!other.region) {
      if (!smallest) smallest = &other;
    } else if (other.region->contains(*entry.region)) {
      const bool smaller =
          !smallest || !smallest->region ||
          smallest->region->height * smallest->region->width > other.region->height * other.region->width;
      if (smaller) smallest = &other;
    }
  }
  if (!smallest || smallest->region == entry.region) return;
  PreparedEntry opposite = entry;
  opposite.inputs = smallest->inputs;
  others.push_back(std::move(opposite));
}

// Gives the negative list what the positive one has of a kind and is meant for both, unless it has its own.
template <class Part, class IsShared>
void share(const std::vector<PreparedEntry>& positive, std::vector<PreparedEntry>& negative,
           std::shared_ptr<Part> PreparedEntry::*part, const IsShared& is_shared) {
  std::vector<std::shared_ptr<Part>> shared;
  for (const PreparedEntry& entry : positive) {
    if (!entry.region && entry.*part && is_shared(entry)) shared.push_back(entry.*part);
  }
  std::vector<PreparedEntry*> takers;
  for (PreparedEntry& entry : negative) {
    if (entry.region) continue;
    if (entry.*part) return;
    takers.push_back(&entry);
  }
  if (takers.empty()) return;
  for (size_t i = 0; i < shared.size(); ++i) takers[i % takers.size()]->*part = shared[i];
}

// The row that Python's slice t:t+1 selects (negative positions count from the end), or -1 if it is empty.
int64_t python_row(int64_t t, int64_t size) {
  const auto position = [=](int64_t p) { return std::clamp<int64_t>(p < 0 ? p + size : p, 0, size); };
  return position(t + 1) > position(t) ? position(t) : -1;
}

// Fades the edges of a region that lie inside the latent. In regions narrower than the fade, indices wrap around as
// in the reference.
void fade_edges(const Tensor& weights, const Region& r, int64_t latent_h, int64_t latent_w) {
  const int64_t h = r.height, w = r.width;
  const auto scale = [&](int dim, int64_t at, float by) {
    if (at >= 0) ops::update(weights.slice(dim, at, 1), [=](auto v) { return v * by; });
  };
  for (int64_t t = 0; t < kFade; ++t) {
    const auto by = static_cast<float>((1.0 / kFade) * static_cast<double>(t + 1));
    if (r.y != 0) scale(1, python_row(t, h), by);
    if (h + r.y < latent_h) scale(1, python_row(h - 1 - t, h), by);
    if (r.x != 0) scale(2, python_row(t, w), by);
    if (w + r.x < latent_w) scale(2, python_row(w - 1 - t, w), by);
  }
}

}  // namespace

PreparedConditioning prepare_conditioning(const models::Conditioning& positive, const models::Conditioning& negative,
                                          const Shape& latent, const sampling::ModelSampling& sampling,
                                          const MakeInputs& make_inputs, const models::Conditioning& middle) {
  PreparedConditioning out;
  const auto prepare = [&](const models::Conditioning& list, bool is_negative, std::vector<PreparedEntry>& to) {
    for (const models::ConditioningEntry& entry : list) {
      to.push_back(resolve_place_and_time(entry, latent[1], latent[2], sampling));
      to.back().inputs = make_inputs(entry, is_negative);
    }
  };
  prepare(positive, false, out.positive);
  prepare(middle, true, out.middle);
  prepare(negative, true, out.negative);
  const std::array lists{&out.positive, &out.middle, &out.negative};
  for (const auto* from : lists)
    for (const PreparedEntry& entry : *from)
      for (auto* to : lists)
        if (to != from) add_opposite(entry, *to);
  for (auto* others : {&out.middle, &out.negative}) {
    share(out.positive, *others, &PreparedEntry::control,
          [](const PreparedEntry& entry) { return entry.control_apply_to_uncond; });
    share(out.positive, *others, &PreparedEntry::gligen, [](const PreparedEntry&) { return true; });
  }
  return out;
}

Region visible_region(const std::optional<Region>& region, int64_t h, int64_t w) {
  if (!region) return {h, w, 0, 0};
  Region r = *region;
  r.height = std::min(r.height, h - r.y);
  r.width = std::min(r.width, w - r.x);
  return r;
}

Tensor entry_weights(const PreparedEntry& entry, const Shape& latent) {
  const Region r = visible_region(entry.region, latent[1], latent[2]);
  if (!entry.mask.defined()) {
    Tensor weights = Tensor::full(Shape{latent[0], r.height, r.width}, entry.strength);
    fade_edges(weights, r, latent[1], latent[2]);
    return weights;
  }
  const Tensor part = models::repeat_to_batch(entry.mask, latent[0]).slice(1, r.y, r.height).slice(2, r.x, r.width);
  return ops::map([&](auto m) { return m * entry.mask_strength * entry.strength; }, part);
}

}  // namespace easel::guidance
