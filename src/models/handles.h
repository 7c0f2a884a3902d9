// What loader nodes return: small records that share immutable models. Patching a handle copies the record, never a
// weight.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "memory/resident.h"
#include "models/family.h"
#include "models/unet/unet.h"
#include "sampling/schedule/model_sampling.h"
#include "tensor/stored_tensor.h"
#include "tensor/tensor.h"

namespace easel::models {

class ClipTextModel;    // models/clip_text.h
class ClipVisionModel;  // models/clip_vision.h
class ClipVisionMemo;   // models/clip_vision.h
class Vae;              // models/vae.h
class ControlNet;
class ControlLora;        // models/control/control_lora.h
struct ControlWeighting;  // models/control/control_weighting.h
class Gligen;             // models/gligen/gligen.h
class DiffusionModel;     // models/diffusion_model.h
struct UNetModel;         // models/unet/unet_source.h

class ModelPatch;  // models/model_patch.h
using ModelPatchPtr = std::shared_ptr<const ModelPatch>;

// MODEL
struct ModelHandle {
  std::string file;                           // for messages
  std::shared_ptr<const DiffusionModel> net;  // not null in handles from loaders, nor is `sampling`
  sampling::ModelSamplingPtr sampling;        // that of its training, or what a node has set in its place
  std::vector<ModelPatchPtr> patches;         // in the order they were applied

  const Family& family() const;
  const LatentFormat& latents() const;
};

// A copy of the handle with one more patch. No weight is touched until the model is used.
ModelHandle with_patch(const ModelHandle& model, ModelPatchPtr patch);

// The model's UNet, for changes that only UNets can take. Throws Error(kMismatch), naming `what`, for other models.
const UNetModel& unet_of(const ModelHandle& model, const char* what = "this");

// VAE
struct VaeHandle {
  std::string file;
  const LatentFormat* latents = &default_latents();  // of what it encodes; never null
  std::shared_ptr<const StoredTensors> tensors;      // what it is made of, by the names of vae_keys.h
  std::shared_ptr<memory::Resident<Vae>> vae;
};

// CLIP_VISION
struct ClipVisionHandle {
  std::string file;
  int64_t hidden_size = 0, layers = 0, projection_dim = 0, image_size = 224;
  std::shared_ptr<memory::Resident<ClipVisionModel>> model;
  std::shared_ptr<ClipVisionMemo> memo;  // pictures encoded last
};

// CLIP_VISION_OUTPUT
struct ClipVisionOutput {
  Tensor image_embeds;                                  // [N,projection]
  Tensor penultimate_hidden_states, last_hidden_state;  // [N,tokens,hidden]
};

// CONTROL_NET: a ControlNet or a T2I-Adapter, or one that is made from the weights of the model that it steers.
struct ControlNetHandle {
  std::string file;
  bool t2i_adapter = false;
  const Family* family = nullptr;                                 // T2I-Adapters for SD 1.x say so, and fit SD 2.x too
  int64_t context_dim = 0, adm_channels = 0, model_channels = 0;  // 0 where the net does not take such a thing
  int64_t hint_kinds = 0;                                         // it tells apart; 0 for ordinary networks
  int64_t hint_kind = -1;                                         // which of them its picture is (control_union.h)
  std::shared_ptr<memory::Resident<ControlNet>> net;
  std::shared_ptr<const ControlWeighting> weighting;  // that it brings along, or null; of links made with it
  std::shared_ptr<const ControlLora> lora;            // then net is null until for_model() of control_lora.h makes it
};

// GLIGEN
struct GligenHandle {
  std::string file;
  int64_t text_width = 0;       // of a box's text: the pooled state of the text encoder, before any projection
  std::vector<int64_t> widths;  // of the UNet's spatial transformers, in the order of execution
  std::shared_ptr<memory::Resident<Gligen>> model;
};

}  // namespace easel::models
