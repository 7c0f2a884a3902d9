// ComfyUI Noise (github.com/BlenderNeko/ComfyUI_Noise): noise as a latent, mixed into others, and taken back from
// pictures.
#include <algorithm>
#include <cmath>

#include "guidance/ksample.h"
#include "image/edit/pictures.h"
#include "image/scale/resize.h"
#include "models/latent_format.h"
#include "node_api/table.h"
#include "nodes/common/add_node.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/sampler_choices.h"
#include "nodes/common/sampling_run.h"
#include "nodes/common/sizes.h"
#include "nodes/extensions/arc.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"
#include "sampling/random/philox.h"
#include "sampling/random/torch_random.h"
#include "sampling/sampler.h"
#include "sampling/schedule/schedule.h"

namespace easel::nodes {
namespace {

using models::Conditioning;
using models::ModelHandle;

// --- Noise as a latent ---

struct Noisy {
  bool card = false;
  uint64_t seed = 0;
  int64_t width = 512, height = 512, batch_size = 1;
};

Results<Latent> noisy(const Noisy& in) {
  const Shape shape = shape_of(latents_for(models::default_latents(), in.batch_size, {in.width, in.height}));
  Latent out;
  out.samples = in.card ? sampling::philox_randn(in.seed, shape) : sampling::TorchGenerator(in.seed).randn(shape);
  return {std::move(out)};
}

Foreseen<Latent> foresee_noisy(const Known<Noisy>& in) {
  return {latents_for(models::default_latents(), in(&Noisy::batch_size), {in(&Noisy::width), in(&Noisy::height)})};
}

// --- Mixing ---

// `changed` where the mask is 1. The mask has the size of the latent, and begins again for further samples.
Tensor where_masked(const Tensor& changed, const Tensor& kept, const MaybeLinked<Mask>& link) {
  if (!link) return changed;
  const Tensor resized =
      image::resize(image::as_picture(*link), {changed.dim(2), changed.dim(1)}, image::ResizeMethod::kBilinear);
  return ops::map([](auto c, auto k, auto m) { return m * c + (1.0f - m) * k; }, changed, kept,
                  image::fit_batch(resized, changed.dim(0)));
}

// As large as the first; the first itself without another.
template <class P>
auto mixed_with(const char* first, Linked<Latent> P::*member, const char* second) {
  return [=](const Known<P>& in, Call& call) -> Foreseen<Latent> {
    const Value* known = call.linked(first);
    if (known && !call.linked(second) && !call.awaits(second)) return {Handed{*known}};
    return {in(member)};
  };
}

struct Slerp {
  Linked<Latent> latents1;
  double factor = 0.5;
  MaybeLinked<Latent> latents2;
  MaybeLinked<Mask> mask;
};

// Between samples, on the arc between their directions.
Results<Latent> slerp(const Slerp& in, Call& call) {
  if (!in.latents2) return {in.latents1};
  const Tensor &low = in.latents1->samples, &high = in.latents2->samples;
  if (!(low.shape() == high.shape())) {
    call.warn("the latents have different sizes, so that the first stays as it is");
    return {in.latents1};
  }
  std::vector<Tensor> mixed;
  for (int64_t n = 0; n < low.dim(0); ++n) {
    const Tensor a = low.slice(0, n, 1), b = high.slice(0, n, 1);
    const double angle = angle_between(a, b);
    if (!(std::sin(angle) > 0))
      throw Error(Fault::kInvalid, "the latents have the same direction, between which there is no arc")
          .at_input("latents2")
          .fix("Link a latent with other content");
    mixed.push_back(weighted_sum(a, b, arc_weights(angle, in.factor)));
  }
  Latent out = *in.latents1;
  out.samples = where_masked(ops::concat(mixed, 0), low, in.mask);
  return {std::move(out)};
}

struct Inject {
  Linked<Latent> latents;
  double strength = 1.0;
  MaybeLinked<Latent> noise;
  MaybeLinked<Mask> mask;
};

Results<Latent> inject(const Inject& in, Call& call) {
  if (!in.noise) return {in.latents};
  const Tensor& samples = in.latents->samples;
  if (!(samples.shape() == in.noise->samples.shape())) {
    call.warn("latent and noise have different sizes, so that the latent stays as it is");
    return {in.latents};
  }
  const auto strength = static_cast<float>(in.strength);
  const Tensor noised = ops::map([=](auto v, auto z) { return v + z * strength; }, samples, in.noise->samples);
  Latent out = *in.latents;
  out.samples = where_masked(noised, samples, in.mask);
  return {std::move(out)};
}

// --- Levels ---

std::vector<float> levels_of(const ModelHandle& model, const std::string& sampler, const std::string& scheduler,
                             int64_t steps) {
  return sampling::sampling_sigmas(*model.sampling,
                                   {.scheduler = scheduler,
                                    .steps = static_cast<int>(steps),
                                    .discard_penultimate = sampling::find_sampler(sampler).discard_penultimate});
}

struct Level {
  Linked<ModelHandle> model;
  std::string sampler_name, scheduler;
  int64_t steps = 10000, start_at_step = 0, end_at_step = 10000;
};

void check_level(const Level& in) {
  if (in.steps < 1) throw Error(Fault::kInvalid, "must be above 0").at_input("steps");
}

// How much the level falls between two steps, in the scale of the VAE's latents.
Results<double> level(const Level& in) {
  const std::vector<float> levels = levels_of(*in.model, in.sampler_name, in.scheduler, in.steps);
  const int64_t end = std::min(in.steps, in.end_at_step), start = std::min(in.start_at_step, end);
  if (end >= std::ssize(levels))
    throw Error(Fault::kInvalid, "the schedule has " + std::to_string(levels.size()) + " levels only")
        .at_input("end_at_step");
  const float fall = levels[static_cast<size_t>(start)] - levels[static_cast<size_t>(end)];
  return {static_cast<double>(fall / in.model->latents().scale)};
}

// --- From a picture to noise ---

struct Unsample {
  Linked<ModelHandle> model;
  int64_t steps = 20, end_at_step = 0;
  double cfg = 1.0;
  std::string sampler_name, scheduler;
  bool normalize = false;
  Linked<Conditioning> positive, negative;
  Linked<Latent> latent_image;
};

constexpr float kLeastLevel = 0.0001f;

// Minus the mean, divided by the deviation (of n - 1) of all numbers.
Tensor normalised(const Tensor& in) {
  const float mean = ops::item(ops::reduce(in, ops::Reduction::kMean, 0, -1));
  const Tensor squares = ops::map([mean](auto v) { return (v - mean) * (v - mean); }, in);
  const double sum = double{ops::item(ops::reduce(squares, ops::Reduction::kSum, 0, -1))};
  const auto deviation = static_cast<float>(std::sqrt(sum / static_cast<double>(in.numel() - 1)));
  return ops::map([=](auto v) { return (v - mean) / deviation; }, in);
}

Results<Latent> unsample(const Unsample& in, Call& call) {
  guidance::KSampleRequest r = sampling_request(*in.model, *in.positive, *in.negative, *in.latent_image, call);
  r.steps = static_cast<int>(in.steps);
  r.cfg = in.cfg;
  r.sampler = in.sampler_name;
  r.scheduler = in.scheduler;
  r.disable_noise = true;
  std::vector<float> levels = levels_of(*in.model, in.sampler_name, in.scheduler, in.steps);
  std::reverse(levels.begin(), levels.end());
  for (float& sigma : levels) sigma += kLeastLevel;
  const auto taken = static_cast<size_t>(in.steps - std::min(in.end_at_step, in.steps - 1));
  if (taken + 1 < levels.size()) levels.resize(taken + 1);
  r.sigmas = std::move(levels);
  Latent out = *in.latent_image;
  out.samples = guidance::ksample(r);
  if (in.normalize) out.samples = normalised(out.samples);
  return {std::move(out)};
}

Foreseen<Latent> foresee_unsample(const Known<Unsample>& in, Call& call) {
  foresee_sampling(in(&Unsample::model), in(&Unsample::positive), in(&Unsample::negative), in(&Unsample::latent_image),
                   call);
  return {in(&Unsample::latent_image)};
}

template <class P>
Input<P> size(const char* name, int64_t P::*member) {
  return Int(name, member).range(64, kMaxSide).step(kSideStep);
}

}  // namespace

void register_latent_noise_nodes(Table& table) {
  constexpr const char* kOrigin = "noise";
  table.add(
      NodeOf<Noisy>{.name = "BNK_NoisyLatentImage",
                    .display = "Noisy Latent Image",
                    .category = "latent/noise",
                    .description = "A latent of noise, as torch draws it on a processor or on a card.",
                    .origin = kOrigin,
                    .inputs = {Choice("source", &Noisy::card, {{"CPU", false}, {"GPU", true}}),
                               Seed("seed", &Noisy::seed), size("width", &Noisy::width), size("height", &Noisy::height),
                               Int("batch_size", &Noisy::batch_size).range(1, 64)},
                    .run = noisy,
                    .foresee = foresee_noisy});
  const AddNode add{table, kOrigin, "latent/noise"};
  add.node<Slerp>("BNK_SlerpLatent", "Mixes two latents on the arc between them.",
                  {Link("latents1", &Slerp::latents1), Float("factor", &Slerp::factor).range(0.0, 1.0).step(0.01),
                   Link("latents2", &Slerp::latents2), Link("mask", &Slerp::mask)},
                  slerp, {}, mixed_with<Slerp>("latents1", &Slerp::latents1, "latents2"));
  add.node<Inject>(
      "BNK_InjectNoise", "Adds noise to a latent.",
      {Link("latents", &Inject::latents), Float("strength", &Inject::strength).range(0.0, 200.0).step(0.01),
       Link("noise", &Inject::noise), Link("mask", &Inject::mask)},
      inject, {}, mixed_with<Inject>("latents", &Inject::latents, "noise"));
  table.add(NodeOf<Level>{
      .name = "BNK_GetSigma",
      .display = "Get Sigma",
      .category = "latent/noise",
      .description = "How much the noise level falls between two steps, to inject as much.",
      .origin = kOrigin,
      .inputs = {Link("model", &Level::model), Choice("sampler_name", &Level::sampler_name, sampler_choices()),
                 Choice("scheduler", &Level::scheduler, scheduler_choices()),
                 Int("steps", &Level::steps).range(0, 10000),
                 Int("start_at_step", &Level::start_at_step).range(0, 10000),
                 Int("end_at_step", &Level::end_at_step).range(1, 10000)},
      .run = level,
      .check = check_level});
  table.add(
      NodeOf<Unsample>{.name = "BNK_Unsampler",
                       .display = "Unsampler",
                       .category = "sampling",
                       .description = "Takes a picture back to the noise from which a sampler would make it.",
                       .origin = kOrigin,
                       .inputs = {Link("model", &Unsample::model), Int("steps", &Unsample::steps).range(1, 10000),
                                  Int("end_at_step", &Unsample::end_at_step).range(0, 10000),
                                  Float("cfg", &Unsample::cfg).range(0.0, 100.0),
                                  Choice("sampler_name", &Unsample::sampler_name, sampler_choices()),
                                  Choice("scheduler", &Unsample::scheduler, scheduler_choices()),
                                  Choice("normalize", &Unsample::normalize, {{"disable", false}, {"enable", true}}),
                                  Link("positive", &Unsample::positive), Link("negative", &Unsample::negative),
                                  Link("latent_image", &Unsample::latent_image)},
                       .run = unsample,
                       .foresee = foresee_unsample});
}

}  // namespace easel::nodes
