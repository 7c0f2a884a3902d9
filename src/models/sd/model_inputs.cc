#include "models/sd/model_inputs.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "image/scale/resize.h"
#include "models/network.h"
#include "models/vision/noise_augmentation.h"
#include "ops/arithmetic/formula.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

constexpr int64_t kSizeWidth = 256;  // of the sinusoids of one number

// Rows picked evenly, or repeated in place, until there are n (comfy.utils.resize_to_batch_size).
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

// Brought to the height and width of the latent, cutting what is too much at the sides.
Tensor fit(const Tensor& picture, const Shape& latent) {
  if (picture.dim(1) == latent[1] && picture.dim(2) == latent[2]) return contiguous(picture);
  return image::upscale(picture, {.width = latent[2], .height = latent[1]}, image::ResizeMethod::kBilinear,
                        image::CropMode::kCenter);
}

// The mask and what is around it, for a model trained to fill in.
Tensor inpaint_concat(const ConditioningEntry& entry, const ModelInputContext& in) {
  const int64_t n = in.latent[0], h = in.latent[1], w = in.latent[2];
  Tensor mask = entry.concat_mask.defined() ? entry.concat_mask : in.noise_mask;
  if (!mask.defined()) {
    std::vector<float> blank = {1.0f};  // all of it may change
    blank.insert(blank.end(), in.model.latents->blank.begin(), in.model.latents->blank.end());
    const int64_t channels = in.latent[3] + 1;
    blank.resize(static_cast<size_t>(channels));
    return contiguous(Tensor::of({1, 1, 1, channels}, blank).expand({n, h, w, channels}));
  }
  const Tensor picture =
      entry.concat_latent_image.defined() ? in.model.latents->to_model(entry.concat_latent_image) : in.latent_image;
  mask = contiguous(mask).view(Shape{-1, mask.dim(-2), mask.dim(-1), 1});
  mask = ops::map([](auto v) { return round(v); }, fit(mask, in.latent));
  return ops::concat({spread_to_batch(mask, n), spread_to_batch(fit(picture, in.latent), n)}, -1);
}

Tensor edit_concat(const ConditioningEntry& entry, const ModelInputContext& in) {
  if (!entry.concat_latent_image.defined()) return Tensor::zeros(in.latent);
  return spread_to_batch(fit(entry.concat_latent_image, in.latent), in.latent[0]);
}

Tensor augmented_images(const ConditioningEntry& entry, const ModelInputContext& in, double merge) {
  if (!in.model.noise_augmentation) {
    throw Error(Fault::kMismatch, "this model cannot be conditioned on images through unCLIP")
        .in_file(in.model.file)
        .fix("use an unCLIP checkpoint or SDXL, or take the unCLIPConditioning node away");
  }
  std::vector<UnclipSource> sources;
  for (const UnclipImage& image : entry.unclip) {
    sources.push_back({image.embedding.image_embeds, image.strength, image.noise_augmentation});
  }
  return in.model.noise_augmentation->merge(sources, merge, in.seed - 10, in.random);
}

// The numbers SDXL is told about a picture.
std::vector<float> size_numbers(const ConditioningEntry& entry, bool negative, const ModelInputContext& in) {
  const SizeHint& size = entry.size;
  const float width = size.width.value_or(static_cast<float>(in.latent[2] * in.model.latents->factor));
  const float height = size.height.value_or(static_cast<float>(in.latent[1] * in.model.latents->factor));
  std::vector<float> numbers = {height, width, size.crop_h.value_or(0.0f), size.crop_w.value_or(0.0f)};
  if (in.model.family == Family::kSDXLRefiner) {
    numbers.push_back(size.aesthetic_score.value_or(negative ? 2.5f : 6.0f));
  } else {
    numbers.push_back(size.target_height.value_or(height));
    numbers.push_back(size.target_width.value_or(width));
  }
  return numbers;
}

Tensor sdxl_vector(const ConditioningEntry& entry, bool negative, const ModelInputContext& in) {
  Tensor pooled = entry.pooled_output;
  if (!entry.unclip.empty()) {
    pooled = augmented_images(entry, in, NoiseAugmentation::kRevisionMerge);
    pooled = contiguous(pooled.slice(1, 0, in.model.noise_augmentation->dim()));
  }
  const std::vector<float> numbers = size_numbers(entry, negative, in);
  const int64_t flat = static_cast<int64_t>(numbers.size()) * kSizeWidth;
  if (!pooled.defined() || pooled.dim(-1) + flat != in.model.config.adm_channels) {
    throw Error(Fault::kMismatch, "the conditioning's pooled text is " +
                                      (pooled.defined() ? std::to_string(pooled.dim(-1)) + " wide" : "absent") +
                                      ", this model takes " + std::to_string(in.model.config.adm_channels - flat))
        .in_file(in.model.file)
        .fix("encode the prompt with the CLIP of the same checkpoint");
  }
  const Tensor sizes = ops::timestep_embedding(numbers, kSizeWidth).view(Shape{1, flat});
  return ops::concat({contiguous(convert(pooled, DType::kF32)), repeat_to_batch(sizes, pooled.dim(0))}, 1);
}

Tensor extra_vector(const ConditioningEntry& entry, bool negative, const ModelInputContext& in) {
  if (in.model.config.adm_channels == 0) return Tensor();
  switch (in.model.family) {
    case Family::kSDXL:
    case Family::kSDXLRefiner: return sdxl_vector(entry, negative, in);
    case Family::kSD2UnclipL:
    case Family::kSD2UnclipH:
      if (entry.unclip.empty()) return Tensor::zeros(Shape{1, in.model.config.adm_channels});
      return augmented_images(entry, in, NoiseAugmentation::kUnclipMerge);
    default:
      throw Error(Fault::kUnsupported, "this model wants an extra vector whose meaning is not known")
          .in_file(in.model.file);
  }
}

}  // namespace

NetworkInputs make_network_inputs(const ConditioningEntry& entry, bool negative, const ModelInputContext& in) {
  NetworkInputs out;
  out.context = entry.cond;
  out.y = extra_vector(entry, negative, in);
  const int64_t extra = in.model.config.in_channels - in.latent[3];
  if (extra == in.latent[3] + 1) {
    out.concat = inpaint_concat(entry, in);
  } else if (extra == in.latent[3]) {
    out.concat = edit_concat(entry, in);
  } else if (extra != 0) {
    throw Error(Fault::kMismatch, "the model takes latents of " + std::to_string(in.model.config.in_channels) +
                                      " channels, this one has " + std::to_string(in.latent[3]))
        .in_file(in.model.file);
  }
  return out;
}

}  // namespace easel::models
