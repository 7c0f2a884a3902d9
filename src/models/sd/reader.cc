#include "models/sd/reader.h"

#include <algorithm>

#include "models/checkpoint/diffusers_keys.h"
#include "models/sd/detect.h"
#include "models/sd/noise_levels.h"
#include "models/sd/sd_model.h"
#include "models/unet/unet_source.h"

namespace easel::models::sd {
namespace {

// The UNet of a file, in the original layout.
struct Place {
  std::shared_ptr<const StoredTensors> tensors;
  std::string scope;  // "model.diffusion_model", or empty when it is at the top
  bool diffusers = false;

  nn::Weights below(const nn::Weights& root) const { return scope.empty() ? root : root[scope]; }
};

ModelReader::Found find(const StoredTensors& file) {
  if (find_unet_scope(file)) return ModelReader::Found::kCheckpoint;
  // A ControlNet of the diffusers library differs only in its last layers.
  return is_diffusers_unet(file) && file.contains("conv_out.weight") ? ModelReader::Found::kAlone
                                                                     : ModelReader::Found::kNothing;
}

// The place of the UNet in a file in which find() has found one.
Place place_of(const formats::ModelFile& file) {
  if (auto scope = find_unet_scope(*file.tensors)) return {file.tensors, *scope};
  return {original_unet_tensors(*file.tensors), "", true};
}

ModelHandle open(const formats::ModelFile& file, memory::Residency& residency, DType compute,
                 std::vector<std::string>* unused) {
  const Place place = place_of(file);
  auto source = std::make_shared<UNetSource>();
  source->tensors = place.tensors;
  source->scope = place.scope;
  source->file = file.name();
  source->compute = compute;
  source->residency = &residency;
  const nn::Weights probe = nn::Weights(place.tensors, compute, file.name()).probe();
  UNet::check(place.below(probe));

  UNetModel unet;
  unet.config = read_unet_config(source->weights());
  const Variant* variant = detect_variant(unet.config, *place.tensors);
  if (!variant) throw Error(Fault::kUnsupported, "a UNet of a family Easel does not know").in_file(file.name());
  const PredictionKind kind = detect_prediction(*variant, unet.config, *place.tensors, place.scope, file.name());
  unet.weights = resident_unet(source);
  unet.source = std::move(source);
  if (unused) *unused = probe.unused();

  ModelHandle model;
  model.file = file.name();
  if (kind.edm) model.sampling = std::make_shared<const sampling::EdmSampling>(*kind.edm);
  else
    model.sampling =
        std::make_shared<const sampling::DiscreteSampling>(kBetas, kind.prediction, kind.zero_terminal_snr);
  model.net =
      std::make_shared<const SdModel>(*variant, std::move(unet), model.sampling,
                                      kind.edm ? SdModel::EditLatents::kScaled : SdModel::EditLatents::kUnscaled);
  return model;
}

const Family* family_of(const formats::ModelFile& file) {
  const Place place = place_of(file);
  const Variant* variant = detect_variant(
      read_unet_config(place.below(nn::Weights(place.tensors, DType::kF32, file.name()))), *file.tensors);
  return variant ? &variant->family : nullptr;
}

// ComfyUI tells SDXL's distilled members from SDXL, and clients have a word for one of them.
std::string base_model_of(const Variant& variant, const UNetConfig& config) {
  const bool distilled = config.middle_depth < 0 || config.res_blocks.front() < 2;
  if (&variant != &kSdxl || !distilled) return std::string(variant.family.base_model);
  constexpr int kDepthOfSsd1b = 4;
  const int deepest = *std::max_element(config.input_depth.begin(), config.input_depth.end());
  return config.res_blocks.front() == 2 && deepest == kDepthOfSsd1b ? "ssd1b" : "";
}

NetworkDescription describe(const formats::ModelFile& file) {
  const Place place = place_of(file);
  const nn::Weights w = place.below(nn::Weights(place.tensors, DType::kF32, file.name()).probe());
  const UNetConfig config = read_unet_config(w);
  NetworkDescription out;
  out.network = "UNet";
  PredictionKind kind;
  if (const Variant* variant = detect_variant(config, *file.tensors)) {
    out.family = &variant->family;
    out.base_model = base_model_of(*variant, config);
    kind = detect_prediction(*variant, config, *place.tensors, place.scope, file.name());
    out.inpainting = config.in_channels == 2 * variant->family.latents->channels + 1;
  }
  out.detail = std::to_string(config.in_channels) + " channels, text of width " + std::to_string(config.context_dim) +
               (kind.edm                                      ? ", EDM"
                : kind.prediction == sampling::Prediction::kV ? ", v prediction"
                                                              : ", eps prediction");
  out.prediction = kind.edm ? "edm" : kind.prediction == sampling::Prediction::kV ? "v-prediction" : "eps";
  if (out.inpainting) out.detail += ", for inpainting";
  if (config.middle_depth < 0) out.detail += ", distilled";
  if (place.diffusers) out.layout = "diffusers";
  try {
    UNet::check(w);
  } catch (const Error& e) {
    out.problem = e.message();
  }
  for (const auto& [name, tensor] : *place.tensors)
    if (place.scope.empty() || name.starts_with(place.scope + ".")) out.tensors.set(name, tensor);
  out.unused = w.unused();
  return out;
}

constexpr const Family* kFamilies[] = {&kSd1.family,  &kSd2.family,        &kUnclipL.family, &kUnclipH.family,
                                       &kSdxl.family, &kPlayground.family, &kRefiner.family};

}  // namespace

constinit const ModelReader kReader{.runs = "SD 1.x, SD 2.x, SDXL, Playground 2.5 and the SDXL refiner",
                                    .families = kFamilies,
                                    .find = find,
                                    .open = open,
                                    .family_of = family_of,
                                    .describe = describe};

}  // namespace easel::models::sd
