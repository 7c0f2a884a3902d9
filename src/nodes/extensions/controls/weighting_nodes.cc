// Weights and keyframes of Advanced-ControlNet.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "node_api/table.h"
#include "nodes/extensions/controls/index_strengths.h"
#include "nodes/extensions/controls/weighting_links.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "sampling/schedule/schedule.h"

namespace easel::nodes {
namespace {

using models::ControlKeyframe;
using models::ControlKeyframes;
using models::ControlKeyframesPtr;
using models::ControlWeights;
using models::ControlWeightsPtr;
using models::LatentKeyframes;
using models::LatentKeyframesPtr;

constexpr const char* kOrigin = "advanced-controlnet";
constexpr const char* kWeights = "Adv-ControlNet/weights";
constexpr const char* kKeyframes = "Adv-ControlNet/keyframes";
constexpr int64_t kFar = 9007199254740991;

// --- Weights ---

struct Extras {
  MaybeLinked<WeightExtras> cn_extras;
  WeightExtras extras() const { return cn_extras ? *cn_extras : WeightExtras(); }
};
struct Weighing : Extras {
  double uncond_multiplier = 1.0;
};

using MadeWeights = Results<ControlWeightsPtr, ControlKeyframesPtr>;

// The weights, and a keyframe with them for all of the sampling.
MadeWeights made(ControlWeights weights, const Extras& in) {
  weights.middle_mult = in.extras().middle_mult;
  const auto shared = std::make_shared<const ControlWeights>(std::move(weights));
  return {shared, std::make_shared<const ControlKeyframes>(ControlKeyframe{.weights = shared})};
}

struct Scaled : Weighing {
  double base_multiplier = 0.825;
  bool flip_weights = false;
};

MadeWeights scaled(const Scaled& in) {
  return made({.kind = ControlWeights::Kind::kUniversal, .base = in.base_multiplier, .uncond = in.uncond_multiplier},
              in);
}

struct Masked : Weighing {
  Linked<Mask> mask;
  double min_base_multiplier = 0.0, max_base_multiplier = 1.0;
};

MadeWeights masked(const Masked& in) {
  const auto low = static_cast<float>(in.min_base_multiplier), high = static_cast<float>(in.max_base_multiplier);
  const float least = ops::item(ops::reduce(*in.mask, ops::Reduction::kMin, 0, -1));
  const float most = ops::item(ops::reduce(*in.mask, ops::Reduction::kMax, 0, -1));
  Tensor mask = least == most
                    ? Tensor::full(in.mask->shape(), high)
                    : ops::map([=](auto m) { return (m - least) / (most - least) * (high - low) + low; }, *in.mask);
  return made({.kind = ControlWeights::Kind::kUniversal, .mask = std::move(mask), .uncond = in.uncond_multiplier}, in);
}

constexpr size_t kBlocks = 13, kStages = 4;
constexpr std::array<double, kBlocks> kSoft{0.09941396206337118,
                                            0.12050177219802567,
                                            0.14606275417942507,
                                            0.17704576264172736,
                                            0.214600924414215,
                                            0.26012233262329093,
                                            0.3152997971191405,
                                            0.3821815722656249,
                                            0.4632503906249999,
                                            0.561515625,
                                            0.6806249999999999,
                                            0.825,
                                            1.0};
constexpr std::array<double, kStages> kSoftStages{0.25, 0.62, 0.825, 1.0};

// Of a ControlNet's blocks, or of a T2I-Adapter's stages.
template <size_t kCount, bool kIsSoft>
struct ByPart : Weighing {
  std::array<double, kCount> weights{};
  bool flip_weights = false;
  ByPart() {
    weights.fill(1.0);
    if constexpr (kIsSoft && kCount == kBlocks) weights = kSoft;
    if constexpr (kIsSoft && kCount == kStages) weights = kSoftStages;
  }
};

template <size_t kCount, bool kIsSoft>
MadeWeights by_part(const ByPart<kCount, kIsSoft>& in) {
  ControlWeights out{.kind = kCount == kBlocks ? ControlWeights::Kind::kControlNet : ControlWeights::Kind::kT2iAdapter};
  if constexpr (kCount == kBlocks) {
    out.output = {in.weights.begin(), in.weights.end() - 1};
    out.middle = in.weights.back();
  } else {
    out.input = {in.weights.begin(), in.weights.end()};
  }
  out.uncond = in.uncond_multiplier;
  return made(std::move(out), in);
}

template <class P>
Inputs<P> with_extras(Inputs<P> inputs) {
  return std::move(inputs).and_then({Float("uncond_multiplier", &Weighing::uncond_multiplier)
                                         .range(0.0, 1.0)
                                         .step(0.01)
                                         .tip("How much the network acts on the negative side.")
                                         .optional(),
                                     Link("cn_extras", &Extras::cn_extras)});
}

template <class P>
void add_weights(Table& table, const char* name, const char* display, const char* description, Inputs<P> inputs,
                 Run<P> run, bool deprecated = false) {
  table.add(NodeOf<P>{.name = name,
                      .display = display,
                      .category = kWeights,
                      .description = description,
                      .origin = kOrigin,
                      .inputs = std::move(inputs),
                      .outputs = {{.name = "CN_WEIGHTS"}, {.name = "TK_SHORTCUT"}},
                      .deprecated = deprecated,
                      .run = std::move(run)});
}

template <class P>
Input<P> flip_input() {
  return Bool("flip_weights", &P::flip_weights).tip("Has no effect, as in the extension today.");
}

std::string two_digits(size_t i) { return (i < 10 ? "0" : "") + std::to_string(i); }

std::string part_name(size_t i, size_t count) {
  if (count == kStages) return "input_" + std::to_string(i);
  return i + 1 < count ? "output_" + std::to_string(i) : "middle_0";
}

// The node of today and the one that it took the place of.
template <size_t kCount, bool kIsSoft>
void add_parts(Table& table, const char* now, const char* before, const char* display, const char* description) {
  using P = ByPart<kCount, kIsSoft>;
  const auto weight = [](const std::string& name, size_t i) {
    return Float(name, &P::weights, i).range(0.0, 10.0).step(0.001);
  };
  Inputs<P> names, numbers;
  for (size_t i = 0; i < kCount; ++i) {
    names.push_back(weight(part_name(i, kCount), i));
    numbers.push_back(weight("weight_" + two_digits(i), i));
  }
  numbers.push_back(flip_input<P>());
  add_weights<P>(table, now, display, description, with_extras(std::move(names)), by_part<kCount, kIsSoft>);
  add_weights<P>(table, before, display, description, with_extras(std::move(numbers)), by_part<kCount, kIsSoft>, true);
}

struct MiddleMult : Extras {
  double middle_mult = 1.0;
};

void add_all_weights(Table& table) {
  add_weights<Extras>(table, "ACN_DefaultUniversalWeights", "Default Weights", "Weights of 1, for any network.",
                      {Link("cn_extras", &Extras::cn_extras)}, [](const Extras& in) { return made({}, in); });
  const auto base = [] { return Float("base_multiplier", &Scaled::base_multiplier).range(0.0, 1.0).step(0.001); };
  constexpr const char* kScaled =
      "Powers of a number as weights, for any network: the further a block is from the middle, the less it counts.";
  add_weights<Scaled>(table, "ACN_ScaledSoftControlNetWeights", "Scaled Soft Weights", kScaled,
                      with_extras<Scaled>({base()}), scaled);
  add_weights<Scaled>(table, "ScaledSoftControlNetWeights", "Scaled Soft Weights", kScaled,
                      with_extras<Scaled>({base(), flip_input<Scaled>()}), scaled, true);
  add_weights<Masked>(
      table, "ScaledSoftMaskedUniversalWeights", "Scaled Soft Masked Weights",
      "Powers of a mask, brought between two values, as weights: blocks far from the middle act where it is bright.",
      with_extras<Masked>({Link("mask", &Masked::mask),
                           Float("min_base_multiplier", &Masked::min_base_multiplier).range(0.0, 1.0).step(0.001),
                           Float("max_base_multiplier", &Masked::max_base_multiplier).range(0.0, 1.0).step(0.001)}),
      masked);
  add_parts<kBlocks, true>(table, "ACN_SoftControlNetWeightsSD15", "SoftControlNetWeights", "ControlNet Soft Weights",
                           "Weights for the blocks of a ControlNet: the further from the middle, the less.");
  add_parts<kBlocks, false>(table, "ACN_CustomControlNetWeightsSD15", "CustomControlNetWeights",
                            "ControlNet Custom Weights", "Weights for the blocks of a ControlNet.");
  add_parts<kStages, true>(table, "ACN_SoftT2IAdapterWeights", "SoftT2IAdapterWeights", "T2IAdapter Soft Weights",
                           "Weights for the stages of a T2I-Adapter: the finer, the less.");
  add_parts<kStages, false>(table, "ACN_CustomT2IAdapterWeights", "CustomT2IAdapterWeights",
                            "T2IAdapter Custom Weights", "Weights for the stages of a T2I-Adapter.");
  table.add(NodeOf<MiddleMult>{
      .name = "ACN_ExtrasMiddleMult",
      .display = "Middle Weight Extras",
      .category = kWeights,
      .description = "What the middle block's weight is multiplied by.",
      .origin = kOrigin,
      .inputs = {Float("middle_mult", &MiddleMult::middle_mult).range(0.0, 10.0).step(0.001),
                 Link("cn_extras", &Extras::cn_extras)},
      .outputs = {{.name = "cn_extras"}},
      .run = [](const MiddleMult& in) -> Results<WeightExtras> { return {WeightExtras{in.middle_mult}}; }});
}

// --- Keyframes of the sampling ---

struct Keyframe {
  MaybeLinked<ControlKeyframesPtr> prev_timestep_kf;
  MaybeLinked<ControlWeightsPtr> cn_weights;
  MaybeLinked<LatentKeyframesPtr> latent_keyframe;
  double null_latent_kf_strength = 0.0;
  bool inherit_missing = true;
  MaybeLinked<Mask> mask_optional;

