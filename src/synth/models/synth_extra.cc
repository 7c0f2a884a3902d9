#include "synth/models/networks/fill_manifest.h"
#include "synth/models/networks/line_manifest.h"
#include "synth/models/networks/upscale_manifest.h"
#include "synth/models/onnx_graph.h"
#include "synth/models/synth.h"
#include "synth/models/yolo_plan.h"

namespace easel::synth {
namespace {

Manifest checkpoint(const UNetPlan& plan, const Widths& w, const Manifest& text, std::string_view text_scope) {
  Manifest m;
  m.append(unet(plan), "model.diffusion_model.");
  m.append(vae(w.vae), "first_stage_model.");
  m.append(text, text_scope);
  return m;
}

// Distillations of SDXL: the same widths with fewer transformer blocks and none in the middle.
Manifest distilled_sdxl(const Widths& w, std::vector<int> depth_in, std::vector<int> depth_out) {
  UNetPlan plan = sdxl_plan(w);
  plan.depth_in = std::move(depth_in);
  plan.depth_out = std::move(depth_out);
  plan.depth_middle = -1;
  Manifest m = checkpoint(plan, w, clip_text(w.text_l, 12), "conditioner.embedders.0.transformer.");
  m.append(openclip_text(w.text_g, 32), "conditioner.embedders.1.model.");
  return m;
}

// A whole OpenCLIP model, as open_clip publishes them.
Manifest open_clip(const Widths& w) {
  Manifest m = openclip_text(w.text_h, 24);
  m.append(openclip_vision(w.vision_h, 32, w.proj_h, 4 * w.vision_h), "visual.");
  return m;
}

Manifest ip_adapter(Manifest projection, const UNetPlan& plan) {
  projection.append(ip_layers(unet(plan), plan.context));
  return projection;
}

Manifest embedding(std::initializer_list<Manifest::Item> items) {
  Manifest m;
  for (const auto& [name, shape] : items) m.add(name, shape);
  return m;
}

Manifest below(std::string_view prefix, const Manifest& manifest) {
  Manifest out;
  out.append(manifest, prefix);
  return out;
}

SynthFile onnx_file(std::string path, OnnxPlan plan) {
  SynthFile out{std::move(path), Packing::kOnnx, std::move(plan.tensors)};
  out.graph = std::move(plan.graph);
  return out;
}

SynthFile yolo_file(std::string path, formats::TorchModule module, int64_t trained_size) {
  SynthFile out{std::move(path), Packing::kTorchModule, {}};
  for (auto& [name, shape] : module.tensors("model.")) out.tensors.add(std::move(name), shape);
  out.module = std::make_shared<const formats::TorchModule>(std::move(module));
  out.trained_size = trained_size;
  return out;
}

}  // namespace

std::vector<SynthFile> extra_synthetic_files(SynthSize size) {
  const Widths& w = size == SynthSize::kFull ? kFullWidths : kTinyWidths;
  const UNetPlan sd15 = sd_plan(w.unet_sd15, w.text_l, 0, false), sdxl = sdxl_plan(w);
  UNetPlan inpainting = sd15;
  inpainting.in_channels = 9;
  UNetPlan sdxl_mid = sdxl;  // diffusers' smaller ControlNets for SDXL attend on the last level only
  sdxl_mid.depth_in = {0, 0, 0, 0, 1, 1};
  sdxl_mid.depth_middle = 1;
  const UNetPlan koala = koala_plan(w), sdxs = sdxs_plan(w), sdxs_09 = sdxs_09_plan(w);
  UNetPlan lcm = sd15;
  lcm.guidance = 256;
  const Manifest sd21 =
      checkpoint(sd_plan(w.unet_sd21, w.text_h, 0, true), w, openclip_text(w.text_h, 24), "cond_stage_model.model.");
  const Manifest text_l = clip_text(w.text_l, 12);
  // Of the text and of the UNet's levels; of the small models two are the same.
  std::vector<int64_t> hypernetwork_widths = {w.text_l};
  for (const int64_t width : {w.unet_sd15, 2 * w.unet_sd15, 4 * w.unet_sd15})
    if (width != w.text_l) hypernetwork_widths.push_back(width);
  const DepthPlan large_depth = size == SynthSize::kFull
                                    ? DepthPlan{1024, 24, 256, {256, 512, 1024, 1024}}
                                    : DepthPlan{2 * w.depth, 24, w.depth / 2, {w.depth / 2, w.depth, w.depth, w.depth}};
  const DepthPlan zoe = size == SynthSize::kFull
                            ? DepthPlan{1024, 24, 256, {256, 512, 1024, 1024}}
                            : DepthPlan{w.depth, 12, w.depth / 2, {w.depth / 4, w.depth / 2, w.depth, w.depth}};
  // Of the sizes m and n; the small ones have eighths of the widths that the networks are described with.
  const bool full = size == SynthSize::kFull;
  const YoloScale yolo_m = full ? YoloScale{0.75, 0.67, 768} : YoloScale{0.125, 0.33, 512},
                  yolo_n = full ? YoloScale{0.25, 0.5, 1024} : YoloScale{0.125, 0.33, 1024};
  const int64_t trained = full ? 640 : 128;
  const SegmentPlan sam_b = full ? SegmentPlan{768, 12, 64, {14, 14, 64, 14, 14, 64, 14, 14, 64, 14, 14, 64}, 256, 2048}
                                 : SegmentPlan{32, 2, 64, {14, 64}, 32, 64};
  const NormalPlan surfaces =
      full ? NormalPlan{} : NormalPlan{8, 32, 32, 8, {8, 8, 8, 8, 12, 12, 16}, {1, 1, 1, 1, 1, 1, 1}};
  const MatPlan filler =
      full ? MatPlan{512, 180, 512, {512, 512, 512, 256, 128, 64}} : MatPlan{128, 12, 16, {16, 12, 12, 8}};
  const SwinPlan swin = full ? SwinPlan{.scale = 2}
                             : SwinPlan{.width = 24, .heads = 2, .scale = 2, .features = 8, .groups = {2, 2}},
                 hybrid = full ? SwinPlan{.window = 16}
                               : SwinPlan{.width = 24, .heads = 2, .window = 8, .features = 8, .groups = {2}};
  const OmniPlan omni = full ? OmniPlan{.scale = 2} : OmniPlan{.width = 16, .scale = 2, .groups = 1, .narrow = 8};
  using enum Packing;
  return {
      {"checkpoints/v2-1_512-ema-pruned.safetensors", kSafetensors, sd21, PredictionMark::kEps},
      {"checkpoints/v2-1_768-ema-pruned.ckpt", kTorchStateDict, sd21},
      {"checkpoints/sd-v1-5-inpainting.safetensors", kSafetensors,
       checkpoint(inpainting, w, text_l, "cond_stage_model.transformer.")},
      {"checkpoints/SSD-1B.safetensors", kSafetensors,
       distilled_sdxl(w, {0, 0, 2, 2, 4, 4}, {0, 0, 0, 1, 1, 2, 10, 4, 4})},
      {"checkpoints/segmind-vega.safetensors", kSafetensors,
       distilled_sdxl(w, {0, 0, 1, 1, 2, 2}, {0, 0, 0, 1, 1, 1, 2, 2, 2})},
      {"unet/koala-700m.safetensors", kSafetensors, in_diffusers_layout(unet(koala), koala)},
      {"unet/sdxs-512-dreamshaper.safetensors", kSafetensors, in_diffusers_layout(unet(sdxs), sdxs)},
      {"unet/sdxs-512-0.9.safetensors", kSafetensors, in_diffusers_layout(unet(sdxs_09), sdxs_09)},
      {"unet/LCM_Dreamshaper_v7.safetensors", kSafetensors, in_diffusers_layout(unet(lcm), lcm)},
      {"unet/sd15_diffusers.safetensors", kSafetensors, in_diffusers_layout(unet(sd15), sd15)},
      {"vae_approx/taesd_encoder.safetensors", kSafetensors, tiny_encoder(w.tiny_vae)},
      {"vae_approx/taesd_decoder.safetensors", kSafetensors, tiny_decoder(w.tiny_vae)},
      {"vae_approx/taesdxl_encoder.safetensors", kSafetensors, tiny_encoder(w.tiny_vae)},
      {"vae_approx/taesdxl_decoder.safetensors", kSafetensors, tiny_decoder(w.tiny_vae)},
      {"clip_vision/open_clip_pytorch_model.bin", kTorchFlat, open_clip(w)},
      {"controlnet/sdxl_canny_original.safetensors", kSafetensors, controlnet(sdxl)},
      {"controlnet/sd15_canny_diffusers.safetensors", kSafetensors, in_diffusers_layout(controlnet(sd15), sd15)},
      {"controlnet/diffusers_xl_canny_full.safetensors", kSafetensors, in_diffusers_layout(controlnet(sdxl), sdxl)},
      {"controlnet/diffusers_xl_canny_mid.safetensors", kSafetensors,
       in_diffusers_layout(controlnet(sdxl_mid), sdxl_mid)},
      {"controlnet/t2iadapter_canny_sd14v1.pth", kTorchFlat, t2i_adapter(w.adapter, 64, 1)},
      {"controlnet/t2iadapter_depth_sd14v1.pth", kTorchFlat, t2i_adapter(w.adapter, 3 * 64, 1)},
      {"controlnet/t2iadapter_color_sd14v1.pth", kTorchFlat, t2i_adapter_light(w.adapter, 3 * 64)},
      {"controlnet/t2i-adapter_xl_canny.safetensors", kSafetensors, t2i_adapter(w.adapter, 3 * 256, 1)},
      {"ipadapter/ip-adapter_sd15_light.bin", kTorchNested, ip_adapter(ip_linear(w.proj_h, w.text_l), sd15)},
      {"ipadapter/ip-adapter-plus-face_sd15.safetensors", kSafetensors,
       ip_adapter(ip_resampler(w.text_l, w.vision_h, w.text_l, 12), sd15)},
      {"ipadapter/ip-adapter-full-face_sd15.safetensors", kSafetensors, ip_adapter(ip_mlp(w.vision_h, w.text_l), sd15)},
      {"ipadapter/ip-adapter_sdxl_vit-h.safetensors", kSafetensors,
       ip_adapter(ip_linear(w.proj_h, sdxl.context), sdxl)},
      {"gligen/gligen_sd14_textbox_pruned.safetensors", kSafetensors, gligen(unet(sd15), w.text_l)},
      {"hypernetworks/sd15_style.pt", kTorchNested, hypernetwork(hypernetwork_widths)},
      {"photomaker/photomaker-v1.bin", kTorchNested,
       photo_maker(clip_vision(w.vision_l, 24, w.proj_l, 4 * w.vision_l), w.vision_l, w.proj_l, sdxl.context)},
      {"controlnet_aux/body_pose_model.pth", kTorchFlat, pose_of_bodies(w.pose)},
      {"controlnet_aux/hand_pose_model.pth", kTorchFlat, pose_of_parts(w.pose, 22)},
      {"controlnet_aux/facenet.pth", kTorchFlat, pose_of_parts(w.pose, 71)},
      {"controlnet_aux/depth_anything_v2_vits.pth", kTorchFlat,
       depth_anything({w.depth, 12, w.depth / 6, {w.depth / 8, w.depth / 4, w.depth / 2, w.depth}})},
      {"controlnet_aux/depth_anything_v2_vitl.pth", kTorchFlat, depth_anything(large_depth)},
      {"controlnet_aux/ZoeD_M12_N.pt", kTorchNested, below("model.", zoe_depth(zoe))},
      {"controlnet_aux/ControlNetHED.pth", kTorchFlat, soft_edges(w.pose)},
      {"controlnet_aux/sk_model.pth", kTorchFlat, drawn_lines(w.pose, 3)},
      {"controlnet_aux/sk_model2.pth", kTorchFlat, drawn_lines(w.pose, 3)},
      {"controlnet_aux/netG.pth", kTorchFlat, below("module.", anime_lines(w.pose, 8))},
      {"controlnet_aux/table5_pidinet.pth", kTorchStateDict, below("module.", difference_edges(w.pose, w.pose))},
      {"controlnet_aux/7_model.pth", kTorchFlat, tiny_edges()},
      {"controlnet_aux/MTEED.pth", kTorchFlat, tiny_edges()},
      {"controlnet_aux/scannet.pt", kTorchNested, below("model.module.", normals(surfaces))},
      {"controlnet_aux/mlsd_large_512_fp32.pth", kTorchFlat, straight_lines(size == SynthSize::kFull ? 1 : 4)},
      onnx_file("controlnet_aux/yolox_l.onnx", yolox(w.pose)),
      onnx_file("controlnet_aux/dw-ll_ucoco_384.onnx", whole_body_pose(w.pose, {288, 384})),
      onnx_file("rembg/u2net.onnx", cutout_network(w.pose)),
      {"sams/sam_vit_b_01ec64.pth", kTorchFlat, segment_anything(sam_b)},
      yolo_file("ultralytics/bbox/face_yolov8m.pt", yolov8(yolo_m, {"face"}, false), trained),
      yolo_file("ultralytics/segm/person_yolov8m-seg.pt", yolov8(yolo_m, {"person"}, true), trained),
      yolo_file("ultralytics/bbox/yolo11n.pt", yolo11(yolo_n, {"person", "bicycle", "car"}, false), trained),
      {"inpaint/big-lama.safetensors", kSafetensors,
       below("generator.", lama(w.pose, size == SynthSize::kFull ? 18 : 2))},
      {"inpaint/MAT_Places512_G_fp16.safetensors", kSafetensors, mat(filler)},
      {"upscale_models/001_classicalSR_DF2K_s64w8_SwinIR-M_x2.pth", kTorchNested, below("params.", swin_ir(swin))},
      {"upscale_models/Real_HAT_GAN_SRx4.pth", kTorchNested, below("params_ema.", hat(hybrid))},
      {"upscale_models/OmniSR_X2_DIV2K.safetensors", kSafetensors, omni_sr(omni)},
      {"latent_upscale_models/sd15_resizer.pt", kTorchFlat, latent_resizer(w.resizer, 12)},
      {"latent_upscale_models/sdxl_resizer.pt", kTorchFlat, latent_resizer(w.resizer, 12)},
      {"loras/sd15_style.safetensors", kSafetensors, lora(unet(sd15), sd15, text_l, 4)},
      {"embeddings/sd15_style.safetensors", kSafetensors, embedding({{"emb_params", {3, w.text_l}}})},
      {"embeddings/sd15_style_old.pt", kTorchNested, embedding({{"string_to_param.*", {2, w.text_l}}})},
      {"embeddings/sdxl_style.safetensors", kSafetensors,
       embedding({{"clip_g", {2, w.text_g}}, {"clip_l", {2, w.text_l}}})},
  };
}

}  // namespace easel::synth
