// Nodes of ComfyUI-Impact-Pack (github.com/ltdrdata/ComfyUI-Impact-Pack): batches, masks, comparisons, samplers on
// pipes.
#include <algorithm>
#include <bit>
#include <cmath>

#include "image/edit/elementwise.h"
#include "image/edit/masks.h"
#include "image/edit/pictures.h"
#include "image/scale/resize.h"
#include "node_api/table.h"
#include "nodes/common/add_node.h"
#include "nodes/common/composed.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/link_types.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/sampler_choices.h"
#include "nodes/common/sizes.h"
#include "nodes/extensions/impact/basic_pipe.h"
#include "nodes/extensions/impact/segs.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

using models::ModelHandle;
using models::VaeHandle;

constexpr const char* kOrigin = "impact";

// --- Several of a kind ---

constexpr size_t kMost = 40;

struct Several {};

// Inputs stem1, stem2, ...: the first is required; which are linked is asked of the call.
Inputs<Several> several(const std::string& stem, const char* type) {
  Inputs<Several> out;
  for (size_t i = 1; i <= kMost; ++i) {
    Input<Several> one(stem + std::to_string(i), type, In::Member::kNone, &blank<Several>());
    one.set_known_when_checked(false);
    if (i == 1) out.push_back(std::move(one));
    else out.push_back(std::move(one).optional());
  }
  return out;
}

std::vector<std::string> numbered(const std::string& stem) {
  std::vector<std::string> out;
  for (size_t i = 1; i <= kMost; ++i) out.push_back(stem + std::to_string(i));
  return out;
}
std::vector<Value> linked(const Call& call, const std::string& stem) {
  std::vector<Value> out;
  for (const std::string& input : numbered(stem))
    if (const Value* value = call.linked(input)) out.push_back(*value);
  return out;
}

// One batch, in the size of the first.
Tensor batch_of(const std::vector<Tensor>& all) {
  std::vector<Tensor> sized;
  for (const Tensor& one : all) {
    const bool fits = one.dim(1) == all[0].dim(1) && one.dim(2) == all[0].dim(2) && one.dim(3) == all[0].dim(3);
    sized.push_back(fits ? one
                         : image::upscale(one, {all[0].dim(2), all[0].dim(1)}, image::ResizeMethod::kLanczos,
                                          image::CropMode::kCenter));
    if (sized.back().dim(3) != all[0].dim(3))
      throw Error(Fault::kMismatch, "pictures with and without transparency make no batch");
  }
  return ops::concat(sized, 0);
}

Results<Image> image_batch(const Several&, Call& call) {
  std::vector<Tensor> all;
  for (const Value& value : linked(call, "image")) all.push_back(value.as<Tensor>());
  return {batch_of(all)};
}

Foreseen<Image> foresee_image_batch(const Known<Several>&, Call& call) {
  return foresee_together<Image>(call, numbered("image"));
}

// Masks are joined as they are: the original cannot bring them to one size.
Tensor mask_batch(const std::vector<Tensor>& all) {
  for (const Tensor& one : all)
    if (one.dim(1) != all[0].dim(1) || one.dim(2) != all[0].dim(2))
      throw Error(Fault::kMismatch, "masks of different sizes make no batch").fix("Bring them to one size first");
  return ops::concat(all, 0);
}

Results<Mask> masks_together(const Several&, Call& call) {
  std::vector<Tensor> all;
  for (const Value& value : linked(call, "mask")) all.push_back(value.as<Tensor>());
  return {mask_batch(all)};
}

Foreseen<Mask> foresee_mask_batch(const Known<Several>&, Call& call) {
  return foresee_together<Mask>(call, numbered("mask"));
}

Results<ListOf<Image>> image_list(const Several&, Call& call) { return {linked(call, "image")}; }

struct ImageList {
  LinkedList<Image> images;
};
struct MaskList {
  LinkedList<Mask> mask;
};
struct TextList {
  std::string join_with = "\\n";
  LinkedList<std::string> string_list;
};
struct OnePicture {
  Linked<Image> value;
};
struct OneLatent {
  Linked<Latent> value;
};
struct ChooseMasked {
  int64_t select = 1;
  Linked<Image> images1;
  MaybeLinked<Image> images2, images3, images4;
  MaybeLinked<Mask> mask1, mask2, mask3, mask4;
};