  ControlKeyframe at(double start, double strength, int64_t guarantee_steps) const {
    return {.start_percent = start,
            .strength = strength,
            .weights = cn_weights ? *cn_weights : nullptr,
            .latents = latent_keyframe ? *latent_keyframe : nullptr,
            .null_latent_strength = null_latent_kf_strength,
            .inherit_missing = inherit_missing,
            .guarantee_steps = guarantee_steps,
            .mask = mask_optional.value_or_empty()};
  }
  ControlKeyframes before() const { return prev_timestep_kf ? **prev_timestep_kf : ControlKeyframes(); }
};
struct One : Keyframe {
  double start_percent = 0.0, strength = 1.0;
  int64_t guarantee_steps = 1;
};

Results<ControlKeyframesPtr> one(const One& in) {
  ControlKeyframes out = in.before();
  out.add(in.at(in.start_percent, in.strength, in.guarantee_steps));
  return {std::make_shared<const ControlKeyframes>(std::move(out))};
}

enum class Ease { kNone, kIn, kOut, kBoth };

// From one number to another, `count` of them, as the extension eases them.
std::vector<double> eased(double from, double to, int64_t count, Ease ease) {
  std::vector<double> out;
  for (int64_t i = 0; i < count; ++i) {
    const double t = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0.0;
    double way = t;
    if (ease == Ease::kIn) way = t * t;
    if (ease == Ease::kOut) way = 1 - (1 - t) * (1 - t);
    if (ease == Ease::kBoth) way = (1 - std::cos(t * std::numbers::pi)) / 2;
    out.push_back((to - from) * way + from);
  }
  return out;
}

template <class P>
Input<P> ease_input(Ease P::*member) {
  return Choice(
      "interpolation", member,
      {{"linear", Ease::kNone}, {"ease-in", Ease::kIn}, {"ease-out", Ease::kOut}, {"ease-in-out", Ease::kBoth}});
}

struct Several : Keyframe {
  double start_percent = 0.0, end_percent = 1.0;
  bool print_keyframes = false;
};
struct Interpolated : Several {
  double strength_start = 1.0, strength_end = 1.0;
  Ease interpolation = Ease::kNone;
  int64_t intervals = 50;
};
struct Listed : Several {
  NumberOrList float_strengths{-1.0};
};

// At equal distances; the first one is held for a step at least.
Results<ControlKeyframesPtr> spread(const Several& in, const std::vector<double>& strengths, const Call& call) {
  const auto starts = sampling::torch_linspace(static_cast<float>(in.start_percent), static_cast<float>(in.end_percent),
                                               static_cast<int>(strengths.size()));
  ControlKeyframes out = in.before();
  for (size_t i = 0; i < strengths.size(); ++i) {
    const double start = static_cast<double>(starts[i]);
    out.add(in.at(start, strengths[i], i == 0 ? 1 : 0));
    if (in.print_keyframes)
      call.context().events.detail("keyframe: start_percent " + std::to_string(start) + ", strength " +
                                   std::to_string(strengths[i]));
  }
  return {std::make_shared<const ControlKeyframes>(std::move(out))};
}

Results<ControlKeyframesPtr> interpolated(const Interpolated& in, Call& call) {
  return spread(in, eased(in.strength_start, in.strength_end, in.intervals, in.interpolation), call);
}

Results<ControlKeyframesPtr> listed(const Listed& in, Call& call) {
  const std::vector<double>& list = in.float_strengths.list;
  return spread(in, list.empty() ? std::vector<double>{in.float_strengths.value} : list, call);
}

template <class P>
void add_keyframes(Table& table, const char* name, const char* display, const char* description, Inputs<P> inputs,
                   Run<P> run) {
  table.add(NodeOf<P>{.name = name,
                      .display = display,
                      .category = kKeyframes,
                      .description = description,
                      .origin = kOrigin,
                      .inputs = std::move(inputs),
                      .outputs = {{.name = "TIMESTEP_KF"}},
                      .run = std::move(run)});
}

template <class P>
Input<P> percent(const char* name, double P::*member) {
  return Float(name, member).range(0.0, 1.0).step(0.001);
}
template <class P>
Input<P> strength(const char* name, double P::*member) {
  return Float(name, member).range(0.0, 10.0).step(0.001);
}

Input<Keyframe> before_input() { return Link("prev_timestep_kf", &Keyframe::prev_timestep_kf); }
Input<Keyframe> weights_input() { return Link("cn_weights", &Keyframe::cn_weights); }
Input<Keyframe> latents_input() { return Link("latent_keyframe", &Keyframe::latent_keyframe); }
Input<Keyframe> null_input() {
  return strength("null_latent_kf_strength", &Keyframe::null_latent_kf_strength)
      .tip("The strength for pictures of the batch without a keyframe.")
      .optional();
}
Input<Keyframe> inherit_input() {
  return Bool("inherit_missing", &Keyframe::inherit_missing)
      .tip("Whether weights and latent keyframes of the keyframe before go on where this one has none.")
      .optional();
}
Input<Keyframe> mask_input() { return Link("mask_optional", &Keyframe::mask_optional); }
Input<Several> print_input() { return Bool("print_keyframes", &Several::print_keyframes).optional(); }

void add_timestep_keyframes(Table& table) {
  add_keyframes<One>(
      table, "TimestepKeyframe", "Timestep Keyframe", "How a ControlNet acts from a part of the sampling on.",
      {percent("start_percent", &One::start_percent), before_input(), strength("strength", &One::strength).optional(),
       weights_input(), latents_input(), null_input(), inherit_input(),
       Int("guarantee_steps", &One::guarantee_steps)
           .range(0, kFar)
           .tip("For how many steps it holds at least, once it is reached.")
           .optional(),
       mask_input()},
      one);
  add_keyframes<Interpolated>(
      table, "ACN_TimestepKeyframeInterpolation", "Timestep Keyframe Interp.",
      "Keyframes at equal distances, whose strengths go from one to another.",
      {percent("start_percent", &Several::start_percent), percent("end_percent", &Several::end_percent),
       strength("strength_start", &Interpolated::strength_start), strength("strength_end", &Interpolated::strength_end),
       ease_input(&Interpolated::interpolation), Int("intervals", &Interpolated::intervals).range(2, 100).step(1),
       before_input(), weights_input(), latents_input(), null_input(), inherit_input(), mask_input(), print_input()},
      interpolated);
  add_keyframes<Listed>(
      table, "ACN_TimestepKeyframeFromStrengthList", "Timestep Keyframe From List",
      "Keyframes at equal distances with the strengths of a list.",
      {Float("float_strengths", &Listed::float_strengths).link_only(),
       percent("start_percent", &Several::start_percent), percent("end_percent", &Several::end_percent), before_input(),
       weights_input(), latents_input(), null_input(), inherit_input(), mask_input(), print_input()},
      listed);
}

// --- Pictures of a batch ---

struct Latents {
  MaybeLinked<LatentKeyframesPtr> prev_latent_kf;
  bool print_keyframes = false;
};
struct OneLatent : Latents {
  int64_t batch_index = 0;
  double strength = 1.0;
};
struct LatentText : Latents {
  std::string index_strengths;
  MaybeLinked<Latent> latent_optional;
};
struct LatentRange : Latents {
  int64_t batch_index_from = 0, batch_index_to_excl = 0;
  double strength_from = 1.0, strength_to = 1.0;
  Ease interpolation = Ease::kNone;
};
struct LatentList : Latents {
  NumberOrList float_strengths{-1.0};
};

// Those before take the place of new ones with the same index, except for the single keyframe's.
Results<LatentKeyframesPtr> together(const Latents& in, LatentKeyframes out, const Call& call) {
  if (in.print_keyframes)
    for (const auto& [index, value] : out.all())
      call.context().events.detail("latent keyframe " + std::to_string(index) + ": " + std::to_string(value));
  if (in.prev_latent_kf)
    for (const auto& [index, value] : (*in.prev_latent_kf)->all()) out.set(index, value);
  return {std::make_shared<const LatentKeyframes>(std::move(out))};
}

Results<LatentKeyframesPtr> one_latent(const OneLatent& in) {
  LatentKeyframes out = in.prev_latent_kf ? **in.prev_latent_kf : LatentKeyframes();
  out.set(in.batch_index, in.strength);
  return {std::make_shared<const LatentKeyframes>(std::move(out))};
}

Results<LatentKeyframesPtr> latents_of_text(const LatentText& in, Call& call) {
  const int64_t count = in.latent_optional ? in.latent_optional->samples.dim(0) : 0;
  return together(in, parse_index_strengths(in.index_strengths, count), call);
}

Results<LatentKeyframesPtr> latents_of_range(const LatentRange& in, Call& call) {
  const int64_t count = in.batch_index_to_excl - in.batch_index_from;
  LatentKeyframes out;
  const std::vector<double> strengths = eased(in.strength_from, in.strength_to, count, in.interpolation);
  for (int64_t i = 0; i < count; ++i) out.set(in.batch_index_from + i, strengths[static_cast<size_t>(i)]);
  return together(in, std::move(out), call);
}

void check_range(const LatentRange& in) {
  constexpr int64_t kMany = 100000;
  if (in.batch_index_from > in.batch_index_to_excl || in.batch_index_to_excl - in.batch_index_from > kMany)
    throw Error(Fault::kInvalid, "must be batch_index_from or more, and at most " + std::to_string(kMany) + " more")
        .at_input("batch_index_to_excl");
  if (in.batch_index_from < 0 && in.batch_index_to_excl >= 0)
    throw Error(Fault::kInvalid, "must both count from the beginning or both from the end of a batch")
        .at_input("batch_index_from")
        .fix("Use two negative numbers or none");
}

// A single number makes no keyframes, as in the extension.
Results<LatentKeyframesPtr> latents_of_list(const LatentList& in, Call& call) {
  LatentKeyframes out;
  for (size_t i = 0; i < in.float_strengths.list.size(); ++i)
    out.set(static_cast<int64_t>(i), in.float_strengths.list[i]);
  return together(in, std::move(out), call);
}

template <class P>
void add_latents(Table& table, const char* name, const char* display, const char* description, Inputs<P> inputs,
                 Run<P> run, Check<P> check = {}) {
  table.add(NodeOf<P>{.name = name,
                      .display = display,
                      .category = kKeyframes,
                      .description = description,
                      .origin = kOrigin,
                      .inputs = std::move(inputs),
                      .outputs = {{.name = "LATENT_KF"}},
                      .run = std::move(run),
                      .check = std::move(check)});
}

void add_latent_keyframes(Table& table) {
  const auto before = [] { return Link("prev_latent_kf", &Latents::prev_latent_kf); };
  const auto print = [] { return Bool("print_keyframes", &Latents::print_keyframes).optional(); };
  const auto index = [](const char* name, auto member) { return Int(name, member).range(-kFar, kFar).step(1); };
  add_latents<OneLatent>(
      table, "LatentKeyframe", "Latent Keyframe", "How strongly a ControlNet acts on one picture of a batch.",
      {index("batch_index", &OneLatent::batch_index), strength("strength", &OneLatent::strength), before()},
      one_latent);
  add_latents<LatentText>(
      table, "LatentKeyframeGroup", "Latent Keyframe Group",
      "The same for several pictures, written as 0=0.5, 2:5=0.8, 7; with a latent, indices may count from its end.",
      {Text("index_strengths", &LatentText::index_strengths).multiline(), before(),
       Link("latent_optional", &LatentText::latent_optional), print()},
      latents_of_text);
  add_latents<LatentRange>(
      table, "LatentKeyframeTiming", "Latent Keyframe Interp.",
      "The same for pictures that follow each other, whose strengths go from one to another.",
      {index("batch_index_from", &LatentRange::batch_index_from),
       index("batch_index_to_excl", &LatentRange::batch_index_to_excl),
       strength("strength_from", &LatentRange::strength_from), strength("strength_to", &LatentRange::strength_to),
       ease_input(&LatentRange::interpolation), before(), print()},
      latents_of_range, check_range);
  add_latents<LatentList>(table, "LatentKeyframeBatchedGroup", "Latent Keyframe From List",
                          "The same for the first pictures of a batch, with the strengths of a list.",
                          {Float("float_strengths", &LatentList::float_strengths).link_only(), before(), print()},
                          latents_of_list);
}

}  // namespace

void register_weighting_nodes(Table& table) {
  add_all_weights(table);
  add_timestep_keyframes(table);
  add_latent_keyframes(table);
}

}  // namespace easel::nodes
