// Fooocus' inpaint patch for SDXL, and conditioning for inpainting with it (comfyui-inpaint-nodes).
#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "models/latent_format.h"
#include "models/patch/fooocus.h"
#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/common/foresight.h"
#include "nodes/common/link_types.h"
#include "nodes/common/model_input.h"

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
  Tensor out(mask.shape());
  const Tensor in = contiguous(mask);
  std::transform(in.f32(), in.f32() + in.numel(), out.f32(), [](float v) { return std::nearbyint(v); });
  return out;
}

// [N,h,w,5]: where there is anything of the mask in a latent pixel, and the latent as the model takes it.
Tensor head_input(const Latent& latent, const models::LatentFormat& format) {
  const Tensor samples = contiguous(format.to_model(latent.samples)), mask = rounded(latent.noise_mask);
  const int64_t n = samples.dim(0), h = samples.dim(1), w = samples.dim(2), channels = samples.dim(3);
  const int64_t factor = format.factor;
  if (mask.dim(1) / factor != h || mask.dim(2) / factor != w || (mask.dim(0) != 1 && mask.dim(0) != n))
    throw Error(Fault::kMismatch, "the latent's mask is " + std::to_string(mask.dim(0)) + " x " +
                                      std::to_string(mask.dim(2)) + "x" + std::to_string(mask.dim(1)) +
                                      " pixels, and the latent " + std::to_string(n) + " x " +
                                      std::to_string(w * factor) + "x" + std::to_string(h * factor))
        .at_input("latent")
        .fix("Take the latent of INPAINT_VAEEncodeInpaintConditioning");
  Tensor out({n, h, w, channels + 1});
  for (int64_t i = 0; i < n; ++i)
    for (int64_t y = 0; y < h; ++y)
      for (int64_t x = 0; x < w; ++x) {
        float* to = out.f32() + ((i * h + y) * w + x) * (channels + 1);
        const float* from = mask.f32() + (mask.dim(0) == 1 ? 0 : i) * mask.dim(1) * mask.dim(2);
        to[0] = 0;
        for (int64_t dy = 0; dy < factor; ++dy)
          for (int64_t dx = 0; dx < factor; ++dx)
            to[0] = std::max(to[0], from[(y * factor + dy) * mask.dim(2) + x * factor + dx]);
        std::copy_n(samples.f32() + ((i * h + y) * w + x) * channels, channels, to + 1);
      }
  return out;
}

// A 3x3 convolution without bias, edges repeated: x [N,h,w,C], weight [out,C,3,3] -> [N,h,w,out].
Tensor convolved(const Tensor& x, const Tensor& weight) {
  const int64_t h = x.dim(1), w = x.dim(2), in = x.dim(3), count = weight.dim(0);
  constexpr int64_t kSide = 3;
  Tensor out({x.dim(0), h, w, count});
  parallel_for(x.dim(0) * h, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> window(static_cast<size_t>(in * kSide * kSide));
    for (int64_t line = begin; line < end; ++line)
      for (int64_t column = 0; column < w; ++column) {
        const int64_t image = line / h, row = line % h;
        for (int64_t dy = 0; dy < kSide; ++dy)
          for (int64_t dx = 0; dx < kSide; ++dx) {
            const int64_t r = std::clamp<int64_t>(row + dy - 1, 0, h - 1),
                          c = std::clamp<int64_t>(column + dx - 1, 0, w - 1);
            for (int64_t k = 0; k < in; ++k)
              window[static_cast<size_t>((k * kSide + dy) * kSide + dx)] = x.f32()[((image * h + r) * w + c) * in + k];
          }
        for (int64_t k = 0; k < count; ++k) {
          const float* taps = weight.f32() + k * static_cast<int64_t>(window.size());
          float sum = 0;
          for (size_t i = 0; i < window.size(); ++i) sum += taps[i] * window[i];
          out.f32()[(line * w + column) * count + k] = sum;
        }
      }
  });
  return out;
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
  const Tensor feature = convolved(head_input(latent, format), contiguous(in.patch->head.decoded()));
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
