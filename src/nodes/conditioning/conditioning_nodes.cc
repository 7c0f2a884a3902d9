// Nodes that combine conditionings, and restrict them to parts of the picture or of the denoising.
#include <cmath>

#include "models/conditioning.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/sizes.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

using models::Area;
using models::Conditioning;
using models::ConditioningEntry;

// A copy of the list in which `change` was applied to every entry.
template <class Change>
Results<Conditioning> changed(const Linked<Conditioning>& conditioning, const Change& change) {
  Conditioning list = *conditioning;
  for (auto& entry : list) change(entry);
  return {std::move(list)};
}

Tensor weighted(const Tensor& to, const Tensor& from, float strength) {
  return ops::add(ops::affine(to, strength), ops::affine(from, 1.0f - strength));
}

// `context` [N,T,C] cut or padded with zeros to `rows` rows.
Tensor fit_rows(const Tensor& context, int64_t rows) {
  if (context.dim(1) >= rows) return contiguous(context.slice(1, 0, rows));
  return ops::concat({context, Tensor::zeros({context.dim(0), rows - context.dim(1), context.dim(2)})}, 1);
}

const ConditioningEntry& only_first(Call& call, const Conditioning& list, const char* input) {
  if (list.empty()) throw Error(Fault::kInvalid, "an empty conditioning").at_input(input);
  if (list.size() > 1)
    call.warn("'" + std::string(input) + "' holds " + std::to_string(list.size()) + " entries; only the first is used");
  return list.front();
}

void require_same_width(const Tensor& a, const Tensor& b) {
  if (a.dim(-1) != b.dim(-1))
    throw Error(Fault::kMismatch, "conditionings of different models: rows of " + std::to_string(a.dim(-1)) +
                                      " and of " + std::to_string(b.dim(-1)) + " numbers")
        .fix("Encode both prompts with the CLIP of one model");
}

Foreseen<Conditioning> foresee_both(const ForeseenConditioning* a, const ForeseenConditioning* b) {
  return {join(known_or_empty(a), known_or_empty(b))};
}

// --- Mixing ---

struct Combine {
  Linked<Conditioning> conditioning_1, conditioning_2;
};

Results<Conditioning> combine(const Combine& in) {
  Conditioning list = *in.conditioning_1;
  list.insert(list.end(), in.conditioning_2->begin(), in.conditioning_2->end());
  return {std::move(list)};
}

struct Pair {
  Linked<Conditioning> conditioning_to, conditioning_from;
};

Foreseen<Conditioning> foresee_pair(const Known<Pair>& in) {
  return foresee_both(in(&Pair::conditioning_to), in(&Pair::conditioning_from));
}

struct Average : Pair {
  double conditioning_to_strength = 1.0;
};

Results<Conditioning> average(const Average& in, Call& call) {
  Conditioning list = *in.conditioning_to;
  const ConditioningEntry& from = only_first(call, *in.conditioning_from, "conditioning_from");
  const auto strength = static_cast<float>(in.conditioning_to_strength);
  for (auto& entry : list) {
    require_same_width(entry.cond, from.cond);
    entry.cond = weighted(entry.cond, fit_rows(from.cond, entry.cond.dim(1)), strength);
    if (!from.pooled_output.defined()) continue;
    entry.pooled_output = entry.pooled_output.defined() ? weighted(entry.pooled_output, from.pooled_output, strength)
                                                        : from.pooled_output;
  }
  return {std::move(list)};
}

Results<Conditioning> concat(const Pair& in, Call& call) {
  Conditioning list = *in.conditioning_to;
  const ConditioningEntry& from = only_first(call, *in.conditioning_from, "conditioning_from");
  for (auto& entry : list) {
    require_same_width(entry.cond, from.cond);
    entry.cond = ops::concat({entry.cond, from.cond}, 1);
  }
  return {std::move(list)};
}

struct ZeroOut {
  Linked<Conditioning> conditioning;
};

