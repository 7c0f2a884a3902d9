// The interface that a family of models implements: the network that samplers call, and the conditioning that it takes.
#pragma once

#include <cstdint>
#include <limits>
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

// The conditioning that a model takes. Code that prepares conditioning asks for this, never for the family.
struct ConditioningTaken {
  // Further channels beside the latent: none; a mask and the picture around it, for inpainting; a picture to edit; some
  // whose meaning is not known.
  enum class Beside { kNothing, kMaskedPicture, kPicture, kUnknown };

  int64_t text_width = 0;    // of a row of the text context
  int64_t vector_width = 0;  // of the vector beside it; 0 for none
  int64_t image_width = 0;   // of the image embeds that unCLIP models take; 0 for none
  Beside beside = Beside::kNothing;
  bool control = false;                 // ControlNets and T2I-Adapters can be made for it
  std::string_view text_encoders = {};  // which make its context: "CLIP-L"
  std::string_view image_encoder = {};  // advice where embeds of another width were given; empty without image_width
};

// The context in which the inputs of one conditioning entry are made.
struct InputContext {
  std::string file;     // of the model, for messages
  Shape latent;         // [N,h,w,C]
  Tensor latent_image;  // of that shape, in the model's scale
  Tensor noise_mask;    // [N,h,w], 1 where the picture may change; undefined without a mask
  uint64_t seed = 0;    // of the sampling run
  sampling::TorchGenerator& random;
};

// One sampling run.
struct NetworkRun {
  sampling::ModelSamplingPtr sampling;  // the model's own, or what a node has set in its place
  std::vector<ModelPatchPtr> patches;   // of the handle; weight patches are already applied in the model
  CancelToken cancel;
  sampling::TorchGenerator* random = nullptr;                    // the run's, as in InputContext
  float highest_sigma = std::numeric_limits<float>::infinity();  // of the run
};

// Immutable, shared by handles; no weight is read before network().
class DiffusionModel {
 public:
  virtual ~DiffusionModel() = default;

  virtual const Family& family() const = 0;
  const LatentFormat& latents() const { return *family().latents; }
  // The noise levels and the prediction of its training.
  virtual sampling::ModelSamplingPtr sampling() const = 0;
  virtual const ConditioningTaken& takes() const = 0;

  // The network's inputs for one entry; `negative` says whether it is in the negative list. May draw random numbers.
  // Throws Error(kMismatch) if the conditioning lacks what the model needs, naming the file and the fix.
  virtual NetworkInputs inputs(const ConditioningEntry& entry, bool negative, const InputContext& context) const = 0;
  // The network for a run. It keeps the model in memory while it exists. Not thread-safe. Throws what loading throws.
  virtual Network network(const NetworkRun& run) const = 0;

  // The weights, for estimates.
  virtual const memory::ResidentBase& weights() const = 0;
  // Working memory of one evaluation of `rows` latents of height x width, beside the weights, in bytes. Estimated from
  // above.
  virtual size_t run_bytes(int64_t rows, int64_t height, int64_t width) const = 0;
  // The memory budget that the weights count towards; null if there is none.
  virtual memory::Residency* residency() const = 0;

  // The same model with patched weights. The patch is given the names and shapes inside the network.
  virtual std::shared_ptr<const DiffusionModel> patched(nn::WeightPatchPtr patch) const = 0;
  // The UNet, for what can change UNets only (IP-Adapters, LoRAs by their names, block hooks); null for other networks.
  virtual const UNetModel* unet() const { return nullptr; }
};

}  // namespace easel::models
