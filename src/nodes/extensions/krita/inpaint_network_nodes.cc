// Networks that fill holes by themselves (comfyui-inpaint-nodes).
#include "library/folders.h"
#include "models/upscale/upscaler.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"

namespace easel::nodes {

// A file that such a network is said to be in.
struct InpaintNetwork {
  std::string file;
};

template <>
struct LinkType<InpaintNetwork> : ModelLink<InpaintNetwork> {
  static constexpr const char* kName = "INPAINT_MODEL";
};

namespace {

struct Load {
  std::string model_name;
};

struct Inpaint {
  Linked<InpaintNetwork> inpaint_model;
  Linked<Image> image;
  Linked<Mask> mask;
  uint64_t seed = 0;
  MaybeLinked<models::UpscalerHandle> optional_upscale_model;
};

// Clients ask for both nodes, and for a file, before they offer anything else.
void refuse(const Inpaint&) {
  throw Error(Fault::kUnsupported, "the inpaint networks LaMa and MAT do not run here")
      .at_input("inpaint_model")
      .fix("Fill the mask with INPAINT_MaskedFill or INPAINT_MaskedBlur");
}

}  // namespace

void register_inpaint_network_nodes(Table& table) {
  table.add(NodeOf<Load>{.name = "INPAINT_LoadInpaintModel",
                         .display = "Load Inpaint Model",
                         .category = "inpaint",
                         .description = "Names the file of a network that fills holes. None of them runs here.",
                         .origin = "inpaint",
                         .inputs = {File("model_name", &Load::model_name, "inpaint")},
                         .outputs = {{"inpaint model"}},
                         .runs_when_checked = true,
                         .run = [](const Load& in, Call& call) -> Results<InpaintNetwork> {
                           return {InpaintNetwork{call.context().folders.find("inpaint", in.model_name)}};
                         }});
  table.add(NodeOf<Inpaint>{
      .name = "INPAINT_InpaintWithModel",
      .display = "Inpaint (using Model)",
      .category = "inpaint",
      .description = "Refused: LaMa and MAT do not run here. Clients look for the node before they connect.",
      .origin = "inpaint",
      .inputs = {Link("inpaint_model", &Inpaint::inpaint_model), Link("image", &Inpaint::image),
                 Link("mask", &Inpaint::mask), Seed("seed", &Inpaint::seed).added_later(),
                 Link("optional_upscale_model", &Inpaint::optional_upscale_model)},
      .run = [](const Inpaint& in) -> Results<Image> {
        refuse(in);
        return {in.image};
      },
      .check = refuse});
}

}  // namespace easel::nodes