Results<Image, Mask> choose_masked(const ChooseMasked& in) {
  switch (in.select) {
    case 1: return {in.images1, in.mask1};
    case 2: return {in.images2, in.mask2};
    case 3: return {in.images3, in.mask3};
    default: return {in.images4, in.mask4};
  }
}

void add_batches(Table& table) {
  const AddNode add{table, kOrigin, "ImpactPack/Operation"};
  using FourNumbers = Results<int64_t, int64_t, int64_t, int64_t>;
  using FourForeseen = Foreseen<int64_t, int64_t, int64_t, int64_t>;
  const std::vector<OutputLabel> sizes{{"batch"}, {"height"}, {"width"}, {"channel"}};
  add.node<Several>("ImpactMakeImageBatch", "Pictures as one batch, in the size of the first.",
                    several("image", "IMAGE"), image_batch, {}, foresee_image_batch);
  add.node<Several>("ImpactMakeMaskBatch", "Masks of one size as one batch.", several("mask", "MASK"), masks_together,
                    {}, foresee_mask_batch);
  add.node<Several>("ImpactMakeImageList", "A list of pictures: what follows runs for each.", several("image", "IMAGE"),
                    image_list);
  add.node<ImageList>("ImageListToImageBatch", "The pictures of a list as one batch, in the size of the first.",
                      {Link("images", &ImageList::images)}, [](const ImageList& in) -> Results<Image> {
                        std::vector<Tensor> all;
                        for (size_t i = 0; i < in.images.size(); ++i) all.push_back(in.images[i]);
                        return {batch_of(all)};
                      });
  add.node<MaskList>("MaskListToMaskBatch", "The masks of a list as one batch.", {Link("mask", &MaskList::mask)},
                     [](const MaskList& in) -> Results<Mask> {
                       std::vector<Tensor> all;
                       for (size_t i = 0; i < in.mask.size(); ++i) all.push_back(in.mask[i]);
                       return {mask_batch(all)};
                     });
  add.node<TextList>("StringListToString", "The texts of a list as one.",
                     {Text("join_with", &TextList::join_with), Link("string_list", &TextList::string_list)},
                     [](const TextList& in) -> Results<std::string> {
                       std::vector<std::string> all;
                       for (size_t i = 0; i < in.string_list.size(); ++i) all.push_back(in.string_list[i]);
                       return {joined(all, in.join_with == "\\n" ? "\n" : in.join_with)};
                     });
  add.node<OnePicture>(
      "ImpactImageInfo", "How many pictures there are, and how large.", {Link("value", &OnePicture::value)},
      [](const OnePicture& in) -> FourNumbers {
        return {in.value->dim(0), in.value->dim(1), in.value->dim(2), in.value->dim(3)};
      },
      sizes,
      [](const Known<OnePicture>& in) -> FourForeseen {
        const ForeseenPicture* known = in(&OnePicture::value);
        if (!known) return {};
        return {std::nullopt, known->height, known->width, known->channels};
      });
  add.node<OneLatent>(
      "ImpactLatentInfo", "How many latents there are, and how large their pictures.",
      {Link("value", &OneLatent::value)},
      [](const OneLatent& in) -> FourNumbers {
        const Tensor& t = in.value->samples;
        return {t.dim(0), t.dim(1) * kSideStep, t.dim(2) * kSideStep, t.dim(3)};
      },
      sizes,
      [](const Known<OneLatent>& in) -> FourForeseen {
        const ForeseenLatent* known = in(&OneLatent::value);
        if (!known) return {};
        return {std::nullopt, known->height * kSideStep, known->width * kSideStep, known->channels};
      });
  add.node<ChooseMasked>("ImageMaskSwitch", "Hands on one of four pictures and its mask.",
                         {Int("select", &ChooseMasked::select).range(1, 4).step(1),
                          Link("images1", &ChooseMasked::images1), Link("mask1_opt", &ChooseMasked::mask1),
                          Link("images2_opt", &ChooseMasked::images2), Link("mask2_opt", &ChooseMasked::mask2),
                          Link("images3_opt", &ChooseMasked::images3), Link("mask3_opt", &ChooseMasked::mask3),
                          Link("images4_opt", &ChooseMasked::images4), Link("mask4_opt", &ChooseMasked::mask4)},
                         choose_masked, {}, [](const Known<ChooseMasked>& in, Call& call) -> Foreseen<Image, Mask> {
                           if (call.awaits("select")) return {};
                           const std::string number = std::to_string(in(&ChooseMasked::select));
                           const std::string picture = "images" + number + (number == "1" ? "" : "_opt");
                           return {Handed{value_of(call, picture)}, Handed{value_of(call, "mask" + number + "_opt")}};
                         });
}

