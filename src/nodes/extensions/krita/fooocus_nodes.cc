// Fooocus' inpaint patch for SDXL, and conditioning for inpainting with it (comfyui-inpaint-nodes).
#include <algorithm>

#include "models/latent_format.h"
#include "models/patch/fooocus.h"
#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/common/foresight.h"
#include "nodes/common/link_types.h"
#include "nodes/common/model_input.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"
#include "ops/conv2d.h"
#include "ops/elementwise.h"

namespace easel::nodes {

template <>
struct LinkType<models::InpaintPatch> : ModelLink<models::InpaintPatch> {
  static constexpr const char* kName = "INPAINT_PATCH";
};

namespace {

using models::Conditioning;
using models::InpaintPatch;
using models::ModelHandle;
using models::VaeHandle;

constexpr const char* kCategory = "inpaint";

struct Load {
  std::string head, patch;
};

Results<InpaintPatch> load(const Load& in, Call& call) {
  const auto head = open_model(call, "inpaint", in.head);
  const auto patch = open_model(call, "inpaint", in.patch);
  return {models::read_inpaint_patch(*head, *patch)};
}

Tensor rounded(const Tensor& mask) {
  return ops::map([](auto v) { return round(v); }, mask);
}

// [N,h,w,5]: where there is anything of the mask in a latent pixel, and the latent as the model takes it.
Tensor head_input(const Latent& latent, const models::LatentFormat& format) {
  const Tensor samples = format.to_model(latent.samples), mask = rounded(latent.noise_mask);
  const int64_t n = samples.dim(0), h = samples.dim(1), w = samples.dim(2), factor = format.factor;
  if (mask.dim(1) / factor != h || mask.dim(2) / factor != w || (mask.dim(0) != 1 && mask.dim(0) != n))
    throw Error(Fault::kMismatch, "the latent's mask is " + std::to_string(mask.dim(0)) + " x " +
                                      std::to_string(mask.dim(2)) + "x" + std::to_string(mask.dim(1)) +
                                      " pixels, and the latent " + std::to_string(n) + " x " +
                                      std::to_string(w * factor) + "x" + std::to_string(h * factor))
        .at_input("latent")
        .fix("Take the latent of INPAINT_VAEEncodeInpaintConditioning");
  const Tensor squares =
      contiguous(mask.slice(1, 0, h * factor).slice(2, 0, w * factor)).view({mask.dim(0), h, factor, w, factor});
  const Tensor rows = ops::reduce(squares, ops::Reduction::kMax, 4, 4);
  const Tensor any = ops::reduce(rows, ops::Reduction::kMax, 2, 2).view({mask.dim(0), h, w, 1});
  return ops::concat({mask.dim(0) == n ? any : ops::repeat(any, n), samples}, 3);
}

// The positions of a side with those at its ends once more.
ops::Taps with_ends_repeated(int64_t size) {
  ops::Taps taps;
  for (int64_t i = -1; i <= size; ++i) taps.index.push_back(std::clamp<int64_t>(i, 0, size - 1));
  return taps;
}

// A 3x3 convolution without bias, edges repeated: x [N,h,w,C], weight [out,C,3,3] -> [N,h,w,out], in f32.
Tensor convolved(const Tensor& x, const StoredTensor& weight) {
  const auto packed = ops::pack_conv2d(weight, {}, {.method = ops::ConvMethod::kDirect}, DType::kF32);
  return ops::conv2d(ops::resample(x, with_ends_repeated(x.dim(1)), with_ends_repeated(x.dim(2))), *packed);
}

struct Apply {
  Linked<ModelHandle> model;
  Linked<InpaintPatch> patch;
  Linked<Latent> latent;
};

Results<ModelHandle> apply(const Apply& in) {
  const Latent& latent = *in.latent;
  const models::LatentFormat& format = in.model->latents();
  if (!latent.noise_mask.defined())
    throw Error(Fault::kMismatch, "the latent has no mask that says what is to be painted")
        .at_input("latent")
        .fix("Take the first latent of INPAINT_VAEEncodeInpaintConditioning");
  if (latent.samples.dim(3) + 1 != in.patch->head.dim(1))
    throw Error(Fault::kMismatch, "the patch is for latents of " + std::to_string(in.patch->head.dim(1) - 1) +
                                      " channels, and this one has " + std::to_string(latent.samples.dim(3)))
        .at_input("latent");
  const Tensor feature = convolved(head_input(latent, format), in.patch->head);
  return {models::with_inpaint_patch(*in.model, *in.patch, feature)};
}

struct Encode {
  Linked<Conditioning> positive, negative;
  Linked<VaeHandle> vae;
  Linked<Image> pixels;
  Linked<Mask> mask;
};

// What InpaintModelConditioning gives, and beside it the latent of the picture without what is masked.
Results<Conditioning, Conditioning, Latent, Latent> encode(const Encode& in, Call& call) {
  const Outputs made = Parts(call, Parts::Doing::kRun)
                           .make("InpaintModelConditioning", {{"noise_mask", true}},
                                 {{"positive", in.positive.value()},
                                  {"negative", in.negative.value()},
                                  {"vae", in.vae.value()},
                                  {"pixels", in.pixels.value()},
                                  {"mask", in.mask.value()}});
  const auto& positive = made.at(0).as<Conditioning>();
  if (positive.empty()) throw Error(Fault::kInvalid, "the conditioning is empty").at_input("positive");
  const Latent& latent = made.at(2).as<Latent>();
  Latent around = latent;
  around.samples = positive.front().concat_latent_image;
  around.noise_mask = rounded(latent.noise_mask);
  return {positive, made.at(1).as<Conditioning>(), std::move(around), latent};
}

}  // namespace

void register_fooocus_nodes(Table& table) {
  table.add(NodeOf<Load>{.name = "INPAINT_LoadFooocusInpaint",
                         .display = "Load Fooocus Inpaint",
                         .category = kCategory,
                         .description = "Loads Fooocus' inpaint patch for SDXL models: its head and its weights.",
                         .origin = "inpaint",
                         .inputs = {File("head", &Load::head, "inpaint").tip("fooocus_inpaint_head.pth"),
                                    File("patch", &Load::patch, "inpaint").tip("inpaint_v26.fooocus.patch")},
                         .outputs = {{"inpaint patch"}},
                         .runs_when_checked = true,
                         .run = load});
  table.add(NodeOf<Apply>{
      .name = "INPAINT_ApplyFooocusInpaint",
      .display = "Apply Fooocus Inpaint",
      .category = kCategory,
      .description = "Makes an SDXL model fill what the latent's mask leaves open.",
      .origin = "inpaint",
      .inputs = {Link("model", &Apply::model), Link("patch", &Apply::patch),
                 Link("latent", &Apply::latent).tip("The first latent of INPAINT_VAEEncodeInpaintConditioning.")},
      .run = apply,
      .foresee = [](const Known<Apply>& in) -> Foreseen<ModelHandle> { return {in(&Apply::model)}; }});
  table.add(NodeOf<Encode>{
      .name = "INPAINT_VAEEncodeInpaintConditioning",
      .display = "VAE Encode & Inpaint Conditioning",
      .category = kCategory,
      .description = "Encodes a picture for inpainting: with what is masked, to begin from, and without it, for the "
                     "model to know what surrounds the mask.",
      .origin = "inpaint",
      .inputs = {Link("positive", &Encode::positive), Link("negative", &Encode::negative), Link("vae", &Encode::vae),
                 Link("pixels", &Encode::pixels), Link("mask", &Encode::mask)},
      .outputs = {{"positive"}, {"negative"}, {"latent_inpaint"}, {"latent_samples"}},
      .run = encode,
      .foresee = [](const Known<Encode>& in) -> Foreseen<Conditioning, Conditioning, Latent, Latent> {
        return {known_or_empty(in(&Encode::positive)), known_or_empty(in(&Encode::negative)), std::nullopt,
                std::nullopt};
      }});
}

}  // namespace easel::nodes
