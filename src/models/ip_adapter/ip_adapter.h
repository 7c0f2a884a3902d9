// IP-Adapter files: what they hold, what they fit, and their two halves: image to tokens, tokens to keys and values.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "models/handles.h"
#include "models/ip_adapter/resampler.h"
#include "nn/weights.h"
#include "tensor/stored_tensor.h"

namespace easel::models {

// Ye et al. 2023, "IP-Adapter: Text Compatible Image Prompt Adapter for Text-to-Image Diffusion Models".
enum class IpAdapterKind {
  kPlain,     // (also "light") one projection of the image embeds to a few tokens
  kPlus,      // (also "plus face", "composition") a resampler over the hidden states
  kFullFace,  // every hidden state becomes a token through two layers
};
// "plain", "plus", "full face"
const char* ip_adapter_kind_name(IpAdapterKind kind);

// The shape of an adapter, read from its keys.
struct IpAdapterConfig {
  IpAdapterKind kind = IpAdapterKind::kPlain;
  int64_t clip_width = 0;             // width of CLIP vision's image embeds (plain) or hidden states (others)
  int64_t token_width = 0;            // width of the tokens; that of the text context in published files
  int64_t tokens = 0;                 // per image; 0 for full face: as many as there are hidden states
  std::vector<int64_t> layer_widths;  // width of keys and values by AttentionSite::index

  bool takes_hidden_states() const { return kind != IpAdapterKind::kPlain; }
};

// Whether a file's tensors are an IP-Adapter of any kind (FaceID included).
bool is_ip_adapter(const StoredTensors& file);

// Names from nested .bin files (joined with dots) and flat .safetensors are the same: image_proj.* and
// ip_adapter.N.to_{k,v}_ip.weight, N odd, or adapter_modules.N in place of ip_adapter.N.
// Throws Error(kUnsupported) for FaceID and portrait adapters and for files that are no adapter,
// Error(kBadFile) for damaged ones; all name the file.
IpAdapterConfig read_ip_adapter_config(const StoredTensors& file, const std::string& file_name);

class IpAdapter {
 public:
  // `w` is the top of the file's tensors; only the image projection and the key and value matrices are used.
  IpAdapter(const nn::Weights& w, const IpAdapterConfig& config);
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w, const IpAdapterConfig& config);

  // CLIP vision's encodings of N images, [N,P] or [N,T,H] -> tokens [N,tokens,token_width] f32, on the host.
  // Throws Error(kMismatch) naming both widths.
  Tensor tokens(const Tensor& embeds) const;

  struct KeyValue {
    Tensor key, value;  // [N,T,layer_widths[layer]] of the compute type, on the device that the adapter is packed for
  };
  KeyValue key_value(size_t layer, const Tensor& tokens) const;

  const IpAdapterConfig& config() const { return config_; }
  size_t bytes() const;

 private:
  Tensor project(const Tensor& one) const;

  IpAdapterConfig config_;
  std::string file_;
  DType compute_;
  Device device_;
  nn::Linear proj_, proj2_;
  nn::LayerNorm norm_;
  Resampler resampler_;
  struct Layer {
    nn::Linear key, value;
  };
  std::vector<Layer> layers_;
};

// IPADAPTER
struct IpAdapterHandle {
  std::string file;
  IpAdapterConfig config;
  std::shared_ptr<memory::Resident<IpAdapter>> model;
};

// Nothing is built yet; throws as read_ip_adapter_config() does.
IpAdapterHandle load_ip_adapter(memory::Residency& residency, const std::shared_ptr<const StoredTensors>& file,
                                DType compute, const std::string& file_name);

// Why an adapter does not go with a CLIP vision model or a diffusion model (either may be null): an Error(kMismatch)
// that names both files, both numbers and what would fit; nothing when all is well. Needs no compute.
std::optional<Error> ip_adapter_mismatch(const IpAdapterHandle& adapter, const ClipVisionHandle* vision,
                                         const ModelHandle* model);

// Number of cross-attentions of a UNet, which is the number of layers an adapter for it has.
int64_t cross_attention_count(const UNetConfig& config);

}  // namespace easel::models
