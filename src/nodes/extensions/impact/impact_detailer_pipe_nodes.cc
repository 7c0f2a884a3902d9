// Impact-Pack's pipes for detailers (github.com/ltdrdata/ComfyUI-Impact-Pack): joined, taken apart, changed.
#include <string>
#include <utility>

#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/common/link_types.h"
#include "nodes/extensions/impact/basic_pipe.h"
#include "nodes/extensions/impact/detectors.h"

namespace easel::nodes {
namespace {

using models::ClipHandle;
using models::Conditioning;
using models::ModelHandle;
using models::VaeHandle;

constexpr const char *kOrigin = "impact", *kCategory = "ImpactPack/Pipe";

// --- Its values by the names of inputs ---

struct Place {
  const char* input;
  const char* type;
  Value DetailerPipe::*member;
};
constexpr Place kModels[] = {{"model", "MODEL", &DetailerPipe::model},
                             {"clip", "CLIP", &DetailerPipe::clip},
                             {"vae", "VAE", &DetailerPipe::vae},
                             {"positive", "CONDITIONING", &DetailerPipe::positive},
                             {"negative", "CONDITIONING", &DetailerPipe::negative}};
constexpr Place kRefiner[] = {{"refiner_model", "MODEL", &DetailerPipe::refiner_model},
                              {"refiner_clip", "CLIP", &DetailerPipe::refiner_clip},
                              {"refiner_positive", "CONDITIONING", &DetailerPipe::refiner_positive},
                              {"refiner_negative", "CONDITIONING", &DetailerPipe::refiner_negative}};
constexpr Place kFinders[] = {{"sam_model_opt", "SAM_MODEL", &DetailerPipe::sam_model},
                              {"segm_detector_opt", "SEGM_DETECTOR", &DetailerPipe::segm_detector},
                              {"detailer_hook", "DETAILER_HOOK", &DetailerPipe::detailer_hook}};
// The same under the names that changing nodes have for them.
constexpr Place kChanged[] = {{"bbox_detector", "BBOX_DETECTOR", &DetailerPipe::bbox_detector},
                              {"sam_model", "SAM_MODEL", &DetailerPipe::sam_model},
                              {"segm_detector", "SEGM_DETECTOR", &DetailerPipe::segm_detector},
                              {"detailer_hook", "DETAILER_HOOK", &DetailerPipe::detailer_hook}};

struct Texts {
  std::string wildcard, lora, choice;
};
struct Changed : Texts {
  Linked<DetailerPipe> detailer_pipe;
};
struct OfPipe : Texts {
  Linked<BasicPipe> basic_pipe;
  MaybeLinked<BasicPipe> refiner;
};
struct OnePipe {
  Linked<DetailerPipe> detailer_pipe;
};

// Inputs that are bound to no member: the run asks the call for them.
template <class P, size_t N>
void add_links(Inputs<P>& inputs, const Place (&places)[N], bool required) {
  for (const Place& place : places) {
    Input<P> one(place.input, place.type, In::Member::kNone, &blank<P>());
    if (required) inputs.push_back(std::move(one));
    else inputs.push_back(std::move(one).optional());
  }
}
template <size_t N>
void take(DetailerPipe& pipe, const Call& call, const Place (&places)[N]) {
  for (const Place& place : places)
    if (Value value = value_of(call, place.input); !value.empty()) pipe.*place.member = std::move(value);
}

template <class P>
void add_texts(Inputs<P>& inputs) {
  inputs.push_back(Text("wildcard", &Texts::wildcard).multiline().names_embeddings());
  inputs.push_back(FileOr("Select the LoRA to add to the text", "Select to add LoRA", &Texts::lora, "loras")
                       .added_later()
                       .tip("A menu of the original's page, without a meaning for what is computed."));
  inputs.push_back(Text("Select to add Wildcard", &Texts::choice)
                       .added_later()
                       .tip("A menu of the original's page, without a meaning for what is computed."));
}

Inputs<Texts> joining_inputs(bool refiner) {
  Inputs<Texts> out;
  add_links(out, kModels, true);
  if (refiner) add_links(out, kRefiner, true);
  add_links(out, {{"bbox_detector", "BBOX_DETECTOR", &DetailerPipe::bbox_detector}}, true);
  add_texts(out);
  add_links(out, kFinders, false);
  return out;
}

DetailerPipe joined(const std::string& wildcard, const Call& call) {
  DetailerPipe out;
  take(out, call, kModels);
  take(out, call, kRefiner);
  take(out, call, kFinders);
  out.bbox_detector = value_of(call, "bbox_detector");
  out.wildcard = wildcard;
  return out;
}

Inputs<Changed> changing_inputs(bool refiner) {
  Inputs<Changed> out{Link("detailer_pipe", &Changed::detailer_pipe)};
  add_texts(out);
  add_links(out, kModels, false);
  if (refiner) add_links(out, kRefiner, false);
  add_links(out, kChanged, false);
  return out;
}

DetailerPipe changed(DetailerPipe pipe, const std::string& wildcard, const Call& call) {
  take(pipe, call, kModels);
  take(pipe, call, kRefiner);
  take(pipe, call, kChanged);
  if (!wildcard.empty()) pipe.wildcard = wildcard;
  return pipe;
}

DetailerPipe of_basic(const BasicPipe& pipe, const BasicPipe* refiner, const std::string& wildcard, const Call& call) {
  DetailerPipe out;
  out.model = pipe.model;
  out.clip = pipe.clip;
  out.vae = pipe.vae;
  out.positive = pipe.positive;
  out.negative = pipe.negative;
  if (refiner) {
    out.refiner_model = refiner->model;
    out.refiner_clip = refiner->clip;
    out.refiner_positive = refiner->positive;
    out.refiner_negative = refiner->negative;
  }
  take(out, call, kFinders);
  out.bbox_detector = value_of(call, "bbox_detector");
  out.wildcard = wildcard;
  return out;
}

Inputs<OfPipe> of_basic_inputs(bool refiner) {
  Inputs<OfPipe> out;
  if (refiner) {
    out.push_back(Link("base_basic_pipe", &OfPipe::basic_pipe));
    Input<OfPipe> second = Link("refiner_basic_pipe", &OfPipe::refiner);
    second.spec().presence = workflow::Presence::kRequired;
    out.push_back(std::move(second));
  } else {
    out.push_back(Link("basic_pipe", &OfPipe::basic_pipe));
  }
  add_links(out, {{"bbox_detector", "BBOX_DETECTOR", &DetailerPipe::bbox_detector}}, true);
  add_texts(out);
  add_links(out, kFinders, false);
  return out;
}

// --- Taken apart ---

template <class... Ls>
using AndParts = Results<Ls..., ModelHandle, ClipHandle, VaeHandle, Conditioning, Conditioning, BboxDetector, SamModel,
                         SegmDetector, DetailerHook>;
using Parted = AndParts<>;
using PartedToo = AndParts<DetailerPipe>;
using PartedWhole = Results<DetailerPipe, ModelHandle, ClipHandle, VaeHandle, Conditioning, Conditioning, BboxDetector,
                            SamModel, SegmDetector, DetailerHook, ModelHandle, ClipHandle, Conditioning, Conditioning>;

Parted parted(const OnePipe& in) {
  const DetailerPipe& p = *in.detailer_pipe;
  return {Handed{p.model},     Handed{p.clip},          Handed{p.vae},
          Handed{p.positive},  Handed{p.negative},      Handed{p.bbox_detector},
          Handed{p.sam_model}, Handed{p.segm_detector}, Handed{p.detailer_hook}};
}
PartedToo parted_too(const OnePipe& in) {
  const DetailerPipe& p = *in.detailer_pipe;
  return {in.detailer_pipe,        Handed{p.model},        Handed{p.clip},          Handed{p.vae},
          Handed{p.positive},      Handed{p.negative},     Handed{p.bbox_detector}, Handed{p.sam_model},
          Handed{p.segm_detector}, Handed{p.detailer_hook}};
}
PartedWhole parted_whole(const OnePipe& in) {
  const DetailerPipe& p = *in.detailer_pipe;
  return {in.detailer_pipe,           Handed{p.model},           Handed{p.clip},          Handed{p.vae},
          Handed{p.positive},         Handed{p.negative},        Handed{p.bbox_detector}, Handed{p.sam_model},
          Handed{p.segm_detector},    Handed{p.detailer_hook},   Handed{p.refiner_model}, Handed{p.refiner_clip},
          Handed{p.refiner_positive}, Handed{p.refiner_negative}};
}

// What is known of the parts is what is known of the pipe.
DetailerPipe known(const Known<OnePipe>& in) {
  const DetailerPipe* pipe = in(&OnePipe::detailer_pipe);
  return pipe ? *pipe : DetailerPipe();
}
Foreseen<ModelHandle, ClipHandle, VaeHandle, Conditioning, Conditioning, BboxDetector, SamModel, SegmDetector,
         DetailerHook>
foresee_parted(const Known<OnePipe>& in) {
  const DetailerPipe p = known(in);
  return {Handed{p.model},     Handed{p.clip},          Handed{p.vae},
          Handed{p.positive},  Handed{p.negative},      Handed{p.bbox_detector},
          Handed{p.sam_model}, Handed{p.segm_detector}, Handed{p.detailer_hook}};
}
Foreseen<DetailerPipe, ModelHandle, ClipHandle, VaeHandle, Conditioning, Conditioning, BboxDetector, SamModel,
         SegmDetector, DetailerHook>
foresee_parted_too(const Known<OnePipe>& in) {
  const DetailerPipe p = known(in);
  return {in(&OnePipe::detailer_pipe), Handed{p.model},        Handed{p.clip},          Handed{p.vae},
          Handed{p.positive},          Handed{p.negative},     Handed{p.bbox_detector}, Handed{p.sam_model},
          Handed{p.segm_detector},     Handed{p.detailer_hook}};
}
Foreseen<DetailerPipe, ModelHandle, ClipHandle, VaeHandle, Conditioning, Conditioning, BboxDetector, SamModel,
         SegmDetector, DetailerHook, ModelHandle, ClipHandle, Conditioning, Conditioning>
foresee_parted_whole(const Known<OnePipe>& in) {
  const DetailerPipe p = known(in);
  return {in(&OnePipe::detailer_pipe), Handed{p.model},           Handed{p.clip},          Handed{p.vae},
          Handed{p.positive},          Handed{p.negative},        Handed{p.bbox_detector}, Handed{p.sam_model},
          Handed{p.segm_detector},     Handed{p.detailer_hook},   Handed{p.refiner_model}, Handed{p.refiner_clip},
          Handed{p.refiner_positive},  Handed{p.refiner_negative}};
}

std::vector<OutputLabel> part_names(bool pipe, bool refiner) {
  std::vector<OutputLabel> out;
  if (pipe) out.push_back({"detailer_pipe"});
  for (const char* name : {"model", "clip", "vae", "positive", "negative", "bbox_detector", "sam_model_opt",
                           "segm_detector_opt", "detailer_hook"})
    out.push_back({name});
  if (refiner)
    for (const Place& place : kRefiner) out.push_back({place.input});
  return out;
}

Results<BasicPipe, BasicPipe> as_basic(const OnePipe& in) {
  const DetailerPipe& p = *in.detailer_pipe;
  return {BasicPipe{p.model, p.clip, p.vae, p.positive, p.negative},
          BasicPipe{p.refiner_model, p.refiner_clip, p.vae, p.refiner_positive, p.refiner_negative}};
}
Foreseen<BasicPipe, BasicPipe> foresee_basic(const Known<OnePipe>& in) {
  const DetailerPipe p = known(in);
  return {BasicPipe{p.model, p.clip, p.vae, p.positive, p.negative},
          BasicPipe{p.refiner_model, p.refiner_clip, p.vae, p.refiner_positive, p.refiner_negative}};
}

void add_joining(Table& table, const char* name, bool refiner) {
  table.add(NodeOf<Texts>{
      .name = name,
      .category = kCategory,
      .description = refiner ? "Bundles two models and what goes with them with a detector into a pipe for detailers."
                             : "Bundles a model and what goes with it with a detector into a pipe for detailers.",
      .origin = kOrigin,
      .inputs = joining_inputs(refiner),
      .outputs = {{"detailer_pipe"}},
      .run = [](const Texts& in, Call& call) -> Results<DetailerPipe> { return {joined(in.wildcard, call)}; },
      .foresee = [](const Known<Texts>& in, Call& call) -> Foreseen<DetailerPipe> {
        return {joined(in(&Texts::wildcard), call)};
      }});
}

void add_changing(Table& table, const char* name, bool refiner) {
  table.add(NodeOf<Changed>{.name = name,
                            .category = kCategory,
                            .description = "Replaces some of the values of a detailer's pipe.",
                            .origin = kOrigin,
                            .inputs = changing_inputs(refiner),
                            .outputs = {{"detailer_pipe"}},
                            .run = [](const Changed& in, Call& call) -> Results<DetailerPipe> {
                              return {changed(*in.detailer_pipe, in.wildcard, call)};
                            }});
}

void add_of_basic(Table& table, const char* name, bool refiner) {
  table.add(NodeOf<OfPipe>{.name = name,
                           .category = kCategory,
                           .description = "Adds a detector to a basic pipe, which makes it one for detailers.",
                           .origin = kOrigin,
                           .inputs = of_basic_inputs(refiner),
                           .outputs = {{"detailer_pipe"}},
                           .run = [](const OfPipe& in, Call& call) -> Results<DetailerPipe> {
                             return {of_basic(*in.basic_pipe, in.refiner.get(), in.wildcard, call)};
                           },
                           .foresee = [](const Known<OfPipe>& in, Call& call) -> Foreseen<DetailerPipe> {
                             const BasicPipe* pipe = in(&OfPipe::basic_pipe);
                             if (!pipe) return {};
                             return {of_basic(*pipe, in(&OfPipe::refiner), in(&Texts::wildcard), call)};
                           }});
}

}  // namespace

void register_impact_detailer_pipe_nodes(Table& table) {
  add_joining(table, "ToDetailerPipe", false);
  add_joining(table, "ToDetailerPipeSDXL", true);
  add_of_basic(table, "BasicPipeToDetailerPipe", false);
  add_of_basic(table, "BasicPipeToDetailerPipeSDXL", true);
  add_changing(table, "EditDetailerPipe", false);
  add_changing(table, "EditDetailerPipeSDXL", true);
  const auto inputs = [] { return Inputs<OnePipe>{Link("detailer_pipe", &OnePipe::detailer_pipe)}; };
  constexpr const char* kApart = "Gives the values of a detailer's pipe one by one.";
  table.add(NodeOf<OnePipe>{.name = "FromDetailerPipe",
                            .category = kCategory,
                            .description = kApart,
                            .origin = kOrigin,
                            .inputs = inputs(),
                            .outputs = part_names(false, false),
                            .run = parted,
                            .foresee = foresee_parted});
  table.add(NodeOf<OnePipe>{.name = "FromDetailerPipe_v2",
                            .category = kCategory,
                            .description = kApart,
                            .origin = kOrigin,
                            .inputs = inputs(),
                            .outputs = part_names(true, false),
                            .run = parted_too,
                            .foresee = foresee_parted_too});
  table.add(NodeOf<OnePipe>{.name = "FromDetailerPipeSDXL",
                            .category = kCategory,
                            .description = kApart,
                            .origin = kOrigin,
                            .inputs = inputs(),
                            .outputs = part_names(true, true),
                            .run = parted_whole,
                            .foresee = foresee_parted_whole});
  table.add(NodeOf<OnePipe>{.name = "DetailerPipeToBasicPipe",
                            .category = kCategory,
                            .description = "The two basic pipes that a detailer's pipe is made of.",
                            .origin = kOrigin,
                            .inputs = inputs(),
                            .outputs = {{"base_basic_pipe"}, {"refiner_basic_pipe"}},
                            .run = as_basic,
                            .foresee = foresee_basic});
}

}  // namespace easel::nodes
