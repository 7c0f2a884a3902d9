#include "models/sd/sd_model.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "image/scale/resize.h"
#include "models/unet/unet_network.h"
#include "ops/arithmetic/formula.h"
#include "ops/elementwise.h"
#include "ops/linear.h"

namespace easel::models::sd {
namespace {

constexpr int64_t kSizeWidth = 256;  // width of the sinusoids of one number

// n rows: selected evenly, or each repeated (comfy.utils.resize_to_batch_size).
Tensor spread_to_batch(const Tensor& t, int64_t n) {
  const int64_t have = t.dim(0);
  if (have == n) return t;
  std::vector<Tensor> rows;
  for (int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<double>(i);
    double from = 0;
    if (n > 1 && n < have) from = std::nearbyint(at * (static_cast<double>(have - 1) / static_cast<double>(n - 1)));
    if (n > have) from = std::floor((at + 0.5) * (static_cast<double>(have) / static_cast<double>(n)));
    rows.push_back(t.slice(0, std::min(static_cast<int64_t>(from), have - 1), 1));
  }
  return ops::concat(rows, 0);
}

// Scaled and cropped to the height and width of the latent.
Tensor fit(const Tensor& picture, const Shape& latent) {
  if (picture.dim(1) == latent[1] && picture.dim(2) == latent[2]) return contiguous(picture);
  return image::upscale(picture, {.width = latent[2], .height = latent[1]}, image::ResizeMethod::kBilinear,
                        image::CropMode::kCenter);
}

// The mask and the picture around it, for inpainting models.
Tensor inpaint_concat(const ConditioningEntry& entry, const InputContext& in, const LatentFormat& format) {
  const int64_t n = in.latent[0], h = in.latent[1], w = in.latent[2];
  Tensor mask = entry.concat_mask.defined() ? entry.concat_mask : in.noise_mask;
  if (!mask.defined()) {
    std::vector<float> blank = {1.0f};  // all of it may change
    blank.insert(blank.end(), format.blank.begin(), format.blank.end());
    const int64_t channels = in.latent[3] + 1;
    blank.resize(static_cast<size_t>(channels));
    return contiguous(Tensor::of({1, 1, 1, channels}, blank).expand({n, h, w, channels}));
  }
  const Tensor picture =
      entry.concat_latent_image.defined() ? format.to_model(entry.concat_latent_image) : in.latent_image;
  mask = contiguous(mask).view(Shape{-1, mask.dim(-2), mask.dim(-1), 1});
  mask = ops::map([](auto v) { return round(v); }, fit(mask, in.latent));
  return ops::concat({spread_to_batch(mask, n), spread_to_batch(fit(picture, in.latent), n)}, -1);
}

// `format`: models of continuous noise (CosXL's edit model) are shown the picture as the latents they work on, others
// as the autoencoder gave it.
Tensor edit_concat(const ConditioningEntry& entry, const InputContext& in, const LatentFormat* format) {
  if (!entry.concat_latent_image.defined()) return Tensor::zeros(in.latent);
  const Tensor& given = entry.concat_latent_image;
  return spread_to_batch(fit(format ? format->to_model(given) : given, in.latent), in.latent[0]);
}

// The numbers about a picture's size that SDXL takes.
std::vector<float> size_numbers(const ConditioningEntry& entry, bool negative, const InputContext& in,
                                const Variant& variant) {
  const SizeHint& size = entry.size;
  const float width = size.width.value_or(static_cast<float>(in.latent[2] * variant.family.latents->factor));
  const float height = size.height.value_or(static_cast<float>(in.latent[1] * variant.family.latents->factor));
  std::vector<float> numbers = {height, width, size.crop_h.value_or(0.0f), size.crop_w.value_or(0.0f)};
  if (variant.vector == Vector::kSizesAndScore) {
    numbers.push_back(size.aesthetic_score.value_or(negative ? 2.5f : 6.0f));
  } else {
    numbers.push_back(size.target_height.value_or(height));
    numbers.push_back(size.target_width.value_or(width));
  }
  return numbers;
}

// How many numbers about sizes a vector holds.
constexpr int64_t count_numbers(Vector vector) { return vector == Vector::kSizesAndScore ? 5 : 6; }

// The width of the image embeds in a vector; 0 if it holds none.
int64_t image_width(Vector vector, int64_t vector_width) {
  switch (vector) {
    case Vector::kNone: return 0;
    case Vector::kImage: return vector_width / 2;  // the other half is the noise level's sinusoids
    case Vector::kSizes:
    case Vector::kSizesAndScore: return std::max<int64_t>(0, vector_width - count_numbers(vector) * kSizeWidth);
  }
  return 0;
}

ConditioningTaken::Beside beside(int64_t channels, int64_t latent_channels) {
  using Beside = ConditioningTaken::Beside;
  if (channels == latent_channels) return Beside::kNothing;
  if (channels == 2 * latent_channels + 1) return Beside::kMaskedPicture;
  if (channels == 2 * latent_channels) return Beside::kPicture;
  return Beside::kUnknown;
}

}  // namespace

SdModel::SdModel(const Variant& variant, UNetModel unet, sampling::ModelSamplingPtr sampling, EditLatents edits)
    : variant_(variant), unet_(std::move(unet)), sampling_(std::move(sampling)), edits_(edits) {
  const UNetConfig& config = unet_.config;
  takes_ = {.text_width = config.context_dim,
            .vector_width = config.adm_channels,
            .image_width = image_width(variant.vector, config.adm_channels),
            .beside = beside(config.in_channels, variant.family.latents->channels),
            .control = true,
            .text_encoders = variant.text_encoders,
            .image_encoder = variant.image_encoder};
  if (takes_.image_width > 0) noise_augmentation_ = std::make_shared<const NoiseAugmentation>(takes_.image_width);
}

Tensor SdModel::image_vector(const ConditioningEntry& entry, const InputContext& in, double merge) const {
  if (!noise_augmentation_) {
    throw Error(Fault::kMismatch, "this model cannot be conditioned on images through unCLIP")
        .in_file(in.file)
        .fix("Use an unCLIP checkpoint or SDXL, or take the unCLIPConditioning node away");
  }
  std::vector<UnclipSource> sources;
  for (const UnclipImage& image : entry.unclip) {
    sources.push_back({image.embedding.image_embeds, image.strength, image.noise_augmentation});
  }
  return noise_augmentation_->merge(sources, merge, in.seed - 10, in.random);
}

Tensor SdModel::sizes_vector(const ConditioningEntry& entry, bool negative, const InputContext& in) const {
  Tensor pooled = entry.pooled_output;
  if (!entry.unclip.empty()) {
    pooled = image_vector(entry, in, NoiseAugmentation::kRevisionMerge);
    pooled = contiguous(pooled.slice(1, 0, noise_augmentation_->dim()));
  }
  const std::vector<float> numbers = size_numbers(entry, negative, in, variant_);
  const int64_t flat = static_cast<int64_t>(numbers.size()) * kSizeWidth;
  if (!pooled.defined() || pooled.dim(-1) + flat != takes_.vector_width) {
    throw Error(Fault::kMismatch, "the conditioning's pooled text is " +
                                      (pooled.defined() ? std::to_string(pooled.dim(-1)) + " wide" : "absent") +
                                      ", this model takes " + std::to_string(takes_.vector_width - flat))
        .in_file(in.file)
        .fix("Encode the prompt with the CLIP of the same checkpoint");
  }
  const Tensor sizes = ops::timestep_embedding(numbers, kSizeWidth).view(Shape{1, flat});
  return ops::concat({contiguous(convert(pooled, DType::kF32)), repeat_to_batch(sizes, pooled.dim(0))}, 1);
}

Tensor SdModel::vector(const ConditioningEntry& entry, bool negative, const InputContext& in) const {
  if (takes_.vector_width == 0) return Tensor();
  switch (variant_.vector) {
    case Vector::kSizes:
    case Vector::kSizesAndScore: return sizes_vector(entry, negative, in);
    case Vector::kImage:
      if (entry.unclip.empty()) return Tensor::zeros(Shape{1, takes_.vector_width});
      return image_vector(entry, in, NoiseAugmentation::kUnclipMerge);
    case Vector::kNone: break;
  }
  throw Error(Fault::kUnsupported, "this model wants an extra vector whose meaning is not known").in_file(in.file);
}

NetworkInputs SdModel::inputs(const ConditioningEntry& entry, bool negative, const InputContext& in) const {
  NetworkInputs out;
  out.context = entry.cond;
  out.y = vector(entry, negative, in);
  const int64_t channels = unet_.config.in_channels;
  switch (beside(channels, in.latent[3])) {
    case ConditioningTaken::Beside::kNothing: break;
    case ConditioningTaken::Beside::kMaskedPicture: out.concat = inpaint_concat(entry, in, latents()); break;
    case ConditioningTaken::Beside::kPicture:
      out.concat = edit_concat(entry, in, edits_ == EditLatents::kScaled ? &latents() : nullptr);
      break;
    case ConditioningTaken::Beside::kUnknown:
      throw Error(Fault::kMismatch, "the model takes latents of " + std::to_string(channels) +
                                        " channels, this one has " + std::to_string(in.latent[3]))
          .in_file(in.file);
  }
  return out;
}

Network SdModel::network(const NetworkRun& run) const {
  // Hooks with models of their own run those before this one is in memory.
  for (const ModelPatchPtr& patch : run.patches)
    if (const AttentionHookPtr hook = patch->attention()) hook->prepare(ops::value_type(unet_.source->compute));
  const auto network = std::make_shared<UNetNetwork>(unet_.weights->get(), run);
  return [network](const NetworkBatch& batch) { return (*network)(batch); };
}

size_t SdModel::run_bytes(int64_t rows, int64_t height, int64_t width) const {
  return unet_memory_estimate(unet_.config, unet_.source->compute, rows, height, width);
}

std::shared_ptr<const DiffusionModel> SdModel::patched(nn::WeightPatchPtr patch) const {
  return std::make_shared<const SdModel>(variant_, with_patch(unet_, std::move(patch)), sampling_, edits_);
}

}  // namespace easel::models::sd
