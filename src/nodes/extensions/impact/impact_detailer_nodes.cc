// Impact-Pack's detailers of parts that are given (github.com/ltdrdata/ComfyUI-Impact-Pack).
#include <string>

#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"
#include "nodes/common/sampling_run.h"
#include "nodes/extensions/impact/basic_pipe.h"
#include "nodes/extensions/impact/detailer.h"

namespace easel::nodes {
namespace {

using models::ClipHandle;
using models::Conditioning;
using models::ModelHandle;
using models::VaeHandle;

// What both forms have in common.
struct Detail : Drawing {
  Linked<Image> image;
  Linked<Segments> segs;
  std::string wildcard;
};
struct DetailModels : Detail {
  Linked<ModelHandle> model;
  Linked<ClipHandle> clip;
  Linked<VaeHandle> vae;
  Linked<Conditioning> positive, negative;
};
struct DetailPipe : Detail {
  Linked<BasicPipe> basic_pipe;
  MaybeLinked<BasicPipe> refiner;
  double refiner_ratio = 0.2;
};

void check_detail(const Detail& in) {
  check_detail_text(in.wildcard);
  check_drawing(in);
}

Detailed detailed(const DetailModels& in, Call& call) {
  return drawn_anew(
      in, *in.image, *in.segs, in.seed,
      {in.model.value(), in.clip.value(), in.vae.value(), in.positive.value(), in.negative.value(), in.wildcard}, call);
}

Detailed detailed(const DetailPipe& in, Call& call) {
  if (in.refiner)
    throw Error(Fault::kInvalid, "a second model for the last steps is not there")
        .at_input("refiner_basic_pipe_opt")
        .fix("Take the link away");
  const BasicPipe& pipe = *in.basic_pipe;
  return drawn_anew(in, *in.image, *in.segs, in.seed,
                    {pipe.model, pipe.clip, pipe.vae, pipe.positive, pipe.negative, in.wildcard}, call);
}

Foreseen<Image> foresee_by_models(const Known<DetailModels>& in, Call& call) {
  foresee_sampling(in(&DetailModels::model), in(&DetailModels::positive), in(&DetailModels::negative), nullptr, call);
  return {in(&Detail::image)};
}

// No hints are made; the original gives a black picture in place of none.
std::vector<Value> no_hints() { return {no_picture()}; }

Results<Image, Segments, BasicPipe, ListOf<Image>> detail_by_pipe(const DetailPipe& in, Call& call) {
  Detailed out = detailed(in, call);
  return {std::move(out.picture), std::move(out.parts), in.basic_pipe, no_hints()};
}

Foreseen<Image, Segments, BasicPipe, ListOf<Image>> foresee_by_pipe(const Known<DetailPipe>& in) {
  return {in(&Detail::image), in(&Detail::segs), in(&DetailPipe::basic_pipe), std::nullopt};
}

using Shown = Results<Image, ListOf<Image>, ListOf<Image>, ListOf<Image>, ListOf<Image>>;
Shown detail_and_show(const DetailModels& in, Call& call) {
  Detailed out = detailed(in, call);
  return {std::move(out.picture), pictures_or_none(std::move(out.before)), pictures_or_none(std::move(out.refined)),
          pictures_or_none(std::move(out.refined_alpha)), no_hints()};
}

using ShownPipe = Results<Image, Segments, BasicPipe, ListOf<Image>, ListOf<Image>, ListOf<Image>, ListOf<Image>>;
ShownPipe detail_pipe_and_show(const DetailPipe& in, Call& call) {
  Detailed out = detailed(in, call);
  return {std::move(out.picture),
          std::move(out.parts),
          in.basic_pipe,
          pictures_or_none(std::move(out.before)),
          pictures_or_none(std::move(out.refined)),
          pictures_or_none(std::move(out.refined_alpha)),
          no_hints()};
}

Inputs<DetailModels> model_inputs() {
  return with_later(
      with_edges(with_sampling(Inputs<DetailModels>{Link("image", &Detail::image), Link("segs", &Detail::segs),
                                                    Link("model", &DetailModels::model),
                                                    Link("clip", &DetailModels::clip), Link("vae", &DetailModels::vae)})
                     .and_then({Link("positive", &DetailModels::positive), Link("negative", &DetailModels::negative)}))
          .and_then({wildcard_input(&Detail::wildcard), cycle_input<Drawing>()}));
}

Inputs<DetailPipe> pipe_inputs() {
  return with_later(
      with_edges(with_sampling(Inputs<DetailPipe>{Link("image", &Detail::image), Link("segs", &Detail::segs)}))
          .and_then({Link("basic_pipe", &DetailPipe::basic_pipe), wildcard_input(&Detail::wildcard),
                     Float("refiner_ratio", &DetailPipe::refiner_ratio)
                         .range(0.0, 1.0)
                         .added_later()
                         .tip("Has no effect without a second model."),
                     cycle_input<Drawing>(), Link("refiner_basic_pipe_opt", &DetailPipe::refiner)}));
}

}  // namespace

void register_impact_detailer_nodes(Table& table) {
  constexpr const char* kCategory = "ImpactPack/Detailer";
  const auto check_models = [](const DetailModels& in) { check_detail(in); };
  const auto check_pipe = [](const DetailPipe& in) { check_detail(in); };
  table.add(NodeOf<DetailModels>{
      .name = "DetailerForEach",
      .display = "Detailer (SEGS)",
      .category = kCategory,
      .description = "Enlarges parts of a picture, draws each anew, and puts it back.",
      .origin = "impact",
      .inputs = model_inputs(),
      .run = [](const DetailModels& in, Call& call) -> Results<Image> { return {detailed(in, call).picture}; },
      .check = check_models,
      .foresee = foresee_by_models});
  table.add(NodeOf<DetailPipe>{
      .name = "DetailerForEachPipe",
      .display = "Detailer (SEGS/pipe)",
      .category = kCategory,
      .description = "Enlarges parts of a picture, draws each anew with what a pipe holds, and puts it back.",
      .origin = "impact",
      .inputs = pipe_inputs(),
      .outputs = {{"image"}, {"segs"}, {"basic_pipe"}, {"cnet_images"}},
      .run = detail_by_pipe,
      .check = check_pipe,
      .foresee = foresee_by_pipe});
  table.add(NodeOf<DetailModels>{
      .name = "DetailerForEachDebug",
      .display = "DetailerDebug (SEGS)",
      .category = kCategory,
      .description = "Enlarges parts of a picture, draws each anew, puts it back, and shows the parts.",
      .origin = "impact",
      .inputs = model_inputs(),
      .outputs = {{"image"}, {"cropped"}, {"cropped_refined"}, {"cropped_refined_alpha"}, {"cnet_images"}},
      .run = detail_and_show,
      .check = check_models,
      .foresee = [](const Known<DetailModels>& in,
                    Call& call) -> Foreseen<Image, ListOf<Image>, ListOf<Image>, ListOf<Image>, ListOf<Image>> {
        foresee_by_models(in, call);
        return {in(&Detail::image), std::nullopt, std::nullopt, std::nullopt, std::nullopt};
      }});
  table.add(NodeOf<DetailPipe>{
      .name = "DetailerForEachDebugPipe",
      .display = "DetailerDebug (SEGS/pipe)",
      .category = kCategory,
      .description = "Enlarges parts of a picture, draws each anew with what a pipe holds, and shows the parts.",
      .origin = "impact",
      .inputs = pipe_inputs(),
      .outputs = {{"image"},
                  {"segs"},
                  {"basic_pipe"},
                  {"cropped"},
                  {"cropped_refined"},
                  {"cropped_refined_alpha"},
                  {"cnet_images"}},
      .run = detail_pipe_and_show,
      .check = check_pipe,
      .foresee = [](const Known<DetailPipe>& in)
          -> Foreseen<Image, Segments, BasicPipe, ListOf<Image>, ListOf<Image>, ListOf<Image>, ListOf<Image>> {
        return {in(&Detail::image), in(&Detail::segs), in(&DetailPipe::basic_pipe), std::nullopt, std::nullopt,
                std::nullopt,       std::nullopt};
      }});
}

}  // namespace easel::nodes
