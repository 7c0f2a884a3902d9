#include "nodes/extensions/efficiency/efficiency.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace easel::nodes::efficiency {
namespace {

bool is_tiled(const std::string& vae_decode) { return vae_decode.ends_with("(tiled)"); }

Value encoded_picture(const Parts& parts, const std::string& vae_decode, const Value& vae, const Value& pixels) {
  const Parts::Links links{{"pixels", pixels}, {"vae", vae}};
  if (!is_tiled(vae_decode)) return parts.make("VAEEncode", {}, links)[0];
  return parts.make("VAEEncodeTiled", {{"tile_size", kTile}, {"overlap", int64_t{64}}}, links)[0];
}

Value some_steps(const Parts& parts, const Settings& s, const Value& model, const Value& positive,
                 const Value& negative, const Value& latent) {
  return parts.make("KSamplerAdvanced",
                    {{"add_noise", std::string(s.add_noise ? "enable" : "disable")},
                     {"noise_seed", s.seed},
                     {"steps", s.steps},
                     {"cfg", s.cfg},
                     {"sampler_name", s.sampler},
                     {"scheduler", s.scheduler},
                     {"start_at_step", s.start},
                     {"end_at_step", s.end},
                     {"return_with_leftover_noise", std::string(s.leftover_noise ? "enable" : "disable")}},
                    {{"model", model}, {"positive", positive}, {"negative", negative}, {"latent_image", latent}})[0];
}

Value all_steps(const Parts& parts, const Settings& s, const Value& model, const Value& positive, const Value& negative,
                const Value& latent) {
  return parts.make("KSampler",
                    {{"seed", s.seed},
                     {"steps", s.steps},
                     {"cfg", s.cfg},
                     {"sampler_name", s.sampler},
                     {"scheduler", s.scheduler},
                     {"denoise", s.denoise}},
                    {{"model", model}, {"positive", positive}, {"negative", negative}, {"latent_image", latent}})[0];
}

}  // namespace

Value load_vae(const Parts& parts, const std::string& checkpoint, const std::string& vae) {
  if (vae == "Baked VAE") return parts.make("CheckpointLoaderSimple", {{"ckpt_name", checkpoint}}, {})[2];
  return parts.make("VAELoader", {{"vae_name", vae}}, {})[0];
}

Loaded load(const Parts& parts, const std::string& checkpoint, const LoraStack& loras, const std::string& vae) {
  const Outputs file = parts.make("CheckpointLoaderSimple", {{"ckpt_name", checkpoint}}, {});
  ModelAndClip changed = apply_loras(parts, {file[0], file[1]}, loras);
  return {std::move(changed.model), std::move(changed.clip),
          vae == "Baked VAE" ? file[2] : load_vae(parts, checkpoint, vae)};
}

Encoded encode(const Parts& parts, const Value& clip, int64_t clip_skip, const std::string& positive,
               const std::string& negative) {
  Encoded out;
  out.clip = parts.make("CLIPSetLastLayer", {{"stop_at_clip_layer", clip_skip}}, {{"clip", clip}})[0];
  const auto encoded = [&](const std::string& text) {
    return parts.make("CLIPTextEncode", {{"text", text}}, {{"clip", out.clip}})[0];
  };
  out.positive = encoded(positive);
  out.negative = encoded(negative);
  return out;
}

Value sampled(const Parts& parts, Kind kind, const Settings& settings, const Subject& subject, const Value& latent) {
  if (kind == Kind::kAllSteps) {
    if (settings.denoise <= 0) return latent;
    return all_steps(parts, settings, subject.model, subject.positive, subject.negative, latent);
  }
  if (kind == Kind::kSomeSteps)
    return some_steps(parts, settings, subject.model, subject.positive, subject.negative, latent);
  Settings first = settings;
  if (first.end == -1) first.end = first.steps;
  first.add_noise = true;
  first.leftover_noise = true;
  const Value begun = some_steps(parts, first, subject.model, subject.positive, subject.negative, latent);
  if (subject.refiner_model.empty() || first.end >= first.steps) return begun;
  Settings rest = first;
  rest.add_noise = false;
  rest.leftover_noise = false;
  rest.start = first.end;
  rest.end = first.steps;
  return some_steps(parts, rest, subject.refiner_model, subject.refiner_positive, subject.refiner_negative, begun);
}

