// Impact-Pack's detailers that look for the parts themselves (github.com/ltdrdata/ComfyUI-Impact-Pack).
#include <utility>

#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/link_types.h"
#include "nodes/common/sampling_run.h"
#include "nodes/extensions/impact/detailer.h"
#include "nodes/extensions/impact/detectors.h"
#include "nodes/extensions/impact/segment/sam_masks.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

using models::ClipHandle;
using models::Conditioning;
using models::ModelHandle;
using models::VaeHandle;

// What both forms have in common.
struct Face : Drawing, SamHints {
  Linked<Image> image;
  double bbox_threshold = 0.5, bbox_crop_factor = 3.0;
  int64_t bbox_dilation = 10, drop_size = 10;
};
struct FaceModels : Face {
  Linked<ModelHandle> model;
  Linked<ClipHandle> clip;
  Linked<VaeHandle> vae;
  Linked<Conditioning> positive, negative;
  Linked<BboxDetector> bbox_detector;
  MaybeLinked<SamModel> sam_model;
  MaybeLinked<SegmDetector> segm_detector;
  MaybeLinked<DetailerHook> detailer_hook;
  std::string wildcard;
};
struct FacePipe : Face {
  Linked<DetailerPipe> detailer_pipe;
  double refiner_ratio = 0.2;
};

// The parts of one picture: boxes, or what is in them by the finer of the means that are given.
Segments found(const Face& in, const DetailerPipe& pipe, const Tensor& picture, Call& call) {
  const Looking how{.threshold = in.bbox_threshold,
                    .dilation = in.bbox_dilation,
                    .crop_factor = in.bbox_crop_factor,
                    .drop_size = in.drop_size};
  const Segments boxes = found_boxes(pipe.bbox_detector.as<BboxDetector>(), picture, how, call);
  if (const auto* sam = pipe.sam_model.get<SamModel>())
    return within_mask(boxes, sam_mask(*sam, boxes, picture, in, call));
  if (pipe.segm_detector.empty()) return boxes;
  const Segments shapes = found_shapes(pipe.segm_detector.as<SegmDetector>(), picture, how, call);
  return within_mask(boxes, combined_mask(shapes));
}

using FaceResults = Results<Image, ListOf<Image>, ListOf<Image>, Mask, DetailerPipe, ListOf<Image>>;
using ForeseenFace = Foreseen<Image, ListOf<Image>, ListOf<Image>, Mask, DetailerPipe, ListOf<Image>>;

FaceResults detail_faces(const Face& in, const DetailerPipe& pipe, Handed handed, Call& call) {
  if (pipe.bbox_detector.empty()) throw Error(Fault::kInvalid, "holds no detector of boxes").at_input("detailer_pipe");
  if (!pipe.refiner_model.empty())
    throw Error(Fault::kInvalid, "holds a second model for the last steps, which is not there")
        .at_input("detailer_pipe")
        .fix("Make the pipe without a refiner");
  std::vector<Tensor> pictures, masks;
  std::vector<Value> refined, with_alpha, hints;
  const Tensor& all = *in.image;
  for (int64_t n = 0; n < all.dim(0); ++n) {
    const Tensor picture = contiguous(all.slice(0, n, 1));
    const Segments parts = found(in, pipe, picture, call);
    masks.push_back(combined_mask(parts));
    Detailed out{.picture = picture, .parts = {}, .before = {}, .refined = {}, .refined_alpha = {}};
    if (!parts.items.empty())
      out = drawn_anew(in, picture, parts, in.seed + static_cast<uint64_t>(n),
                       {pipe.model, pipe.clip, pipe.vae, pipe.positive, pipe.negative, pipe.wildcard}, call);
    pictures.push_back(out.picture);
    for (Value& one : pictures_or_none(std::move(out.refined))) refined.push_back(std::move(one));
    for (Value& one : pictures_or_none(std::move(out.refined_alpha))) with_alpha.push_back(std::move(one));
    hints.push_back(no_picture());  // none are made; the original gives a black picture in place of each
  }
  return {ops::concat(pictures, 0), std::move(refined), std::move(with_alpha),
          ops::concat(masks, 0),    std::move(handed),  std::move(hints)};
}

DetailerPipe pipe_of(const FaceModels& in) {
  DetailerPipe out;
  out.model = in.model.value();
  out.clip = in.clip.value();
  out.vae = in.vae.value();
  out.positive = in.positive.value();
  out.negative = in.negative.value();
  out.bbox_detector = in.bbox_detector.value();
  if (in.segm_detector) out.segm_detector = in.segm_detector.value();
  if (in.sam_model) out.sam_model = in.sam_model.value();
  out.wildcard = in.wildcard;
  return out;
}

FaceResults by_models(const FaceModels& in, Call& call) {
  const DetailerPipe pipe = pipe_of(in);
  return detail_faces(in, pipe, {computed<DetailerPipe>(pipe)}, call);
}
FaceResults by_pipe(const FacePipe& in, Call& call) {
  return detail_faces(in, *in.detailer_pipe, {in.detailer_pipe.value()}, call);
}

