// ControlNets that are stored as differences from the weights of the model that they steer ("Control-LoRA", Stability
// AI 2023).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "models/conditioning.h"
#include "models/handles.h"
#include "nn/weights.h"
#include "tensor/stored_tensor.h"

namespace easel::models {

// A file with `lora_controlnet`: the parts that no UNet has (input_hint_block, zero_convs, middle_block_out), some
// weights in place of the UNet's, and for others NAME.up [out,r,...] and NAME.down [r,in,...], whose product is added
// to the UNet's NAME.weight.
bool is_control_lora(const StoredTensors& file);

// The other way to store differences, in files with `difference`: every weight that the UNet has as well is what is to
// be added to the UNet's, with its LoRAs.
bool is_control_difference(const StoredTensors& file);
// Adds them. Throws Error(kMismatch) if the model is no UNet.
nn::WeightPatchPtr on_top_of(const ModelHandle& model);

// Immutable.
class ControlLora {
 public:
  // Throws Error(kBadFile) if a factor stands alone, two do not fit each other, or what no UNet has is missing.
  ControlLora(std::shared_ptr<const StoredTensors> tensors, std::string file);

  const std::string& file() const { return file_; }
  int64_t rank() const { return rank_; }  // the largest, of matrices
  // Of the text that its attention takes, and of the vector beside it; 0 where the file does not say.
  int64_t context_dim() const { return context_dim_; }
  int64_t adm_channels() const { return adm_channels_; }
  int64_t model_channels() const { return model_channels_; }
  // Why it does not fit a model, or nullopt.
  std::optional<Error> mismatch(const ModelHandle& model) const;
  // The network for this model, with its LoRAs: its size is known, its weights are packed when it is first used. Equal
  // ones are shared while anyone holds them. Throws what mismatch() gives, and Error(kBadFile).
  std::shared_ptr<memory::Resident<ControlNet>> network(const ModelHandle& model) const;

 private:
  std::shared_ptr<const StoredTensors> tensors_;
  std::string file_;
  int64_t rank_ = 0, context_dim_ = 0, adm_channels_ = 0, model_channels_ = 0;
};

// The handle with a network, which those that are differences have for one model only. Throws what
// ControlLora::network() throws.
ControlNetHandle for_model(const ControlNetHandle& control, const ModelHandle& model);

// The same for chains of control links; a chain that needs nothing is returned itself, and equal ones stay equal.
class ControlsForModel {
 public:
  explicit ControlsForModel(const ModelHandle& model) : model_(model) {}
  ControlLinkPtr operator()(const ControlLinkPtr& link);

 private:
  const ModelHandle& model_;
  std::map<const ControlLink*, ControlLinkPtr> made_;
};

}  // namespace easel::models
