// Nodes that load model files. They read the headers only; weights are packed when a model is first used.

#include "base/atomic_file.h"
#include "models/checkpoint/checkpoint.h"
#include "models/vae/vae_keys.h"
#include "models/vision/clip_vision.h"
#include "models/vision/style_model.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"
#include "nodes/common/model_input.h"
#include "nodes/common/tiny_vae.h"
#include "nodes/model/checkpoint_config.h"
#include "sampling/schedule/model_sampling.h"
#include "text/embeddings.h"

namespace easel::nodes {
namespace {

constexpr size_t kMostConfig = size_t{1} << 20;

using models::ClipHandle;
using models::ClipVisionHandle;
using models::ModelHandle;
using models::StyleModelHandle;
using models::VaeHandle;

std::optional<ClipHandle> with_embeddings(Call& call, std::shared_ptr<const models::TextEncoder> encoder) {
  if (!encoder) return std::nullopt;
  auto embeddings = std::make_shared<text::EmbeddingFolders>(call.context().folders.folders("embeddings"));
  return ClipHandle{std::move(encoder), std::move(embeddings), std::nullopt};
}

struct LoadCheckpoint {
  std::string ckpt_name;
};

models::Checkpoint open_checkpoint(const LoadCheckpoint& in, Call& call) {
  models::Checkpoint c = models::load_checkpoint(*open_model(call, "checkpoints", in.ckpt_name),
                                                 call.context().residency, call.context().compute);
  if (!c.unused.empty()) {
    std::string text = c.file + ": " + std::to_string(c.unused.size()) + " tensors are not used:";
    for (const std::string& name : c.unused) text += "\n  " + name;
    call.context().events.detail(text);
  }
  return c;
}

Results<ModelHandle, ClipHandle, VaeHandle> load_checkpoint(const LoadCheckpoint& in, Call& call) {
  models::Checkpoint c = open_checkpoint(in, call);
  return {std::move(c.model), with_embeddings(call, std::move(c.text)), std::move(c.vae)};
}

struct LoadCheckpointWithConfig : LoadCheckpoint {
  std::string config_name;
};

CheckpointConfig open_config(const LoadCheckpointWithConfig& in, Call& call) {
  try {
    if (const auto file = call.context().folders.try_find("configs", in.config_name))
      return parse_checkpoint_config(read_file(*file, kMostConfig));
    if (const auto known = known_checkpoint_config(in.config_name)) return *known;
    call.context().folders.find("configs", in.config_name);  // throws, naming those that there are
    return {};
  } catch (Error& e) {
    throw e.in_file(in.config_name).at_input("config_name");
  }
}

Results<ModelHandle, ClipHandle, VaeHandle> load_checkpoint_with_config(const LoadCheckpointWithConfig& in,
                                                                        Call& call) {
  const CheckpointConfig config = open_config(in, call);
  models::Checkpoint c = open_checkpoint(in, call);
  if (config.v_prediction) c.model.sampling = c.model.sampling->with_prediction(sampling::Prediction::kV, false);
  std::optional<ClipHandle> clip = with_embeddings(call, std::move(c.text));
  if (clip && config.clip_layer) clip->stop_at_layer = config.clip_layer;
  return {std::move(c.model), std::move(clip), std::move(c.vae)};
}

Results<ModelHandle, ClipHandle, VaeHandle, ClipVisionHandle> load_unclip_checkpoint(const LoadCheckpoint& in,
                                                                                     Call& call) {
  models::Checkpoint c = open_checkpoint(in, call);
  if (!c.clip_vision)
    throw Error(Fault::kMismatch, c.file + " is no unCLIP checkpoint: it has no CLIP vision encoder inside (it is " +
                                      models::family_name(&c.model.family()) + ")")
        .at_input("ckpt_name")
        .fix(
            "unCLIPCheckpointLoader takes sd21-unclip-h.ckpt or sd21-unclip-l.ckpt; CheckpointLoaderSimple takes this "
            "file");
  return {std::move(c.model), with_embeddings(call, std::move(c.text)), std::move(c.vae), std::move(c.clip_vision)};
}

struct LoadVae {
  std::string vae_name;
};

Results<VaeHandle> load_vae(const LoadVae& in, Call& call) {
  const auto file = open_model(call, "vae", in.vae_name);
  if (models::tiny_half(*file->tensors) != models::TinyHalf::kNone)
    return {open_tiny_vae(call.context(), call.context().folders.find("vae", in.vae_name))};
  return {models::load_vae(*file, call.context().residency, call.context().compute)};
}

struct LoadUnet {
  std::string unet_name, weight_dtype;
};

Results<ModelHandle> load_unet(const LoadUnet& in, Call& call) {
  const auto file = open_model(call, "diffusion_models", in.unet_name);
  return {models::load_unet(*file, call.context().residency, call.context().compute)};
}

struct LoadClip {
  std::string clip_name, type, device;
};

Results<ClipHandle> load_clip(const LoadClip& in, Call& call) {
  const auto file = open_model(call, "text_encoders", in.clip_name);
  return {with_embeddings(call, models::load_clip({&file, 1}, call.context().residency, call.context().compute))};
}

struct LoadTwoClips {
  std::string clip_name1, clip_name2, type, device;
};

Results<ClipHandle> load_two_clips(const LoadTwoClips& in, Call& call) {
  const std::shared_ptr<const formats::ModelFile> files[] = {open_model(call, "text_encoders", in.clip_name1),
                                                             open_model(call, "text_encoders", in.clip_name2)};
  return {with_embeddings(call, models::load_clip(files, call.context().residency, call.context().compute))};
}

struct LoadClipVision {
  std::string clip_name;
};

Results<ClipVisionHandle> load_clip_vision(const LoadClipVision& in, Call& call) {
  const auto file = open_model(call, "clip_vision", in.clip_name);
  return {models::find_clip_vision(call.context().residency, *file->tensors, call.context().compute, file->name())};
}

struct LoadStyleModel {
  std::string style_model_name;
};

Results<StyleModelHandle> load_style_model(const LoadStyleModel& in, Call& call) {
  const auto file = open_model(call, "style_models", in.style_model_name);
  return {models::load_style_model(call.context().residency, *file->tensors, call.context().compute, file->name())};
}

}  // namespace

void register_loader_nodes(Table& table) {
  table.add(NodeOf<LoadCheckpoint>{
      .name = "CheckpointLoaderSimple",
      .display = "Load Checkpoint",
      .category = "loaders",
      .description = "Loads a checkpoint: the diffusion model, its text encoders and its VAE.",
      .inputs = {File("ckpt_name", &LoadCheckpoint::ckpt_name, "checkpoints").tip("The checkpoint file.")},
      .outputs = {{.tip = "The model that removes noise from latents."},
                  {.tip = "The text encoder of the checkpoint."},
                  {.tip = "The VAE of the checkpoint, between pictures and latents."}},
      .runs_when_checked = true,
      .run = load_checkpoint});
  Input<LoadCheckpointWithConfig> config = File("config_name", &LoadCheckpointWithConfig::config_name, "configs");
  config.spec().choices = known_checkpoint_configs();
  table.add(NodeOf<LoadCheckpointWithConfig>{
      .name = "CheckpointLoader",
      .display = "Load Checkpoint With Config (DEPRECATED)",
      .category = "advanced/loaders",
      .description =
          "Loads a checkpoint, and takes from a file of settings whether it predicts v and which layer of the "
          "text encoder is used; everything else is read from the checkpoint.",
      .inputs = {std::move(config), File("ckpt_name", &LoadCheckpointWithConfig::ckpt_name, "checkpoints")},
      .deprecated = true,
      .runs_when_checked = true,
      .run = load_checkpoint_with_config});
  table.add(NodeOf<LoadCheckpoint>{
      .name = "unCLIPCheckpointLoader",
      .display = "unCLIPCheckpointLoader",
      .category = "loaders",
      .description = "Loads an unCLIP checkpoint, which also holds the CLIP vision encoder for its pictures.",
      .inputs = {File("ckpt_name", &LoadCheckpoint::ckpt_name, "checkpoints")
                     .tip("sd21-unclip-h.ckpt or sd21-unclip-l.ckpt.")},
      .runs_when_checked = true,
      .run = load_unclip_checkpoint});
  table.add(NodeOf<LoadVae>{.name = "VAELoader",
                            .display = "Load VAE",
                            .category = "loaders",
                            .description = "Loads a VAE from a file of its own.",
                            .inputs = {File("vae_name", &LoadVae::vae_name, "vae")},
                            .runs_when_checked = true,
                            .run = load_vae});
  table.add(
      NodeOf<LoadUnet>{.name = "UNETLoader",
                       .display = "Load Diffusion Model",
                       .category = "advanced/loaders",
                       .description = "Loads a diffusion model from a file that holds nothing else.",
                       .inputs = {File("unet_name", &LoadUnet::unet_name, "diffusion_models"),
                                  Choice("weight_dtype", &LoadUnet::weight_dtype,
                                         {"default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"})
                                      .added_later()
                                      .tip("Kept for ComfyUI's workflows; precision is chosen with --precision.")},
                       .runs_when_checked = true,
                       .run = load_unet});
  table.add(
      NodeOf<LoadClip>{.name = "CLIPLoader",
                       .display = "Load CLIP",
                       .category = "advanced/loaders",
                       .description = "Loads a text encoder from a file of its own; its kind is read from the file.",
                       .inputs = {File("clip_name", &LoadClip::clip_name, "text_encoders"),
                                  Choice("type", &LoadClip::type, {"stable_diffusion"}).added_later(),
                                  Choice("device", &LoadClip::device, {"default", "cpu"}).optional()},
                       .runs_when_checked = true,
                       .run = load_clip});
  table.add(NodeOf<LoadTwoClips>{
      .name = "DualCLIPLoader",
      .display = "DualCLIPLoader",
      .category = "advanced/loaders",
      .description =
          "Loads the two text encoders of SDXL, CLIP-L and OpenCLIP bigG, from files of their own, in any order.",
      .inputs = {File("clip_name1", &LoadTwoClips::clip_name1, "text_encoders"),
                 File("clip_name2", &LoadTwoClips::clip_name2, "text_encoders"),
                 Choice("type", &LoadTwoClips::type, {"sdxl"}).added_later(),
                 Choice("device", &LoadTwoClips::device, {"default", "cpu"}).optional()},
      .runs_when_checked = true,
      .run = load_two_clips});
  table.add(NodeOf<LoadClipVision>{
      .name = "CLIPVisionLoader",
      .display = "Load CLIP Vision",
      .category = "loaders",
      .description =
          "Loads a CLIP vision encoder: ViT-L/14, ViT-H/14 or ViT-bigG/14, from any of the published layouts.",
      .inputs = {File("clip_name", &LoadClipVision::clip_name, "clip_vision")},
      .runs_when_checked = true,
      .run = load_clip_vision});
  table.add(
      NodeOf<LoadStyleModel>{.name = "StyleModelLoader",
                             .display = "Load Style Model",
                             .category = "loaders",
                             .description = "Loads a style model (T2I-Adapter's coadapter-style) for SD 1.x.",
                             .inputs = {File("style_model_name", &LoadStyleModel::style_model_name, "style_models")},
                             .runs_when_checked = true,
                             .run = load_style_model});
}

}  // namespace easel::nodes
