// CONDITIONING: a list of entries that steer the denoising.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/handles.h"
#include "tensor/tensor.h"

namespace easel::models {

// One link of a chain of control models; immutable.
struct ControlLink {
  ControlNetHandle net;
  Tensor hint;  // [N,H,W,3] f32 in 0..1, pixels
  float strength = 1.0f;
  double start_percent = 0.0, end_percent = 1.0;  // of the sampling, 0 = first step
  std::shared_ptr<const ControlLink> previous;    // the link before this one; its residuals are added
  // Weights of blocks, masks and times beside the strength, or null.
  std::shared_ptr<const ControlWeighting> weighting;
};
using ControlLinkPtr = std::shared_ptr<const ControlLink>;

// An image that steers an unCLIP model.
struct UnclipImage {
  ClipVisionOutput embedding;
  float strength = 1.0f;
  float noise_augmentation = 0.0f;  // 0..1
};

// A rectangle of the latent, in latent pixels, or in fractions of the whole if `relative`.
struct Area {
  double height = 0, width = 0, y = 0, x = 0;
  bool relative = false;
};

// The sizes, in pixels, that SDXL and its refiner take.
struct SizeHint {
  std::optional<float> width, height, crop_w, crop_h, target_width, target_height, aesthetic_score;
};

struct GligenBoxes;  // models/gligen/gligen.h
class HookGroup;     // models/patch/hooks.h

struct ConditioningEntry {
  Tensor cond;           // [N,T,C] f32, text (and image) context
  Tensor pooled_output;  // [N,P] f32, or undefined
  float strength = 1.0f;
  std::optional<Area> area;
  bool set_area_to_bounds = false;
  Tensor mask;  // [N,H,W] f32, or undefined
  float mask_strength = 1.0f;
  std::optional<double> start_percent, end_percent;  // of the sampling, 0 = first step
  // The part of the sampling that a text encoder, whose weights change over the steps, was encoding for.
  std::optional<double> text_start_percent, text_end_percent;
  ControlLinkPtr control;
  bool control_apply_to_uncond = true;
  std::shared_ptr<const GligenBoxes> gligen;  // things in their places, or null
  std::shared_ptr<const HookGroup> hooks;     // changes of the model's weights for this entry alone, or null
  bool is_default = false;                    // takes the place that the list's other entries leave
  std::vector<UnclipImage> unclip;
  SizeHint size;
  Tensor concat_latent_image;  // [N,h,w,C], inpainting models
  Tensor concat_mask;          // [N,h,w]
};
using Conditioning = std::vector<ConditioningEntry>;

}  // namespace easel::models
