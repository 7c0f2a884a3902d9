// Nodes that combine, place and time conditioning.
#include <algorithm>
#include <cmath>

#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "ops/elementwise.h"
#include "sampling/guidance/conditioning.h"

namespace easel::nodes {
namespace {

using sampling::Area;
using sampling::Conditioning;
using sampling::ConditioningEntry;

constexpr int64_t kMaxResolution = 16384;

Value wrap(Conditioning list) {
  size_t bytes = 0;
  for (const auto& entry : list) bytes += entry.cond.nbytes();
  return Value("CONDITIONING", std::move(list), bytes);
}

// A copy of the list at `input` with every entry changed.
template <class Change>
Outputs changed(Call& call, const Change& change) {
  Conditioning list = call.link<Conditioning>("conditioning");
  for (auto& entry : list) change(entry);
  return {wrap(std::move(list))};
}

Outputs pass(Call& call) { return pass_conditioning(call, "conditioning"); }

Tensor weighted(const Tensor& to, const Tensor& from, float strength) {
  return ops::add(ops::affine(to, strength), ops::affine(from, 1.0f - strength));
}

// Rows cut or filled up with zeros to `rows`.
Tensor fit_rows(const Tensor& context, int64_t rows) {
  if (context.dim(1) >= rows) return contiguous(context.slice(1, 0, rows));
  return ops::concat({context, Tensor::zeros({context.dim(0), rows - context.dim(1), context.dim(2)})}, 1);
}

const ConditioningEntry& only_first(Call& call, std::string_view input) {
  const auto& list = call.link<Conditioning>(input);
  if (list.empty()) throw Error(Fault::kInvalid, "an empty conditioning").at_input(std::string(input));
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

Outputs average(Call& call) {
  Conditioning list = call.link<Conditioning>("conditioning_to");
  const ConditioningEntry& from = only_first(call, "conditioning_from");
  const auto strength = static_cast<float>(call.number("conditioning_to_strength"));
  for (auto& entry : list) {
    require_same_width(entry.cond, from.cond);
    entry.cond = weighted(entry.cond, fit_rows(from.cond, entry.cond.dim(1)), strength);
    if (!from.pooled_output.defined()) continue;
    entry.pooled_output = entry.pooled_output.defined() ? weighted(entry.pooled_output, from.pooled_output, strength)
                                                        : from.pooled_output;
  }
  return {wrap(std::move(list))};
}

Outputs concat(Call& call) {
  Conditioning list = call.link<Conditioning>("conditioning_to");
  const ConditioningEntry& from = only_first(call, "conditioning_from");
  for (auto& entry : list) {
    require_same_width(entry.cond, from.cond);
    entry.cond = ops::concat({entry.cond, from.cond}, 1);
  }
  return {wrap(std::move(list))};
}

Outputs combine(Call& call) {
  Conditioning list = call.link<Conditioning>("conditioning_1");
  const auto& second = call.link<Conditioning>("conditioning_2");
  list.insert(list.end(), second.begin(), second.end());
  return {wrap(std::move(list))};
}

Outputs foresee_two(Call& call, std::string_view first, std::string_view second) {
  return {foreseen(join(foreseen_conditioning(call, first), foreseen_conditioning(call, second)))};
}

Outputs set_area(Call& call) {
  // No model is here to ask how many pixels make a latent pixel.
  const auto factor = static_cast<double>(models::default_latents().factor);
  const auto latent = [&](const char* input) { return std::floor(static_cast<double>(call.integer(input)) / factor); };
  const Area area{latent("height"), latent("width"), latent("y"), latent("x"), false};
  return changed(call, [&](ConditioningEntry& entry) {
    entry.area = area;
    entry.strength = static_cast<float>(call.number("strength"));
    entry.set_area_to_bounds = false;
  });
}

Outputs set_area_percentage(Call& call) {
  const Area area{call.number("height"), call.number("width"), call.number("y"), call.number("x"), true};
  return changed(call, [&](ConditioningEntry& entry) {
    entry.area = area;
    entry.strength = static_cast<float>(call.number("strength"));
    entry.set_area_to_bounds = false;
  });
}

Outputs set_mask(Call& call) {
  return changed(call, [&](ConditioningEntry& entry) {
    entry.mask = call.tensor("mask");
    entry.mask_strength = static_cast<float>(call.number("strength"));
    entry.set_area_to_bounds = call.text("set_cond_area") != "default";
  });
}

Outputs zero_out(Call& call) {
  return changed(call, [](ConditioningEntry& entry) {
    entry.cond = Tensor::zeros(entry.cond.shape());
    if (entry.pooled_output.defined()) entry.pooled_output = Tensor::zeros(entry.pooled_output.shape());
  });
}

Outputs set_timestep_range(Call& call) {
  return changed(call, [&](ConditioningEntry& entry) {
    entry.start_percent = call.number("start");
    entry.end_percent = call.number("end");
  });
}

In strength_input() { return Float("strength").def(1.0).range(0.0, 10.0).step(0.01); }
In cell_input(std::string name, int64_t value, int64_t min) {
  return Int(std::move(name)).def(value).range(min, kMaxResolution).step(8);
}
In fraction_input(std::string name, double value) {
  return Float(std::move(name)).def(value).range(0.0, 1.0).step(0.01);
}

void register_mixing(Table& table) {
  table.add({.name = "ConditioningCombine",
             .display = "Conditioning (Combine)",
             .category = "conditioning",
             .description = "Both conditionings steer the picture; the model's answers to each are averaged.",
             .inputs = {Link("conditioning_1", "CONDITIONING"), Link("conditioning_2", "CONDITIONING")},
             .outputs = {{"CONDITIONING"}},
             .run = combine,
             .foresee = [](Call& call) { return foresee_two(call, "conditioning_1", "conditioning_2"); }});
  table.add({.name = "ConditioningAverage",
             .display = "ConditioningAverage",
             .category = "conditioning",
             .description = "Mixes two encoded prompts into one.",
             .inputs = {Link("conditioning_to", "CONDITIONING"), Link("conditioning_from", "CONDITIONING"),
                        Float("conditioning_to_strength")
                            .def(1.0)
                            .range(0.0, 1.0)
                            .step(0.01)
                            .tip("1: only the first, 0: only the second.")},
             .outputs = {{"CONDITIONING"}},
             .run = average,
             .foresee = [](Call& call) { return foresee_two(call, "conditioning_to", "conditioning_from"); }});
  table.add({.name = "ConditioningConcat",
             .display = "Conditioning (Concat)",
             .category = "conditioning",
             .description = "One prompt behind the other, as if it were longer.",
             .inputs = {Link("conditioning_to", "CONDITIONING"), Link("conditioning_from", "CONDITIONING")},
             .outputs = {{"CONDITIONING"}},
             .run = concat,
             .foresee = [](Call& call) { return foresee_two(call, "conditioning_to", "conditioning_from"); }});
  table.add({.name = "ConditioningZeroOut",
             .display = "ConditioningZeroOut",
             .category = "advanced/conditioning",
             .description =
                 "Replaces text by zeros: the model is told nothing at all, which is not the same as an empty prompt.",
             .inputs = {Link("conditioning", "CONDITIONING")},
             .outputs = {{"CONDITIONING"}},
             .run = zero_out,
             .foresee = pass});
}

void register_places(Table& table) {
  table.add({.name = "ConditioningSetArea",
             .display = "Conditioning (Set Area)",
             .category = "conditioning",
             .description = "Restricts a conditioning to a rectangle of the picture, in pixels.",
             .inputs = {Link("conditioning", "CONDITIONING"), cell_input("width", 64, 64), cell_input("height", 64, 64),
                        cell_input("x", 0, 0), cell_input("y", 0, 0), strength_input()},
             .outputs = {{"CONDITIONING"}},
             .run = set_area,
             .foresee = pass});
  table.add(
      {.name = "ConditioningSetAreaPercentage",
       .display = "Conditioning (Set Area with Percentage)",
       .category = "conditioning",
       .description = "Restricts a conditioning to a rectangle of the picture, in fractions of its size.",
       .inputs = {Link("conditioning", "CONDITIONING"), fraction_input("width", 1.0), fraction_input("height", 1.0),
                  fraction_input("x", 0.0), fraction_input("y", 0.0), strength_input()},
       .outputs = {{"CONDITIONING"}},
       .run = set_area_percentage,
       .foresee = pass});
  table.add({.name = "ConditioningSetAreaStrength",
             .display = "ConditioningSetAreaStrength",
             .category = "conditioning",
             .description = "How much a conditioning counts beside the others.",
             .inputs = {Link("conditioning", "CONDITIONING"), strength_input()},
             .outputs = {{"CONDITIONING"}},
             .run =
                 [](Call& call) {
                   return changed(call, [&](ConditioningEntry& entry) {
                     entry.strength = static_cast<float>(call.number("strength"));
                   });
                 },
             .foresee = pass});
  table.add({.name = "ConditioningSetMask",
             .display = "Conditioning (Set Mask)",
             .category = "conditioning",
             .description = "Restricts a conditioning to a mask.",
             .inputs = {Link("conditioning", "CONDITIONING"), Link("mask", "MASK"), strength_input(),
                        Choice("set_cond_area", {"default", "mask bounds"})
                            .tip("mask bounds: only the rectangle around the mask is computed.")},
             .outputs = {{"CONDITIONING"}},
             .run = set_mask,
             .foresee = pass});
  table.add({.name = "ConditioningSetTimestepRange",
             .display = "ConditioningSetTimestepRange",
             .category = "advanced/conditioning",
             .description = "Restricts a conditioning to part of the denoising: 0 is its beginning, 1 its end.",
             .inputs = {Link("conditioning", "CONDITIONING"), Float("start").def(0.0).range(0.0, 1.0).step(0.001),
                        Float("end").def(1.0).range(0.0, 1.0).step(0.001)},
             .outputs = {{"CONDITIONING"}},
             .run = set_timestep_range,
             .foresee = pass});
}

}  // namespace

void register_conditioning_nodes(Table& table) {
  register_mixing(table);
  register_places(table);
}

}  // namespace easel::nodes
