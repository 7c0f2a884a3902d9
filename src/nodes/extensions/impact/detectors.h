// What Impact-Pack's nodes find parts of pictures with, and what its detailers are given as one.
#pragma once

#include <string>

#include "models/detect/sam.h"
#include "models/detect/yolo.h"
#include "node_api/call.h"
#include "node_api/node.h"
#include "nodes/common/link_types.h"
#include "nodes/extensions/impact/segs.h"

namespace easel::nodes {

struct BboxDetector {
  models::YoloHandle network;
};
template <>
struct LinkType<BboxDetector> : ModelLink<BboxDetector> {
  static constexpr const char* kName = "BBOX_DETECTOR";
};

// Of a file among those that find boxes it is there, but cannot be used, as in the original.
struct SegmDetector {
  models::YoloHandle network;
  bool usable = true;
};
template <>
struct LinkType<SegmDetector> : ModelLink<SegmDetector> {
  static constexpr const char* kName = "SEGM_DETECTOR";
};

// Changes what a detailer does; no node makes one here, so that such links are empty.
struct DetailerHook {};
template <>
struct LinkType<DetailerHook> {
  static constexpr const char* kName = "DETAILER_HOOK";
  using Held = DetailerHook;
  using Foreseen = void;
  static size_t bytes(const Held&) { return 0; }
};

// Segment Anything.
struct SamModel {
  models::SamHandle network;
};
template <>
struct LinkType<SamModel> : ModelLink<SamModel> {
  static constexpr const char* kName = "SAM_MODEL";
};

// How parts are looked for.
struct Looking {
  double threshold = 0.5;    // less likely ones are left out
  int64_t dilation = 10;     // pixels that masks grow by; what is below 0 has no effect
  double crop_factor = 3.0;  // how much of the picture around a part belongs to it
  int64_t drop_size = 10;    // parts that are no larger are left out
};

// The parts that a detector finds in one picture [1,H,W,C], the likeliest first: their masks are boxes, or what the
// network says of their shape. Throws Error(kInvalid) at the input `image` for several pictures.
Segments found_boxes(const BboxDetector& detector, const Tensor& picture, const Looking& how, Call& call);
Segments found_shapes(const SegmDetector& detector, const Tensor& picture, const Looking& how, Call& call);
// Their masks in one, [1,H,W]; all 0 if there are none.
Tensor boxes_in_one(const BboxDetector& detector, const Tensor& picture, const Looking& how, Call& call);
Tensor shapes_in_one(const SegmDetector& detector, const Tensor& picture, const Looking& how, Call& call);

// What a detailer is given as one value; any of them may be absent. Before they are computed, what is known of each.
struct DetailerPipe {
  Value model, clip, vae, positive, negative, bbox_detector, segm_detector, sam_model, detailer_hook;
  Value refiner_model, refiner_clip, refiner_positive, refiner_negative;
  std::string wildcard;
};
template <>
struct LinkType<DetailerPipe> {
  static constexpr const char* kName = "DETAILER_PIPE";
  using Held = DetailerPipe;
  using Foreseen = DetailerPipe;
  static size_t bytes(const Held& pipe) { return pipe.positive.bytes() + pipe.negative.bytes(); }
};

}  // namespace easel::nodes
