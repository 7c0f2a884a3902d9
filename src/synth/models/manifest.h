// Names and shapes of the tensors in each kind of published model file, built from a few widths.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace easel::synth {

// The tensors of a file, in file order.
class Manifest {
 public:
  using Item = std::pair<std::string, Shape>;

  void add(std::string name, Shape shape) { items_.emplace_back(std::move(name), shape); }
  // Adds `name`.weight of that shape and `name`.bias of its first dimension.
  void layer(const std::string& name, const Shape& weight) {
    add(name + ".weight", weight);
    add(name + ".bias", Shape{weight[0]});
  }
  // Weight and bias of a normalisation.
  void norm(const std::string& name, int64_t width) { layer(name, Shape{width}); }
  // Everything in `other`, under a prefix.
  void append(const Manifest& other, std::string_view prefix = {}) {
    for (const auto& [name, shape] : other.items_) add(std::string(prefix) + name, shape);
  }

  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  size_t size() const { return items_.size(); }

 private:
  std::vector<Item> items_;
};

// The widths by which the published models differ from the small ones for tests; the topology is the same. Letters as
// in CLIP's names: L(14), H(14), bigG(14).
struct Widths {
  int64_t text_l, text_h, text_g;        // CLIP text encoders
  int64_t vision_l, vision_h, vision_g;  // CLIP vision encoders
  int64_t proj_l, proj_h, proj_g;        // widths of their projections
  int64_t mlp_g;                         // hidden width of vision G's MLPs (the others: 4 x width)
  int64_t unet_sd15, unet_sd21, unet_sdxl, unet_refiner;
  int64_t vae;
  int64_t adapter;   // T2I-Adapter's first level
  int64_t tiny_vae;  // TAESD's
  int64_t pose;      // of OpenPose's first layers
  int64_t depth;     // Depth Anything's smallest
  int64_t resizer;   // of latents
};

inline constexpr Widths kFullWidths = {.text_l = 768,
                                       .text_h = 1024,
                                       .text_g = 1280,
                                       .vision_l = 1024,
                                       .vision_h = 1280,
                                       .vision_g = 1664,
                                       .proj_l = 768,
                                       .proj_h = 1024,
                                       .proj_g = 1280,
                                       .mlp_g = 8192,
                                       .unet_sd15 = 320,
                                       .unet_sd21 = 320,
                                       .unet_sdxl = 320,
                                       .unet_refiner = 384,
                                       .vae = 128,
                                       .adapter = 320,
                                       .tiny_vae = 64,
                                       .pose = 64,
                                       .depth = 384,
                                       .resizer = 128};
inline constexpr Widths kTinyWidths = {.text_l = 128,
                                       .text_h = 192,
                                       .text_g = 256,
                                       .vision_l = 64,
                                       .vision_h = 96,
                                       .vision_g = 128,
                                       .proj_l = 96,
                                       .proj_h = 80,
                                       .proj_g = 256,
                                       .mlp_g = 640,
                                       .unet_sd15 = 32,
                                       .unet_sd21 = 64,
                                       .unet_sdxl = 32,
                                       .unet_refiner = 32,
                                       .vae = 32,
                                       .adapter = 32,
                                       .tiny_vae = 8,
                                       .pose = 8,
                                       .depth = 64,
                                       .resizer = 32};

// A latent diffusion UNet in the original (LDM) layout.
struct UNetPlan {
  int64_t channels, context;
  int64_t label = 0;                // width of the vector condition; 0: none
  bool linear = false;              // proj_in and proj_out are products, not 1x1 convolutions
  std::vector<int64_t> mult = {};   // widths of the levels, in units of `channels`
  std::vector<int> blocks = {};     // residual blocks per level on the way down
  std::vector<int> depth_in = {};   // transformer blocks after each residual block on the way down
  std::vector<int> depth_out = {};  // on the way up, last block first
  int depth_middle = 1;             // -1: the middle is one residual block only, -2: there is none
  int64_t in_channels = 4;
  bool text_twice = false;  // at the finest level the first attention of a block is to the text as well
  int64_t guidance = 0;     // numbers that say the guidance's scale, of models distilled with it; 0: none
};