// --- Masks ---

struct Binary {
  Linked<Mask> mask;
  int64_t threshold = 20;
};
struct TwoMasks {
  Linked<Mask> mask1, mask2;
};
struct Blur {
  Linked<Mask> mask;
  int64_t kernel_size = 10;
  double sigma = 10.0;
};
struct Dilate {
  Linked<Mask> mask;
  int64_t dilation = 10;
};

// Of masks of different shapes the first is handed on, as in the original.
template <class F>
Results<Mask> of_two(const TwoMasks& in, const F& f) {
  if (!(in.mask1->shape() == in.mask2->shape())) return {in.mask1};
  return {image::map(*in.mask1, *in.mask2, f)};
}

// The bits of the numbers themselves: of 0 and 1, both; of others, what they have in common.
float common_bits(float a, float b) {
  return std::bit_cast<float>(std::bit_cast<uint32_t>(a) & std::bit_cast<uint32_t>(b));
}

Results<Mask> blurred(const Blur& in) { return {softened(*in.mask, in.kernel_size, in.sigma)}; }

// The largest (or, below 0, the smallest) value of a square of so many pixels.
Results<Mask> grown(const Dilate& in) {
  if (in.mask->dim(0) != 1)
    throw Error(Fault::kInvalid, "takes one mask at a time, and there are " + std::to_string(in.mask->dim(0)))
        .at_input("mask");
  return {dilated(*in.mask, in.dilation)};
}

void add_masks(Table& table) {
  const AddNode add{table, kOrigin, "ImpactPack/Operation"};
  const auto two = [] { return Inputs<TwoMasks>{Link("mask1", &TwoMasks::mask1), Link("mask2", &TwoMasks::mask2)}; };
  add.node<Binary>(
      "ToBinaryMask", "1 above a threshold, else 0.",
      {Link("mask", &Binary::mask), Int("threshold", &Binary::threshold).range(1, 255)},
      [](const Binary& in) -> Results<Mask> {
        return {image::threshold_mask(*in.mask, static_cast<double>(in.threshold) / 255.0)};
      },
      {}, like<Binary>(&Binary::mask));
  add.node<TwoMasks>(
      "BitwiseAndMask", "What two masks have in common, bit by bit.", two(),
      [](const TwoMasks& in) { return of_two(in, common_bits); }, {}, like<TwoMasks>(&TwoMasks::mask1));
  add.node<TwoMasks>(
      "AddMask", "Two masks together.", two(),
      [](const TwoMasks& in) {
        return of_two(in, [](float a, float b) { return std::clamp((a * 255 + b * 255) / 255.0f, 0.0f, 1.0f); });
      },
      {}, like<TwoMasks>(&TwoMasks::mask1));
  add.node<TwoMasks>(
      "SubtractMask", "A mask without another.", two(),
      [](const TwoMasks& in) {
        return of_two(in, [](float a, float b) { return std::clamp((a * 255 - b * 255) / 255.0f, 0.0f, 1.0f); });
      },
      {}, like<TwoMasks>(&TwoMasks::mask1));
  add.node<Blur>("ImpactGaussianBlurMask", "Blurs a mask.",
                 {Link("mask", &Blur::mask), Int("kernel_size", &Blur::kernel_size).range(0, 100).step(1),
                  Float("sigma", &Blur::sigma).range(0.1, 100.0).step(0.1)},
                 blurred, {}, like<Blur>(&Blur::mask));
  add.node<Dilate>("ImpactDilateMask", "Grows a mask, or shrinks it.",
                   {Link("mask", &Dilate::mask), Int("dilation", &Dilate::dilation).range(-512, 512).step(1)}, grown,
                   {}, like<Dilate>(&Dilate::mask));
}

