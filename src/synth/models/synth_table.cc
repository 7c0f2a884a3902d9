#include "synth/models/synth.h"

namespace easel::synth {
namespace {

void add_sd_parts(Manifest& m, const Manifest& unet, const Manifest& vae) {
  m.append(unet, "model.diffusion_model.");
  m.append(vae, "first_stage_model.");
}

Manifest sd15(const Widths& w) {
  Manifest m;
  add_sd_parts(m, unet(sd_plan(w.unet_sd15, w.text_l, 0, false)), vae(w.vae));
  m.append(clip_text(w.text_l, 12), "cond_stage_model.transformer.");
  return m;
}

// SD 2.1 conditioned on an image embedding of this width, with the encoder that makes it.
Manifest sd21_unclip(const Widths& w, int64_t embedding, const Manifest& vision) {
  Manifest m;
  add_sd_parts(m, unet(sd_plan(w.unet_sd21, w.text_h, 2 * embedding, true)), vae(w.vae));
  m.append(openclip_text(w.text_h, 24), "cond_stage_model.model.");
  m.append(vision, "embedder.model.visual.");
  m.add("noise_augmentor.data_mean", {1, embedding});
  m.add("noise_augmentor.data_std", {1, embedding});
  return m;
}

Manifest sdxl_base(const Widths& w) {
  Manifest m;
  add_sd_parts(m, unet(sdxl_plan(w)), vae(w.vae));
  m.append(clip_text(w.text_l, 12), "conditioner.embedders.0.transformer.");
  m.append(openclip_text(w.text_g, 32), "conditioner.embedders.1.model.");
  return m;
}

Manifest sdxl_refiner(const Widths& w) {
  Manifest m;
  add_sd_parts(m, unet(refiner_plan(w)), vae(w.vae));
  m.append(openclip_text(w.text_g, 32), "conditioner.embedders.0.model.");
  return m;
}

// A complete CLIP-L: the style adapter's encoder is published with its text tower.
Manifest whole_clip_l(const Widths& w) {
  Manifest m = clip_vision(w.vision_l, 24, w.proj_l, 4 * w.vision_l);
  m.append(clip_text(w.text_l, 12));
  m.add("text_projection.weight", {w.proj_l, w.text_l});
  m.add("logit_scale", {});
  return m;
}

Manifest ip_adapter(const Manifest& projection, const UNetPlan& plan) {
  Manifest m = projection;
  m.append(ip_layers(unet(plan), plan.context));
  return m;
}

}  // namespace

std::vector<SynthFile> synthetic_files(SynthSize size) {
  const Widths& w = size == SynthSize::kFull ? kFullWidths : kTinyWidths;
  const UNetPlan sd_unet = sd_plan(w.unet_sd15, w.text_l, 0, false), xl_unet = sdxl_plan(w);
  const Manifest vision_h = clip_vision(w.vision_h, 32, w.proj_h, 4 * w.vision_h);
  const Manifest vision_g = clip_vision(w.vision_g, 48, w.proj_g, w.mlp_g);
  const Manifest plus_sd15 = ip_adapter(ip_resampler(w.text_l, w.vision_h, w.text_l, 12), sd_unet);
  using enum Packing;
  return {
      {"checkpoints/v1-5-pruned-emaonly.safetensors", kSafetensors, sd15(w)},
      {"checkpoints/dreamshaper_8.safetensors", kSafetensors, sd15(w)},
      {"checkpoints/sd21-unclip-h.ckpt", kTorchStateDict,
       sd21_unclip(w, w.proj_h, openclip_vision(w.vision_h, 32, w.proj_h, 4 * w.vision_h))},
      {"checkpoints/sd21-unclip-l.ckpt", kTorchStateDict,
       sd21_unclip(w, w.proj_l, openclip_vision(w.vision_l, 24, w.proj_l, 4 * w.vision_l))},
      {"checkpoints/sd_xl_base_1.0.safetensors", kSafetensors, sdxl_base(w)},
      {"checkpoints/sd_xl_refiner_1.0.safetensors", kSafetensors, sdxl_refiner(w)},
      {"vae/vae-ft-mse-840000-ema-pruned.safetensors", kSafetensors, vae(w.vae)},
      {"vae/sdxl_vae.safetensors", kSafetensors, vae(w.vae)},
      {"clip_vision/style_pytorch_model.bin", kTorchFlat, whole_clip_l(w)},
      {"clip_vision/IP-Adapter_sd15_pytorch_model.bin", kTorchFlat, vision_h},
      {"clip_vision/IPAdapter_image_encoder_sd15.safetensors", kSafetensors, vision_h},
      {"clip_vision/IP-Adapter_sdxl_pytorch_model.bin", kTorchFlat, vision_g},
      {"clip_vision/clip_vision_g.safetensors", kSafetensors, vision_g},
      {"style_models/coadapter-style-sd15v1.pth", kTorchFlat, style_adapter(w.vision_l, w.text_l)},
      {"ipadapter/ip-adapter_sd15.bin", kTorchNested, ip_adapter(ip_linear(w.proj_h, w.text_l), sd_unet)},
      {"ipadapter/ip-adapter-plus_sd15.bin", kTorchNested, plus_sd15},
      {"ipadapter/ip-adapter-plus_sd15.safetensors", kSafetensors, plus_sd15},
      {"ipadapter/ip-adapter_sdxl.bin", kTorchNested, ip_adapter(ip_linear(w.proj_g, xl_unet.context), xl_unet)},
      // The published one is 1280 wide for every model.
      {"ipadapter/ip-adapter-plus_sdxl_vit-h.safetensors", kSafetensors,
       ip_adapter(ip_resampler(1280, w.vision_h, xl_unet.context, 20), xl_unet)},
      {"controlnet/control_v11p_sd15_canny_fp16.safetensors", kSafetensors, controlnet(sd_unet)},
  };
}

}  // namespace easel::synth
