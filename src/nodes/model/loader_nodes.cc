// Nodes that name model files. They read headers only; weights are packed when a model is first used.
#include "models/checkpoint/checkpoint.h"
#include "models/ip_adapter/ip_adapter.h"
#include "models/vision/clip_vision.h"
#include "models/vision/style_model.h"
#include "node_api/table.h"
#include "nodes/common/model_input.h"
#include "text/embeddings.h"

namespace easel::nodes {
namespace {

Value clip_value(Call& call, std::shared_ptr<const models::TextEncoder> encoder) {
  if (!encoder) return {};
  auto embeddings = std::make_shared<text::EmbeddingFolders>(call.context().folders.folders("embeddings"));
  return Value("CLIP", models::ClipHandle{std::move(encoder), std::move(embeddings), std::nullopt});
}

models::Checkpoint open_checkpoint(Call& call) {
  models::Checkpoint c = models::load_checkpoint(*open_model(call, "checkpoints", call.text("ckpt_name")),
                                                 call.context().residency, call.context().compute);
  if (!c.unused.empty()) {
    std::string text = c.file + ": " + std::to_string(c.unused.size()) + " tensors are not used:";
    for (const std::string& name : c.unused) text += "\n  " + name;
    call.context().events.detail(text);
  }
  return c;
}

Outputs load_checkpoint(Call& call) {
  models::Checkpoint c = open_checkpoint(call);
  return {Value("MODEL", std::move(c.model)), clip_value(call, std::move(c.text)),
          c.vae ? Value("VAE", std::move(*c.vae)) : Value()};
}

Outputs load_unclip_checkpoint(Call& call) {
  models::Checkpoint c = open_checkpoint(call);
  if (!c.clip_vision)
    throw Error(Fault::kMismatch, c.file + " is no unCLIP checkpoint: it has no CLIP vision encoder inside (it is " +
                                      models::family_name(c.model.family) + ")")
        .at_input("ckpt_name")
        .fix(
            "unCLIPCheckpointLoader takes sd21-unclip-h.ckpt or sd21-unclip-l.ckpt; CheckpointLoaderSimple takes this "
            "file");
  return {Value("MODEL", std::move(c.model)), clip_value(call, std::move(c.text)),
          c.vae ? Value("VAE", std::move(*c.vae)) : Value(), Value("CLIP_VISION", std::move(*c.clip_vision))};
}

Outputs load_vae(Call& call) {
  const auto file = open_model(call, "vae", call.text("vae_name"));
  return {Value("VAE", models::load_vae(*file, call.context().residency, call.context().compute))};
}

Outputs load_unet(Call& call) {
  const auto file = open_model(call, "diffusion_models", call.text("unet_name"));
  return {Value("MODEL", models::load_unet(*file, call.context().residency, call.context().compute))};
}

Outputs load_clip(Call& call) {
  const auto file = open_model(call, "text_encoders", call.text("clip_name"));
  return {clip_value(call, models::load_clip({&file, 1}, call.context().residency, call.context().compute))};
}

Outputs load_two_clips(Call& call) {
  const std::shared_ptr<const formats::ModelFile> files[] = {
      open_model(call, "text_encoders", call.text("clip_name1")),
      open_model(call, "text_encoders", call.text("clip_name2"))};
  return {clip_value(call, models::load_clip(files, call.context().residency, call.context().compute))};
}

Outputs load_clip_vision(Call& call) {
  const auto file = open_model(call, "clip_vision", call.text("clip_name"));
  return {Value("CLIP_VISION", models::find_clip_vision(call.context().residency, *file->tensors,
                                                        call.context().compute, file->name()))};
}

Outputs load_style_model(Call& call) {
  const auto file = open_model(call, "style_models", call.text("style_model_name"));
  return {Value("STYLE_MODEL", models::load_style_model(call.context().residency, *file->tensors,
                                                        call.context().compute, file->name()))};
}

}  // namespace

void register_loader_nodes(Table& table) {
  table.add({.name = "CheckpointLoaderSimple",
             .display = "Load Checkpoint",
             .category = "loaders",
             .description = "Loads a checkpoint: the diffusion model, its text encoders and its VAE.",
             .inputs = {File("ckpt_name", "checkpoints").tip("The checkpoint file.")},
             .outputs = {{"MODEL", "", "The model that removes noise from latents."},
                         {"CLIP", "", "The text encoder of the checkpoint."},
                         {"VAE", "", "The VAE of the checkpoint, between pictures and latents."}},
             .cheap = true,
             .run = load_checkpoint});
  table.add({.name = "unCLIPCheckpointLoader",
             .display = "unCLIPCheckpointLoader",
             .category = "loaders",
             .description =
                 "Loads an unCLIP checkpoint, which also holds the CLIP vision encoder that it takes pictures through.",
             .inputs = {File("ckpt_name", "checkpoints").tip("sd21-unclip-h.ckpt or sd21-unclip-l.ckpt.")},
             .outputs = {{"MODEL"}, {"CLIP"}, {"VAE"}, {"CLIP_VISION"}},
             .cheap = true,
             .run = load_unclip_checkpoint});
  table.add({.name = "VAELoader",
             .display = "Load VAE",
             .category = "loaders",
             .description = "Loads a VAE from a file of its own.",
             .inputs = {File("vae_name", "vae")},
             .outputs = {{"VAE"}},
             .cheap = true,
             .run = load_vae});
  table.add({.name = "UNETLoader",
             .display = "Load Diffusion Model",
             .category = "advanced/loaders",
             .description = "Loads a diffusion model from a file that holds nothing else.",
             .inputs = {File("unet_name", "diffusion_models"),
                        Choice("weight_dtype", {"default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"})
                            .late()
                            .tip("Kept for ComfyUI's workflows; precision is chosen with --precision.")},
             .outputs = {{"MODEL"}},
             .cheap = true,
             .run = load_unet});
  table.add({.name = "CLIPLoader",
             .display = "Load CLIP",
             .category = "advanced/loaders",
             .description = "Loads a text encoder from a file of its own; which one it is is read from the file.",
             .inputs = {File("clip_name", "text_encoders"), Choice("type", {"stable_diffusion"}).late(),
                        Choice("device", {"default", "cpu"}).optional()},
             .outputs = {{"CLIP"}},
             .cheap = true,
             .run = load_clip});
  table.add(
      {.name = "DualCLIPLoader",
       .display = "DualCLIPLoader",
       .category = "advanced/loaders",
       .description =
           "Loads the two text encoders of SDXL, CLIP-L and OpenCLIP bigG, from files of their own, in any order.",
       .inputs = {File("clip_name1", "text_encoders"), File("clip_name2", "text_encoders"),
                  Choice("type", {"sdxl"}).late(), Choice("device", {"default", "cpu"}).optional()},
       .outputs = {{"CLIP"}},
       .cheap = true,
       .run = load_two_clips});
  table.add({.name = "CLIPVisionLoader",
             .display = "Load CLIP Vision",
             .category = "loaders",
             .description =
                 "Loads a CLIP vision encoder: ViT-L/14, ViT-H/14 or ViT-bigG/14, from any of the published layouts.",
             .inputs = {File("clip_name", "clip_vision")},
             .outputs = {{"CLIP_VISION"}},
             .cheap = true,
             .run = load_clip_vision});
  table.add({.name = "StyleModelLoader",
             .display = "Load Style Model",
             .category = "loaders",
             .description = "Loads a style model (T2I-Adapter's coadapter-style) for SD 1.x.",
             .inputs = {File("style_model_name", "style_models")},
             .outputs = {{"STYLE_MODEL"}},
             .cheap = true,
             .run = load_style_model});
}

}  // namespace easel::nodes
