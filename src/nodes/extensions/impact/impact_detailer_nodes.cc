// Impact-Pack's detailers (github.com/ltdrdata/ComfyUI-Impact-Pack): parts of a picture are enlarged, drawn anew, and
// put back.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "guidance/ksample.h"
#include "image/edit/composite.h"
#include "image/edit/elementwise.h"
#include "image/scale/pillow.h"
#include "models/text/text_encoder.h"
#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/link_types.h"
#include "nodes/common/sampler_choices.h"
#include "nodes/common/sampling_run.h"
#include "nodes/common/sizes.h"
#include "nodes/extensions/impact/basic_pipe.h"
#include "nodes/extensions/impact/segs.h"
#include "sampling/schedule/schedule.h"

namespace easel::nodes {
namespace {

using models::ClipHandle;
using models::Conditioning;
using models::ModelHandle;
using models::VaeHandle;

// What both forms have in common.
struct Detail {
  Linked<Image> image;
  Linked<Segments> segs;
  double guide_size = 512, max_size = 1024;
  bool guide_size_for = true;
  uint64_t seed = 0;
  int64_t steps = 20;
  double cfg = 8.0, denoise = 0.5;
  std::string sampler_name, scheduler, wildcard;
  int64_t feather = 5, cycle = 1;
  bool noise_mask = true, force_inpaint = true, inpaint_model = false;
  std::optional<int64_t> noise_mask_feather = 20;  // a prompt without it means 0
};
struct DetailModels : Detail {
  Linked<ModelHandle> model;
  Linked<ClipHandle> clip;
  Linked<VaeHandle> vae;
  Linked<Conditioning> positive, negative;
};
struct DetailPipe : Detail {
  Linked<BasicPipe> basic_pipe;
  MaybeLinked<BasicPipe> refiner;
  double refiner_ratio = 0.2;
};

void check_detail(const Detail& in) {
  if (!in.wildcard.empty())
    throw Error(Fault::kInvalid, "texts of their own for the parts of a picture are not there")
        .at_input("wildcard")
        .fix("Leave it empty: then `positive` is what all parts show");
  try {
    sampling::require_schedule(static_cast<int>(in.steps), in.denoise);
  } catch (Error& e) {
    throw e.at_input("denoise");
  }
}

Tensor part(const Tensor& picture, const image::PartBox& box) {
  return contiguous(picture.slice(1, box.y1, box.height()).slice(2, box.x1, box.width()));
}

// Pillow's Lanczos on bytes, also where the size stays.
Tensor resized(const Tensor& picture, image::Size size) {
  const Tensor bytes =
      image::map(picture, [](float v) { return std::floor(std::clamp(v, 0.0f, 1.0f) * 255.0f) / 255.0f; });
  if (bytes.dim(1) == size.height && bytes.dim(2) == size.width) return bytes;
  return image::pillow_resize(bytes, size, image::PillowFilter::kLanczos);
}

// The size in which a part is drawn; nothing where it is large enough to be left as it is.
std::optional<image::Size> drawn_size(const Detail& in, const image::MaskPart& one) {
  const auto width = static_cast<double>(one.crop.width()), height = static_cast<double>(one.crop.height());
  const auto found_width = static_cast<double>(one.bounds.width());
  const auto found_height = static_cast<double>(one.bounds.height());
  if (!in.force_inpaint && found_width >= in.guide_size && found_height >= in.guide_size) return std::nullopt;
  double factor = in.guide_size / (in.guide_size_for ? std::min(found_width, found_height) : std::min(width, height));
  double wide = std::trunc(width * factor), high = std::trunc(height * factor);
  if (wide > in.max_size || high > in.max_size) {
    factor *= in.max_size / std::max(wide, high);
    wide = std::trunc(width * factor);
    high = std::trunc(height * factor);
  }
  if (factor > 1.0 && wide > 0 && high > 0) return image::Size{static_cast<int64_t>(wide), static_cast<int64_t>(high)};
  if (!in.force_inpaint) return std::nullopt;
  return image::Size{one.crop.width(), one.crop.height()};
}

// The last steps of a schedule that is longer by 1 / denoise, which may go on beyond them. KSampler counts from the
// schedule's end.
guidance::KSampleRequest last_steps(const Detail& in, uint64_t seed, guidance::KSampleRequest request) {
  request.seed = seed;
  request.steps = static_cast<int>(std::floor(static_cast<double>(in.steps) / in.denoise));
  request.cfg = in.cfg;
  request.sampler = in.sampler_name;
  request.scheduler = in.scheduler;
  request.path_spans_schedule = true;
  request.start_step = request.steps - static_cast<int>(in.steps);
  request.last_step = request.steps;
  request.force_full_denoise = true;
  return request;
}

// The models and texts with which parts are drawn.
struct Means {
  Value model, vae, positive, negative;
};

// A part as it is drawn anew, in its own size; nothing where it is left as it is.
std::optional<Tensor> drawn(const Detail& in, const Call& call, const Parts& parts, const Means& means,
                            const Tensor& picture, const image::MaskPart& one, uint64_t seed) {
  const std::optional<image::Size> size = drawn_size(in, one);
  if (!size) return std::nullopt;
  const Value pixels = computed<Image>(resized(part(picture, one.crop), *size));
  Value latent, positive = means.positive, negative = means.negative;
  Value mask;
  if (in.noise_mask) mask = computed<Mask>(softened(one.mask, in.noise_mask_feather.value_or(0)));
  if (in.noise_mask && in.inpaint_model) {
    const Outputs made = parts.make(
        "InpaintModelConditioning", {{"noise_mask", true}},
        {{"positive", positive}, {"negative", negative}, {"vae", means.vae}, {"pixels", pixels}, {"mask", mask}});
    positive = made[0];
    negative = made[1];
    latent = made[2];
  } else {
    latent = parts.make("VAEEncode", {}, {{"pixels", pixels}, {"vae", means.vae}})[0];
    if (in.noise_mask) latent = parts.make("SetLatentNoiseMask", {}, {{"samples", latent}, {"mask", mask}})[0];
  }
  for (int64_t i = 0; i < in.cycle; ++i) {
    Latent again = latent.as<Latent>();
    again.samples =
        guidance::ksample(last_steps(in, seed + static_cast<uint64_t>(i),
                                     sampling_request(means.model.as<ModelHandle>(), positive.as<Conditioning>(),
                                                      negative.as<Conditioning>(), again, call)));
    latent = computed<Latent>(std::move(again));
  }
  const Value decoded = parts.make("VAEDecode", {}, {{"samples", latent}, {"vae", means.vae}})[0];
  return resized(decoded.as<Tensor>(), {one.crop.width(), one.crop.height()});
}

void check_inputs(const Detail& in, const Means& means) {
  const Tensor& picture = *in.image;
  if (picture.dim(0) != 1 || picture.dim(3) != 3)
    throw Error(Fault::kInvalid, "takes one picture without transparency, and not " + picture.str()).at_input("image");
  const Segments& all = *in.segs;
  if (!all.items.empty() && (all.width != picture.dim(2) || all.height != picture.dim(1)))
    throw Error(Fault::kMismatch, "parts of a picture of " + std::to_string(all.width) + "x" +
                                      std::to_string(all.height) + " do not fit one of " +
                                      std::to_string(picture.dim(2)) + "x" + std::to_string(picture.dim(1)))
        .at_input("segs")
        .fix("Make them from a mask of this picture's size");
  for (const Value& texts : {means.positive, means.negative})
    for (const models::ConditioningEntry& entry : texts.as<Conditioning>())
      if (entry.mask.defined())
        throw Error(Fault::kInvalid, "conditioning with a mask is not there for parts of a picture")
            .fix("Take the mask away for this node");
}

struct Detailed {
  Tensor picture;
  Segments parts;  // those that were not empty
};

Detailed detail(const Detail& in, Call& call, Means means) {
  check_inputs(in, means);
  const Parts parts(call, Parts::Doing::kRun);
  if (in.noise_mask_feather.value_or(0) > 0)
    means.model = parts.make("DifferentialDiffusion", {}, {{"model", means.model}})[0];
  const Segments& all = *in.segs;
  Detailed out{.picture = *in.image, .parts = {.height = all.height, .width = all.width, .items = {}}};
  for (size_t i = 0; i < all.items.size(); ++i) {
    const image::MaskPart& one = all.items[i];
    if (image::is_blank(one.mask)) continue;
    if (const auto fresh = drawn(in, call, parts, means, out.picture, one, in.seed + i))
      out.picture = image::composite_masked(out.picture, *fresh, softened(one.mask, in.feather),
                                            {.x = one.crop.x1, .y = one.crop.y1});
    out.parts.items.push_back(one);
    call.part_done(static_cast<int>(i) + 1, static_cast<int>(all.items.size()));
  }
  return out;
}

Results<Image> detail_by_models(const DetailModels& in, Call& call) {
  return {detail(in, call, {in.model.value(), in.vae.value(), in.positive.value(), in.negative.value()}).picture};
}

Foreseen<Image> foresee_by_models(const Known<DetailModels>& in, Call& call) {
  foresee_sampling(in(&DetailModels::model), in(&DetailModels::positive), in(&DetailModels::negative), nullptr, call);
  return {in(&Detail::image)};
}

Results<Image, Segments, BasicPipe, ListOf<Image>> detail_by_pipe(const DetailPipe& in, Call& call) {
  if (in.refiner)
    throw Error(Fault::kInvalid, "a second model for the last steps is not there")
        .at_input("refiner_basic_pipe_opt")
        .fix("Take the link away");
  const BasicPipe& pipe = *in.basic_pipe;
  Detailed out = detail(in, call, {pipe.model, pipe.vae, pipe.positive, pipe.negative});
  // No hints are made; the original gives a black picture in place of none.
  return {std::move(out.picture), std::move(out.parts), in.basic_pipe,
          std::vector<Value>{computed<Image>(Tensor::zeros(Shape{1, 64, 64, 3}))}};
}

Foreseen<Image, Segments, BasicPipe, ListOf<Image>> foresee_by_pipe(const Known<DetailPipe>& in) {
  return {in(&Detail::image), in(&Detail::segs), in(&DetailPipe::basic_pipe), std::nullopt};
}

template <class P>
Inputs<P> with_sampling(Inputs<P> inputs) {
  return std::move(inputs).and_then(
      {Float("guide_size", &Detail::guide_size)
           .range(64.0, static_cast<double>(kMaxSide))
           .step(8.0)
           .tip("Parts are enlarged until their shorter side has so many pixels."),
       Bool("guide_size_for", &Detail::guide_size_for)
           .tip("On: the shorter side of the part itself; off: of the part with its surroundings."),
       Float("max_size", &Detail::max_size)
           .range(64.0, static_cast<double>(kMaxSide))
           .step(8.0)
           .tip("No side is enlarged beyond it."),
       Seed("seed", &Detail::seed), Int("steps", &Detail::steps).range(1, 10000).step(1),
       Float("cfg", &Detail::cfg).range(0.0, 100.0), Choice("sampler_name", &Detail::sampler_name, sampler_choices()),
       Choice("scheduler", &Detail::scheduler, scheduler_choices())});
}

template <class P>
Inputs<P> with_edges(Inputs<P> inputs) {
  return std::move(inputs).and_then(
      {Float("denoise", &Detail::denoise).range(0.0001, 1.0).step(0.01),
       Int("feather", &Detail::feather).range(0, 100).step(1).tip("How softly what was drawn is put back."),
       Bool("noise_mask", &Detail::noise_mask).tip("Draws only what the part selects, not its surroundings."),
       Bool("force_inpaint", &Detail::force_inpaint).tip("Parts that are large enough are drawn as well.")});
}

template <class P>
Inputs<P> with_later(Inputs<P> inputs) {
  return std::move(inputs).and_then({Bool("inpaint_model", &Detail::inpaint_model).optional(),
                                     Int("noise_mask_feather", &Detail::noise_mask_feather)
                                         .range(0, 100)
                                         .step(1)
                                         .optional()
                                         .tip("How gradually the drawing fades out towards the surroundings.")});
}

template <class P>
Input<P> cycle() {
  return Int("cycle", &Detail::cycle).range(1, 10).step(1).added_later().tip("How often each part is drawn.");
}
template <class P>
Input<P> wildcard() {
  return Text("wildcard", &Detail::wildcard).multiline().tip("Texts for each part; only none are there.");
}

}  // namespace

void register_impact_detailer_nodes(Table& table) {
  table.add(NodeOf<DetailModels>{
      .name = "DetailerForEach",
      .display = "Detailer (SEGS)",
      .category = "ImpactPack/Detailer",
      .description = "Enlarges parts of a picture, draws each anew, and puts it back.",
      .origin = "impact",
      .inputs = with_later(
          with_edges(
              with_sampling(Inputs<DetailModels>{Link("image", &Detail::image), Link("segs", &Detail::segs),
                                                 Link("model", &DetailModels::model), Link("clip", &DetailModels::clip),
                                                 Link("vae", &DetailModels::vae)})
                  .and_then({Link("positive", &DetailModels::positive), Link("negative", &DetailModels::negative)}))
              .and_then({wildcard<DetailModels>(), cycle<DetailModels>()})),
      .run = detail_by_models,
      .check = [](const DetailModels& in) { check_detail(in); },
      .foresee = foresee_by_models});
  table.add(NodeOf<DetailPipe>{
      .name = "DetailerForEachPipe",
      .display = "Detailer (SEGS/pipe)",
      .category = "ImpactPack/Detailer",
      .description = "Enlarges parts of a picture, draws each anew with what a pipe holds, and puts it back.",
      .origin = "impact",
      .inputs = with_later(
          with_edges(with_sampling(Inputs<DetailPipe>{Link("image", &Detail::image), Link("segs", &Detail::segs)}))
              .and_then({Link("basic_pipe", &DetailPipe::basic_pipe), wildcard<DetailPipe>(),
                         Float("refiner_ratio", &DetailPipe::refiner_ratio)
                             .range(0.0, 1.0)
                             .added_later()
                             .tip("Has no effect without a second model."),
                         cycle<DetailPipe>(), Link("refiner_basic_pipe_opt", &DetailPipe::refiner)})),
      .outputs = {{"image"}, {"segs"}, {"basic_pipe"}, {"cnet_images"}},
      .run = detail_by_pipe,
      .check = [](const DetailPipe& in) { check_detail(in); },
      .foresee = foresee_by_pipe});
}

}  // namespace easel::nodes
