// Hypernetworks: small networks that change what attention makes its keys and values of.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tensors/model_file.h"
#include "models/handles.h"
#include "models/unet/unet.h"
#include "nn/layers.h"

namespace easel::models {

// As AUTOMATIC1111's stable-diffusion-webui trains and saves them: for each width of rows a network for keys and one
// for values, a list of linear layers with an activation between, each followed by a layer norm if the file says so.
struct HypernetworkConfig {
  enum class Activation {
    kLinear,
    kRelu,
    kLeakyRelu,
    kElu,
    kHardSwish,  // the files say "swish"
    kTanh,
    kSigmoid,
    kSoftsign,
    kMish
  };
  // The names of a network's layers in the file, in order, and whether they are norms.
  struct Layer {
    std::string name;
    bool norm = false, activated = false;  // activated: the activation is applied to its result
  };
  Activation activation = Activation::kLinear;
  std::map<int64_t, std::vector<Layer>> keys, values;  // by the width of the rows
};

// A handle's network is built when it is first used.
struct HypernetworkHandle {
  std::string file;
  HypernetworkConfig config;
  std::shared_ptr<memory::Resident<class Hypernetwork>> model;
};

class Hypernetwork {
 public:
  enum class Part { kKey, kValue };

  // `w` is the top of the file's tensors. Throws Error(kBadFile).
  Hypernetwork(const nn::Weights& w, const HypernetworkConfig& config);
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w, const HypernetworkConfig& config);

  // Whether there are networks for rows of this width.
  bool takes(int64_t width) const { return keys_.contains(width); }
  // rows + strength * network(rows); rows [N,T,C] of the compute type, on the device that the model is packed for, with
  // C one that it takes.
  Tensor changed(Part part, const Tensor& rows, float strength) const;

  size_t bytes() const;

 private:
  struct Layer {
    nn::Linear linear;
    nn::LayerNorm norm;
    bool activated = false;
  };
  using Networks = std::map<int64_t, std::vector<Layer>>;

  HypernetworkConfig::Activation activation_;
  DType compute_;
  Networks keys_, values_;
};

// Whether a file's tensors are a hypernetwork.
bool is_hypernetwork(const StoredTensors& file);

// From the names, the shapes and the file's texts alone. Throws Error(kUnsupported) naming the file if it is something
// else or has an activation that ComfyUI does not know either, Error(kBadFile) if it is damaged.
HypernetworkConfig read_hypernetwork_config(const formats::ModelFile& file);

// Nothing is built yet; throws as above.
HypernetworkHandle load_hypernetwork(memory::Residency& residency, const formats::ModelFile& file, DType compute);

// A model with the hypernetwork in all its attentions, self and cross. Throws Error(kMismatch) for a network that is no
// UNet.
ModelHandle with_hypernetwork(const ModelHandle& model, const HypernetworkHandle& net, float strength);

}  // namespace easel::models
