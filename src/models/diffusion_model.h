// What a family makes of a file: the network that samplers call, and what it takes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "memory/resident.h"
#include "models/conditioning.h"
#include "models/family.h"
#include "models/model_patch.h"
#include "models/network.h"
#include "nn/weights.h"
#include "sampling/random/torch_random.h"
#include "sampling/schedule/model_sampling.h"

namespace easel::models {

struct UNetModel;  // models/unet/unet_source.h

// What conditioning a model takes; whoever prepares it asks here, never for the family.
struct ConditioningTaken {
  // More channels beside the latent: none; a mask and the picture around it, for filling in; a picture to edit; some
  // whose meaning is not known.
  enum class Beside { kNothing, kMaskedPicture, kPicture, kUnknown };

  int64_t text_width = 0;    // of a row of the text context
  int64_t vector_width = 0;  // of the one vector beside it; 0 for none
  int64_t image_width = 0;   // of CLIP vision's embeds, for models that take pictures as unCLIP does; 0 for none
  Beside beside = Beside::kNothing;
  bool control = false;                 // ControlNets and T2I-Adapters can be made for it
  std::string_view text_encoders = {};  // which make its context: "CLIP-L"
  std::string_view image_encoder = {};  // advice where embeds of another width were given; empty without image_width
};

// What the inputs of one conditioning entry are made for.
struct InputContext {
  std::string file;     // of the model, for messages
  Shape latent;         // [N,h,w,C]
  Tensor latent_image;  // of that shape, as the model sees it
  Tensor noise_mask;    // [N,h,w], 1 where the picture is to change; undefined without
  uint64_t seed = 0;    // of the sampling run
  sampling::TorchGenerator& random;
};

// One sampling run.
struct NetworkRun {
  sampling::ModelSamplingPtr sampling;  // may be another than the model's own, where a node says so
  std::vector<ModelPatchPtr> patches;   // of the handle; those to weights are in the model already
  CancelToken cancel;
};

// Immutable, shared by handles; no weight is read before network().
class DiffusionModel {
 public:
  virtual ~DiffusionModel() = default;

  virtual const Family& family() const = 0;
  const LatentFormat& latents() const { return *family().latents; }
  // What it was trained on.
  virtual sampling::ModelSamplingPtr sampling() const = 0;
  virtual const ConditioningTaken& takes() const = 0;

  // What the network takes beside the latent for one entry, which is of the negative list or not. May draw random
  // numbers. Throws Error(kMismatch) where the conditioning lacks what the model needs, naming the file and the fix.
  virtual NetworkInputs inputs(const ConditioningEntry& entry, bool negative, const InputContext& context) const = 0;
  // The network for a run, in memory as long as that is held. Not thread-safe. Throws what loading the model throws.
  virtual Network network(const NetworkRun& run) const = 0;

  // The weights, for estimates.
  virtual const memory::ResidentBase& weights() const = 0;
  // What one evaluation of `rows` latents of height x width works in beside the weights, from above; bytes.
  virtual size_t run_bytes(int64_t rows, int64_t height, int64_t width) const = 0;
  // Where the weights are kept; null when nobody counts.
  virtual memory::Residency* residency() const = 0;

  // The same with changed weights. Names and shapes are those inside the network.
  virtual std::shared_ptr<const DiffusionModel> patched(nn::WeightPatchPtr patch) const = 0;
  // For what is made for UNets only (IP-Adapters, LoRAs by their names, block hooks); null for other networks.
  virtual const UNetModel* unet() const { return nullptr; }
};

}  // namespace easel::models
