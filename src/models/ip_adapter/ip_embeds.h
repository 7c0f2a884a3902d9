// The inputs of an IP-Adapter: reference images encoded by CLIP vision, their negatives, and combinations of several.
#pragma once

#include <string_view>

#include "models/ip_adapter/ip_adapter.h"
#include "models/ip_adapter/ip_attention.h"
#include "models/vision/clip_vision.h"
#include "sampling/random/torch_random.h"

namespace easel::models {

// CLIP vision's encodings of N images and of their negatives: image embeds [N,P] or hidden states [N,T,H].
struct IpEmbeds {
  Tensor cond, uncond;
};

// Images [N,H,W,3] f32 in 0..1 as image embeds, or as the hidden states of the last layer but one.
// `mask` [M,H,W] (may be undefined) selects the part of the images that is used.
Tensor ip_encode_images(const ClipVisionHandle& vision, const Tensor& images, bool hidden_states,
                        const Tensor& mask = {});

// Encodes images and their negatives. The negative is `negative` if given; otherwise a black picture for hidden states,
// and zeros for image embeds. It is extended to N by repeating the last one.
IpEmbeds ip_embeds(const ClipVisionHandle& vision, const Tensor& images, bool hidden_states,
                   const Tensor& negative = {}, const Tensor& mask = {});

// The same for encodings of the images that are there.
IpEmbeds ip_embeds_of(const ClipVisionHandle& vision, Tensor cond, bool hidden_states, const Tensor& negative = {});

// Images encoded as a whole and in tiles (2 or more along each side), whose encodings are put together and averaged to
// the size of one. Of several images the two are mixed, `ratio` of the whole and the rest of the tiles; of one, the
// whole times `ratio` comes first and that of the tiles follows. Throws Error(kInvalid) for pictures that are smaller
// than that, Error(kUnsupported) for image embeds of a width that is no square, as the original cannot put them
// together.
Tensor ip_encode_with_tiles(const ClipVisionHandle& vision, const Tensor& images, bool hidden_states, int64_t tiles,
                            double ratio);

// The negative images of IPAdapterApply (2024-01) with `noise` above 0: centre-cropped, elastically distorted, flipped,
// and mixed with noise (0 < noise <= 1). [N,H,W,C] -> [N,224,224,C]. Reseeds `random` with 0.
Tensor ip_noise_images(const Tensor& images, double noise, sampling::TorchGenerator& random);

enum class IpNoiseKind { kFade, kDissolve, kGaussian, kShuffle };
// The negative image of IPAdapterNoise: `image` [N,H,W,3], centre-cropped and scaled to 224x224 (undefined: black),
// with as much noise as strength, 0..1, says: mixed with uniform noise, replaced by it in places, with normal noise
// added, or distorted, turned and mixed with normal noise. Cut to 0..1. [N,224,224,3]. Reseeds `random` by the sum of
// the image, as the node does; the sum is made in f64, so that it may differ by 1 from that of f32. Throws
// Error(kInvalid) for kShuffle without an image.
Tensor ip_noise_image(IpNoiseKind kind, const Tensor& image, double strength, sampling::TorchGenerator& random);

// How several images are combined into one.
enum class IpCombine { kConcat, kAdd, kSubtract, kAverage, kNormAverage, kMax, kMin };
// "concat", "add", "subtract", "average", "norm average", "max", "min". Throws Error(kInvalid) for another name.
IpCombine ip_combine(std::string_view name);
// [N,...] f32 -> [1,...]; returned as it is for kConcat and for N = 1.
Tensor combine_embeds(const Tensor& embeds, IpCombine how);

// Tokens for IpAttention. With several images and how != kConcat, they are combined first, and the result gets the
// first negative. `composition` (embeds of the composition image) may be undefined.
IpTokens ip_tokens(const IpAdapterHandle& adapter, const IpEmbeds& embeds, IpCombine how = IpCombine::kConcat,
                   const Tensor& composition = {});

}  // namespace easel::models
