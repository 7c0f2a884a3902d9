// Reads a UNet's configuration from keys and shapes.
#include <algorithm>

#include "models/unet/unet.h"
#include "models/weights/key_names.h"

namespace easel::models {
namespace {

// Transformer blocks in one entry of input_blocks or output_blocks, or in the middle block.
int transformer_depth(const nn::Weights& block) {
  return static_cast<int>(numbered_children(block[1]["transformer_blocks"]));
}

Shape required_shape(const nn::Weights& w, const std::string& name, int rank) {
  const auto shape = w.shape(name);
  if (!shape)
    throw Error(Fault::kBadFile, "no UNet here: the tensor '" + w.full(name) + "' is missing").in_file(w.file());
  if (shape->rank() != rank)
    throw Error(Fault::kBadFile, "tensor '" + w.full(name) + "' has shape " + shape->str()).in_file(w.file());
  return *shape;
}

// Reads the context's width and the kind of projections from the first transformer.
bool read_transformer(const nn::Weights& transformer, UNetConfig& config) {
  const auto key = transformer.shape("transformer_blocks.0.attn2.to_k.weight");
  const auto proj = transformer.shape("proj_in.weight");
  if (!key || key->rank() != 2 || !proj) return false;
  config.context_dim = (*key)[1];
  config.linear_projections = proj->rank() == 2;
  return true;
}

UNetConfig read_config(const nn::Weights& w, bool needs_attention) {
  UNetConfig config;
  const Shape conv_in = required_shape(w, "input_blocks.0.0.weight", 4);
  config.model_channels = conv_in[0];
  config.in_channels = conv_in[1];
  const auto out = w.shape("out.2.weight");
  config.out_channels = out && out->rank() == 4 ? (*out)[0] : config.in_channels;
  if (const auto label = w.shape("label_emb.0.0.weight"); label && label->rank() == 2)
    config.adm_channels = (*label)[1];

  const nn::Weights input = w["input_blocks"], output = w["output_blocks"];
  const int64_t outputs = numbered_children(output);
  // Every input block has a skip connection to an output block, so there are equally many; if not, blocks are missing.
  const int64_t count = std::max(numbered_children(input), outputs);
  if (count > kMaxUNetBlocks)
    throw Error(Fault::kBadFile, "a UNet of " + std::to_string(count) + " blocks").in_file(w.file());
  bool known = false;
  config.res_blocks.push_back(0);
  for (int64_t i = 0; i < count; ++i) {
    if (input[i].has("0.op.weight")) config.res_blocks.push_back(0);
    else if (i > 0) ++config.res_blocks.back();
    config.input_depth.push_back(transformer_depth(input[i]));
    known = known || read_transformer(input[i][1], config);
  }
  for (int64_t i = 0; i < (outputs > 0 ? count : 0); ++i) {
    config.output_depth.push_back(transformer_depth(output[i]));
    known = known || read_transformer(output[i][1], config);
  }
  const int64_t middle = numbered_children(w["middle_block"]);
  config.middle_depth = middle == 0 ? -2 : middle == 1 ? -1 : std::max(1, transformer_depth(w["middle_block"]));
  if (!known) known = read_transformer(w["middle_block"][1], config);
  if (!known && needs_attention) throw Error(Fault::kBadFile, "no attention to the text in the UNet").in_file(w.file());
  if (!known) {
    const auto proj = w.shape("middle_block.1.proj_in.weight");
    config.linear_projections = !proj || proj->rank() == 2;
  }
  // SD 1.x projects with convolutions and has eight heads everywhere; its successors project with matrices and
  // have heads of width 64.
  if (config.linear_projections) config.head_channels = 64;
  else config.num_heads = 8;
  return config;
}

}  // namespace

UNetConfig read_unet_config(const nn::Weights& w) { return read_config(w, true); }
UNetConfig read_control_config(const nn::Weights& w) { return read_config(w, false); }

}  // namespace easel::models
