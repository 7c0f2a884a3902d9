#include "cli/commands/bench_subjects.h"

#include <chrono>
#include <memory>

#include "base/error.h"
#include "models/control/controlnet.h"
#include "models/ip_adapter/ip_attention.h"
#include "models/text/clip_keys.h"
#include "models/text/clip_text.h"
#include "models/unet/unet.h"
#include "models/vae/vae.h"
#include "models/vision/clip_vision.h"
#include "ops/devices.h"
#include "ops/packer.h"
#include "synth/models/in_memory.h"

namespace easel::cli {
namespace {

using synth::SynthSize;

synth::SynthFile find_file(SynthSize size, const std::string& part) {
  for (auto& file : synth::synthetic_files(size))
    if (file.path.find(part) != std::string::npos) return file;
  throw Error(Fault::kInternal, "no synthetic file '" + part + "'");
}

ops::Packer packer() { return ops::Packer::pack().on(ops::compute_device()); }

// A tensor of values in [-1, 1) that are all different enough.
Tensor noise(const Shape& shape) {
  Tensor t(shape);
  uint32_t state = 12345;
  for (int64_t i = 0; i < t.numel(); ++i) {
    state = state * 1664525u + 1013904223u;
    t.f32()[i] = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
  }
  return t;
}

template <class Build>
auto timed(double& seconds, const Build& build) {
  const auto start = std::chrono::steady_clock::now();
  auto result = build();
  seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

std::string square(int64_t pixels) { return std::to_string(pixels) + "x" + std::to_string(pixels); }

// `hooks` gets the configuration of the UNet.
using MakeHooks = std::function<std::vector<models::AttentionHookPtr>(const models::UNetConfig&)>;

// Every model that is measured has latents of the same size.
int64_t latent_side(int64_t pixels) { return pixels / models::default_latents().factor; }

BenchSubject unet_subject(const std::string& name, const std::string& file_name, SynthSize size, DType compute,
                          int64_t pixels, const MakeHooks& make_hooks = {}) {
  const synth::SynthFile file = find_file(size, file_name);
  BenchSubject subject{name, square(pixels) + ", batch 2", 0, 0, {}};
  std::shared_ptr<const models::UNet> unet;
  {
    const nn::Weights weights(synth::make_tensors(file, "model.diffusion_model."), compute, file.path, packer());
    unet = timed(subject.build_seconds,
                 [&] { return std::make_shared<const models::UNet>(weights["model"]["diffusion_model"]); });
  }
  subject.weight_bytes = unet->bytes();
  models::UNetInputs in;
  in.x = noise({2, latent_side(pixels), latent_side(pixels), unet->config().in_channels});
  in.timesteps = {500.0f, 500.0f};
  in.context = unet->project(noise({2, 77, unet->config().context_dim}));
  if (unet->config().adm_channels > 0) in.y = noise({2, unet->config().adm_channels});
  in.step.sigma = 1.0f;
  in.step.cond_or_uncond = {0, 1};
  in.step.latent_height = in.step.latent_width = latent_side(pixels);
  const auto hooks = make_hooks ? make_hooks(unet->config()) : std::vector<models::AttentionHookPtr>();
  subject.run = [unet, in, hooks]() mutable {
    in.hooks = hooks;
    return unet->forward(in);
  };
  return subject;
}

// An SD 1.5 step steered by one reference picture, "plus" adapter.
BenchSubject adapter_subject(SynthSize size, DType compute, int64_t pixels) {
  static memory::Residency residency;
  const synth::SynthFile file = find_file(size, "ip-adapter-plus_sd15.safetensors");
  const auto tensors = synth::make_tensors(file);
  const auto handle = models::load_ip_adapter(residency, tensors, compute, file.path);
  const int64_t count = handle.config.tokens, width = handle.config.token_width;
  return unet_subject("sd15 unet with ip-adapter", "v1-5-pruned", size, compute, pixels, [&](const auto& config) {
    models::IpAttentionOptions options;
    options.rules = models::ip_layer_rules(config, {});
    return std::vector<models::AttentionHookPtr>{std::make_shared<const models::IpAttention>(
        handle, models::IpTokens{noise({1, count, width}), noise({1, count, width}), {}}, options)};
  });
}

BenchSubject control_subject(SynthSize size, DType compute, int64_t pixels) {
  const synth::SynthFile file = find_file(size, "control_v11p_sd15_canny");
  BenchSubject subject{"sd15 controlnet", square(pixels) + ", batch 2", 0, 0, {}};
  std::shared_ptr<const models::ControlNet> net;
  int64_t width = 0;
  {
    const auto found = models::control_tensors(*synth::make_tensors(file));
    const nn::Weights weights(found.tensors, compute, file.path, packer());
    width = models::read_control_config(weights).context_dim;
    net = timed(subject.build_seconds, [&] { return models::make_controlnet(weights); });
  }
  subject.weight_bytes = net->bytes();
  const int64_t side = latent_side(pixels);
  models::ControlInputs in;
  in.x = noise({2, side, side, models::default_latents().channels});
  in.timesteps = {500.0f, 500.0f};
  in.context = net->project(noise({2, 77, width}));
  in.chunks = 2;
  const models::PreparedHint hint = net->prepare(noise({1, pixels, pixels, 3}), side, side);
  subject.run = [net, in, hint] { return net->forward(hint, in).middle.back().to(kHost); };
  return subject;
}

BenchSubject text_subject(SynthSize size, DType compute) {
  const synth::SynthFile file = find_file(size, "v1-5-pruned");
  const auto towers = models::find_text_towers(*synth::make_tensors(file, "cond_stage_model."));
  BenchSubject subject{"clip-text l", "77 tokens", 0, 0, {}};
  const nn::Weights weights(towers.at(0).tensors, compute, file.path, packer());
  const auto model =
      timed(subject.build_seconds, [&] { return std::make_shared<const models::ClipTextModel>(weights); });
  subject.weight_bytes = model->bytes();
  text::Chunk chunk(text::kChunkLength);
  for (size_t i = 0; i < chunk.size(); ++i) chunk[i].id = static_cast<int32_t>(320 + i);
  chunk.back().id = 49407;
  subject.run = [model, chunk] { return model->encode(chunk, {}).hidden; };
  return subject;
}

std::vector<BenchSubject> vae_subjects(SynthSize size, DType compute, int64_t pixels) {
  const synth::SynthFile file = find_file(size, "vae-ft-mse");
  const nn::Weights weights(synth::make_tensors(file), compute, file.path, packer());
  double seconds = 0;
  const auto vae = timed(seconds, [&] { return std::make_shared<const models::Vae>(weights); });
  const int64_t side = latent_side(pixels);
  const Tensor latent = noise({1, side, side, vae->config().latent_channels}), picture = noise({1, pixels, pixels, 3});
  return {{"vae decode", square(pixels), vae->bytes(), seconds, [vae, latent] { return vae->decode(latent); }},
          {"vae encode", square(pixels), vae->bytes(), seconds, [vae, picture] { return vae->encode(picture); }}};
}

BenchSubject vision_subject(SynthSize size, DType compute) {
  const synth::SynthFile file = find_file(size, "IPAdapter_image_encoder_sd15");
  const nn::Weights weights(synth::make_tensors(file), compute, file.path, packer());
  BenchSubject subject{"clip-vision h", "224x224", 0, 0, {}};
  const auto model =
      timed(subject.build_seconds, [&] { return std::make_shared<const models::ClipVisionModel>(weights); });
  subject.weight_bytes = model->bytes();
  const Tensor pixels = noise({1, 224, 224, 3});
  subject.run = [model, pixels] { return model->encode(pixels).image_embeds; };
  return subject;
}

}  // namespace

std::vector<std::string> bench_models() {
  return {"sd15", "sdxl", "vae", "clip-vision", "clip-text", "controlnet", "ip-adapter"};
}

std::vector<BenchSubject> make_subjects(const std::string& model, SynthSize size, DType compute) {
  const bool full = size == SynthSize::kFull;
  const int64_t pixels = full ? 512 : 128;
  if (model == "sd15") return {unet_subject("sd15 unet", "v1-5-pruned", size, compute, pixels)};
  if (model == "sdxl") return {unet_subject("sdxl unet", "sd_xl_base", size, compute, full ? 1024 : 128)};
  if (model == "vae") return vae_subjects(size, compute, pixels);
  if (model == "clip-vision") return {vision_subject(size, compute)};
  if (model == "clip-text") return {text_subject(size, compute)};
  if (model == "controlnet") return {control_subject(size, compute, pixels)};
  if (model == "ip-adapter") return {adapter_subject(size, compute, pixels)};
  throw Error(Fault::kUsage, "no model '" + model + "' to measure");
}

}  // namespace easel::cli
