// IP-Adapter nodes in the forms of 2023 and of January 2024, which many published workflows use.
#include "image/edit/pictures.h"
#include "image/scale/resize.h"
#include "models/vision/clip_vision.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/reference_picture.h"
#include "nodes/ip_adapter/ip_adapter_apply.h"
#include "ops/elementwise.h"
#include "sampling/random/torch_random.h"

namespace easel::nodes {
namespace {

// Embeds of pictures and of their opposite, which is noise when `noise` is above 0.
models::IpEmbeds embeds_of(const models::ClipVisionHandle& vision, const Tensor& pictures, bool hidden_states,
                           double noise) {
  if (noise <= 0) return models::ip_embeds(vision, pictures, hidden_states);
  sampling::TorchGenerator generator;
  sampling::TorchRandomSource random(generator);
  const Tensor opposite = models::ip_noise_images(pictures, noise, random);
  return {models::ip_encode_images(vision, pictures, hidden_states),
          models::ip_encode_images(vision, opposite, hidden_states)};
}

IpApplication application(Call& call) {
  IpApplication how;
  how.weight.weight = call.number("weight");
  how.scaling = models::ip_scaling(call.text("weight_type"));
  how.start_at = call.number("start_at");
  how.end_at = call.number("end_at");
  how.bicubic_mask = true;
  how.unfold_batch = call.flag("unfold_batch");
  if (call.has("attn_mask")) how.mask = call.tensor("attn_mask");
  return how;
}

Outputs apply(Call& call) {
  const auto& pipeline = call.link<IpPipeline>("ipadapter");
  const auto& vision = need_vision(call, pipeline);
  const auto& model = call.link<models::ModelHandle>("model");
  require_adapter_fits(call, pipeline, &vision, &model);
  tell_of_crop(call, call.tensor("image"));
  tell_of_blending(call, call.tensor("image").dim(0), call.flag("unfold_batch"));
  const auto embeds =
      embeds_of(vision, call.tensor("image"), pipeline.adapter.config.takes_hidden_states(), call.number("noise"));
  return {apply_ip_adapter(model, pipeline, models::ip_tokens(pipeline.adapter, embeds), application(call))};
}

Outputs foresee_apply(Call& call) {
  foretell_crop(call, "image");
  foretell_blending(call, "image", call.flag("unfold_batch"));
  const auto* model = call.peek<models::ModelHandle>("model");
  if (const auto* pipeline = call.peek<IpPipeline>("ipadapter")) {
    const auto* embeds = call.peek<ForeseenVision>("embeds");
    require_adapter_fits(call, *pipeline, embeds ? &embeds->vision : find_vision(call, *pipeline), model);
  }
  return {model ? Value("MODEL", *model) : Value()};
}

Outputs apply_encoded(Call& call) {
  const auto& pipeline = call.link<IpPipeline>("ipadapter");
  const auto& model = call.link<models::ModelHandle>("model");
  require_adapter_fits(call, pipeline, nullptr, &model);
  const auto& pair = call.link<IpEmbedsPair>("embeds");
  return {apply_ip_adapter(model, pipeline, models::ip_tokens(pipeline.adapter, pair.embeds), application(call))};
}

// The node of 2023: names its adapter itself.
Outputs apply_named(Call& call) {
  const IpPipeline pipeline = open_ip_adapter(call, call.text("model_name"));
  const auto& vision = call.link<models::ClipVisionHandle>("clip_vision");
  const auto& model = call.link<models::ModelHandle>("model");
  require_adapter_fits(call, pipeline, &vision, &model);
  const Tensor& picture = call.tensor("image");
  tell_of_crop(call, picture);
  tell_of_blending(call, picture.dim(0), false);
  const auto embeds = models::ip_embeds(vision, picture, pipeline.adapter.config.takes_hidden_states());
  IpApplication how;
  how.weight.weight = call.number("weight");
  how.bicubic_mask = true;
  if (call.has("mask")) how.mask = call.tensor("mask");
  return {apply_ip_adapter(model, pipeline, models::ip_tokens(pipeline.adapter, embeds), how),
          Value("CLIP_VISION_OUTPUT", models::encode_images(vision, picture))};
}

Outputs foresee_named(Call& call) {
  const auto* model = call.peek<models::ModelHandle>("model");
  const auto* vision = call.peek<models::ClipVisionHandle>("clip_vision");
  foretell_crop(call, "image");
  foretell_blending(call, "image", false);
  require_adapter_fits(call, open_ip_adapter(call, call.text("model_name")), vision, model);
  return {model ? Value("MODEL", *model) : Value(),
          vision ? Value("CLIP_VISION_OUTPUT", ForeseenVision{*vision}) : Value()};
}

// Up to four pictures with weights of their own, as one value.
Outputs encode(Call& call) {
  Tensor pictures;
  std::vector<float> weights;
  for (const char* number : {"1", "2", "3", "4"}) {
    const std::string input = std::string("image_") + number;
    if (!call.has(input)) continue;
    const Tensor& picture = call.tensor(input);
    const double w = call.number(std::string("weight_") + number);
    weights.insert(weights.end(), static_cast<size_t>(picture.dim(0)), static_cast<float>(w * (0.1 + (w - 0.1))));
    pictures = pictures.defined() ? image::join_batches(pictures, picture) : picture;
  }
  auto embeds = embeds_of(call.link<models::ClipVisionHandle>("clip_vision"), pictures, call.flag("ipadapter_plus"),
                          call.number("noise"));
  Shape column = embeds.cond.shape();
  for (int i = 1; i < column.rank(); ++i) column[i] = 1;
  embeds.cond = ops::mul(embeds.cond, Tensor::of(Shape{embeds.cond.dim(0)}, weights).view(column));
  return {Value("EMBEDS", IpEmbedsPair{std::move(embeds)})};
}

Outputs foresee_encode(Call& call) {
  const auto* vision = call.peek<models::ClipVisionHandle>("clip_vision");
  return {vision ? Value("EMBEDS", ForeseenVision{*vision}) : Value()};
}

Outputs load(Call& call) { return {Value("IPADAPTER", open_ip_adapter(call, call.text("ipadapter_file")))}; }

Outputs prepare_picture(Call& call) {
  return {image(image::square_for_clip(call.tensor("image"), 224, image::pillow_filter(call.text("interpolation")),
                                       image::square_from(call.text("crop_position")), call.number("sharpening")))};
}

In weight_input(double max) {
  return Float("weight").def(1.0).range(-1.0, max).step(0.05).tip(
      "How much the picture counts: 0.5 to 0.8 leaves room for the prompt.");
}
In weight_type_input() {
  return Choice("weight_type", {"original", "linear", "channel penalty"}).late().tip("What the weight multiplies.");
}
In start_input() {
  return Float("start_at")
      .def(0.0)
      .range(0.0, 1.0)
      .step(0.001)
      .late()
      .tip("When the picture begins to count, 0 being the start of the denoising.");
}
In end_input() { return Float("end_at").def(1.0).range(0.0, 1.0).step(0.001).late().tip("When it ceases to count."); }
In unfold_input() {
  return Bool("unfold_batch")
      .def(false)
      .late()
      .tip("Each reference picture steers one picture of the batch, instead of all of them every one.");
}
In noise_input() {
  return Float("noise").def(0.0).range(0.0, 1.0).step(0.01).late().tip("How much noise stands for 'not this picture'.");
}
In unit_weight(std::string name) { return Float(std::move(name)).def(1.0).range(0.0, 1.0).step(0.01); }

void register_apply(Table& table) {
  table.add(
      {.name = "IPAdapterApply",
       .display = "Apply IPAdapter",
       .category = "ipadapter",
       .description = "Lets reference pictures steer a model through an IP-Adapter (the form of January 2024).",
       .inputs = {Link("ipadapter", "IPADAPTER"), Link("clip_vision", "CLIP_VISION"), Link("image", "IMAGE"),
                  Link("model", "MODEL"), weight_input(3.0), noise_input(), weight_type_input(), start_input(),
                  end_input(), unfold_input(), Link("attn_mask", "MASK").optional().tip("Where the pictures count.")},
       .outputs = {{"MODEL"}},
       .run = apply,
       .foresee = foresee_apply});
  table.add({.name = "IPAdapterApplyEncoded",
             .display = "Apply IPAdapter from Encoded",
             .category = "ipadapter",
             .description = "IPAdapterApply for pictures that IPAdapterEncoder has encoded.",
             .inputs = {Link("ipadapter", "IPADAPTER"), Link("embeds", "EMBEDS"), Link("model", "MODEL"),
                        weight_input(3.0), weight_type_input(), start_input(), end_input(), unfold_input(),
                        Link("attn_mask", "MASK").optional()},
             .outputs = {{"MODEL"}},
             .run = apply_encoded,
             .foresee = foresee_apply});
  table.add({.name = "IPAdapter",
             .display = "IPAdapter",
             .category = "adapters",
             .description = "Lets a reference picture steer a model (the form of September 2023, which names the "
                            "adapter's file itself).",
             .inputs = {Link("model", "MODEL"), Link("image", "IMAGE"), Link("clip_vision", "CLIP_VISION"),
                        weight_input(3.0), File("model_name", "ipadapter"),
                        Choice("dtype", {"fp16", "fp32"})
                            .optional()
                            .tip("Kept for old workflows; precision is chosen with --precision."),
                        Link("mask", "MASK").optional()},
             .outputs = {{"MODEL"}, {"CLIP_VISION_OUTPUT"}},
             .deprecated = true,
             .run = apply_named,
             .foresee = foresee_named});
}

}  // namespace

void register_ip_adapter_2024_nodes(Table& table) {
  register_apply(table);
  table.add({.name = "IPAdapterModelLoader",
             .display = "IPAdapter Model Loader",
             .category = "ipadapter/loaders",
             .description = "Loads an IP-Adapter; what kind it is is read from the file.",
             .inputs = {File("ipadapter_file", "ipadapter")},
             .outputs = {{"IPADAPTER"}},
             .cheap = true,
             .run = load});
  table.add(
      {.name = "IPAdapterEncoder",
       .display = "Encode IPAdapter Image",
       .category = "ipadapter",
       .description = "Encodes up to four reference pictures, each with its weight (the form of January 2024).",
       .inputs = {Link("clip_vision", "CLIP_VISION"), Link("image_1", "IMAGE"),
                  Bool("ipadapter_plus").def(false).tip("On for adapters of the plus kind."), noise_input(),
                  unit_weight("weight_1"), Link("image_2", "IMAGE").optional(), Link("image_3", "IMAGE").optional(),
                  Link("image_4", "IMAGE").optional(), unit_weight("weight_2").optional(),
                  unit_weight("weight_3").optional(), unit_weight("weight_4").optional()},
       .outputs = {{"EMBEDS"}},
       .deprecated = true,
       .run = encode,
       .foresee = foresee_encode});
  table.add({.name = "PrepImageForClipVision",
             .display = "Prep Image For ClipVision",
             .category = "ipadapter/utils",
             .description = "Makes a reference picture square: crops it where you say, or pads it.",
             .inputs = {Link("image", "IMAGE"),
                        Choice("interpolation", {"LANCZOS", "BICUBIC", "HAMMING", "BILINEAR", "BOX", "NEAREST"}),
                        Choice("crop_position", {"top", "bottom", "left", "right", "center", "pad"}),
                        Float("sharpening").def(0.0).range(0.0, 1.0).step(0.05)},
             .outputs = {{"IMAGE"}},
             .run = prepare_picture});
}

}  // namespace easel::nodes
