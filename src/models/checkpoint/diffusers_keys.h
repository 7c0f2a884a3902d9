// The diffusers library's names of a UNet's tensors, and the original ones.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/unet/unet.h"
#include "tensor/stored_tensor.h"

namespace easel::models {

// Translates in both directions for one topology. Names are of tensors ("conv_in.weight") or of modules ("conv_in").
class DiffusersNames {
 public:
  // For a UNet whose configuration is known.
  explicit DiffusersNames(const UNetConfig& config);
  // For a file in the diffusers library's names.
  explicit DiffusersNames(const StoredTensors& diffusers_file);

  // "down_blocks.0.resnets.0.conv1.weight" -> "input_blocks.1.0.in_layers.2.weight"; empty when there is none.
  std::string original(const std::string& diffusers) const;
  // The other way. A label embedding is "add_embedding", as in SDXL.
  std::string diffusers(const std::string& original) const;

 private:
  struct Entry {
    std::string original, diffusers;  // scopes, with the dot
    bool resnet;
  };
  void add_level(size_t level, int64_t blocks, int64_t& next, const char* side);
  void add_common();
  std::vector<Entry> entries_;
};

// Whether the file holds a UNet (or ControlNet) in the diffusers library's names.
bool is_diffusers_unet(const StoredTensors& file);
// The file's tensors under the original names; names without one stay as they are. Views.
std::shared_ptr<const StoredTensors> original_unet_tensors(const StoredTensors& diffusers_file);

}  // namespace easel::models
