#include "guidance/ksample.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "guidance/zeros.h"
#include "image/scale/resize.h"
#include "memory/resident.h"
#include "models/control/control_lora.h"
#include "models/diffusion_model.h"
#include "models/gligen/gligen.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "sampling/schedule/schedule.h"

namespace easel::guidance {
namespace {

void check(const KSampleRequest& request) {
  const Tensor& latent = request.latent;
  if (!latent.defined() || latent.rank() != 4 || latent.numel() == 0 || latent.dtype() != DType::kF32) {
    throw Error(Fault::kInvalid, "the latent to sample has the shape " +
                                     (latent.defined() ? latent.shape().str() : std::string("of nothing")));
  }
  if (!std::isfinite(request.cfg)) throw Error(Fault::kInvalid, "cfg is not a number").at_input("cfg");
  if (!std::isfinite(request.denoise)) throw Error(Fault::kInvalid, "denoise is not a number").at_input("denoise");
}

std::vector<float> levels(const KSampleRequest& request, const sampling::ModelSampling& sampling,
                          const sampling::SamplerInfo& sampler) {
  if (!request.sigmas) {
    return sampling::sampling_sigmas(sampling, {.scheduler = request.scheduler,
                                                .steps = request.steps,
                                                .denoise = request.denoise,
                                                .discard_penultimate = sampler.discard_penultimate,
                                                .start_step = request.start_step,
                                                .last_step = request.last_step,
                                                .force_full_denoise = request.force_full_denoise});
  }
  // A repeated level is not a step.
  std::vector<float> given = *request.sigmas;
  given.erase(std::unique(given.begin(), given.end()), given.end());
  for (size_t i = 0; i < given.size(); ++i) {
    const bool moves = i == 0 || given[i - 1] > 0;
    const bool turns = i > 1 && (given[i] < given[i - 1]) != (given[1] < given[0]);
    if (!moves || turns || !(given[i] >= 0) || std::isinf(given[i])) {
      throw Error(Fault::kInvalid, "noise levels have to fall all the way, or rise, and be numbers from 0 up")
          .at_input("sigmas");
    }
  }
  return given;
}

// The mask for each sample of the latent [N,h,w,C]: [N,h,w].
Tensor prepare_mask(const Tensor& mask, const Shape& latent) {
  if (!mask.defined()) return Tensor();
  if (mask.rank() < 2 || mask.numel() == 0) throw Error(Fault::kInvalid, "a noise mask of shape " + mask.shape().str());
  const Tensor flat = contiguous(convert(mask, DType::kF32)).view(Shape{-1, mask.dim(-2), mask.dim(-1), 1});
  const Tensor sized = image::resize(flat, {.width = latent[2], .height = latent[1]}, image::ResizeMethod::kBilinear);
  return models::repeat_to_batch(sized, latent[0]).view(Shape{latent[0], latent[1], latent[2]});
}

// The mask of a grey-level mask at this noise level: the pixels that are at least as bright as the share of the run
// that is left may change. `amount` mixes that with the mask itself: 1 uses the thresholded mask alone.
Tensor differential_mask(const Tensor& mask, float sigma, const std::vector<float>& sigmas,
                         const sampling::ModelSampling& sampling, float amount) {
  const float end = std::max(sampling.sigma_min(), sigmas.back());
  const float from = sampling.timestep(sigmas.front());
  const float to = sampling.timestep(end), now = sampling.timestep(sigma);
  const float threshold = (now - to) / (from - to);
  const float share = amount > 0 && amount < 1 ? amount : 1.0f;
  return ops::map([=](auto m) { return share * (m >= threshold) + (1 - share) * m; }, mask);
}

// a where the mask is 1, b where it is 0. Masks have no channels.
Tensor blend(const Tensor& a, const Tensor& b, const Tensor& mask) {
  return ops::map([](auto one, auto other, auto m) { return one * m + other * (1 - m); }, a, b,
                  mask.view({mask.dim(0), mask.dim(1), mask.dim(2), 1}));
}

// The guidance that a request asks for, or that a node has added to the model.
struct GuidanceLists {
  explicit GuidanceLists(const KSampleRequest& r) : middle(r.middle), style(r.style), negative_scale(r.negative_scale) {
    if (style != GuidanceStyle::kCfg) return;
    for (const models::ModelPatchPtr& patch : r.model.patches) {
      const models::NeutralList* neutral = patch->neutral();
      if (!neutral) continue;
      apart = neutral->list;
      style = GuidanceStyle::kPerpNeg;
      negative_scale = neutral->scale;
    }
  }
  models::Conditioning middle;
  models::Conditioning apart;  // a middle list that shares no areas, control and batches with the others
  GuidanceStyle style;
  double negative_scale;
};

bool has_hooks(const KSampleRequest& request) {
  const auto hooked = [](const models::ConditioningEntry& entry) { return entry.hooks != nullptr; };
  for (const models::Conditioning* list : {&request.positive, &request.negative, &request.middle})
    if (std::any_of(list->begin(), list->end(), hooked)) return true;
  for (const models::ModelPatchPtr& patch : request.model.patches)
    if (const models::NeutralList* neutral = patch->neutral())
      if (std::any_of(neutral->list.begin(), neutral->list.end(), hooked)) return true;
  return false;
}

// What GLIGEN's boxes are drawn with, kept in memory from before the room for batches is measured.
std::vector<std::shared_ptr<const models::Gligen>> gligen_models(const KSampleRequest& request) {
  std::vector<std::shared_ptr<const models::Gligen>> out;
  for (const models::Conditioning* list : {&request.positive, &request.negative, &request.middle})
    for (const models::ConditioningEntry& entry : *list)
      if (entry.gligen) out.push_back(entry.gligen->net.model->get());
  return out;
}

// Reserves memory for the largest batch that fits, at least one entry and at most all of them.
memory::Residency::Hold hold_memory(KSampleRequest& request) {
  const models::DiffusionModel& model = *request.model.net;
  if (!model.residency()) return {};
  memory::Residency& residency = *model.residency();
  const Shape& shape = request.latent.shape();
  const int64_t pixels = shape[0] * shape[1] * shape[2];
  size_t one = model.run_bytes(shape[0], shape[1], shape[2]);
  const auto controlled = [](const models::ConditioningEntry& entry) { return entry.control != nullptr; };
  if (std::any_of(request.positive.begin(), request.positive.end(), controlled)) one += one / 2;
  const auto entries = static_cast<int64_t>(request.positive.size() + request.negative.size());
  const size_t room = residency.room(one * static_cast<size_t>(std::max<int64_t>(1, entries)));
  const auto fitting = static_cast<int64_t>(std::min<size_t>(room / std::max<size_t>(1, one), 1 << 20));
  request.max_batch_pixels = std::min(request.max_batch_pixels, std::max<int64_t>(1, fitting) * pixels);
  const int64_t at_once = std::clamp<int64_t>(request.max_batch_pixels / pixels, 1, std::max<int64_t>(1, entries));
  return residency.hold(one * static_cast<size_t>(at_once),
                        "picture of " + std::to_string(shape[2] * model.latents().factor) + "x" +
                            std::to_string(shape[1] * model.latents().factor) + " while it is sampled");
}

// Throws unless nothing of the request is meant for places of the latent as it comes in.
void require_wholes(const KSampleRequest& request, bool masked) {
  bool placed = masked || request.model.net->takes().beside != models::ConditioningTaken::Beside::kNothing;
  for (const models::Conditioning* list : {&request.positive, &request.negative, &request.middle})
    for (const models::ConditioningEntry& entry : *list)
      placed = placed || entry.area || entry.mask.defined() || entry.concat_latent_image.defined() || entry.gligen;
  if (placed)
    throw Error(Fault::kUnsupported, "the sampler \"" + request.sampler +
                                         "\" changes the latent's size, which noise masks, conditioning of "
                                         "parts of the picture and inpainting models do not go with")
        .fix("Take them away, or choose another sampler");
}

[[noreturn]] void throw_does_not_fade(const sampling::SamplerInfo& sampler) {
  std::string known;
  for (const sampling::SamplerInfo& s : sampling::samplers())
    if (s.fades) known += (known.empty() ? "" : ", ") + std::string(s.name);
  throw Error(Fault::kMismatch, "the sampler \"" + std::string(sampler.name) +
                                    "\" is made for models that add noise to a picture; this one also fades it out")
      .at_input("sampler_name")
      .fix("Use one of " + known);
}

Tensor initial_noise(const KSampleRequest& request, const Shape& shape, sampling::TorchGenerator& rng) {
  if (request.disable_noise) return Tensor::zeros(shape);
  if (!request.noise) return sampling::prepare_noise(rng, shape, request.seed, request.batch_index);
  if (!(request.noise->noise.shape() == shape))
    throw Error(Fault::kMismatch,
                "noise of shape " + request.noise->noise.shape().str() + " for latents of shape " + shape.str());
  rng = request.noise->continues_with;
  return request.noise->noise;
}

// The lowest level above 0 and the highest that a path of noise spans; nothing: those of the steps that are taken.
std::optional<sampling::PathSpan> path_span(const KSampleRequest& request, const sampling::ModelSampling& sampling,
                                            const sampling::SamplerInfo& sampler) {
  if (!request.path_spans_schedule || request.sigmas) return std::nullopt;
  std::vector<float> all = sampling::sampling_sigmas(sampling, {.scheduler = request.scheduler,
                                                                .steps = request.steps,
                                                                .denoise = 1.0,
                                                                .discard_penultimate = sampler.discard_penultimate});
  // A level at which the picture is taken for clean counts as 0 in the schedule too.
  const auto last = static_cast<size_t>(std::max(0, request.last_step.value_or(0)));
  if (request.last_step && request.force_full_denoise && last + 1 < all.size()) all[last] = 0;
  std::erase(all, 0.0f);
  if (all.empty()) return std::nullopt;
  const auto [lowest, highest] = std::minmax_element(all.begin(), all.end());
  return sampling::PathSpan{*lowest, *highest};
}

}  // namespace

Tensor ksample(const KSampleRequest& given) {
  check(given);
  KSampleRequest request = given;
  if (!request.model.net || !request.model.sampling) throw Error(Fault::kInternal, "there is no model to sample with");
  const models::DiffusionModel& model = *request.model.net;
  const sampling::ModelSampling& sampling = *request.model.sampling;
  const sampling::SamplerInfo& sampler = sampling::find_sampler(request.sampler);
  if (sampling.fades() && !sampler.fades) throw_does_not_fade(sampler);
  const std::vector<float> sigmas = levels(request, sampling, sampler);
  if (sigmas.empty()) return request.latent;
  sampling::TorchGenerator rng(request.seed);
  const float highest = *std::max_element(sigmas.begin(), sigmas.end());
  const models::NetworkRun network_run{.sampling = request.model.sampling,
                                       .patches = request.model.patches,
                                       .cancel = request.cancel,
                                       .random = &rng,
                                       .highest_sigma = highest};
  // With hooks, which weights are needed depends on the step.
  const auto hooked =
      has_hooks(request) ? std::make_shared<HookedNetworks>(request.model, network_run, highest) : nullptr;
  const models::Network network = hooked ? models::Network() : model.network(network_run);
  const auto nets_of_boxes = gligen_models(request);

  Tensor latent = contiguous(request.latent);
  const Shape shape = latent.shape();
  const Tensor noise = initial_noise(request, shape, rng);
  const models::LatentFormat& format = request.model.latents();
  // A latent of zeros means "no picture" in every format and is not shifted.
  if (!all_zero(latent)) latent = format.to_model(latent);
  const Tensor mask = prepare_mask(request.noise_mask, shape);

  const auto inputs = [&](const models::ConditioningEntry& entry, bool negative) {
    return model.inputs(entry, negative,
                        {.file = request.model.file,
                         .latent = shape,
                         .latent_image = latent,
                         .noise_mask = mask,
                         .seed = request.seed,
                         .random = rng});
  };
  GuidanceLists lists(request);
  models::ControlsForModel with_networks(request.model);
  for (models::Conditioning* list : {&request.positive, &request.negative, &lists.middle, &lists.apart})
    for (models::ConditioningEntry& entry : *list) entry.control = with_networks(entry.control);
  const auto guide_latents_of = [&](const Shape& size) {
    PreparedConditioning conditioning =
        prepare_conditioning(request.positive, request.negative, size, sampling, inputs, lists.middle);
    if (!lists.apart.empty())
      conditioning.middle = prepare_conditioning({}, lists.apart, size, sampling, inputs).negative;
    return std::make_unique<Guidance>(std::move(conditioning), size, network,
                                      GuidanceOptions{.cfg = request.cfg,
                                                      .style = lists.style,
                                                      .negative_scale = lists.negative_scale,
                                                      .middle_alone = !lists.apart.empty(),
                                                      .always_uncond = sampler.wants_uncond,
                                                      .patches = request.model.patches,
                                                      .hooked = hooked,
                                                      .sampling = request.model.sampling});
  };
  auto guidance = guide_latents_of(shape);
  guidance->load(sigmas.front());
  auto memory = hold_memory(request);
  guidance->limit_batches(request.max_batch_pixels);
  Shape guided = shape;
  // For samplers that change the size of what they sample.
  const auto follow_size = [&](const Tensor& x) {
    if (x.shape() == guided) return;
    require_wholes(request, mask.defined());
    guidance = guide_latents_of(x.shape());
    KSampleRequest resized = request;
    resized.latent = x;
    memory = {};
    memory = hold_memory(resized);
    guidance->limit_batches(resized.max_batch_pixels);
    guided = x.shape();
  };

  Tensor mask_noise = noise;
  if (sampler.fresh_mask_noise) {
    rng.manual_seed(request.seed + 1);
    mask_noise = rng.randn(shape);
  }
  std::optional<float> differential;
  for (const models::ModelPatchPtr& patch : request.model.patches)
    if (const auto amount = patch->gradual_mask()) differential = amount;
  sampling::SamplerRun run;
  run.x = sampling.add_noise(latent, noise, sigmas[0], sampling.is_pure_noise(sigmas[0]));
  run.sigmas = sigmas;
  run.rng = &rng;
  run.seed = request.seed;
  run.model = &sampling;
  run.knobs = request.knobs;
  run.path_span = path_span(request, sampling, sampler);
  run.on_step = request.on_step;
  run.cancel = request.cancel;
  run.uncond_denoised = [&] { return guidance->uncond_denoised(); };
  run.denoise = [&](const Tensor& x, float sigma) {
    follow_size(x);
    if (!mask.defined()) return guidance->denoised(x, sigma);
    const Tensor now = differential ? differential_mask(mask, sigma, sigmas, sampling, *differential) : mask;
    // Outside the mask the model is given the original picture, and its prediction is replaced by it.
    const Tensor seen = blend(x, sampling.add_noise(latent, mask_noise, sigma), now);
    return blend(guidance->denoised(seen, sigma), latent, now);
  };
  if (request.on_start) request.on_start();
  const Tensor result = sigmas.size() == 1 ? run.x : sampler.run(run);
  return format.from_model(sampling.unscaled(result, sigmas.back()));
}

}  // namespace easel::guidance
