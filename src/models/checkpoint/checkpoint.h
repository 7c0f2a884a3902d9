// Loading: whole checkpoints, and files that hold one part.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/tensors/model_file.h"
#include "models/handles.h"
#include "models/text/text_encoder.h"

namespace easel::models {

// The parts of a checkpoint. Nothing is packed yet: each part is built from the mapped file when it is first used.
struct Checkpoint {
  std::string file;  // for messages: the name without folder
  ModelHandle model;
  std::shared_ptr<const TextEncoder> text;      // nullptr when the file has none
  std::optional<VaeHandle> vae;                 // SD and SDXL checkpoints have one
  std::optional<ClipVisionHandle> clip_vision;  // unCLIP checkpoints have one
  std::vector<std::string> unused;              // names that no part uses: EMA copies, schedules, ...
};

// The family is recognised by the keys, never by the file's name. Every part is checked for completeness before
// anything is packed. Throws Error(kBadFile) naming the first missing tensor and the count, Error(kUnsupported) for
// good files of other kinds, saying what they seem to be and which loader takes them.
Checkpoint load_checkpoint(const formats::ModelFile& file, memory::Residency& residency, DType compute);

// A UNet alone: a file with only a UNet, in the original or the diffusers library's layout, or the UNet of a
// checkpoint.
ModelHandle load_unet(const formats::ModelFile& file, memory::Residency& residency, DType compute);

// A VAE alone, or the VAE of a checkpoint.
VaeHandle load_vae(const formats::ModelFile& file, memory::Residency& residency, DType compute);

// TAESD from its published files; `encoder` may be null. Throws Error(kMismatch) for files that are not these halves.
VaeHandle load_tiny_vae(const formats::ModelFile* encoder, const formats::ModelFile& decoder, bool sdxl,
                        memory::Residency& residency, DType compute);

// Text encoders from one file or from two that go together (SDXL's). Throws Error(kMismatch) when they do not.
std::shared_ptr<const TextEncoder> load_clip(std::span<const std::shared_ptr<const formats::ModelFile>> files,
                                             memory::Residency& residency, DType compute);

}  // namespace easel::models
