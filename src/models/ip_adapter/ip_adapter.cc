#include "models/ip_adapter/ip_adapter.h"
#include "models/diffusion_model.h"
#include "models/unet/unet_source.h"

#include <algorithm>

#include "models/text/clip_keys.h"
#include "models/text/clip_text.h"
#include "models/weights/packed_model.h"

namespace easel::models {
namespace {

constexpr const char* kLayerScopes[] = {"ip_adapter.", "adapter_modules."};

std::string layer_key(const char* scope, size_t layer, const char* which) {
  return scope + std::to_string(2 * layer + 1) + ".to_" + which + "_ip.weight";
}

const char* layer_scope(const StoredTensors& file) {
  for (const char* scope : kLayerScopes)
    if (file.contains(layer_key(scope, 0, "k"))) return scope;
  return nullptr;
}

[[noreturn]] void bad(const std::string& file, const std::string& what) {
  throw Error(Fault::kBadFile, what).in_file(file);
}

Shape matrix(const StoredTensors& file, const std::string& name, const std::string& file_name) {
  const StoredTensor* t = file.find(name);
  if (!t) bad(file_name, "tensor '" + name + "' is missing");
  if (t->rank() != 2 || t->numel() == 0) bad(file_name, "tensor '" + name + "' has shape " + t->shape().str());
  return t->shape();
}

bool is_face_id(const StoredTensors& file) {
  if (file.contains("image_proj.perceiver_resampler.proj_in.weight")) return true;
  for (const char* scope : kLayerScopes)
    if (file.contains(std::string(scope) + "0.to_q_lora.down.weight")) return true;
  return file.contains("image_proj.proj.2.weight") && !file.contains("image_proj.proj.3.weight");
}

void read_projection(const StoredTensors& file, const std::string& file_name, IpAdapterConfig& c) {
  if (file.contains("image_proj.proj.3.weight")) {
    c.kind = IpAdapterKind::kFullFace;
    c.clip_width = matrix(file, "image_proj.proj.0.weight", file_name)[1];
    if (matrix(file, "image_proj.proj.2.weight", file_name)[0] != c.token_width)
      bad(file_name, "the image projection and the key matrices have different widths");
  } else if (const StoredTensor* latents = file.find("image_proj.latents")) {
    c.kind = IpAdapterKind::kPlus;
    c.clip_width = matrix(file, "image_proj.proj_in.weight", file_name)[1];
    if (latents->rank() != 3) bad(file_name, "tensor 'image_proj.latents' has shape " + latents->shape().str());
    c.tokens = latents->dim(1);
    if (matrix(file, "image_proj.proj_out.weight", file_name)[0] != c.token_width)
      bad(file_name, "the resampler and the key matrices have different widths");
  } else {
    c.kind = IpAdapterKind::kPlain;
    const Shape proj = matrix(file, "image_proj.proj.weight", file_name);
    c.clip_width = proj[1];
    if (proj[0] % c.token_width != 0)
      bad(file_name, "the image projection " + proj.str() + " does not divide into tokens of width " +
                         std::to_string(c.token_width));
    c.tokens = proj[0] / c.token_width;
  }
}

// What CLIP vision models give at their published sizes.
std::string vision_for(const IpAdapterConfig& c) {
  struct Known {
    int64_t embeds, hidden;
    const char* what;
  };
  constexpr Known kKnown[] = {
      {768, 1024, "ViT-L/14"},
      {1024, 1280, "ViT-H/14 (IPAdapter_image_encoder_sd15.safetensors)"},
      {1280, 1664, "ViT-bigG/14 (IP-Adapter_sdxl_pytorch_model.bin, clip_vision_g.safetensors)"},
  };
  for (const Known& k : kKnown)
    if (c.clip_width == (c.takes_hidden_states() ? k.hidden : k.embeds)) return k.what;
  return std::string("one with ") + (c.takes_hidden_states() ? "hidden states" : "image embeds") + " of width " +
         std::to_string(c.clip_width);
}

std::string model_for(const IpAdapterConfig& c) {
  const size_t layers = c.layer_widths.size();
  return layers == 16   ? "an SD 1.x model"
         : layers == 70 ? "an SDXL model"
                        : "a model with " + std::to_string(layers) + " cross-attentions";
}

}  // namespace

const char* ip_adapter_kind_name(IpAdapterKind kind) {
  switch (kind) {
    case IpAdapterKind::kPlain: return "plain";
    case IpAdapterKind::kPlus: return "plus";
    case IpAdapterKind::kFullFace: return "full face";
  }
  return "";
}

bool is_ip_adapter(const StoredTensors& file) { return layer_scope(file) != nullptr; }

IpAdapterConfig read_ip_adapter_config(const StoredTensors& file, const std::string& file_name) {
  const char* scope = layer_scope(file);
  if (!scope)
    throw Error(Fault::kUnsupported, "this is not an IP-Adapter: it has no 'ip_adapter.1.to_k_ip.weight'")
        .in_file(file_name)
        .fix("Choose a file from ipadapter/ such as ip-adapter_sd15.safetensors");
  if (is_face_id(file))
    throw Error(Fault::kUnsupported, "this is a FaceID or portrait IP-Adapter, which needs a face recognition model")
        .in_file(file_name)
        .fix("Use ip-adapter-plus-face or ip-adapter-full-face: they work from the picture alone");
  IpAdapterConfig c;
  c.token_width = matrix(file, layer_key(scope, 0, "k"), file_name)[1];
  while (file.contains(layer_key(scope, c.layer_widths.size(), "k"))) {
    const size_t layer = c.layer_widths.size();
    const Shape key = matrix(file, layer_key(scope, layer, "k"), file_name);
    const Shape value = matrix(file, layer_key(scope, layer, "v"), file_name);
    if (key[1] != c.token_width || !(value == key))
      bad(file_name, "the key and value matrices of layer " + std::to_string(layer) + " have shapes " + key.str() +
                         " and " + value.str());
    c.layer_widths.push_back(key[0]);
  }
  if (count_numbered(file, scope) > static_cast<int64_t>(2 * c.layer_widths.size()))
    bad(file_name, "tensor '" + layer_key(scope, c.layer_widths.size(), "k") + "' is missing");
  read_projection(file, file_name, c);
  return c;
}

IpAdapter::IpAdapter(const nn::Weights& w, const IpAdapterConfig& config)
    : config_(config), file_(w.file()), compute_(w.compute()), device_(w.packer().device()) {
  const nn::Weights image = w["image_proj"];
  const int64_t width = config.token_width, clip = config.clip_width;
  switch (config.kind) {
    case IpAdapterKind::kPlain:
      proj_ = checked_linear(image["proj"], clip, config.tokens * width);
      norm_ = checked_norm(image["norm"], width);
      break;
    case IpAdapterKind::kPlus: resampler_ = Resampler(image); break;
    case IpAdapterKind::kFullFace: {
      const auto shape = image["proj"].shape("0.weight");
      const int64_t hidden = shape ? (*shape)[0] : 0;
      proj_ = checked_linear(image["proj"][0], clip, hidden);
      proj2_ = checked_linear(image["proj"][2], hidden, width);
      norm_ = checked_norm(image["proj"][3], width);
      break;
    }
  }
  const bool modules = !w.has(layer_key(kLayerScopes[0], 0, "k"));
  const nn::Weights scope = w[modules ? "adapter_modules" : "ip_adapter"];
  for (size_t i = 0; i < config.layer_widths.size(); ++i) {
    const nn::Weights layer = scope[static_cast<int64_t>(2 * i + 1)];
    layers_.push_back({checked_linear(layer["to_k_ip"], width, config.layer_widths[i], /*bias=*/false),
                       checked_linear(layer["to_v_ip"], width, config.layer_widths[i], /*bias=*/false)});
  }
  w.require_all();
}

void IpAdapter::check(const nn::Weights& w, const IpAdapterConfig& config) {
  const IpAdapter probed(w.probe(), config);
}

// One image: [1,P] or [1,T,H] of the compute type -> [1,tokens,token_width] f32.
Tensor IpAdapter::project(const Tensor& one) const {
  switch (config_.kind) {
    case IpAdapterKind::kPlain:
      return norm_(proj_(one, {.f32_out = true}).view({1, config_.tokens, config_.token_width}));
    case IpAdapterKind::kPlus: return resampler_(one);
    case IpAdapterKind::kFullFace:
      return norm_(proj2_(proj_(one, {.activation = ops::Activation::kGelu}), {.f32_out = true}));
  }
  return {};
}

Tensor IpAdapter::tokens(const Tensor& embeds) const {
  const int rank = config_.takes_hidden_states() ? 3 : 2;
  if (embeds.rank() != rank || embeds.dim(-1) != config_.clip_width)
    throw Error(Fault::kMismatch, std::string(config_.takes_hidden_states() ? "hidden states " : "image embeds ") +
                                      embeds.shape().str() + " do not fit this " + ip_adapter_kind_name(config_.kind) +
                                      " adapter, which takes width " + std::to_string(config_.clip_width))
        .in_file(file_)
        .fix("Use " + vision_for(config_) + " as CLIP vision model");
  std::vector<Tensor> out;
  for (int64_t i = 0; i < embeds.dim(0); ++i)
    out.push_back(project(contiguous(convert(embeds.slice(0, i, 1), compute_)).to(device_)).to(kHost));
  return out.size() == 1 ? out[0] : ops::concat(out, 0);
}

IpAdapter::KeyValue IpAdapter::key_value(size_t layer, const Tensor& tokens) const {
  const Tensor x = convert(tokens.to(device_), compute_);
  return {layers_.at(layer).key(x), layers_.at(layer).value(x)};
}

size_t IpAdapter::bytes() const {
  size_t total = proj_.bytes() + proj2_.bytes() + resampler_.bytes();
  for (const Layer& l : layers_) total += l.key.bytes() + l.value.bytes();
  return total;
}

IpAdapterHandle load_ip_adapter(memory::Residency& residency, const std::shared_ptr<const StoredTensors>& file,
                                DType compute, const std::string& file_name) {
  IpAdapterHandle handle;
  handle.file = file_name;
  handle.config = read_ip_adapter_config(*file, file_name);
  IpAdapter::check(nn::Weights(file, compute, file_name), handle.config);
  handle.model = packed_model<IpAdapter>(residency, "IP-Adapter " + file_name, {"ip-adapter", file, compute},
                                         [=, config = handle.config](const ops::Packer& packer) {
                                           return std::make_shared<const IpAdapter>(
                                               nn::Weights(file, compute, file_name, packer), config);
                                         });
  return handle;
}

int64_t cross_attention_count(const UNetConfig& config) {
  int64_t count = std::max(config.middle_depth, 0);
  for (const int d : config.input_depth) count += d;
  for (const int d : config.output_depth) count += d;
  return count;
}

std::optional<Error> ip_adapter_mismatch(const IpAdapterHandle& adapter, const ClipVisionHandle* vision,
                                         const ModelHandle* model) {
  const IpAdapterConfig& c = adapter.config;
  if (model && !model->net->unet())
    return Error(Fault::kMismatch, "The adapter " + adapter.file + " is made for UNets, and " + model->file + " (" +
                                       family_name(&model->family()) + ") is none");
  if (model) {
    const UNetConfig& config = model->net->unet()->config;
    const int64_t layers = cross_attention_count(config), own = static_cast<int64_t>(c.layer_widths.size());
    if (layers != own || config.context_dim != c.token_width)
      return Error(Fault::kMismatch, "The adapter " + adapter.file + " has " + std::to_string(own) +
                                         " layers of token width " + std::to_string(c.token_width) +
                                         ", but the model " + model->file + " (" + family_name(&model->family()) +
                                         ") has " + std::to_string(layers) + " of context width " +
                                         std::to_string(config.context_dim))
          .fix("It fits " + model_for(c));
  }
  if (vision) {
    const int64_t given = c.takes_hidden_states() ? vision->hidden_size : vision->projection_dim;
    if (given != c.clip_width)
      return Error(Fault::kMismatch, "The adapter " + adapter.file + " takes " +
                                         (c.takes_hidden_states() ? "hidden states" : "image embeds") + " of width " +
                                         std::to_string(c.clip_width) + ", but the CLIP vision model " + vision->file +
                                         " gives " + std::to_string(given))
          .fix("Use " + vision_for(c));
  }
  return std::nullopt;
}

}  // namespace easel::models
