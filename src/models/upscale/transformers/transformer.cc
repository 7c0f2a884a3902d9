#include "models/upscale/transformers/transformer.h"

#include <algorithm>
#include <array>

#include "models/text/clip_encoder.h"
#include "models/upscale/transformers/parts.h"

namespace easel::models {
namespace {

struct Known {
  TransformerKind kind;
  const char* name;
  std::array<const char*, 3> keys;  // by which a file is recognised; those of later ones may be in earlier ones' too
  transformers::UpscalerPtr (*build)(const nn::Weights&);
};

constexpr const char* kTable = "layers.0.residual_group.blocks.0.attn.relative_position_bias_table";
constexpr std::array kKnown{
    Known{TransformerKind::kHat,
          "HAT",
          {"layers.0.residual_group.blocks.0.conv_block.cab.0.weight",
           "layers.0.residual_group.overlap_attn.qkv.weight", kTable},
          transformers::hat},
    Known{TransformerKind::kSwinIr,
          "SwinIR",
          {"layers.0.residual_group.blocks.0.norm1.weight", "layers.0.residual_group.blocks.0.mlp.fc1.bias", kTable},
          transformers::swin_ir},
    Known{TransformerKind::kDat,
          "DAT",
          {"before_RG.1.weight", "layers.0.blocks.0.attn.attns.0.rpe_biases", "layers.0.blocks.0.ffn.sg.conv.weight"},
          transformers::dat},
    Known{TransformerKind::kOmniSr,
          "OmniSR",
          {"residual_layer.0.residual_layer.0.layer.0.fn.0.weight", "input.weight", "up.0.weight"},
          transformers::omni_sr},
};

const Known& known(TransformerKind kind) {
  return *std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return k.kind == kind; });
}

int64_t blocks_in(const nn::Weights& list, const char* below) {
  int64_t out = 0;
  for (int64_t i = 0; i < transformers::entries(list); ++i) out += transformers::entries(list[i][below]);
  return out;
}

}  // namespace

const char* transformer_name(TransformerKind kind) { return known(kind).name; }

std::optional<TransformerKind> transformer_kind(const StoredTensors& file, const std::string& prefix) {
  for (const Known& k : kKnown)
    if (std::all_of(k.keys.begin(), k.keys.end(), [&](const char* key) { return file.contains(prefix + key); }))
      return k.kind;
  return std::nullopt;
}

bool is_transformer(TransformerKind kind, const nn::Weights& w) {
  const auto& keys = known(kind).keys;
  return std::all_of(keys.begin(), keys.end(), [&](const char* key) { return w.has(key); });
}

std::unique_ptr<const TransformerUpscaler> TransformerUpscaler::make(TransformerKind kind, const nn::Weights& w) {
  return known(kind).build(w);
}

TransformerConfig TransformerUpscaler::read_config(TransformerKind kind, const nn::Weights& w) {
  constexpr int64_t kColours = 3, kMostWindow = 32, kMostScale = 16;
  const bool omni = kind == TransformerKind::kOmniSr;
  const Shape first = shape_of_rank(w[omni ? "input" : "conv_first"], "weight", 4);
  if (first[1] != kColours)
    throw Error(Fault::kUnsupported, "is an upscaler of pictures with " + std::to_string(first[1]) +
                                         " channels, of a kind that Easel does not run")
        .in_file(w.file());
  TransformerConfig c;
  c.width = first[0];
  const auto window_of = [&](const nn::Weights& scope, const std::string& table) {
    const int64_t along = transformers::root_of(scope, table, shape_of_rank(scope, table, 2)[0]);
    if (along % 2 == 0 || along < 3 || along > 2 * kMostWindow - 1)
      throw Error(Fault::kBadFile, "tensor '" + scope.full(table) + "' is for no window").in_file(w.file());
    return (along + 1) / 2;
  };
  if (omni) {
    const int64_t out = shape_of_rank(w["up"][0], "weight", 4)[0];
    c.scale = transformers::root_of(w["up"][0], "weight", out % kColours == 0 ? out / kColours : 0);
    if (c.scale > kMostScale)
      throw Error(Fault::kUnsupported, "enlarges by more than " + std::to_string(kMostScale)).in_file(w.file());
    const nn::Weights attention = w["residual_layer"][0]["residual_layer"][0]["layer"][2]["fn"];
    if (!attention.has("rel_pos_bias.weight"))
      throw Error(Fault::kUnsupported, "is an OmniSR without places, which Easel does not run").in_file(w.file());
    c.window = window_of(attention, "rel_pos_bias.weight");
    c.blocks = blocks_in(w["residual_layer"], "residual_layer") - transformers::entries(w["residual_layer"]);
    return c;
  }
  c.scale = transformers::Painter::scale_of(w, c.width);
  if (kind == TransformerKind::kDat) {
    c.blocks = blocks_in(w["layers"], "blocks");
    return c;
  }
  c.window = window_of(w, kTable);
  for (int64_t i = 0; i < transformers::entries(w["layers"]); ++i)
    c.blocks += transformers::entries(w["layers"][i]["residual_group"]["blocks"]);
  return c;
}

}  // namespace easel::models
