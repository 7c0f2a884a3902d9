// Networks that fill holes by themselves (comfyui-inpaint-nodes).
#include "image/edit/pictures.h"
#include "image/inpaint/mask_filters.h"
#include "image/inpaint/square.h"
#include "models/fill/hole_filler.h"
#include "models/upscale/upscaler.h"
#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/link_types.h"
#include "nodes/common/model_input.h"
#include "ops/elementwise.h"

namespace easel::nodes {

template <>
struct LinkType<models::FillerHandle> : ModelLink<models::FillerHandle> {
  static constexpr const char* kName = "INPAINT_MODEL";
};

namespace {

using models::FillerHandle;

struct Load {
  std::string model_name;
};

struct Inpaint {
  Linked<FillerHandle> inpaint_model;
  Linked<Image> image;
  Linked<Mask> mask;
  uint64_t seed = 0;
  MaybeLinked<models::UpscalerHandle> optional_upscale_model;
};

void refuse_misfit(bool fits, const std::string& picture, const std::string& mask) {
  if (!fits)
    throw Error(Fault::kInvalid, "a mask of " + mask + " pixels for a picture of " + picture)
        .at_input("mask")
        .fix("Bring them to one size");
}

std::string in_words(int64_t width, int64_t height) { return std::to_string(width) + " x " + std::to_string(height); }

// What fills the holes, at the size that the network is made for.
Tensor filled(const models::HoleFiller& model, const Tensor& picture, const Tensor& mask, uint64_t seed) {
  const Tensor small = image::made_square(picture, model.side());
  const Tensor holes = image::made_square(image::as_picture(mask), model.side());
  return model.forward(small, image::as_picture(image::fully_selected(image::as_mask(holes))), seed);
}

Results<Image> inpaint(const Inpaint& in, Call& call) {
  const Tensor& pictures = *in.image;
  const Tensor& masks = *in.mask;
  image::require_mask(masks, "mask");
  refuse_misfit(masks.dim(1) == pictures.dim(1) && masks.dim(2) == pictures.dim(2),
                in_words(pictures.dim(2), pictures.dim(1)), in_words(masks.dim(2), masks.dim(1)));
  if (pictures.dim(3) != 3)
    throw Error(Fault::kInvalid, "a picture of " + std::to_string(pictures.dim(3)) + " channels where three are needed")
        .at_input("image");
  const auto model = in.inpaint_model->model->get();
  const auto working = call.context().residency.hold(model->memory_estimate(),
                                                     std::string(models::filler_name(model->kind())) + " at work");
  std::vector<Tensor> out;
  for (int64_t n = 0; n < pictures.dim(0); ++n) {
    call.check_cancelled();
    const Tensor picture = contiguous(pictures.slice(0, n, 1)),
                 mask = contiguous(masks.slice(0, masks.dim(0) == pictures.dim(0) ? n : 0, 1));
    Tensor small = filled(*model, picture, mask, in.seed);
    if (in.optional_upscale_model)
      small = Parts(call, Parts::Doing::kRun)
                  .make("ImageUpscaleWithModel", {},
                        {{"upscale_model", value_of(in.optional_upscale_model)}, {"image", computed<Image>(small)}})[0]
                  .as<Tensor>();
    const Tensor large = image::cut_from_square(small, {picture.dim(2), picture.dim(1)});
    out.push_back(image::filled_where_selected(picture, large, mask));
    call.part_done(static_cast<int>(n) + 1, static_cast<int>(pictures.dim(0)));
  }
  return {ops::concat(out, 0)};
}

Foreseen<Image> foresee_inpaint(const Known<Inpaint>& in) {
  const ForeseenPicture* picture = in(&Inpaint::image);
  const ForeseenMask* mask = in(&Inpaint::mask);
  if (!picture) return {};
  if (mask)
    refuse_misfit(mask->width == picture->width && mask->height == picture->height,
                  in_words(picture->width, picture->height), in_words(mask->width, mask->height));
  return {*picture};
}

}  // namespace

void register_inpaint_network_nodes(Table& table) {
  table.add(NodeOf<Load>{.name = "INPAINT_LoadInpaintModel",
                         .display = "Load Inpaint Model",
                         .category = "inpaint",
                         .description = "Loads a network that fills holes in pictures: LaMa or MAT.",
                         .origin = "inpaint",
                         .inputs = {File("model_name", &Load::model_name, "inpaint")},
                         .outputs = {{"inpaint model"}},
                         .runs_when_checked = true,
                         .run = [](const Load& in, Call& call) -> Results<FillerHandle> {
                           const auto file = open_model(call, "inpaint", in.model_name);
                           return {models::load_hole_filler(call.context().residency, *file->tensors, file->name())};
                         }});
  table.add(NodeOf<Inpaint>{
      .name = "INPAINT_InpaintWithModel",
      .display = "Inpaint (using Model)",
      .category = "inpaint",
      .description = "Fills what is selected with what a network makes up for it, without a text.",
      .origin = "inpaint",
      .inputs = {Link("inpaint_model", &Inpaint::inpaint_model), Link("image", &Inpaint::image),
                 Link("mask", &Inpaint::mask),
                 Seed("seed", &Inpaint::seed).added_later().tip("MAT fills in another way for each; LaMa has one."),
                 Link("optional_upscale_model", &Inpaint::optional_upscale_model)
                     .tip("Enlarges what the network made, of 512 pixels at most, before it is brought to size.")},
      .run = inpaint,
      .foresee = foresee_inpaint});
}

}  // namespace easel::nodes
