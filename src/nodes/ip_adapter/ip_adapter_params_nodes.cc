// IP-Adapter nodes that hand several pictures on with what is to be done with each, and the one that makes noise.
#include "image/edit/filters.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"
#include "nodes/ip_adapter/ip_adapter_inputs.h"
#include "sampling/random/torch_random.h"

namespace easel::nodes {

// IPADAPTER_PARAMS: pictures, and how each is applied.
struct IpParams {
  struct Entry {
    Tensor image, mask;  // the mask may be undefined
    double weight = 1.0, start_at = 0.0, end_at = 1.0;
    std::string weight_type;
  };
  std::vector<Entry> entries;
};
template <>
struct LinkType<IpParams> {
  static constexpr const char* kName = "IPADAPTER_PARAMS";
  using Held = IpParams;
  using Foreseen = void;
  static size_t bytes(const IpParams& params) {
    size_t sum = 0;
    for (const IpParams::Entry& entry : params.entries) sum += bytes_of(entry.image) + bytes_of(entry.mask);
    return sum;
  }
};

namespace {

using namespace ip;  // NOLINT(google-build-using-namespace): their parameters are these nodes' own
using models::Conditioning;

struct Region {
  Linked<Image> image;
  double image_weight = 1.0, prompt_weight = 1.0;
  std::string weight_type;
  double start_at = 0.0, end_at = 1.0;
  MaybeLinked<Mask> mask;
  MaybeLinked<Conditioning> positive, negative;
};

// With the mask and the weight of the prompt in every entry.
Made<Conditioning> masked(const MaybeLinked<Conditioning>& link, const Region& in) {
  if (!link) return std::nullopt;
  if (!in.mask) return link;
  Conditioning out = *link;
  for (models::ConditioningEntry& entry : out) {
    entry.mask = *in.mask;
    entry.set_area_to_bounds = false;
    entry.mask_strength = static_cast<float>(in.prompt_weight);
  }
  return out;
}

Results<IpParams, Conditioning, Conditioning> region(const Region& in) {
  return {IpParams{{{*in.image, in.mask.value_or_empty(), in.image_weight, in.start_at, in.end_at, in.weight_type}}},
          masked(in.positive, in), masked(in.negative, in)};
}

Foreseen<IpParams, Conditioning, Conditioning> foresee_region(const Known<Region>& in) {
  return {std::nullopt, in(&Region::positive), in(&Region::negative)};
}

struct Combine {
  Linked<IpParams> params_1, params_2;
  MaybeLinked<IpParams> params_3, params_4, params_5;
};

Results<IpParams> combine(const Combine& in) {
  IpParams out = *in.params_1;
  const auto add = [&](const IpParams& more) {
    out.entries.insert(out.entries.end(), more.entries.begin(), more.entries.end());
  };
  add(*in.params_2);
  for (const MaybeLinked<IpParams>* more : {&in.params_3, &in.params_4, &in.params_5})
    if (*more) add(**more);
  return {std::move(out)};
}

struct FromParams : Application {
  Linked<IpParams> ipadapter_params;
  IpCombine combine_embeds = IpCombine::kConcat;
  MaybeLinked<Image> image_negative;
};

Results<ModelHandle> apply_params(const FromParams& in, Call& call) {
  const IpPipeline& pipeline = *in.ipadapter;
  const ClipVisionHandle& vision = need_vision(in.clip_vision.get(), pipeline);
  require_adapter_fits(call, pipeline, &vision, &*in.model);
  const bool hidden = pipeline.adapter.config.takes_hidden_states();
  ModelHandle model = *in.model;
  for (const IpParams::Entry& entry : in.ipadapter_params->entries) {
    IpApplication how = application(in, entry.weight_type, false);
    how.weight.weight = entry.weight;
    how.start_at = entry.start_at;
    how.end_at = entry.end_at;
    how.mask = entry.mask;
    const auto embeds = models::ip_embeds(vision, entry.image, hidden, in.image_negative.value_or_empty());
    model = apply_ip_adapter(model, pipeline, models::ip_tokens(pipeline.adapter, embeds, in.combine_embeds), how);
  }
  return {std::move(model)};
}

struct Noise {
  models::IpNoiseKind type = models::IpNoiseKind::kFade;
  double strength = 1.0;
  int64_t blur = 0;
  MaybeLinked<Image> image_optional;
};

Results<Image> noise(const Noise& in) {
  sampling::TorchGenerator random;
  const Tensor out = models::ip_noise_image(in.type, in.image_optional.value_or_empty(), in.strength, random);
  if (in.blur == 0) return {out};
  // torchvision's sigma for a kernel of so many pixels, an odd number.
  const int64_t kernel = in.blur | 1, radius = kernel / 2;
  if (radius == 0) return {out};
  const double sigma = 0.3 * (static_cast<double>(kernel - 1) * 0.5 - 1) + 0.8;
  return {image::blur(out, radius, sigma / static_cast<double>(radius))};
}

Input<Region> number(const char* name, double Region::*member, double least, double most, double step) {
  return Float(name, member).range(least, most).step(step);
}

}  // namespace

void register_ip_adapter_params_nodes(Table& table) {
  const auto types = models::ip_weight_types();
  table.add(NodeOf<Region>{
      .name = "IPAdapterRegionalConditioning",
      .display = "IPAdapter Regional Conditioning",
      .category = "ipadapter/params",
      .description = "A reference picture and prompts for a part of the picture.",
      .inputs = {Link("image", &Region::image), number("image_weight", &Region::image_weight, -1.0, 3.0, 0.05),
                 number("prompt_weight", &Region::prompt_weight, 0.0, 10.0, 0.05),
                 Choice("weight_type", &Region::weight_type, {types.begin(), types.end()}),
                 number("start_at", &Region::start_at, 0.0, 1.0, 0.001),
                 number("end_at", &Region::end_at, 0.0, 1.0, 0.001), Link("mask", &Region::mask),
                 Link("positive", &Region::positive), Link("negative", &Region::negative)},
      .outputs = {{"IPADAPTER_PARAMS"}, {"POSITIVE"}, {"NEGATIVE"}},
      .run = region,
      .foresee = foresee_region});
  table.add(NodeOf<Combine>{.name = "IPAdapterCombineParams",
                            .display = "IPAdapter Combine Params",
                            .category = "ipadapter/params",
                            .description = "Puts reference pictures for several parts of the picture together.",
                            .inputs = {Link("params_1", &Combine::params_1), Link("params_2", &Combine::params_2),
                                       Link("params_3", &Combine::params_3), Link("params_4", &Combine::params_4),
                                       Link("params_5", &Combine::params_5)},
                            .run = combine});
  table.add(NodeOf<FromParams>{
      .name = "IPAdapterFromParams",
      .display = "IPAdapter from Params",
      .category = "ipadapter/params",
      .description = "Lets reference pictures steer a model, each its part of the picture.",
      .inputs = {model_input(), adapter_input(), Link("ipadapter_params", &FromParams::ipadapter_params),
                 combine_input(&FromParams::combine_embeds), scaling_input(), negative_input<FromParams>(),
                 vision_input<Application>()},
      .run = apply_params,
      .foresee = foresee_fit});
  table.add(NodeOf<Noise>{
      .name = "IPAdapterNoise",
      .display = "IPAdapter Noise",
      .category = "ipadapter/utils",
      .description = "A noisy picture that says what the result should not be like.",
      .inputs = {Choice("type", &Noise::type,
                        {{"fade", models::IpNoiseKind::kFade},
                         {"dissolve", models::IpNoiseKind::kDissolve},
                         {"gaussian", models::IpNoiseKind::kGaussian},
                         {"shuffle", models::IpNoiseKind::kShuffle}}),
                 Float("strength", &Noise::strength).range(0.0, 1.0).step(0.05),
                 Int("blur", &Noise::blur).range(0, 32).step(1), Link("image_optional", &Noise::image_optional)},
      .run = noise});
}

}  // namespace easel::nodes
