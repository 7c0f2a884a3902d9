// People in pictures, drawn as sticks (comfyui_controlnet_aux).
#include <nlohmann/json.hpp>

#include "models/hints/people.h"
#include "node_api/table.h"
#include "nodes/extensions/krita/hint_pictures.h"
#include "nodes/extensions/krita/pose_keypoints.h"
#include "nodes/extensions/published_file.h"

namespace easel::nodes {
namespace {

constexpr const char* kKind = "controlnet_aux";
constexpr const char* kPublisher = "lllyasviel/Annotators";
constexpr const char* kCategory = "ControlNet Preprocessors/Faces and Poses Estimators";

using image::BytePicture;
using models::PoseKind;

struct Pose {
  Linked<Image> image;
  bool detect_hand = true, detect_body = true, detect_face = true;
  int64_t resolution = 512;
  bool scale_stick_for_xinsr_cn = false;
};

models::PoseHandle finder(PoseKind kind, Call& call) {
  const char* name = kind == PoseKind::kBody   ? "body_pose_model.pth"
                     : kind == PoseKind::kHand ? "hand_pose_model.pth"
                                               : "facenet.pth";
  const auto file = open_published(call, kKind, name, kPublisher);
  return models::load_pose_network(call.context().residency, *file->tensors, kind, file->name());
}

models::PeopleFinders finders(bool hands, bool faces, Call& call) {
  return {finder(PoseKind::kBody, call), hands ? finder(PoseKind::kHand, call) : models::PoseHandle{},
          faces ? finder(PoseKind::kFace, call) : models::PoseHandle{}};
}

Results<Image, PoseKeypoints> pose(const Pose& in, Call& call) {
  const models::PeopleFinders found = finders(in.detect_hand, in.detect_face, call);
  PoseKeypoints frames;
  Tensor out = preprocessed(*in.image, in.resolution, image::ByteFilter::kCubic, call, [&](const BytePicture& picture) {
    frames.frames.push_back({models::find_people(call.context().residency, found, picture)});
    return image::drawn_people(frames.frames.back().people, picture.height, picture.width,
                               {.bodies = in.detect_body,
                                .hands = in.detect_hand,
                                .faces = in.detect_face,
                                .wide_sticks = in.scale_stick_for_xinsr_cn});
  });
  for (PoseKeypoints::Frame& frame : frames.frames) {
    frame.height = out.dim(1);
    frame.width = out.dim(2);
  }
  call.show("openpose_json", {.filename = {}, .subfolder = {}, .type = {}, .text = keypoints_as_json(frames)});
  return {std::move(out), std::move(frames)};
}

Foreseen<Image, PoseKeypoints> foresee_pose(const Known<Pose>& in, Call& call) {
  if (!call.awaits("detect_hand") && !call.awaits("detect_face"))
    finders(in(&Pose::detect_hand), in(&Pose::detect_face), call);
  return {foreseen_hint(in(&Pose::image), in(&Pose::resolution)), std::nullopt};
}

}  // namespace

void register_pose_nodes(Table& table) {
  table.add(NodeOf<Pose>{
      .name = "OpenposePreprocessor",
      .display = "OpenPose Pose",
      .category = kCategory,
      .description =
          "Finds people, their hands and faces, and draws them as sticks, for a ControlNet that follows poses.",
      .origin = "controlnet_aux",
      .inputs = {Link("image", &Pose::image), switched("detect_hand", &Pose::detect_hand, true),
                 switched("detect_body", &Pose::detect_body, true), switched("detect_face", &Pose::detect_face, true),
                 resolution_input(&Pose::resolution),
                 switched("scale_stick_for_xinsr_cn", &Pose::scale_stick_for_xinsr_cn, false)},
      .looks_through = {kKind},
      .run = pose,
      .foresee = foresee_pose});
}

}  // namespace easel::nodes
