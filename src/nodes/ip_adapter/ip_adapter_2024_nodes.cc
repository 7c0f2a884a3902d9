// IP-Adapter nodes as they were in 2023 and in January 2024; many published workflows use them.
#include "image/edit/pictures.h"
#include "models/vision/clip_vision.h"
#include "node_api/table.h"
#include "nodes/common/reference_picture.h"
#include "nodes/ip_adapter/ip_adapter_apply.h"
#include "ops/elementwise.h"
#include "sampling/random/torch_random.h"

namespace easel::nodes {
namespace {

using models::ClipVisionHandle;
using models::ClipVisionOutput;
using models::ModelHandle;

// The embeds of pictures and of what stands for their opposite, which is noise if `noise` is above 0.
models::IpEmbeds embeds_of(const ClipVisionHandle& vision, const Tensor& pictures, bool hidden_states, double noise) {
  if (noise <= 0) return models::ip_embeds(vision, pictures, hidden_states);
  sampling::TorchGenerator generator;
  const Tensor opposite = models::ip_noise_images(pictures, noise, generator);
  return {models::ip_encode_images(vision, pictures, hidden_states),
          models::ip_encode_images(vision, opposite, hidden_states)};
}

// --- Applying ---

// The parameters that both ways of applying an adapter share.
struct Application {
  Linked<IpPipeline> ipadapter;
  Linked<ModelHandle> model;
  double weight = 1.0;
  std::string weight_type;
  double start_at = 0.0, end_at = 1.0;
  bool unfold_batch = false;
  MaybeLinked<Mask> attn_mask;
};

IpApplication application(const Application& in) {
  IpApplication how;
  how.weight.weight = in.weight;
  how.scaling = models::ip_scaling(in.weight_type);
  how.start_at = in.start_at;
  how.end_at = in.end_at;
  how.bicubic_mask = true;
  how.unfold_batch = in.unfold_batch;
  how.mask = in.attn_mask.value_or_empty();
  return how;
}

Foreseen<ModelHandle> foresee_fit(const Known<Application>& in, const Call& call, const ClipVisionHandle* vision) {
  const ModelHandle* model = in(&Application::model);
  if (const IpPipeline* pipeline = in(&Application::ipadapter))
    require_adapter_fits(call, *pipeline, find_vision(vision, *pipeline), model);
  return {model};
}

struct Apply : Application {
  Linked<ClipVisionHandle> clip_vision;
  Linked<Image> image;
  double noise = 0.0;
};

Results<ModelHandle> apply(const Apply& in, Call& call) {
  const IpPipeline& pipeline = *in.ipadapter;
  require_adapter_fits(call, pipeline, &*in.clip_vision, &*in.model);
  warn_of_crop(call, *in.image);
  warn_of_blending(call, in.image->dim(0), in.unfold_batch);
  const auto embeds = embeds_of(*in.clip_vision, *in.image, pipeline.adapter.config.takes_hidden_states(), in.noise);
  return {apply_ip_adapter(*in.model, pipeline, models::ip_tokens(pipeline.adapter, embeds), application(in))};
}

Foreseen<ModelHandle> foresee_apply(const Known<Apply>& in, Call& call) {
  warn_of_crop(call, in(&Apply::image));
  warn_of_blending(call, in(&Apply::image), in(&Apply::unfold_batch));
  return foresee_fit(in, call, in(&Apply::clip_vision));
}

struct ApplyEncoded : Application {
  Linked<IpEmbedsPair> embeds;
};

Results<ModelHandle> apply_encoded(const ApplyEncoded& in, Call& call) {
  const IpPipeline& pipeline = *in.ipadapter;
  require_adapter_fits(call, pipeline, nullptr, &*in.model);
  return {
      apply_ip_adapter(*in.model, pipeline, models::ip_tokens(pipeline.adapter, in.embeds->embeds), application(in))};
}

Foreseen<ModelHandle> foresee_encoded(const Known<ApplyEncoded>& in, Call& call) {
  const ForeseenVision* embeds = in(&ApplyEncoded::embeds);
  return foresee_fit(in, call, embeds ? &embeds->vision : nullptr);
}

// The node of 2023, which loads its adapter itself.
struct ApplyNamed {
  Linked<ModelHandle> model;
  Linked<Image> image;
  Linked<ClipVisionHandle> clip_vision;
  double weight = 1.0;
  std::string model_name, dtype;
  MaybeLinked<Mask> mask;
};

Results<ModelHandle, ClipVisionOutput> apply_named(const ApplyNamed& in, Call& call) {
  const IpPipeline pipeline = open_ip_adapter(call, in.model_name);
  require_adapter_fits(call, pipeline, &*in.clip_vision, &*in.model);
  warn_of_crop(call, *in.image);
  warn_of_blending(call, in.image->dim(0), false);
  const auto embeds = models::ip_embeds(*in.clip_vision, *in.image, pipeline.adapter.config.takes_hidden_states());
  IpApplication how;
  how.weight.weight = in.weight;
  how.bicubic_mask = true;
  how.mask = in.mask.value_or_empty();
  return {apply_ip_adapter(*in.model, pipeline, models::ip_tokens(pipeline.adapter, embeds), how),
          models::encode_images(*in.clip_vision, *in.image)};
}

Foreseen<ModelHandle, ClipVisionOutput> foresee_named(const Known<ApplyNamed>& in, Call& call) {
  const ModelHandle* model = in(&ApplyNamed::model);
  const ClipVisionHandle* vision = in(&ApplyNamed::clip_vision);
  warn_of_crop(call, in(&ApplyNamed::image));
  warn_of_blending(call, in(&ApplyNamed::image), false);
  require_adapter_fits(call, open_ip_adapter(call, in(&ApplyNamed::model_name)), vision, model);
  return {model, vision ? std::optional(ForeseenVision{*vision}) : std::nullopt};
}

template <class P>
Input<P> weight_input() {
  return Float("weight", &P::weight)
      .range(-1.0, 3.0)
      .step(0.05)
      .useful(0, 1.5, 0.05)
      .tip("How strong the picture's effect is: 0.5 to 0.8 leaves room for the prompt.");
}
Input<Application> weight_type_input() {
  return Choice("weight_type", &Application::weight_type, {"original", "linear", "channel penalty"})
      .added_later()
      .tip("What the weight multiplies.");
}
Input<Application> start_input() {
  return Float("start_at", &Application::start_at)
      .range(0.0, 1.0)
      .step(0.001)
      .added_later()
      .tip("When the picture starts to have an effect; 0 is the start of the denoising.");
}
Input<Application> end_input() {
  return Float("end_at", &Application::end_at)
      .range(0.0, 1.0)
      .step(0.001)
      .added_later()
      .tip("When the picture stops having an effect; 1 is the end of the denoising.");
}
Input<Application> unfold_input() {
  return Bool("unfold_batch", &Application::unfold_batch)
      .added_later()
      .tip("Each reference picture steers one picture of the batch, instead of all of them together every picture.");
}
template <class P>
Input<P> noise_input() {
  return Float("noise", &P::noise)
      .range(0.0, 1.0)
      .step(0.01)
      .added_later()
      .tip("How much noise there is in the picture that stands for 'not this picture'.");
}

void register_apply(Table& table) {
  table.add(NodeOf<Apply>{
      .name = "IPAdapterApply",
      .display = "Apply IPAdapter",
      .category = "ipadapter",
      .description = "Lets reference pictures steer a model through an IP-Adapter (the form of January 2024).",
      .inputs = {Link("ipadapter", &Application::ipadapter), Link("clip_vision", &Apply::clip_vision),
                 Link("image", &Apply::image), Link("model", &Application::model), weight_input<Apply>(),
                 noise_input<Apply>(), weight_type_input(), start_input(), end_input(), unfold_input(),
                 Link("attn_mask", &Application::attn_mask).tip("Where the pictures have an effect.")},
      .run = apply,
      .foresee = foresee_apply});
  table.add(NodeOf<ApplyEncoded>{
      .name = "IPAdapterApplyEncoded",
      .display = "Apply IPAdapter from Encoded",
      .category = "ipadapter",
      .description = "IPAdapterApply with pictures that IPAdapterEncoder has encoded.",
      .inputs = {Link("ipadapter", &Application::ipadapter), Link("embeds", &ApplyEncoded::embeds),
                 Link("model", &Application::model), weight_input<Application>(), weight_type_input(), start_input(),
                 end_input(), unfold_input(), Link("attn_mask", &Application::attn_mask)},
      .run = apply_encoded,
      .foresee = foresee_encoded});
  table.add(NodeOf<ApplyNamed>{
      .name = "IPAdapter",
      .display = "IPAdapter",
      .category = "adapters",
      .description = "Lets a reference picture steer a model (the form of September 2023, which names the "
                     "adapter's file itself).",
      .inputs = {Link("model", &ApplyNamed::model), Link("image", &ApplyNamed::image),
                 Link("clip_vision", &ApplyNamed::clip_vision), weight_input<ApplyNamed>(),
                 File("model_name", &ApplyNamed::model_name, "ipadapter"),
                 Choice("dtype", &ApplyNamed::dtype, {"fp16", "fp32"})
                     .optional()
                     .tip("Kept for old workflows; precision is chosen with --precision."),
                 Link("mask", &ApplyNamed::mask)},
      .deprecated = true,
      .run = apply_named,
      .foresee = foresee_named});
}

// --- Loading and encoding ---

struct Load {
  std::string ipadapter_file;
};

Results<IpPipeline> load(const Load& in, Call& call) { return {open_ip_adapter(call, in.ipadapter_file)}; }

struct Encode {
  Linked<ClipVisionHandle> clip_vision;
  Linked<Image> image_1;
  bool ipadapter_plus = false;
  double noise = 0.0;
  MaybeLinked<Image> image_2, image_3, image_4;
  double weight_1 = 1.0, weight_2 = 1.0, weight_3 = 1.0, weight_4 = 1.0;
};

// The embeds of up to four pictures, each multiplied by its weight.
Results<IpEmbedsPair> encode(const Encode& in) {
  Tensor pictures;
  std::vector<float> weights;
  const auto add = [&](const Tensor* picture, double w) {
    if (!picture) return;
    weights.insert(weights.end(), static_cast<size_t>(picture->dim(0)), static_cast<float>(w * (0.1 + (w - 0.1))));
    pictures = pictures.defined() ? image::join_batches(pictures, *picture) : *picture;
  };
  add(&*in.image_1, in.weight_1);
  add(in.image_2.get(), in.weight_2);
  add(in.image_3.get(), in.weight_3);
  add(in.image_4.get(), in.weight_4);
  auto embeds = embeds_of(*in.clip_vision, pictures, in.ipadapter_plus, in.noise);
  Shape column = embeds.cond.shape();
  for (int i = 1; i < column.rank(); ++i) column[i] = 1;
  embeds.cond = ops::mul(embeds.cond, Tensor::of(Shape{embeds.cond.dim(0)}, weights).view(column));
  return {IpEmbedsPair{std::move(embeds)}};
}

Foreseen<IpEmbedsPair> foresee_encode(const Known<Encode>& in) {
  const ClipVisionHandle* vision = in(&Encode::clip_vision);
  if (!vision) return {};
  return {ForeseenVision{*vision}};
}

Input<Encode> unit_weight(const char* name, double Encode::*member) {
  return Float(name, member).range(0.0, 1.0).step(0.01);
}

struct Prepare {
  Linked<Image> image;
  std::string interpolation, crop_position;
  double sharpening = 0.0;
};

constexpr int64_t kClipSide = 224;

Foreseen<Image> foresee_prepared(const Known<Prepare>& in) {
  const ForeseenPicture* known = in(&Prepare::image);
  if (!known) return {};
  return {ForeseenPicture{kClipSide, kClipSide, known->count, known->channels}};
}

Results<Image> prepare(const Prepare& in) {
  return {image::square_for_clip(*in.image, kClipSide, image::pillow_filter(in.interpolation),
                                 image::square_from(in.crop_position), in.sharpening)};
}

}  // namespace

void register_ip_adapter_2024_nodes(Table& table) {
  register_apply(table);
  table.add(NodeOf<Load>{.name = "IPAdapterModelLoader",
                         .display = "IPAdapter Model Loader",
                         .category = "ipadapter/loaders",
                         .description = "Loads an IP-Adapter; its kind is read from the file.",
                         .inputs = {File("ipadapter_file", &Load::ipadapter_file, "ipadapter")},
                         .runs_when_checked = true,
                         .run = load});
  table.add(NodeOf<Encode>{
      .name = "IPAdapterEncoder",
      .display = "Encode IPAdapter Image",
      .category = "ipadapter",
      .description = "Encodes up to four reference pictures, each with its weight (the form of January 2024).",
      .inputs = {Link("clip_vision", &Encode::clip_vision), Link("image_1", &Encode::image_1),
                 Bool("ipadapter_plus", &Encode::ipadapter_plus).tip("Must be on for adapters of the plus kind."),
                 noise_input<Encode>(), unit_weight("weight_1", &Encode::weight_1), Link("image_2", &Encode::image_2),
                 Link("image_3", &Encode::image_3), Link("image_4", &Encode::image_4),
                 unit_weight("weight_2", &Encode::weight_2).optional(),
                 unit_weight("weight_3", &Encode::weight_3).optional(),
                 unit_weight("weight_4", &Encode::weight_4).optional()},
      .deprecated = true,
      .run = encode,
      .foresee = foresee_encode});
  table.add(NodeOf<Prepare>{
      .name = "PrepImageForClipVision",
      .display = "Prep Image For ClipVision",
      .category = "ipadapter/utils",
      .description = "Makes a reference picture square by cropping it at the given position, or by padding it.",
      .inputs = {Link("image", &Prepare::image),
                 Choice("interpolation", &Prepare::interpolation,
                        {"LANCZOS", "BICUBIC", "HAMMING", "BILINEAR", "BOX", "NEAREST"}),
                 Choice("crop_position", &Prepare::crop_position, {"top", "bottom", "left", "right", "center", "pad"}),
                 Float("sharpening", &Prepare::sharpening).range(0.0, 1.0).step(0.05).added_later()},
      .run = prepare,
      .foresee = foresee_prepared});
}

}  // namespace easel::nodes
