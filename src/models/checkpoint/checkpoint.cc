#include "models/checkpoint/checkpoint.h"

#include <unordered_set>

#include "models/checkpoint/detect.h"
#include "models/checkpoint/diffusers_keys.h"
#include "models/sd/noise_levels.h"
#include "models/unet/unet_source.h"
#include "models/vae/vae.h"
#include "models/vae/vae_keys.h"
#include "models/vision/clip_vision.h"
#include "models/vision/noise_augmentation.h"
#include "models/weights/packed_model.h"

namespace easel::models {
namespace {

[[noreturn]] void no_unet(const formats::ModelFile& file) {
  const std::string foreign = foreign_model(*file.tensors);
  if (!foreign.empty())
    throw Error(Fault::kUnsupported, "a model of another kind: " + foreign)
        .in_file(file.name())
        .fix("Easel runs SD 1.x, SD 2.x, SDXL and the SDXL refiner");
  throw Error(Fault::kUnsupported, "there is no UNet in this file, so it is not a checkpoint")
      .in_file(file.name())
      .fix("`easel models` says what the file is and which loader takes it");
}

// unCLIP models take the embeds and as many numbers for the noise level; SDXL (Revision) embeds of the pooled
// text's width, which its label vector holds beside six embedded sizes of 256 numbers (the refiner: five).
int64_t augmentation_dim(Family family, const UNetConfig& config) {
  switch (family) {
    case Family::kSD2UnclipL:
    case Family::kSD2UnclipH: return config.adm_channels / 2;
    case Family::kSDXL: return config.adm_channels - 6 * 256;
    case Family::kSDXLRefiner: return config.adm_channels - 5 * 256;
    default: return 0;
  }
}

// A handle on the UNet at `scope`. `probe` records what it uses.
ModelHandle make_model(const std::shared_ptr<const StoredTensors>& tensors, const std::string& scope,
                       const std::string& file, memory::Residency& residency, DType compute, const nn::Weights& probe) {
  auto source = std::make_shared<UNetSource>();
  source->tensors = tensors;
  source->scope = scope;
  source->file = file;
  source->compute = compute;
  source->residency = &residency;
  UNet::check(scope.empty() ? probe : probe[scope]);

  ModelHandle model;
  model.file = source->file;
  model.config = read_unet_config(source->weights());
  model.family = detect_family(model.config, *tensors);
  if (model.family == Family::kUnknown)
    throw Error(Fault::kUnsupported, "a UNet of a family Easel does not know").in_file(model.file);
  const PredictionKind kind = detect_prediction(model.family, model.config, *tensors, scope, model.file);
  model.sampling =
      std::make_shared<const sampling::DiscreteSampling>(sd::kBetas, kind.prediction, kind.zero_terminal_snr);
  model.latents = &latents_of(model.family);
  if (const int64_t dim = augmentation_dim(model.family, model.config); dim > 0)
    model.noise_augmentation = std::make_shared<const NoiseAugmentation>(dim);
  model.unet = resident_unet(source);
  model.source = std::move(source);
  return model;
}

VaeHandle make_vae(const std::shared_ptr<const StoredTensors>& tensors, const std::string& file,
                   memory::Residency& residency, DType compute, const nn::Weights& probe) {
  Vae::check(probe);
  VaeHandle handle;
  handle.file = file;
  handle.vae =
      packed_model<Vae>(residency, "VAE of " + file, {"vae", tensors, compute}, [=](const ops::Packer& packer) {
        return std::make_shared<const Vae>(nn::Weights(tensors, compute, file, packer));
      });
  return handle;
}

// Notes the memory of a part's tensors as used; its names may differ from the file's, its memory does not.
void note_used(const StoredTensors& part, const std::vector<std::string>& except,
               std::unordered_set<const void*>& used) {
  const std::unordered_set<std::string> unused(except.begin(), except.end());
  for (const auto& [name, tensor] : part)
    if (!unused.contains(name)) used.insert(tensor.data());
}

}  // namespace

Checkpoint load_checkpoint(const formats::ModelFile& file, memory::Residency& residency, DType compute) {
  const StoredTensors& tensors = *file.tensors;
  Checkpoint out;
  out.file = file.name();
  const auto scope = find_unet_scope(tensors);
  if (!scope) no_unet(file);

  std::unordered_set<const void*> used;
  const nn::Weights unet_probe = nn::Weights(file.tensors, compute, out.file).probe();
  out.model = make_model(file.tensors, *scope, out.file, residency, compute, unet_probe);
  note_used(tensors, unet_probe.unused(), used);

  if (const auto vae = vae_tensors(tensors)) {
    const nn::Weights probe = nn::Weights(vae, compute, out.file).probe();
    out.vae = make_vae(vae, out.file, residency, compute, probe);
    out.vae->latents = out.model.latents;
    note_used(*vae, probe.unused(), used);
  }
  for (const TextTowerTensors& tower : find_text_towers(tensors)) note_used(*tower.tensors, {}, used);
  out.text = load_text_encoder(residency, tensors, compute, out.file);
  if (const VisionTowerPlace place = find_vision_tower(tensors); place.found) {
    if (const auto vision = vision_tower_tensors(tensors, place.prefix)) note_used(*vision, {}, used);
    out.clip_vision = find_clip_vision(residency, tensors, compute, out.file);
  }
  for (const auto& [name, tensor] : tensors)
    if (!used.contains(tensor.data())) out.unused.push_back(name);
  return out;
}

ModelHandle load_unet(const formats::ModelFile& file, memory::Residency& residency, DType compute) {
  std::shared_ptr<const StoredTensors> tensors = file.tensors;
  auto scope = find_unet_scope(*tensors);
  if (!scope && is_diffusers_unet(*tensors)) {
    tensors = original_unet_tensors(*tensors);
    scope = "";
  }
  if (!scope) no_unet(file);
  const nn::Weights probe = nn::Weights(tensors, compute, file.name()).probe();
  return make_model(tensors, *scope, file.name(), residency, compute, probe);
}

VaeHandle load_vae(const formats::ModelFile& file, memory::Residency& residency, DType compute) {
  const auto tensors = vae_tensors(*file.tensors);
  if (!tensors)
    throw Error(Fault::kUnsupported, "there is no VAE in this file")
        .in_file(file.name())
        .fix("`easel models` says what the file is and which loader takes it");
  const nn::Weights probe = nn::Weights(tensors, compute, file.name()).probe();
  VaeHandle handle = make_vae(tensors, file.name(), residency, compute, probe);
  if (const auto scope = find_unet_scope(*file.tensors); scope) {
    const nn::Weights root(file.tensors, compute, handle.file);
    const UNetConfig config = read_unet_config(scope->empty() ? root : root[*scope]);
    handle.latents = &latents_of(detect_family(config, *file.tensors));
  }
  return handle;
}

std::shared_ptr<const TextEncoder> load_clip(std::span<const std::shared_ptr<const formats::ModelFile>> files,
                                             memory::Residency& residency, DType compute) {
  std::vector<TextTowerTensors> towers;
  std::string names;
  for (const auto& file : files) {
    auto found = find_text_towers(*file->tensors);
    if (found.empty())
      throw Error(Fault::kUnsupported, "there is no CLIP text encoder in this file").in_file(file->name());
    towers.insert(towers.end(), found.begin(), found.end());
    names += (names.empty() ? "" : " and ") + file->name();
  }
  return std::make_shared<const TextEncoder>(residency, std::move(towers), compute, names);
}

}  // namespace easel::models