Results<Conditioning> zero_out(const ZeroOut& in) {
  return changed(in.conditioning, [](ConditioningEntry& entry) {
    entry.cond = Tensor::zeros(entry.cond.shape());
    if (entry.pooled_output.defined()) entry.pooled_output = Tensor::zeros(entry.pooled_output.shape());
  });
}

// --- Parts of the picture and of the denoising ---

struct SetStrength {
  Linked<Conditioning> conditioning;
  double strength = 1.0;
};

Results<Conditioning> set_strength(const SetStrength& in) {
  return changed(in.conditioning, [&](ConditioningEntry& entry) { entry.strength = static_cast<float>(in.strength); });
}

// The conditioning, restricted to a rectangle.
Results<Conditioning> within(const SetStrength& in, const Area& area) {
  return changed(in.conditioning, [&](ConditioningEntry& entry) {
    entry.area = area;
    entry.strength = static_cast<float>(in.strength);
    entry.set_area_to_bounds = false;
  });
}

struct SetArea : SetStrength {
  int64_t width = 64, height = 64, x = 0, y = 0;
};

Results<Conditioning> set_area(const SetArea& in) {
  // This node has no model that it could ask for the size of a latent pixel.
  const auto factor = static_cast<double>(models::default_latents().factor);
  const auto latent = [&](int64_t pixels) { return std::floor(static_cast<double>(pixels) / factor); };
  return within(in, {latent(in.height), latent(in.width), latent(in.y), latent(in.x), false});
}

struct SetAreaPercentage : SetStrength {
  double width = 1.0, height = 1.0, x = 0.0, y = 0.0;
};

Results<Conditioning> set_area_percentage(const SetAreaPercentage& in) {
  return within(in, {in.height, in.width, in.y, in.x, true});
}

struct SetMask : SetStrength {
  Linked<Mask> mask;
  bool mask_bounds = false;
};

Results<Conditioning> set_mask(const SetMask& in) {
  return changed(in.conditioning, [&](ConditioningEntry& entry) {
    entry.mask = *in.mask;
    entry.mask_strength = static_cast<float>(in.strength);
    entry.set_area_to_bounds = in.mask_bounds;
  });
}

struct SetTimestepRange {
  Linked<Conditioning> conditioning;
  double start = 0.0, end = 1.0;
};

Results<Conditioning> set_timestep_range(const SetTimestepRange& in) {
  return changed(in.conditioning, [&](ConditioningEntry& entry) {
    entry.start_percent = in.start;
    entry.end_percent = in.end;
  });
}

// --- Declarations ---

Input<SetStrength> conditioning_input() { return Link("conditioning", &SetStrength::conditioning); }
Input<SetStrength> strength_input() {
  return Float("strength", &SetStrength::strength).range(0.0, 10.0).step(0.01).useful(0, 2, 0.05);
}
Input<SetArea> pixels_input(const char* name, int64_t SetArea::*member, int64_t min) {
  return Int(name, member).range(min, kMaxSide).step(8);
}
Input<SetAreaPercentage> fraction_input(const char* name, double SetAreaPercentage::*member) {
  return Float(name, member).range(0.0, 1.0).step(0.01);
}

void register_mixing(Table& table) {
  table.add(NodeOf<Combine>{
      .name = "ConditioningCombine",
      .display = "Conditioning (Combine)",
      .category = "conditioning",
      .description = "Both conditionings steer the picture; the model's predictions for each are averaged.",
      .inputs = {Link("conditioning_1", &Combine::conditioning_1), Link("conditioning_2", &Combine::conditioning_2)},
      .run = combine,
      .foresee = [](const Known<Combine>& in) {
        return foresee_both(in(&Combine::conditioning_1), in(&Combine::conditioning_2));
      }});
  table.add(NodeOf<Average>{
      .name = "ConditioningAverage",
      .display = "ConditioningAverage",
      .category = "conditioning",
      .description = "Mixes two encoded prompts into one.",
      .inputs = {Link("conditioning_to", &Pair::conditioning_to), Link("conditioning_from", &Pair::conditioning_from),
                 Float("conditioning_to_strength", &Average::conditioning_to_strength)
                     .range(0.0, 1.0)
                     .step(0.01)
                     .tip("1: only conditioning_to, 0: only conditioning_from.")},
      .run = average,
      .foresee = foresee_pair});
  table.add(NodeOf<Pair>{
      .name = "ConditioningConcat",
      .display = "Conditioning (Concat)",
      .category = "conditioning",
      .description = "Appends one encoded prompt to another, as if they were one longer prompt.",
      .inputs = {Link("conditioning_to", &Pair::conditioning_to), Link("conditioning_from", &Pair::conditioning_from)},
      .run = concat,
      .foresee = foresee_pair});
  table.add(NodeOf<ZeroOut>{
      .name = "ConditioningZeroOut",
      .display = "ConditioningZeroOut",
      .category = "advanced/conditioning",
      .description =
          "Replaces an encoded prompt by zeros: the model is told nothing at all, unlike with an empty prompt.",
      .inputs = {Link("conditioning", &ZeroOut::conditioning)},
      .run = zero_out,
      .foresee = pass_conditioning<ZeroOut>});
}

