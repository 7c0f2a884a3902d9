// The blocks of UNets and ControlNets.
#pragma once

#include <variant>
#include <vector>

#include "models/unet/spatial_transformer.h"
#include "models/weights/key_names.h"

namespace easel::models {

// Keys: in_layers.{0,2}, emb_layers.1, out_layers.{0,3}, skip_connection (when the width changes).
class ResBlock {
 public:
  explicit ResBlock(const nn::Weights& w);
  // x [N,H,W,in] f32 -> [N,H,W,out] f32.
  Tensor operator()(const Tensor& x, const Evaluation& e) const;
  int64_t in_channels() const { return conv1_.in_channels(); }
  int64_t out_channels() const { return conv2_.out_channels(); }
  // Whether its tensors fit one another and an embedding of `emb_dim` numbers.
  bool fits(int64_t emb_dim) const;
  size_t bytes() const;

 private:
  nn::GroupNorm norm1_, norm2_;
  nn::Conv2d conv1_, conv2_;
  nn::Linear emb_, skip_;
  DType compute_;
};

// Key: op. Halves the map with a strided convolution.
struct Downsample {
  explicit Downsample(const nn::Weights& w) : op(with_bias(w["op"]).quantised(), {.stride = 2, .pad = 1}) {}
  nn::Conv2d op;
};

// Key: conv. Enlarges the map by nearest neighbour to the size asked for, then convolves.
struct Upsample {
  explicit Upsample(const nn::Weights& w) : conv(with_bias(w["conv"]).quantised(), {.pad = 1, .upsample2x = true}) {}
  nn::Conv2d conv;
};

struct MapSize {
  int64_t height = 0, width = 0;
};

// The shape of a map between a network's blocks, as far as their tensors determine it.
struct MapFlow {
  int64_t channels = 0;
  int level = 0;  // how often it was halved
};

// An entry of input_blocks or output_blocks, or the middle_block: its children in order, each recognised by its keys.
class Block {
 public:
  // `site` is advanced past the cross-attentions of this block. At least `parts` children are expected.
  Block(const nn::Weights& w, const UNetConfig& config, AttentionSite& site, int64_t parts = 1);

  // `upsample_to`: the size an Upsample in this block brings the map to; 0 means twice as large.
  // h [N,H,W,C] f32 -> f32.
  Tensor operator()(Tensor h, const Evaluation& e, MapSize upsample_to = {}) const;
  void project(const KeyValueRows& context, std::vector<ContextProjection::KeyValue>& layers) const;
  // Checks that the parts' tensors fit each other and that each part takes the width of the one before it, starting
  // from `map`, which becomes the block's output. Throws Error(kBadFile). Only for complete blocks.
  void check_widths(MapFlow& map, int64_t emb_dim, int64_t context_dim, const nn::Weights& w) const;
  size_t bytes() const;

 private:
  using Part = std::variant<nn::Conv2d, ResBlock, SpatialTransformer, Downsample, Upsample>;
  std::vector<Part> parts_;
  DType compute_;
};

// Keys: time_embed.{0,2} and, for models that take `y`, label_emb.0.{0,2}. Computed in f32 whatever the model's type.
class TimeEmbedding {
 public:
  TimeEmbedding() = default;
  explicit TimeEmbedding(const nn::Weights& w);
  // -> [N, time_embed_dim] in `compute`, after the SiLU with which every block begins. `added` [1, time_embed_dim] f32,
  // if defined, is added before the label's embedding.
  // Throws Error(kMismatch) if y is given and the model takes none, or the reverse, or if its width is wrong.
  Tensor operator()(std::span<const float> timesteps, const Tensor& y, DType compute, const Tensor& added = {}) const;
  int64_t width() const { return time_out_.out_features(); }
  // Throws Error(kBadFile) unless its tensors fit one another.
  void check(const nn::Weights& w) const;
  bool takes_label() const { return static_cast<bool>(label_in_); }
  size_t bytes() const;

 private:
  Device device_;
  nn::Linear time_in_, time_out_, label_in_, label_out_;
};

// The half of a UNet that a ControlNet copies: embedding, input blocks and middle block. `config` is that of
// read_unet_config().
struct UNetTrunk {
  UNetTrunk() = default;
  // `site` numbers the cross-attentions of the input blocks; the middle block is built by build_middle(), so that
  // a UNet can number its output blocks first.
  UNetTrunk(const nn::Weights& w, const UNetConfig& config, AttentionSite& site);
  void build_middle(const nn::Weights& w, const UNetConfig& config, AttentionSite& site);

  size_t bytes() const;

  TimeEmbedding time;
  std::vector<Block> input_blocks;
  std::vector<Block> middle;  // none or one
};

// y = x W^T + b in f32 arithmetic for the tensors of `w`, whatever type the model computes in.
nn::Linear linear_f32(const nn::Weights& w);
// A 3x3 convolution in f32: the first and the last of a UNet, which take almost no time and whose rounding would affect
// everything.
nn::Conv2d conv_f32(const nn::Weights& w);

// Checks that `context` is [N,T,width] with the width that the model takes.
void check_context(const Tensor& context, int64_t context_dim, const std::string& file);

}  // namespace easel::models
