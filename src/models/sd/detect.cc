#include "models/sd/detect.h"

#include <cmath>

#include "models/sd/noise_levels.h"
#include "models/text/clip_keys.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "tensor/mapped_file.h"

namespace easel::models::sd {
namespace {

// Population standard deviation.
double deviation(const StoredTensor& t) {
  if (t.numel() == 0) return 0.0;
  const Tensor values = t.decoded().view({-1});
  const Tensor squares = ops::map([](auto v, auto mean) { return (v - mean) * (v - mean); }, values,
                                  ops::reduce(values, ops::Reduction::kMean, 0, 0));
  return std::sqrt(static_cast<double>(ops::item(ops::reduce(squares, ops::Reduction::kMean, 0, 0))));
}

// A level that a file says in a tensor of one value; `otherwise` when it says none.
double level_of(const StoredTensors& file, const std::string& name, double otherwise, const std::string& file_name) {
  const StoredTensor* t = file.find(name);
  if (!t) return otherwise;
  if (t->numel() != 1)
    throw Error(Fault::kBadFile, "tensor '" + name + "' has shape " + t->shape().str() + ", it is to be one number")
        .in_file(file_name);
  const double value = static_cast<double>(ops::item(t->decoded().view({1})));
  require_unchanged(t->storage());
  return value;
}

sampling::EdmSampling::Options marked_levels(const StoredTensors& file, const std::string& file_name) {
  sampling::EdmSampling::Options out = kCosxlLevels;
  out.sigma_max = level_of(file, "edm_vpred.sigma_max", out.sigma_max, file_name);
  out.sigma_min = level_of(file, "edm_vpred.sigma_min", out.sigma_min, file_name);
  if (!(out.sigma_min > 0) || !(out.sigma_max > out.sigma_min) || !(out.sigma_max <= 1e6))
    throw Error(Fault::kBadFile, "its noise goes from " + std::to_string(out.sigma_min) + " to " +
                                     std::to_string(out.sigma_max) + " ('edm_vpred.sigma_min' and '.sigma_max')")
        .in_file(file_name);
  return out;
}

bool is_unclip_l(const UNetConfig& config, const StoredTensors& file) {
  const VisionTowerPlace place = find_vision_tower(file);
  if (place.found && !place.prefix.empty()) return count_numbered(file, place.prefix + "transformer.resblocks.") <= 24;
  return config.adm_channels == 1536;  // twice ViT-L's 768; ViT-H has 1024
}

}  // namespace

std::optional<std::string> find_unet_scope(const StoredTensors& file) {
  for (const std::string scope : {"model.diffusion_model", "diffusion_model", "model.model", ""}) {
    const std::string prefix = scope.empty() ? "" : scope + ".";
    if (file.contains(prefix + "input_blocks.0.0.weight") && file.contains(prefix + "time_embed.0.weight") &&
        !file.contains(prefix + "zero_convs.0.0.weight") && !file.contains(prefix + "input_hint_block.0.weight"))
      return scope;
  }
  return std::nullopt;
}

const Variant* detect_variant(const UNetConfig& config, const StoredTensors& file) {
  if (!config.linear_projections) return &kSd1;
  if (config.adm_channels == 0) return &kSd2;
  // SDXL halves its map twice; its refiner three times, without attention at the finest level.
  if (config.res_blocks.size() == 3)
    return file.contains("edm_mean") && file.contains("edm_std") ? &kPlayground : &kSdxl;
  if (config.res_blocks.size() != 4) return nullptr;
  if (config.input_depth.size() > 1 && config.input_depth[1] == 0) return &kRefiner;
  return is_unclip_l(config, file) ? &kUnclipL : &kUnclipH;
}

PredictionKind detect_prediction(const Variant& variant, const UNetConfig& config, const StoredTensors& file,
                                 const std::string& scope, const std::string& file_name) {
  PredictionKind kind;
  if (&variant == &kPlayground) {
    kind.prediction = sampling::Prediction::kV;
    kind.edm = kPlaygroundLevels;
  } else if (is_xl(&variant.family) && file.contains("edm_vpred.sigma_max")) {
    kind.prediction = sampling::Prediction::kV;
    kind.edm = marked_levels(file, file_name);
  } else if (is_xl(&variant.family)) {
    if (file.contains("v_pred")) kind.prediction = sampling::Prediction::kV;
    kind.zero_terminal_snr = file.contains("v_pred") && file.contains("ztsnr");
  } else if (&variant != &kSd1 && config.in_channels == variant.family.latents->channels) {
    const std::string name = (scope.empty() ? "" : scope + ".") + "output_blocks.11.1.transformer_blocks.0.norm1.bias";
    const StoredTensor* bias = file.find(name);
    if (bias && deviation(*bias) > 0.09) kind.prediction = sampling::Prediction::kV;
    if (bias) require_unchanged(bias->storage());
  }
  return kind;
}

}  // namespace easel::models::sd