void register_places(Table& table) {
  table.add(NodeOf<SetArea>{
      .name = "ConditioningSetArea",
      .display = "Conditioning (Set Area)",
      .category = "conditioning",
      .description = "Restricts a conditioning to a rectangle of the picture, in pixels.",
      .inputs = {conditioning_input(), pixels_input("width", &SetArea::width, 64).useful(128, 1280, 64),
                 pixels_input("height", &SetArea::height, 64).useful(128, 1280, 64), pixels_input("x", &SetArea::x, 0),
                 pixels_input("y", &SetArea::y, 0), strength_input()},
      .run = set_area,
      .foresee = pass_conditioning<SetStrength>});
  table.add(NodeOf<SetAreaPercentage>{
      .name = "ConditioningSetAreaPercentage",
      .display = "Conditioning (Set Area with Percentage)",
      .category = "conditioning",
      .description = "Restricts a conditioning to a rectangle of the picture, in fractions of its size.",
      .inputs = {conditioning_input(), fraction_input("width", &SetAreaPercentage::width),
                 fraction_input("height", &SetAreaPercentage::height), fraction_input("x", &SetAreaPercentage::x),
                 fraction_input("y", &SetAreaPercentage::y), strength_input()},
      .run = set_area_percentage,
      .foresee = pass_conditioning<SetStrength>});
  table.add(NodeOf<SetStrength>{.name = "ConditioningSetAreaStrength",
                                .display = "ConditioningSetAreaStrength",
                                .category = "conditioning",
                                .description = "Sets the weight of a conditioning beside the others.",
                                .inputs = {conditioning_input(), strength_input()},
                                .run = set_strength,
                                .foresee = pass_conditioning<SetStrength>});
  table.add(NodeOf<SetMask>{
      .name = "ConditioningSetMask",
      .display = "Conditioning (Set Mask)",
      .category = "conditioning",
      .description = "Restricts a conditioning to a mask.",
      .inputs = {conditioning_input(), Link("mask", &SetMask::mask), strength_input(),
                 Choice("set_cond_area", &SetMask::mask_bounds, {{"default", false}, {"mask bounds", true}})
                     .tip("mask bounds: only the rectangle around the mask is computed.")},
      .run = set_mask,
      .foresee = pass_conditioning<SetStrength>});
  table.add(NodeOf<SetTimestepRange>{
      .name = "ConditioningSetTimestepRange",
      .display = "ConditioningSetTimestepRange",
      .category = "advanced/conditioning",
      .description = "Restricts a conditioning to part of the denoising: 0 is its beginning, 1 its end.",
      .inputs = {Link("conditioning", &SetTimestepRange::conditioning),
                 Float("start", &SetTimestepRange::start).range(0.0, 1.0).step(0.001),
                 Float("end", &SetTimestepRange::end).range(0.0, 1.0).step(0.001)},
      .run = set_timestep_range,
      .foresee = pass_conditioning<SetTimestepRange>});
}

}  // namespace

void register_conditioning_nodes(Table& table) {
  register_mixing(table);
  register_places(table);
}

}  // namespace easel::nodes