// --- Sampling and latents, by other nodes ---

struct SamplePipe {
  Linked<BasicPipe> basic_pipe;
  uint64_t seed = 0;
  int64_t steps = 20;
  double cfg = 8.0, denoise = 1.0;
  std::string sampler_name, scheduler;
  Linked<Latent> latent_image;
};

Value sampled(const BasicPipe& pipe, const Value& latent, const Call& call, const Parts& parts) {
  return parts.make(
      "KSampler", typed_of(call, {"seed", "steps", "cfg", "sampler_name", "scheduler", "denoise"}),
      {{"model", pipe.model}, {"positive", pipe.positive}, {"negative", pipe.negative}, {"latent_image", latent}})[0];
}

Results<BasicPipe, Latent, VaeHandle> sample_pipe(const SamplePipe& in, Call& call) {
  const BasicPipe& pipe = *in.basic_pipe;
  return {in.basic_pipe, Handed{sampled(pipe, in.latent_image.value(), call, Parts(call, Parts::Doing::kRun))},
          Handed{pipe.vae}};
}

Foreseen<BasicPipe, Latent, VaeHandle> foresee_sample_pipe(const Known<SamplePipe>& in, Call& call) {
  const BasicPipe* pipe = in(&SamplePipe::basic_pipe);
  if (!pipe) return {};
  const Value latent = sampled(*pipe, value_of(call, "latent_image"), call, Parts(call, Parts::Doing::kForesee));
  return {pipe, Handed{latent}, Handed{pipe->vae}};
}

struct Reencode {
  Linked<Latent> samples;
  std::string tile_mode;
  Linked<VaeHandle> input_vae, output_vae;
  int64_t tile_size = 512;
};
struct ReencodePipes {
  Linked<Latent> samples;
  std::string tile_mode;
  Linked<BasicPipe> input_basic_pipe, output_basic_pipe;
};

Value decoded(const Parts& parts, const Value& latent, const Value& vae, bool tiled, int64_t tile) {
  if (!tiled) return parts.make("VAEDecode", {}, {{"samples", latent}, {"vae", vae}})[0];
  return parts.make("VAEDecodeTiled", {{"tile_size", tile}, {"overlap", int64_t{64}}},
                    {{"samples", latent}, {"vae", vae}})[0];
}
Value encoded(const Parts& parts, const Value& pixels, const Value& vae, bool tiled, int64_t tile) {
  if (!tiled) return parts.make("VAEEncode", {}, {{"pixels", pixels}, {"vae", vae}})[0];
  return parts.make("VAEEncodeTiled", {{"tile_size", tile}, {"overlap", int64_t{64}}},
                    {{"pixels", pixels}, {"vae", vae}})[0];
}

Results<Latent> reencode(Call& call, const Value& latent, const std::string& mode, const Value& from, const Value& to,
                         int64_t tile) {
  const Parts parts(call, Parts::Doing::kRun);
  const Value pixels = decoded(parts, latent, from, mode == "Both" || mode == "Decode(input) only", tile);
  return {Handed{encoded(parts, pixels, to, mode == "Both" || mode == "Encode(output) only", tile)}};
}

Foreseen<Latent> foresee_reencoded(Call& call, const std::string& mode, const Value& from, const Value& to,
                                   int64_t tile) {
  for (const char* input : {"tile_mode", "tile_size"})
    if (call.awaits(input)) return {};
  const Parts parts(call, Parts::Doing::kForesee);
  const Value pixels =
      decoded(parts, value_of(call, "samples"), from, mode == "Both" || mode == "Decode(input) only", tile);
  return {Handed{encoded(parts, pixels, to, mode == "Both" || mode == "Encode(output) only", tile)}};
}