Value decoded(const Parts& parts, const std::string& vae_decode, const Value& vae, const Value& latent) {
  const Parts::Links links{{"samples", latent}, {"vae", vae}};
  if (!is_tiled(vae_decode)) return parts.make("VAEDecode", {}, links)[0];
  return parts.make("VAEDecodeTiled", {{"tile_size", kTile}, {"overlap", int64_t{64}}}, links)[0];
}

bool needs_vae(const HiresFix& script) {
  return script.iterations > 0 && (script.use_controlnet || script.type != HiresFix::Type::kLatent);
}

LatentAndPicture second_pass(const Parts& parts, const HiresFix& script, const Settings& settings, Subject subject,
                             const Value& vae, const std::string& vae_decode, const Value& latent) {
  using Type = HiresFix::Type;
  LatentAndPicture out{latent, {}};
  if (script.iterations == 0) return out;
  const auto need_picture = [&] {
    if (out.picture.empty()) out.picture = decoded(parts, vae_decode, vae, out.latent);
  };
  if (script.use_controlnet) {
    need_picture();
    const Value hint =
        parts.make("AIO_Preprocessor", {{"preprocessor", script.preprocessor}, {"resolution", int64_t{512}}},
                   {{"image", out.picture}})[0];
    const Value net = parts.make("ControlNetLoader", {{"control_net_name", script.control_net}}, {})[0];
    subject.positive = parts.make("ControlNetApply", {{"strength", script.strength}},
                                  {{"conditioning", subject.positive}, {"control_net", net}, {"image", hint}})[0];
  }
  if (script.type != Type::kPixel && script.checkpoint != "(use same)")
    subject.model = parts.make("CheckpointLoaderSimple", {{"ckpt_name", script.checkpoint}}, {})[0];
  Settings again = settings;
  if (!script.use_same_seed) again.seed = script.seed;
  again.steps = script.steps;
  again.denoise = script.denoise;
  const auto enlarge_picture = [&] {
    need_picture();
    const Value net = parts.make("UpscaleModelLoader", {{"model_name", script.pixel_upscaler}}, {})[0];
    const Value large = parts.make("ImageUpscaleWithModel", {}, {{"upscale_model", net}, {"image", out.picture}})[0];
    out.picture = parts.make("ImageScaleBy", {{"upscale_method", "nearest-exact"}, {"scale_by", script.upscale_by / 4}},
                             {{"image", large}})[0];
  };
  if (script.type == Type::kPixel) {
    enlarge_picture();
    return out;
  }
  for (int64_t i = 0; i < script.iterations; ++i) {
    const bool both = script.type == Type::kBoth;
    if (both) {
      enlarge_picture();
      out.latent = encoded_picture(parts, vae_decode, vae, out.picture);
    }
    const double by = both ? 1.0 : script.upscale_by;
    constexpr std::string_view kNetwork = "ttl_nn.";
    const Value large =
        !both && script.latent_upscaler.starts_with(kNetwork)
            ? parts.make("NNLatentUpscale",
                         {{"version", script.latent_upscaler.substr(kNetwork.size())},
                          {"upscale", std::min(std::max(by, 1.0), 2.0)}},
                         {{"latent", out.latent}})[0]
            : parts.make(
                  "LatentUpscaleBy",
                  {{"upscale_method", both ? std::string("nearest-exact") : script.latent_upscaler}, {"scale_by", by}},
                  {{"samples", out.latent}})[0];
    out.latent = all_steps(parts, again, subject.model, subject.positive, subject.negative, large);
    out.picture = {};
  }
  return out;
}

}  // namespace easel::nodes::efficiency
