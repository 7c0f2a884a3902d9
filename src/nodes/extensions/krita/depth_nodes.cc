// Depth estimated from a picture (comfyui_controlnet_aux).
#include "node_api/table.h"

namespace easel::nodes {
namespace {

struct Depth {
  Linked<Image> image;
  std::string ckpt_name = "depth_anything_v2_vitl.pth";
  int64_t resolution = 512;
};

// Clients ask for this node before they ask for anything else, so that it is declared without its network.
void refuse(const Depth& in) {
  throw Error(Fault::kUnsupported, "depth is not estimated here: there is no network of Depth Anything V2")
      .at_input("ckpt_name")
      .fix("Give the ControlNet a depth picture made elsewhere in place of " + in.ckpt_name);
}

}  // namespace

void register_depth_nodes(Table& table) {
  table.add(
      NodeOf<Depth>{.name = "DepthAnythingV2Preprocessor",
                    .display = "Depth Anything V2 - Relative",
                    .category = "ControlNet Preprocessors/Normal and Depth Estimators",
                    .description = "Refused: its network is not here. Clients look for the node before they connect.",
                    .origin = "controlnet_aux",
                    .inputs = {Link("image", &Depth::image),
                               Choice("ckpt_name", &Depth::ckpt_name,
                                      {"depth_anything_v2_vitg.pth", "depth_anything_v2_vitl.pth",
                                       "depth_anything_v2_vitb.pth", "depth_anything_v2_vits.pth"})
                                   .optional(),
                               Int("resolution", &Depth::resolution).range(64, 16384).step(64).optional()},
                    .run = [](const Depth& in) -> Results<Image> {
                      refuse(in);
                      return {in.image};
                    },
                    .check = refuse});
}

}  // namespace easel::nodes
