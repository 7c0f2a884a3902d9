// People with hands and faces, found by DWPose and drawn as sticks (comfyui_controlnet_aux).
#include "models/hints/whole_body.h"
#include "node_api/table.h"
#include "nodes/extensions/krita/hint_pictures.h"
#include "nodes/extensions/krita/pose_keypoints.h"
#include "nodes/extensions/published_file.h"

namespace easel::nodes {
namespace {

constexpr const char* kKind = "controlnet_aux";
constexpr const char* kPublisher = "yzd-v/DWPose";
constexpr const char* kNone = "None";

using image::BytePicture;

struct WholeBody {
  Linked<Image> image;
  bool detect_hand = true, detect_body = true, detect_face = true;
  int64_t resolution = 512;
  std::string bbox_detector = "yolox_l.onnx", pose_estimator = "dw-ll_ucoco_384_bs5.torchscript.pt";
  bool scale_stick_for_xinsr_cn = false;
};

// A network by the name of its choice. TorchScript files hold code, which is never run; the same networks are published
// as ONNX files, which are taken in their place.
models::OnnxHandle network(const std::string& chosen, const char* input, Call& call) {
  std::string name = chosen;
  if (name.ends_with(".torchscript.pt")) name = name.starts_with("yolox") ? "yolox_l.onnx" : "dw-ll_ucoco_384.onnx";
  try {
    const auto file = open_published(call, kKind, name, kPublisher);
    return models::load_onnx_network(call.context().residency, *file);
  } catch (Error& e) {
    if (name != chosen && e.fault() == Fault::kMissing)
      throw Error(Fault::kMissing, chosen + " is TorchScript, which holds code and is not run; the same network as " +
                                       name + " is not there")
          .at_input(input)
          .fix(e.advice());
    e.at_input(input);
    throw;
  }
}

models::WholeBodyFinders finders(const std::string& detector, const std::string& estimator, Call& call) {
  models::WholeBodyFinders out;
  if (detector != kNone) out.detector = network(detector, "bbox_detector", call);
  out.estimator = network(estimator, "pose_estimator", call);
  // The original goes by the name, too.
  out.network = estimator.find("384") != std::string::npos ? image::Size{288, 384} : image::Size{192, 256};
  return out;
}

void check(const WholeBody& in) {
  if (in.bbox_detector.starts_with("yolo_nas"))
    throw Error(Fault::kUnsupported,
                in.bbox_detector + " is a network of another kind (YOLO-NAS), which is not run here")
        .at_input("bbox_detector")
        .fix("Choose yolox_l.onnx, or None to take the whole picture for one person");
}

Results<Image, PoseKeypoints> find(const WholeBody& in, Call& call) {
  const models::WholeBodyFinders found = finders(in.bbox_detector, in.pose_estimator, call);
  PoseKeypoints frames;
  Tensor out = each_picture(*in.image, call, [&](const BytePicture& picture) {
    std::vector<image::Person> people = models::find_whole_people(call.context().residency, found, picture);
    const BytePicture drawn = image::drawn_people(people, picture.height, picture.width,
                                                  {.bodies = in.detect_body,
                                                   .hands = in.detect_hand,
                                                   .faces = in.detect_face,
                                                   .wide_sticks = in.scale_stick_for_xinsr_cn,
                                                   .in_pixels = true});
    const image::PaddedHint padded = image::padded_hint(drawn, in.resolution, image::ByteFilter::kCubic);
    // As in the original, what is not drawn is in the keypoints all the same.
    frames.frames.push_back({std::move(people), picture.height, picture.width});
    return image::unpadded(padded.picture, padded.size);
  });
  call.show("openpose_json", {.filename = {}, .subfolder = {}, .type = {}, .text = keypoints_as_json(frames)});
  return {std::move(out), std::move(frames)};
}

Foreseen<Image, PoseKeypoints> foresee(const Known<WholeBody>& in, Call& call) {
  if (!call.awaits("bbox_detector") && !call.awaits("pose_estimator"))
    finders(in(&WholeBody::bbox_detector), in(&WholeBody::pose_estimator), call);
  return {foreseen_hint(in(&WholeBody::image), in(&WholeBody::resolution)), std::nullopt};
}

}  // namespace

void register_whole_body_nodes(Table& table) {
  table.add(NodeOf<WholeBody>{
      .name = "DWPreprocessor",
      .display = "DWPose Estimator",
      .category = "ControlNet Preprocessors/Faces and Poses Estimators",
      .description =
          "Finds people, their hands and faces, and draws them as sticks, for a ControlNet that follows poses. For a "
          "TorchScript file the ONNX file of the same network is taken.",
      .origin = "controlnet_aux",
      .inputs = {Link("image", &WholeBody::image), switched("detect_hand", &WholeBody::detect_hand, true),
                 switched("detect_body", &WholeBody::detect_body, true),
                 switched("detect_face", &WholeBody::detect_face, true), resolution_input(&WholeBody::resolution),
                 Choice("bbox_detector", &WholeBody::bbox_detector,
                        {kNone, "yolox_l.torchscript.pt", "yolox_l.onnx", "yolo_nas_l_fp16.onnx",
                         "yolo_nas_m_fp16.onnx", "yolo_nas_s_fp16.onnx"})
                     .optional(),
                 Choice("pose_estimator", &WholeBody::pose_estimator,
                        {"dw-ll_ucoco_384_bs5.torchscript.pt", "dw-ll_ucoco_384.onnx", "dw-ll_ucoco.onnx"})
                     .optional(),
                 switched("scale_stick_for_xinsr_cn", &WholeBody::scale_stick_for_xinsr_cn, false)},
      .looks_through = {kKind},
      .run = find,
      .check = check,
      .foresee = foresee});
}

}  // namespace easel::nodes
