// Depth estimated from a picture (comfyui_controlnet_aux).
#include "models/hints/depth_anything.h"
#include "models/hints/normals.h"
#include "models/hints/zoe_depth.h"
#include "node_api/table.h"
#include "nodes/extensions/krita/hint_pictures.h"
#include "nodes/extensions/published_file.h"

namespace easel::nodes {
namespace {

constexpr const char* kKind = "controlnet_aux";

struct Depth {
  Linked<Image> image;
  std::string ckpt_name = "depth_anything_v2_vitl.pth";
  int64_t resolution = 512;
};

std::string publisher(const std::string& file) {
  const char* size = file.ends_with("vits.pth") ? "Small" : file.ends_with("vitb.pth") ? "Base" : "Large";
  return std::string("depth-anything/Depth-Anything-V2-") + size;
}

models::DepthHandle load(const std::string& name, Call& call) {
  const auto file = open_published(call, kKind, name, publisher(name));
  return models::load_depth_network(call.context().residency, *file->tensors, file->name());
}

void check(const Depth& in) {
  if (in.ckpt_name == "depth_anything_v2_vitg.pth")
    throw Error(Fault::kUnsupported, "the giant network of Depth Anything V2 was never published")
        .at_input("ckpt_name")
        .fix("Choose depth_anything_v2_vitl.pth, depth_anything_v2_vitb.pth or depth_anything_v2_vits.pth");
}

Results<Image> depth(const Depth& in, Call& call) {
  const models::DepthHandle model = load(in.ckpt_name, call);
  return {each_picture(*in.image, call, [&](const image::BytePicture& picture) {
    const image::BytePicture found = models::depth_of(call.context().residency, model, picture);
    const image::PaddedHint padded = image::padded_hint(found, in.resolution, image::ByteFilter::kCubic);
    return image::unpadded(padded.picture, padded.size);
  })};
}

struct Metres {
  Linked<Image> image;
  int64_t resolution = 512;
};

models::ZoeHandle load_zoe(Call& call) {
  const auto file = open_published(call, kKind, "ZoeD_M12_N.pt", "lllyasviel/Annotators");
  return models::load_zoe_network(call.context().residency, *file->tensors, file->name());
}

Results<Image> metres(const Metres& in, Call& call) {
  const models::ZoeHandle model = load_zoe(call);
  return {
      preprocessed(*in.image, in.resolution, image::ByteFilter::kCubic, call, [&](const image::BytePicture& picture) {
        return image::near_bytes(models::zoe_metres(call.context().residency, model, picture));
      })};
}

struct Normals {
  Linked<Image> image;
  int64_t resolution = 512;
};

models::NormalHandle load_normals(Call& call) {
  const auto file = open_published(call, kKind, "scannet.pt", "lllyasviel/Annotators");
  return models::load_normal_network(call.context().residency, *file->tensors, file->name());
}

Results<Image> normals(const Normals& in, Call& call) {
  const models::NormalHandle model = load_normals(call);
  return {preprocessed(
      *in.image, in.resolution, image::ByteFilter::kCubic, call,
      [&](const image::BytePicture& picture) { return models::normals_of(call.context().residency, model, picture); })};
}

}  // namespace

void register_depth_nodes(Table& table) {
  table.add(NodeOf<Metres>{
      .name = "Zoe-DepthMapPreprocessor",
      .display = "Zoe Depth Map",
      .category = "ControlNet Preprocessors/Normal and Depth Estimators",
      .description = "How near each pixel is by ZoeDepth, white the nearest one, for a ControlNet that follows depth.",
      .origin = "controlnet_aux",
      .inputs = {Link("image", &Metres::image), resolution_input(&Metres::resolution)},
      .looks_through = {kKind},
      .run = metres,
      .foresee = [](const Known<Metres>& in, Call& call) -> Foreseen<Image> {
        load_zoe(call);
        return foresee_hint(in(&Metres::image), in(&Metres::resolution));
      }});
  table.add(
      NodeOf<Normals>{.name = "BAE-NormalMapPreprocessor",
                      .display = "BAE Normal Map",
                      .category = "ControlNet Preprocessors/Normal and Depth Estimators",
                      .description = "Where each surface faces, as colours, for a ControlNet that follows normals.",
                      .origin = "controlnet_aux",
                      .inputs = {Link("image", &Normals::image), resolution_input(&Normals::resolution)},
                      .looks_through = {kKind},
                      .run = normals,
                      .foresee = [](const Known<Normals>& in, Call& call) -> Foreseen<Image> {
                        load_normals(call);
                        return foresee_hint(in(&Normals::image), in(&Normals::resolution));
                      }});
  table.add(NodeOf<Depth>{
      .name = "DepthAnythingV2Preprocessor",
      .display = "Depth Anything V2 - Relative",
      .category = "ControlNet Preprocessors/Normal and Depth Estimators",
      .description = "How near each pixel is, white the nearest one, for a ControlNet that follows depth.",
      .origin = "controlnet_aux",
      .inputs = {Link("image", &Depth::image),
                 Choice("ckpt_name", &Depth::ckpt_name,
                        {"depth_anything_v2_vitg.pth", "depth_anything_v2_vitl.pth", "depth_anything_v2_vitb.pth",
                         "depth_anything_v2_vits.pth"})
                     .optional(),
                 resolution_input(&Depth::resolution)},
      .looks_through = {kKind},
      .run = depth,
      .check = check,
      .foresee = [](const Known<Depth>& in, Call& call) -> Foreseen<Image> {
        if (!call.awaits("ckpt_name")) load(in(&Depth::ckpt_name), call);
        return foresee_hint(in(&Depth::image), in(&Depth::resolution));
      }});
}

}  // namespace easel::nodes
