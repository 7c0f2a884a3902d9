// Impact-Pack's detectors (github.com/ltdrdata/ComfyUI-Impact-Pack, ComfyUI-Impact-Subpack): networks that find faces,
// hands, people in pictures, and the nodes that look with them.
#include <string>

#include "library/folders.h"
#include "library/model_files.h"
#include "node_api/table.h"
#include "nodes/common/add_node.h"
#include "nodes/common/composed.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/sizes.h"
#include "nodes/extensions/impact/detectors.h"
#include "nodes/extensions/impact/segment/sam_masks.h"

namespace easel::nodes {
namespace {

constexpr const char *kOrigin = "impact", *kCategory = "ImpactPack/Detector";

// --- Loading ---

struct Provider {
  std::string model_name;
};

Results<BboxDetector, SegmDetector> provide(const Provider& in, Call& call) {
  const auto file = call.context().files.open(call.context().folders.find("ultralytics", in.model_name));
  const models::YoloHandle network = models::load_yolo(call.context().residency, *file);
  const bool boxes_only = in.model_name.starts_with("bbox");
  if (!boxes_only && !network.config.masks) return {BboxDetector{network}, SegmDetector{network, false}};
  return {BboxDetector{network}, SegmDetector{network, !boxes_only}};
}

// --- Looking ---

template <class Detector>
struct Look {
  Linked<Detector> detector;
  Linked<Image> image;
  double threshold = 0.5, crop_factor = 3.0;
  int64_t dilation = 10, drop_size = 10;
  std::string labels = "all";
  MaybeLinked<DetailerHook> detailer_hook;
};

Foreseen<Segments> foreseen_parts(const ForeseenPicture* picture) {
  if (!picture) return {};
  return {ForeseenSegments{.height = picture->height, .width = picture->width}};
}

template <class Detector>
void add_look(const AddNode& add, const char* name, const char* description, const char* detector,
              Segments (*found)(const Detector&, const Tensor&, const Looking&, Call&)) {
  using In = Look<Detector>;
  add.node<In>(
      name, description,
      {Link(detector, &In::detector), Link("image", &In::image),
       Float("threshold", &In::threshold).range(0.0, 1.0).step(0.01).tip("What is less likely is left out."),
       Int("dilation", &In::dilation).range(-512, 512).step(1).tip("How much the masks grow."),
       Float("crop_factor", &In::crop_factor)
           .range(1.0, 100.0)
           .step(0.1)
           .tip("How much of the picture around a part is looked at with it: 1 is the part only."),
       Int("drop_size", &In::drop_size)
           .range(1, kMaxSide)
           .step(1)
           .added_later()
           .tip("Parts whose width or height is no larger are left out."),
       Text("labels", &In::labels).multiline().added_later().tip("What is looked for, with commas between; or all."),
       Link("detailer_hook", &In::detailer_hook)},
      [found](const In& in, Call& call) -> Results<Segments> {
        Segments all = found(*in.detector, *in.image,
                             {.threshold = in.threshold,
                              .dilation = in.dilation,
                              .crop_factor = in.crop_factor,
                              .drop_size = in.drop_size},
                             call);
        if (!in.labels.empty()) all = by_label(all, in.labels).first;
        return {std::move(all)};
      },
      {}, [](const Known<In>& in) { return foreseen_parts(in(&In::image)); });
}

template <class Detector>
struct InOne {
  Linked<Detector> detector;
  Linked<Image> image;
  double threshold = 0.5;
  int64_t dilation = 0;
};
struct BoxesInOne : InOne<BboxDetector> {
  BoxesInOne() { dilation = 4; }
};

template <class In, class Detector>
void add_in_one(const AddNode& add, const char* name, const char* description, const char* detector,
                Tensor (*found)(const Detector&, const Tensor&, const Looking&, Call&)) {
  add.node<In>(
      name, description,
      {Link(detector, &InOne<Detector>::detector), Link("image", &InOne<Detector>::image),
       Float("threshold", &InOne<Detector>::threshold)
           .range(0.0, 1.0)
           .step(0.01)
           .tip("What is less likely is left out."),
       Int("dilation", &InOne<Detector>::dilation).range(-512, 512).step(1).tip("How much the masks grow.")},
      [found](const In& in, Call& call) -> Results<Mask> {
        return {found(*in.detector, *in.image, {.threshold = in.threshold, .dilation = in.dilation}, call)};
      },
      {},
      [](const Known<In>& in) -> Foreseen<Mask> {
        const ForeseenPicture* picture = in(&InOne<Detector>::image);
        if (!picture) return {};
        return {ForeseenMask{.width = picture->width, .height = picture->height, .count = 1}};
      });
}

// --- Boxes, and finer masks in them ---

struct Simple {
  Linked<Image> image;
  double bbox_threshold = 0.5, crop_factor = 3.0, sub_threshold = 0.5, sam_mask_hint_threshold = 0.7;
  int64_t bbox_dilation = 0, drop_size = 10, sub_dilation = 0, sub_bbox_expansion = 0, post_dilation = 0;
};
struct SimpleOnes : Simple {
  Linked<BboxDetector> bbox_detector;
  MaybeLinked<SamModel> sam_model;
  MaybeLinked<SegmDetector> segm_detector;
};
struct SimplePipe : Simple {
  Linked<DetailerPipe> detailer_pipe;
};

Segments found(const Simple& in, const BboxDetector& boxes, const SamModel* sam, const SegmDetector* shapes,
               Call& call) {
  Segments out = found_boxes(boxes, *in.image,
                             {.threshold = in.bbox_threshold,
                              .dilation = in.bbox_dilation,
                              .crop_factor = in.crop_factor,
                              .drop_size = in.drop_size},
                             call);
  if (sam) {
    SamHints how;
    how.hint = "center-1";
    how.use_negative = "False";
    how.dilation = in.sub_dilation;
    how.sure = in.sub_threshold;
    how.expansion = in.sub_bbox_expansion;
    how.mask_threshold = in.sam_mask_hint_threshold;
    out = within_mask(out, sam_mask(*sam, out, *in.image, how, call));
  } else if (shapes) {
    out = within_mask(out, combined_mask(found_shapes(*shapes, *in.image,
                                                      {.threshold = in.sub_threshold,
                                                       .dilation = in.sub_dilation,
                                                       .crop_factor = in.crop_factor,
                                                       .drop_size = in.drop_size},
                                                      call)));
  }
  return dilated(std::move(out), in.post_dilation);
}

template <class P>
Inputs<P> with_thresholds(Inputs<P> inputs) {
  return std::move(inputs).and_then(
      {Link("image", &Simple::image), Float("bbox_threshold", &Simple::bbox_threshold).range(0.0, 1.0).step(0.01),
       Int("bbox_dilation", &Simple::bbox_dilation).range(-512, 512).step(1),
       Float("crop_factor", &Simple::crop_factor).range(1.0, 100.0).step(0.1),
       Int("drop_size", &Simple::drop_size).range(1, kMaxSide).step(1),
       Float("sub_threshold", &Simple::sub_threshold).range(0.0, 1.0).step(0.01),
       Int("sub_dilation", &Simple::sub_dilation).range(-512, 512).step(1),
       Int("sub_bbox_expansion", &Simple::sub_bbox_expansion).range(0, 1000).step(1),
       Float("sam_mask_hint_threshold", &Simple::sam_mask_hint_threshold).range(0.0, 1.0).step(0.01),
       Int("post_dilation", &Simple::post_dilation).range(-512, 512).step(1).optional()});
}

void add_simple(const AddNode& add) {
  add.node<SimpleOnes>(
      "ImpactSimpleDetectorSEGS", "The parts that a detector finds, cut out by a finer one if there is one.",
      with_thresholds(Inputs<SimpleOnes>{Link("bbox_detector", &SimpleOnes::bbox_detector)})
          .and_then(
              {Link("sam_model_opt", &SimpleOnes::sam_model), Link("segm_detector_opt", &SimpleOnes::segm_detector)}),
      [](const SimpleOnes& in, Call& call) -> Results<Segments> {
        return {found(in, *in.bbox_detector, in.sam_model.get(), in.segm_detector.get(), call)};
      },
      {}, [](const Known<SimpleOnes>& in) { return foreseen_parts(in(&Simple::image)); });
  add.node<SimplePipe>(
      "ImpactSimpleDetectorSEGSPipe", "The parts that a pipe's detectors find.",
      with_thresholds(Inputs<SimplePipe>{Link("detailer_pipe", &SimplePipe::detailer_pipe)}),
      [](const SimplePipe& in, Call& call) -> Results<Segments> {
        const DetailerPipe& pipe = *in.detailer_pipe;
        if (pipe.bbox_detector.empty())
          throw Error(Fault::kInvalid, "holds no detector of boxes").at_input("detailer_pipe");
        return {found(in, pipe.bbox_detector.as<BboxDetector>(), pipe.sam_model.get<SamModel>(),
                      pipe.segm_detector.get<SegmDetector>(), call)};
      },
      {}, [](const Known<SimplePipe>& in) { return foreseen_parts(in(&Simple::image)); });
}

}  // namespace

void register_impact_detector_nodes(Table& table) {
  table.add(NodeOf<Provider>{.name = "UltralyticsDetectorProvider",
                             .category = "ImpactPack",
                             .description = "Opens a network of ultralytics that finds boxes, or masks as well.",
                             .origin = kOrigin,
                             .inputs = {File("model_name", &Provider::model_name, "ultralytics")},
                             .runs_when_checked = true,
                             .run = provide});
  const AddNode add{table, kOrigin, kCategory};
  for (const char* name : {"BboxDetectorSEGS", "ONNXDetectorSEGS"})
    add_look<BboxDetector>(add, name, "The parts of a picture that a detector finds, as boxes.", "bbox_detector",
                           found_boxes);
  add_look<SegmDetector>(add, "SegmDetectorSEGS", "The parts of a picture that a detector finds, by their shapes.",
                         "segm_detector", found_shapes);
  add_in_one<BoxesInOne, BboxDetector>(add, "BboxDetectorCombined_v2", "The boxes that a detector finds, as one mask.",
                                       "bbox_detector", boxes_in_one);
  add_in_one<InOne<SegmDetector>, SegmDetector>(
      add, "SegmDetectorCombined_v2", "The shapes that a detector finds, as one mask.", "segm_detector", shapes_in_one);
  add_simple(add);
}

}  // namespace easel::nodes