ForeseenFace foreseen_face(const ForeseenPicture* picture, ForeseenOutput<DetailerPipe> pipe) {
  if (!picture) return {std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::move(pipe), std::nullopt};
  return {*picture, std::nullopt, std::nullopt, mask_of(*picture), std::move(pipe), std::nullopt};
}

template <class P>
Inputs<P> with_finding(Inputs<P> inputs) {
  return std::move(inputs).and_then(
      {Float("bbox_threshold", &Face::bbox_threshold)
           .range(0.0, 1.0)
           .step(0.01)
           .tip("What is less likely is left as it is."),
       Int("bbox_dilation", &Face::bbox_dilation).range(-512, 512).step(1).tip("How much the found boxes grow."),
       Float("bbox_crop_factor", &Face::bbox_crop_factor)
           .range(1.0, 10.0)
           .step(0.1)
           .tip("How much of the picture around a part is looked at with it: 1 is the part only."),
       sam_hint_input<P>("sam_detection_hint"), sam_dilation_input<P>("sam_dilation"),
       sam_threshold_input<P>("sam_threshold"), sam_expansion_input<P>("sam_bbox_expansion"),
       sam_mask_threshold_input<P>("sam_mask_hint_threshold"), sam_negative_input<P>("sam_mask_hint_use_negative"),
       Int("drop_size", &Face::drop_size)
           .range(1, kMaxSide)
           .step(1)
           .added_later()
           .tip("Parts whose width or height is no larger are left out.")});
}

const std::vector<OutputLabel> kOutputs{{"image"}, {"cropped_refined"}, {"cropped_enhanced_alpha"},
                                        {"mask"},  {"detailer_pipe"},   {"cnet_images"}};

}  // namespace

void register_impact_face_nodes(Table& table) {
  table.add(NodeOf<FaceModels>{
      .name = "FaceDetailer",
      .display = "FaceDetailer",
      .category = "ImpactPack/Simple",
      .description = "Finds faces, or whatever its detector finds, enlarges each, draws it anew, and puts it back.",
      .origin = "impact",
      .inputs = with_later(
          with_finding(
              with_edges(
                  with_sampling(Inputs<FaceModels>{Link("image", &Face::image), Link("model", &FaceModels::model),
                                                   Link("clip", &FaceModels::clip), Link("vae", &FaceModels::vae)})
                      .and_then({Link("positive", &FaceModels::positive), Link("negative", &FaceModels::negative)})))
              .and_then({Link("bbox_detector", &FaceModels::bbox_detector), wildcard_input(&FaceModels::wildcard),
                         cycle_input<Drawing>(), Link("sam_model_opt", &FaceModels::sam_model),
                         Link("segm_detector_opt", &FaceModels::segm_detector),
                         Link("detailer_hook", &FaceModels::detailer_hook)})),
      .outputs = kOutputs,
      .run = by_models,
      .check =
          [](const FaceModels& in) {
            check_detail_text(in.wildcard);
            check_drawing(in);
          },
      .foresee = [](const Known<FaceModels>& in, Call& call) -> ForeseenFace {
        foresee_sampling(in(&FaceModels::model), in(&FaceModels::positive), in(&FaceModels::negative), nullptr, call);
        DetailerPipe pipe;
        pipe.model = value_of(call, "model");
        pipe.clip = value_of(call, "clip");
        pipe.vae = value_of(call, "vae");
        pipe.positive = value_of(call, "positive");
        pipe.negative = value_of(call, "negative");
        pipe.bbox_detector = value_of(call, "bbox_detector");
        pipe.segm_detector = value_of(call, "segm_detector_opt");
        pipe.sam_model = value_of(call, "sam_model_opt");
        return foreseen_face(in(&Face::image), std::move(pipe));
      }});
  table.add(NodeOf<FacePipe>{
      .name = "FaceDetailerPipe",
      .display = "FaceDetailer (pipe)",
      .category = "ImpactPack/Simple",
      .description = "Finds faces, or whatever the pipe's detector finds, draws each anew, and puts it back.",
      .origin = "impact",
      .inputs =
          with_later(with_finding(with_edges(with_sampling(Inputs<FacePipe>{
                                      Link("image", &Face::image), Link("detailer_pipe", &FacePipe::detailer_pipe)})))
                         .and_then({Float("refiner_ratio", &FacePipe::refiner_ratio)
                                        .range(0.0, 1.0)
                                        .added_later()
                                        .tip("Has no effect without a second model."),
                                    cycle_input<Drawing>()})),
      .outputs = kOutputs,
      .run = by_pipe,
      .check = [](const FacePipe& in) { check_drawing(in); },
      .foresee = [](const Known<FacePipe>& in) -> ForeseenFace {
        return foreseen_face(in(&Face::image), in(&FacePipe::detailer_pipe));
      }});
}

}  // namespace easel::nodes