struct ScaleLatent {
  Linked<Latent> samples;
  std::string scale_method;
  double scale_factor = 1.5;
  Linked<VaeHandle> vae;
  bool use_tiled_vae = false;
};

image::Size size_by(image::Size now, double factor) {
  const auto side = [&](int64_t length) { return static_cast<int64_t>(static_cast<double>(length) * factor); };
  return {side(now.width), side(now.height)};
}

Results<Latent, Image> scale_latent(const ScaleLatent& in, Call& call) {
  const Parts parts(call, Parts::Doing::kRun);
  const Value pixels = decoded(parts, in.samples.value(), in.vae.value(), in.use_tiled_vae, 512);
  const Tensor& picture = pixels.as<Tensor>();
  const image::Size size = size_by(image::size_of(picture), in.scale_factor);
  if (size.width < 1 || size.height < 1)
    throw Error(Fault::kInvalid, "nothing is left of the picture").at_input("scale_factor");
  const Value scaled = computed<Image>(image::resize(picture, size, image::resize_method(in.scale_method)));
  return {Handed{encoded(parts, scaled, in.vae.value(), in.use_tiled_vae, 512)}, Handed{scaled}};
}

Foreseen<Latent, Image> foresee_scaled(const Known<ScaleLatent>& in, Call& call) {
  for (const char* input : {"scale_factor", "use_tiled_vae"})
    if (call.awaits(input)) return {};
  const Parts parts(call, Parts::Doing::kForesee);
  const Value vae = value_of(call, "vae");
  const bool tiled = in(&ScaleLatent::use_tiled_vae);
  const Value pixels = decoded(parts, value_of(call, "samples"), vae, tiled, 512);
  const auto* picture = pixels.get<ForeseenPicture>();
  if (!picture) return {};
  const Value scaled = foreseen<Image>(in_size(*picture, size_by(size_of(*picture), in(&ScaleLatent::scale_factor))));
  return {Handed{encoded(parts, scaled, vae, tiled, 512)}, Handed{scaled}};
}

struct Bridge {
  Linked<Image> images;
  std::string image;
  bool block = false;
  std::string restore_mask = "never";
};

// What a person has painted on the picture stays in the original's memory. Here nobody can, and the mask is empty, as
// it is there before anybody does.
Results<Image, Mask> bridge(const Bridge& in, Call& call) {
  Parts(call, Parts::Doing::kRun).make("PreviewImage", {}, {{"images", in.images.value()}});
  return {in.images, Tensor::zeros({1, 64, 64})};
}

void check_bridge(const Bridge& in) {
  if (in.block)
    throw Error(Fault::kInvalid, "stopping until somebody has painted a mask is not there")
        .at_input("block")
        .fix("Switch it off, and link a mask in place of this node's");
}

