// What an IP-Adapter is fed: reference images through CLIP vision, their opposite, and several made into one.
#pragma once

#include <string_view>

#include "models/ip_adapter/ip_adapter.h"
#include "models/ip_adapter/ip_attention.h"
#include "models/vision/clip_vision.h"
#include "sampling/random/torch_random.h"

namespace easel::models {

// CLIP vision's view of N images and of what stands for "no image": image embeds [N,P] or hidden states [N,T,H].
struct IpEmbeds {
  Tensor cond, uncond;
};

// Images [N,H,W,3] f32 in 0..1 as image embeds, or as the hidden states of the last layer but one.
// `mask` [M,H,W] (may be undefined): what of the images is to be seen.
Tensor ip_encode_images(const ClipVisionHandle& vision, const Tensor& images, bool hidden_states,
                        const Tensor& mask = {});

// images and their opposite: `negative`'s encoding if it is given, else, for hidden states, that of a black picture,
// else zeros; brought to N by repeating the last.
IpEmbeds ip_embeds(const ClipVisionHandle& vision, const Tensor& images, bool hidden_states,
                   const Tensor& negative = {}, const Tensor& mask = {});

// As IPAdapterApply of 2024-01 makes the opposite when its `noise` is above 0: the images' middles, shaken, turned
// upside down and drowned in noise (0 < noise <= 1). [N,H,W,C] -> [N,224,224,C]. Reseeds `random` with 0.
Tensor ip_noise_images(const Tensor& images, double noise, sampling::TorchGenerator& random);

// How several images become one.
enum class IpCombine { kConcat, kAdd, kSubtract, kAverage, kNormAverage, kMax, kMin };
// "concat", "add", "subtract", "average", "norm average", "max", "min". Throws Error(kInvalid) for another name.
IpCombine ip_combine(std::string_view name);
// [N,...] f32 -> [1,...]; returned as it is for kConcat and for N = 1.
Tensor combine_embeds(const Tensor& embeds, IpCombine how);

// Tokens for IpAttention. With several images and how != kConcat they are combined first and the first opposite is
// used for the result. `composition` (embeds of the composition image) may be undefined.
IpTokens ip_tokens(const IpAdapterHandle& adapter, const IpEmbeds& embeds, IpCombine how = IpCombine::kConcat,
                   const Tensor& composition = {});

}  // namespace easel::models
