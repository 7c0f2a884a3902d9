#include "models/checkpoint/checkpoint.h"

#include <unordered_set>

#include "models/model_reader.h"
#include "models/sd/latents.h"
#include "models/vae/vae.h"
#include "models/vae/vae_keys.h"
#include "models/vision/clip_vision.h"
#include "models/weights/packed_model.h"

namespace easel::models {
namespace {

[[noreturn]] void no_network(const formats::ModelFile& file) {
  const std::string foreign = foreign_model(*file.tensors);
  if (!foreign.empty())
    throw Error(Fault::kUnsupported, "a model of another kind: " + foreign)
        .in_file(file.name())
        .fix("Easel runs " + families_there_are());
  throw Error(Fault::kUnsupported, "there is no UNet in this file, so it is not a checkpoint")
      .in_file(file.name())
      .fix("`easel models` says what the file is and which loader takes it");
}

VaeHandle make_vae(const std::shared_ptr<const StoredTensors>& tensors, const std::string& file,
                   memory::Residency& residency, DType compute, const nn::Weights& probe) {
  Vae::check(probe);
  VaeHandle handle;
  handle.file = file;
  handle.tensors = tensors;
  handle.vae =
      packed_model<Vae>(residency, "VAE of " + file, {"vae", tensors, compute}, [=](const ops::Packer& packer) {
        return std::make_shared<const Vae>(nn::Weights(tensors, compute, file, packer));
      });
  return handle;
}

// Marks a part's tensors as used, by their addresses: names may differ from those in the file.
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
  const ModelReader* reader = find_reader(tensors);
  if (!reader || reader->find(tensors) != ModelReader::Found::kCheckpoint) no_network(file);

  std::unordered_set<const void*> used;
  std::vector<std::string> unused;
  out.model = reader->open(file, residency, compute, &unused);
  note_used(tensors, unused, used);

  if (const auto vae = vae_tensors(tensors)) {
    const nn::Weights probe = nn::Weights(vae, compute, out.file).probe();
    out.vae = make_vae(vae, out.file, residency, compute, probe);
    out.vae->latents = &out.model.latents();
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
  const ModelReader* reader = find_reader(*file.tensors);
  if (!reader) no_network(file);
  return reader->open(file, residency, compute, nullptr);
}

VaeHandle load_vae(const formats::ModelFile& file, memory::Residency& residency, DType compute) {
  const auto tensors = vae_tensors(*file.tensors);
  if (!tensors)
    throw Error(Fault::kUnsupported, "there is no VAE in this file")
        .in_file(file.name())
        .fix("`easel models` says what the file is and which loader takes it");
  const nn::Weights probe = nn::Weights(tensors, compute, file.name()).probe();
  VaeHandle handle = make_vae(tensors, file.name(), residency, compute, probe);
  if (const ModelReader* reader = find_reader(*file.tensors))
    if (const Family* family = reader->family_of(file)) handle.latents = family->latents;
  return handle;
}

VaeHandle load_tiny_vae(const formats::ModelFile* encoder, const formats::ModelFile& decoder, bool sdxl,
                        memory::Residency& residency, DType compute) {
  const auto require = [](const formats::ModelFile& file, TinyHalf half, const char* name) {
    if (tiny_half(*file.tensors) != half)
      throw Error(Fault::kMismatch, std::string("is not TAESD's ") + name + ", as its name says")
          .in_file(file.name())
          .fix("Take taesd_encoder and taesd_decoder, or taesdxl_encoder and taesdxl_decoder, as they are published");
  };
  require(decoder, TinyHalf::kDecoder, "decoder");
  if (encoder) require(*encoder, TinyHalf::kEncoder, "encoder");
  const auto tensors = tiny_vae_tensors(encoder ? encoder->tensors.get() : nullptr, *decoder.tensors, sdxl);
  const nn::Weights probe = nn::Weights(tensors, compute, decoder.name()).probe();
  VaeHandle handle = make_vae(tensors, decoder.name(), residency, compute, probe);
  handle.latents = sdxl ? &sd::kSdxlLatents : &sd::kSd1Latents;
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