UNetPlan sd_plan(int64_t channels, int64_t context, int64_t label, bool linear);
UNetPlan sdxl_plan(const Widths& w);
UNetPlan refiner_plan(const Widths& w);
// KOALA's distillation of SDXL (its smaller size), and SDXS's of SD 1.5 and of SD 2.1: one residual block a level, no
// middle.
UNetPlan koala_plan(const Widths& w);
UNetPlan sdxs_plan(const Widths& w);
UNetPlan sdxs_09_plan(const Widths& w);

Manifest unet(const UNetPlan& plan);
// The LDM autoencoder (KL, four latent channels).
Manifest vae(int64_t channels);
// TAESD's encoder and decoder, as their published files list their layers.
Manifest tiny_encoder(int64_t channels);
Manifest tiny_decoder(int64_t channels);
// CLIP's text transformer in the transformers library's layout (below "text_model.").
Manifest clip_text(int64_t width, int layers);
// The same in OpenCLIP's layout.
Manifest openclip_text(int64_t width, int layers);
// CLIP's vision transformer with its projection, in both layouts.
Manifest clip_vision(int64_t width, int layers, int64_t projection, int64_t mlp);
Manifest openclip_vision(int64_t width, int layers, int64_t projection, int64_t mlp);

// A ControlNet in the original layout for this UNet ("control_model." names).
Manifest controlnet(const UNetPlan& plan);
// A UNet or ControlNet of this plan with its names in the diffusers library's layout.
Manifest in_diffusers_layout(const Manifest& original, const UNetPlan& plan);
// T2I-Adapter, full (`convolution`: size of its second convolutions) and light; `inputs` are the channels
// of the picture times the pixels folded into them.
Manifest t2i_adapter(int64_t channels, int64_t inputs, int64_t convolution);
Manifest t2i_adapter_light(int64_t channels, int64_t inputs);
// T2I-Adapter's style adapter.
Manifest style_adapter(int64_t width, int64_t context);
// LoRA in kohya's naming, for the attention projections of a UNet in the original layout (below `prefix`
// in the file's names) and of a text encoder in the transformers layout.
Manifest lora(const Manifest& unet, const UNetPlan& plan, const Manifest& text, int64_t rank);
// IP-Adapter: key and value projections for every cross attention of the UNet ("ip_adapter.N...").
Manifest ip_layers(const Manifest& unet, int64_t context);
// Its image projection: one Linear to four tokens, or the Resampler of the "plus" models, or an MLP.
Manifest ip_linear(int64_t embedding, int64_t context);
Manifest ip_mlp(int64_t width, int64_t context);
Manifest ip_resampler(int64_t width, int64_t embedding, int64_t context, int heads);

// GLIGEN's gated attention for every transformer block of a UNet in the original layout, and its network of places.
Manifest gligen(const Manifest& unet, int64_t text);
// A hypernetwork of structure 1, 2, 1 for rows of these widths, as stable-diffusion-webui saves them.
Manifest hypernetwork(const std::vector<int64_t>& widths);
// PhotoMaker's first version, without the LoRA that is published beside it; `text` is the width of SDXL's text.
Manifest photo_maker(const Manifest& vision, int64_t vision_width, int64_t projection, int64_t text);

// OpenPose's networks: of bodies, and of a hand's (22) or a face's (71) parts; `channels` are those of the first layer.
Manifest pose_of_bodies(int64_t channels);
Manifest pose_of_parts(int64_t channels, int64_t parts);
// Depth Anything V2.
struct DepthPlan {
  int64_t width, layers, features;
  std::array<int64_t, 4> projected;
};
Manifest depth_anything(const DepthPlan& plan);
// ZoeDepth with one head, of ZoeD_M12_N.pt; heads of BEiT are 64 wide, as the published ones.
Manifest zoe_depth(const DepthPlan& plan);
// HED, of ControlNetHED.pth; `channels` are those of the first block.
Manifest soft_edges(int64_t channels);
// Segment Anything: an encoder of pictures of side x side cells, whose layers look at windows of these sides, and a
// decoder.
struct SegmentPlan {
  int64_t width, heads, side;
  std::vector<int64_t> windows;
  int64_t decoder, hidden;
};
Manifest segment_anything(const SegmentPlan& plan);
// The network of ComfyUi_NNLatentUpscale.
Manifest latent_resizer(int64_t channels, int64_t blocks);

}  // namespace easel::synth
