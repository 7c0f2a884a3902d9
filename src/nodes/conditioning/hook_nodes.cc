// Hooks: LoRAs and checkpoints that change a model's weights for some conditionings only, more or less over the steps.
#include <cmath>
#include <map>
#include <numbers>

#include "models/checkpoint/checkpoint.h"
#include "models/patch/lora.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/model_input.h"
#include "nodes/conditioning/hook_links.h"
#include "sampling/schedule/schedule.h"

namespace easel::nodes {

namespace {

using models::ClipHandle;
using models::Conditioning;
using models::ConditioningEntry;
using models::HookGroupPtr;

HookGroupPtr hooks_of(const MaybeLinked<HookGroupPtr>& link) { return link ? *link : nullptr; }

// --- Making hooks ---

struct CreateModelOnly {
  std::string name;
  double strength_model = 1.0;
  MaybeLinked<HookGroupPtr> prev_hooks;
};
struct Create : CreateModelOnly {
  double strength_clip = 1.0;
};

Results<HookGroupPtr> added(const CreateModelOnly& in, double strength_clip, models::HookSourcePtr source) {
  return {models::combined(hooks_of(in.prev_hooks), models::HookGroup::of({.source = std::move(source),
                                                                           .strength_model = in.strength_model,
                                                                           .strength_clip = strength_clip,
                                                                           .keyframes = nullptr}))};
}

Results<HookGroupPtr> create_lora(const CreateModelOnly& in, double strength_clip, Call& call) {
  if (in.strength_model == 0 && strength_clip == 0) return {hooks_of(in.prev_hooks)};
  return added(in, strength_clip, models::lora_hook(models::Lora::read(*open_model(call, "loras", in.name))));
}

Results<HookGroupPtr> create_checkpoint(const CreateModelOnly& in, double strength_clip, Call& call) {
  models::Checkpoint c = models::load_checkpoint(*open_model(call, "checkpoints", in.name), call.context().residency,
                                                 call.context().compute);
  return added(in, strength_clip, models::checkpoint_hook(std::move(c.model), std::move(c.text)));
}

// --- Strengths over the steps ---

struct SetKeyframes {
  Linked<HookGroupPtr> hooks;
  MaybeLinked<Keyframes> hook_kf;
};

Results<HookGroupPtr> set_keyframes(const SetKeyframes& in) {
  const HookGroupPtr& hooks = *in.hooks;
  if (!in.hook_kf || !hooks) return {hooks};
  return {hooks->scheduled(*in.hook_kf)};
}

struct CreateKeyframe {
  double strength_mult = 1.0, start_percent = 0.0;
  MaybeLinked<Keyframes> prev_hook_kf;
};

models::HookKeyframes before(const MaybeLinked<Keyframes>& link) {
  return link && *link ? **link : models::HookKeyframes();
}

Results<Keyframes> create_keyframe(const CreateKeyframe& in) {
  return {std::make_shared<const models::HookKeyframes>(
      before(in.prev_hook_kf).with({.strength = in.strength_mult, .start_percent = in.start_percent}))};
}

enum class Ease { kNone, kIn, kOut, kBoth };

struct Interpolate {
  double strength_start = 1.0, strength_end = 1.0;
  Ease interpolation = Ease::kNone;
  double start_percent = 0.0, end_percent = 1.0;
  int64_t keyframes_count = 5;
  bool print_keyframes = false;
  MaybeLinked<Keyframes> prev_hook_kf;
};

// From one strength to another, in f32 as torch does it.
std::vector<float> eased(const Interpolate& in) {
  const auto from = static_cast<float>(in.strength_start), to = static_cast<float>(in.strength_end);
  const auto count = static_cast<int>(in.keyframes_count);
  if (in.interpolation == Ease::kNone) return sampling::torch_linspace(from, to, count);
  std::vector<float> out = sampling::torch_linspace(0.0f, 1.0f, count);
  const auto difference = static_cast<float>(in.strength_end - in.strength_start);
  for (float& v : out) {
    const float share = in.interpolation == Ease::kIn    ? v * v
                        : in.interpolation == Ease::kOut ? 1 - (1 - v) * (1 - v)
                                                         : (1 - std::cos(v * std::numbers::pi_v<float>)) / 2;
    v = difference * share + from;
  }
  return out;
}

Results<Keyframes> interpolate(const Interpolate& in, Call& call) {
  const auto starts = sampling::torch_linspace(static_cast<float>(in.start_percent), static_cast<float>(in.end_percent),
                                               static_cast<int>(in.keyframes_count));
  const std::vector<float> strengths = eased(in);
  models::HookKeyframes out = before(in.prev_hook_kf);
  for (size_t i = 0; i < starts.size(); ++i) {
    out = out.with({.strength = strengths[i], .start_percent = starts[i], .guarantee_steps = i == 0 ? 1 : 0});
    if (in.print_keyframes)
      call.context().events.detail("keyframe: start_percent " + std::to_string(starts[i]) + ", strength " +
                                   std::to_string(strengths[i]));
  }
  return {std::make_shared<const models::HookKeyframes>(std::move(out))};
}

// --- Combining ---

constexpr size_t kMostCombined = 8;
struct CombineHooks {
  MaybeLinked<HookGroupPtr> a, b, c, d, e, f, g, h;
};
constexpr MaybeLinked<HookGroupPtr> CombineHooks::*kCombined[kMostCombined] = {
    &CombineHooks::a, &CombineHooks::b, &CombineHooks::c, &CombineHooks::d,
    &CombineHooks::e, &CombineHooks::f, &CombineHooks::g, &CombineHooks::h};

Results<HookGroupPtr> combine_hooks(const CombineHooks& in) {
  HookGroupPtr out;
  for (const auto member : kCombined) out = models::combined(out, hooks_of(in.*member));
  return {std::move(out)};
}

// --- Giving them to conditionings ---

struct Properties {
  double strength = 1.0;
  bool mask_bounds = false;
  MaybeLinked<Mask> mask;
  MaybeLinked<HookGroupPtr> hooks;
  MaybeLinked<TimestepsRange> timesteps;
};

// Adds hooks to entries. Entries of one group have one group afterwards, by which they are known to share a network.
class MoreHooks {
 public:
  explicit MoreHooks(const MaybeLinked<HookGroupPtr>& link) : hooks_(hooks_of(link)) {}