void add_composed(Table& table) {
  table.add(NodeOf<SamplePipe>{
      .name = "ImpactKSamplerBasicPipe",
      .display = "KSampler (pipe)",
      .category = "ImpactPack/sampling",
      .description = "KSampler on what is on one link.",
      .origin = kOrigin,
      .inputs = {Link("basic_pipe", &SamplePipe::basic_pipe), Seed("seed", &SamplePipe::seed),
                 Int("steps", &SamplePipe::steps).range(1, 10000), Float("cfg", &SamplePipe::cfg).range(0.0, 100.0),
                 Choice("sampler_name", &SamplePipe::sampler_name, sampler_choices()),
                 Choice("scheduler", &SamplePipe::scheduler, scheduler_choices()),
                 Link("latent_image", &SamplePipe::latent_image),
                 Float("denoise", &SamplePipe::denoise).range(0.0, 1.0).step(0.01)},
      .run = sample_pipe,
      .foresee = foresee_sample_pipe});
  const std::vector<std::string> modes{"None", "Both", "Decode(input) only", "Encode(output) only"};
  const AddNode add{table, kOrigin, "ImpactPack/Util"};
  add.node<Reencode>(
      "ReencodeLatent", "Decodes latents with one VAE and encodes them with another.",
      {Link("samples", &Reencode::samples), Choice("tile_mode", &Reencode::tile_mode, modes),
       Link("input_vae", &Reencode::input_vae), Link("output_vae", &Reencode::output_vae),
       Int("tile_size", &Reencode::tile_size).range(320, 4096).step(64)},
      [](const Reencode& in, Call& call) {
        return reencode(call, in.samples.value(), in.tile_mode, in.input_vae.value(), in.output_vae.value(),
                        in.tile_size);
      },
      {},
      [](const Known<Reencode>& in, Call& call) {
        return foresee_reencoded(call, in(&Reencode::tile_mode), value_of(call, "input_vae"),
                                 value_of(call, "output_vae"), in(&Reencode::tile_size));
      });
  add.node<ReencodePipes>(
      "ReencodeLatentPipe", "Decodes latents with the VAE of one pipe and encodes them with that of another.",
      {Link("samples", &ReencodePipes::samples), Choice("tile_mode", &ReencodePipes::tile_mode, modes),
       Link("input_basic_pipe", &ReencodePipes::input_basic_pipe),
       Link("output_basic_pipe", &ReencodePipes::output_basic_pipe)},
      [](const ReencodePipes& in, Call& call) {
        return reencode(call, in.samples.value(), in.tile_mode, in.input_basic_pipe->vae, in.output_basic_pipe->vae,
                        512);
      },
      {},
      [](const Known<ReencodePipes>& in, Call& call) -> Foreseen<Latent> {
        const BasicPipe *from = in(&ReencodePipes::input_basic_pipe), *to = in(&ReencodePipes::output_basic_pipe);
        if (!from || !to) return {};
        return foresee_reencoded(call, in(&ReencodePipes::tile_mode), from->vae, to->vae, 512);
      });
  add.node<ScaleLatent>(
      "LatentPixelScale", "Scales latents by way of their pictures.",
      {Link("samples", &ScaleLatent::samples),
       Choice("scale_method", &ScaleLatent::scale_method, {"nearest-exact", "bilinear", "lanczos", "area"}),
       Float("scale_factor", &ScaleLatent::scale_factor).range(0.1, 10000.0).step(0.1), Link("vae", &ScaleLatent::vae),
       Bool("use_tiled_vae", &ScaleLatent::use_tiled_vae)},
      scale_latent, {}, foresee_scaled);
  table.add(NodeOf<Bridge>{
      .name = "PreviewBridge",
      .display = "Preview Bridge (Image)",
      .category = "ImpactPack/Util",
      .description = "Shows pictures and hands them on, with an empty mask.",
      .origin = kOrigin,
      .inputs = {Link("images", &Bridge::images), Text("image", &Bridge::image),
                 Bool("block", &Bridge::block).optional(),
                 Choice("restore_mask", &Bridge::restore_mask, {"never", "always", "if_same_size"}).optional()},
      .output_node = true,
      .hidden_prompt = true,
      .run = bridge,
      .check = check_bridge,
      .foresee = [](const Known<Bridge>&, Call& call) -> Foreseen<Image, Mask> {
        return {Handed{value_of(call, "images")}, ForeseenMask{64, 64, 1}};
      }});
  table.add(NodeOf<OneLatent>{.name = "RemoveNoiseMask",
                              .category = "ImpactPack/Util",
                              .description = "Latents without their mask.",
                              .origin = kOrigin,
                              .inputs = {Link("samples", &OneLatent::value)},
                              .run = [](const OneLatent& in) -> Results<Latent> {
                                Latent out = *in.value;
                                out.noise_mask = {};
                                return {std::move(out)};
                              },
                              .foresee = like<OneLatent>(&OneLatent::value)});
}

}  // namespace

void register_impact_utilities_nodes(Table& table) {
  add_batches(table);
  add_masks(table);
  add_composed(table);
}

}  // namespace easel::nodes