  void add_to(ConditioningEntry& entry) {
    if (!hooks_) return;
    HookGroupPtr& both = combined_[entry.hooks];
    if (!both) both = models::combined(entry.hooks, hooks_);
    entry.hooks = both;
  }

 private:
  HookGroupPtr hooks_;
  std::map<HookGroupPtr, HookGroupPtr> combined_;
};

// The strength is that of the mask: without one it has no effect, as in ComfyUI.
Conditioning with_properties(const Conditioning& given, const Properties& in, MoreHooks& hooks) {
  Conditioning list = given;
  for (ConditioningEntry& entry : list) {
    hooks.add_to(entry);
    if (in.mask) {
      entry.mask = *in.mask;
      entry.mask_strength = static_cast<float>(in.strength);
      entry.set_area_to_bounds = in.mask_bounds;
    }
    if (in.timesteps) {
      entry.start_percent = (*in.timesteps).start;
      entry.end_percent = (*in.timesteps).end;
    }
  }
  return list;
}

Conditioning joined(const Conditioning& a, const Conditioning& b) {
  Conditioning list = a;
  list.insert(list.end(), b.begin(), b.end());
  return list;
}

struct SetOne : Properties {
  Linked<Conditioning> cond_NEW;
};
struct SetOneAndCombine : SetOne {
  Linked<Conditioning> cond;
};
struct SetPair : Properties {
  Linked<Conditioning> positive_NEW, negative_NEW;
};
struct SetPairAndCombine : SetPair {
  Linked<Conditioning> positive, negative;
};

Results<Conditioning> set_one(const SetOne& in) {
  MoreHooks hooks(in.hooks);
  return {with_properties(*in.cond_NEW, in, hooks)};
}
Results<Conditioning> set_one_and_combine(const SetOneAndCombine& in) {
  MoreHooks hooks(in.hooks);
  return {joined(*in.cond, with_properties(*in.cond_NEW, in, hooks))};
}
Results<Conditioning, Conditioning> set_pair(const SetPair& in) {
  MoreHooks hooks(in.hooks);
  return {with_properties(*in.positive_NEW, in, hooks), with_properties(*in.negative_NEW, in, hooks)};
}
Results<Conditioning, Conditioning> set_pair_and_combine(const SetPairAndCombine& in) {
  MoreHooks hooks(in.hooks);
  return {joined(*in.positive, with_properties(*in.positive_NEW, in, hooks)),
          joined(*in.negative, with_properties(*in.negative_NEW, in, hooks))};
}

struct CombinePair {
  Linked<Conditioning> positive_A, negative_A, positive_B, negative_B;
};
Results<Conditioning, Conditioning> combine_pair(const CombinePair& in) {
  return {joined(*in.positive_A, *in.positive_B), joined(*in.negative_A, *in.negative_B)};
}

struct DefaultOne {
  Linked<Conditioning> cond, cond_DEFAULT;
  MaybeLinked<HookGroupPtr> hooks;
};
struct DefaultPair {
  Linked<Conditioning> positive, negative, positive_DEFAULT, negative_DEFAULT;
  MaybeLinked<HookGroupPtr> hooks;
};

Conditioning with_default(const Conditioning& list, const Conditioning& others, MoreHooks& hooks) {
  Conditioning defaults = others;
  for (ConditioningEntry& entry : defaults) {
    hooks.add_to(entry);
    entry.is_default = true;
  }
  return joined(list, defaults);
}

Results<Conditioning> default_one(const DefaultOne& in) {
  MoreHooks hooks(in.hooks);
  return {with_default(*in.cond, *in.cond_DEFAULT, hooks)};
}
Results<Conditioning, Conditioning> default_pair(const DefaultPair& in) {
  MoreHooks hooks(in.hooks);
  return {with_default(*in.positive, *in.positive_DEFAULT, hooks),
          with_default(*in.negative, *in.negative_DEFAULT, hooks)};
}

struct RangeOf {
  double start_percent = 0.0, end_percent = 1.0;
};
Results<TimestepsRange, TimestepsRange, TimestepsRange> range_of(const RangeOf& in) {
  return {TimestepsRange{in.start_percent, in.end_percent}, TimestepsRange{0.0, in.start_percent},
          TimestepsRange{in.end_percent, 1.0}};
}

// --- Text encoders ---

struct SetClip {
  Linked<ClipHandle> clip;
  bool apply_to_conds = true, schedule_clip = false;
  MaybeLinked<HookGroupPtr> hooks;
};

Results<ClipHandle> set_clip(const SetClip& in, Call& call) {
  const HookGroupPtr hooks = hooks_of(in.hooks);
  if (!hooks) return {*in.clip};
  ClipHandle clip = *in.clip;
  if (clip.hooked)
    throw Error(Fault::kUnsupported, "this text encoder has hooks already, which ComfyUI replaces")
        .at_input("clip")
        .fix("Use one SetClipHooks, and CombineHooks before it for hooks that belong together");
  clip.hooked = true;
  if (in.apply_to_conds) clip.hooks = hooks;
  if (in.schedule_clip) clip.schedule = models::schedule_of(*hooks, *clip.encoder);
  else clip.encoder = models::with_hooks(clip.encoder, *hooks, call.context().residency);
  return {std::move(clip)};
}

// --- Declarations ---

Input<CreateModelOnly> strength_input(const char* name, double CreateModelOnly::*member) {
  return Float(name, member).range(-20.0, 20.0).step(0.01);
}

template <class P>
Inputs<P> create_inputs(const char* file, const char* folder, std::initializer_list<Input<P>> more) {
  Inputs<P> inputs{File(file, &CreateModelOnly::name, folder),
                   strength_input("strength_model", &CreateModelOnly::strength_model)};
  for (const Input<P>& input : more) inputs.push_back(input);
  inputs.push_back(Link("prev_hooks", &CreateModelOnly::prev_hooks));
  return inputs;
}

void add_creators(Table& table, const char* name, const char* file, const char* folder, const char* description,
                  Results<HookGroupPtr> (*create)(const CreateModelOnly&, double, Call&)) {
  table.add(
      NodeOf<Create>{.name = name,
                     .category = "advanced/hooks/create",
                     .description = description,
                     .inputs = create_inputs<Create>(
                         file, folder, {Float("strength_clip", &Create::strength_clip).range(-20.0, 20.0).step(0.01)}),
                     .runs_when_checked = true,
                     .run = [create](const Create& in, Call& call) { return create(in, in.strength_clip, call); }});
  table.add(NodeOf<CreateModelOnly>{
      .name = std::string(name) + "ModelOnly",
      .category = "advanced/hooks/create",
      .description = std::string(description) + " The text encoder stays as it is.",
      .inputs = create_inputs<CreateModelOnly>(file, folder, {}),
      .runs_when_checked = true,
      .run = [create](const CreateModelOnly& in, Call& call) { return create(in, 0.0, call); }});
}

void add_schedules(Table& table) {
  constexpr const char* kCategory = "advanced/hooks/scheduling";
  table.add(
      NodeOf<SetKeyframes>{.name = "SetHookKeyframes",
                           .display = "Set Hook Keyframes",
                           .category = kCategory,
                           .description = "Makes the strength of hooks follow the sampling.",
                           .inputs = {Link("hooks", &SetKeyframes::hooks), Link("hook_kf", &SetKeyframes::hook_kf)},
                           .runs_when_checked = true,
                           .run = set_keyframes});
  table.add(NodeOf<CreateKeyframe>{
      .name = "CreateHookKeyframe",
      .display = "Create Hook Keyframe",
      .category = kCategory,
      .description = "From a part of the sampling on, hooks are so many times as strong.",
      .inputs = {Float("strength_mult", &CreateKeyframe::strength_mult).range(-20.0, 20.0).step(0.01),
                 Float("start_percent", &CreateKeyframe::start_percent).range(0.0, 1.0).step(0.001),
                 Link("prev_hook_kf", &CreateKeyframe::prev_hook_kf)},
      .outputs = {{.name = "HOOK_KF"}},
      .runs_when_checked = true,
      .run = create_keyframe});
  table.add(
      NodeOf<Interpolate>{.name = "CreateHookKeyframesInterpolated",
                          .display = "Create Hook Keyframes Interp.",
                          .category = kCategory,
                          .description = "Keyframes at equal distances, whose strengths go from one to another.",
                          .inputs = {Float("strength_start", &Interpolate::strength_start).range(0.0, 10.0).step(0.001),
                                     Float("strength_end", &Interpolate::strength_end).range(0.0, 10.0).step(0.001),
                                     Choice("interpolation", &Interpolate::interpolation,
                                            {{"linear", Ease::kNone},
                                             {"ease_in", Ease::kIn},
                                             {"ease_out", Ease::kOut},
                                             {"ease_in_out", Ease::kBoth}}),
                                     Float("start_percent", &Interpolate::start_percent).range(0.0, 1.0).step(0.001),
                                     Float("end_percent", &Interpolate::end_percent).range(0.0, 1.0).step(0.001),
                                     Int("keyframes_count", &Interpolate::keyframes_count).range(2, 100),
                                     Bool("print_keyframes", &Interpolate::print_keyframes),
                                     Link("prev_hook_kf", &Interpolate::prev_hook_kf)},
                          .outputs = {{.name = "HOOK_KF"}},
                          .runs_when_checked = true,
                          .run = interpolate});
  for (const size_t count : {2, 4, 8}) {
    Inputs<CombineHooks> inputs;
    for (size_t i = 0; i < count; ++i)
      inputs.push_back(Link((std::string("hooks_") + static_cast<char>('A' + i)).c_str(), kCombined[i]));
    table.add(NodeOf<CombineHooks>{.name = "CombineHooks" + std::to_string(count),
                                   .display = "Combine Hooks [" + std::to_string(count) + "]",
                                   .category = "advanced/hooks/combine",
                                   .description = "All of the hooks; one that comes several times counts once.",
                                   .inputs = std::move(inputs),
                                   .runs_when_checked = true,
                                   .run = combine_hooks});
  }
}

template <class P>
Inputs<P> properties(Inputs<P> inputs) {
  inputs.push_back(Float("strength", &Properties::strength).range(0.0, 10.0).step(0.01).tip("Of the mask."));
  inputs.push_back(Choice("set_cond_area", &Properties::mask_bounds, {{"default", false}, {"mask bounds", true}}));
  inputs.push_back(Link("mask", &Properties::mask));
  inputs.push_back(Link("hooks", &Properties::hooks));
  inputs.push_back(Link("timesteps", &Properties::timesteps));
  return inputs;
}

constexpr const char* kSingle = "advanced/hooks/cond single";
constexpr const char* kPair = "advanced/hooks/cond pair";

void add_singles(Table& table) {
  table.add(NodeOf<SetOne>{.name = "ConditioningSetProperties",
                           .display = "Cond Set Props",
                           .category = kSingle,
                           .description = "Gives a conditioning hooks, a mask and a part of the sampling.",
                           .inputs = properties<SetOne>({Link("cond_NEW", &SetOne::cond_NEW)}),
                           .run = set_one,
                           .foresee = [](const Known<SetOne>& in) -> Foreseen<Conditioning> {
                             return {known_or_empty(in(&SetOne::cond_NEW))};
                           }});
  table.add(NodeOf<SetOneAndCombine>{
      .name = "ConditioningSetPropertiesAndCombine",
      .display = "Cond Set Props Combine",
      .category = kSingle,
      .description = "Gives a conditioning hooks, a mask and a part of the sampling, and adds it to another.",
      .inputs = properties<SetOneAndCombine>(
          {Link("cond", &SetOneAndCombine::cond), Link("cond_NEW", &SetOneAndCombine::cond_NEW)}),
      .run = set_one_and_combine,
      .foresee = [](const Known<SetOneAndCombine>& in) -> Foreseen<Conditioning> {
        return {join(known_or_empty(in(&SetOneAndCombine::cond)), known_or_empty(in(&SetOne::cond_NEW)))};
      }});
  table.add(NodeOf<DefaultOne>{
      .name = "ConditioningSetDefaultCombine",
      .display = "Cond Set Default Combine",
      .category = kSingle,
      .description = "Adds a conditioning that counts where the others' masks leave room.",
      .inputs = {Link("cond", &DefaultOne::cond), Link("cond_DEFAULT", &DefaultOne::cond_DEFAULT),
                 Link("hooks", &DefaultOne::hooks)},
      .run = default_one,
      .foresee = [](const Known<DefaultOne>& in) -> Foreseen<Conditioning> {
        return {join(known_or_empty(in(&DefaultOne::cond)), known_or_empty(in(&DefaultOne::cond_DEFAULT)))};
      }});
}

template <class P, class A, class B>
Foreseen<Conditioning, Conditioning> foresee_pair(const Known<P>& in, A positive, A negative, B more_positive,
                                                  B more_negative) {
  return {join(known_or_empty(in(positive)), known_or_empty(in(more_positive))),
          join(known_or_empty(in(negative)), known_or_empty(in(more_negative)))};
}

void add_pairs(Table& table) {
  using Two = std::vector<OutputLabel>;
  const Two names{{.name = "positive"}, {.name = "negative"}};
  table.add(
      NodeOf<SetPair>{.name = "PairConditioningSetProperties",
                      .display = "Cond Pair Set Props",
                      .category = kPair,
                      .description = "Gives two conditionings hooks, a mask and a part of the sampling.",
                      .inputs = properties<SetPair>(
                          {Link("positive_NEW", &SetPair::positive_NEW), Link("negative_NEW", &SetPair::negative_NEW)}),
                      .outputs = names,
                      .run = set_pair,
                      .foresee = [](const Known<SetPair>& in) -> Foreseen<Conditioning, Conditioning> {
                        return {known_or_empty(in(&SetPair::positive_NEW)), known_or_empty(in(&SetPair::negative_NEW))};
                      }});
  table.add(NodeOf<SetPairAndCombine>{
      .name = "PairConditioningSetPropertiesAndCombine",
      .display = "Cond Pair Set Props Combine",
      .category = kPair,
      .description = "Gives two conditionings hooks, a mask and a part of the sampling, and adds them to two others.",
      .inputs = properties<SetPairAndCombine>({Link("positive", &SetPairAndCombine::positive),
                                               Link("negative", &SetPairAndCombine::negative),
                                               Link("positive_NEW", &SetPairAndCombine::positive_NEW),
                                               Link("negative_NEW", &SetPairAndCombine::negative_NEW)}),
      .outputs = names,
      .run = set_pair_and_combine,
      .foresee = [](const Known<SetPairAndCombine>& in) {
        return foresee_pair(in, &SetPairAndCombine::positive, &SetPairAndCombine::negative, &SetPair::positive_NEW,
                            &SetPair::negative_NEW);
      }});
  table.add(NodeOf<CombinePair>{
      .name = "PairConditioningCombine",
      .display = "Cond Pair Combine",
      .category = kPair,
      .description = "Both pairs of conditionings as one.",
      .inputs = {Link("positive_A", &CombinePair::positive_A), Link("negative_A", &CombinePair::negative_A),
                 Link("positive_B", &CombinePair::positive_B), Link("negative_B", &CombinePair::negative_B)},
      .outputs = names,
      .run = combine_pair,
      .foresee = [](const Known<CombinePair>& in) {
        return foresee_pair(in, &CombinePair::positive_A, &CombinePair::negative_A, &CombinePair::positive_B,
                            &CombinePair::negative_B);
      }});
  table.add(NodeOf<DefaultPair>{
      .name = "PairConditioningSetDefaultCombine",
      .display = "Cond Pair Set Default Combine",
      .category = kPair,
      .description = "Adds two conditionings that count where the others' masks leave room.",
      .inputs = {Link("positive", &DefaultPair::positive), Link("negative", &DefaultPair::negative),
                 Link("positive_DEFAULT", &DefaultPair::positive_DEFAULT),
                 Link("negative_DEFAULT", &DefaultPair::negative_DEFAULT), Link("hooks", &DefaultPair::hooks)},
      .outputs = names,
      .run = default_pair,
      .foresee = [](const Known<DefaultPair>& in) {
        return foresee_pair(in, &DefaultPair::positive, &DefaultPair::negative, &DefaultPair::positive_DEFAULT,
                            &DefaultPair::negative_DEFAULT);
      }});
}

}  // namespace

void register_hook_nodes(Table& table) {
  add_creators(table, "CreateHookLora", "lora_name", "loras",
               "A LoRA for the conditionings that get this hook, and for no other.", create_lora);
  add_creators(table, "CreateHookModelAsLora", "ckpt_name", "checkpoints",
               "The difference of a checkpoint from the model, for the conditionings that get this hook.",
               create_checkpoint);
  add_schedules(table);
  add_singles(table);
  add_pairs(table);
  table.add(NodeOf<RangeOf>{
      .name = "ConditioningTimestepsRange",
      .display = "Timesteps Range",
      .category = "advanced/hooks",
      .description = "A part of the sampling, the one before it and the one after it: 0 is its beginning, 1 its end.",
      .inputs = {Float("start_percent", &RangeOf::start_percent).range(0.0, 1.0).step(0.001),
                 Float("end_percent", &RangeOf::end_percent).range(0.0, 1.0).step(0.001)},
      .outputs = {{.name = "TIMESTEPS_RANGE"}, {.name = "BEFORE_RANGE"}, {.name = "AFTER_RANGE"}},
      .runs_when_checked = true,
      .run = range_of});
  table.add(NodeOf<SetClip>{
      .name = "SetClipHooks",
      .display = "Set CLIP Hooks",
      .category = "advanced/hooks/clip",
      .description = "Changes a text encoder by hooks, and gives them to what it encodes.",
      .inputs = {Link("clip", &SetClip::clip),
                 Bool("apply_to_conds", &SetClip::apply_to_conds).tip("Gives the hooks to what is encoded."),
                 Bool("schedule_clip", &SetClip::schedule_clip)
                     .tip("Encodes a text anew for each part of the sampling in which the hooks are of one strength."),
                 Link("hooks", &SetClip::hooks)},
      .runs_when_checked = true,
      .run = set_clip});
}

}  // namespace easel::nodes
