// Resizing of pictures, masks and latents, with exactly ComfyUI's results.
#pragma once

#include <cstdint>
#include <string_view>

#include "tensor/tensor.h"

namespace easel::image {

// kNearest is torch's "nearest", which ComfyUI itself does not offer: the pixel at or before.
enum class ResizeMethod { kNearestExact, kNearest, kBilinear, kArea, kBicubic, kLanczos, kBislerp };
enum class CropMode { kDisabled, kCenter };

// By ComfyUI's names: "nearest-exact", "bilinear", "area", "bicubic", "lanczos", "bislerp"; "disabled",
// "center". Throw Error(kInvalid) for any other.
ResizeMethod resize_method(std::string_view name);
CropMode crop_mode(std::string_view name);

struct Size {
  int64_t width = 0, height = 0;
  bool operator==(const Size&) const = default;
};

// Python's round(): to the nearest integer, halves to the even one.
int64_t round_half_even(double value);

// f32 [N,H,W,C] -> [N,size.height,size.width,C], any C. Sums follow torch.nn.functional.interpolate bit for bit
// (bilinear without antialiasing, bicubic with a = -0.75, area = adaptive averages); lanczos follows Pillow on 8-bit
// values (result k/255; see pillow.h); bislerp, meant for latents, turns vectors over C into one another.
// Throws Error(kInvalid) for an empty image or size.
Tensor resize(const Tensor& image, Size size, ResizeMethod method);

// resize() after, with kCenter, cutting the image to the new aspect ratio (comfy.utils.common_upscale).
Tensor upscale(const Tensor& image, Size size, ResizeMethod method, CropMode crop);

// The middle of an image that has the aspect ratio of `size`, sharing memory.
Tensor crop_to_aspect(const Tensor& image, Size size);

// The size that ImageScale gives a picture of the size `now` for a requested one: a side of 0 follows from the other
// side and the aspect ratio; if both are 0, the size does not change.
Size scaled_size(Size now, Size wanted);
// ImageScaleBy's and LatentUpscaleBy's size.
Size scaled_by(Size now, double factor);
// ImageScaleToTotalPixels' size; a megapixel is 1024 * 1024.
Size scaled_to_pixels(Size now, double megapixels);
// LatentUpscale's size in latent pixels, each of `factor` x `factor` pixels, from one in pixels: sides of at least 64
// pixels.
Size scaled_latent_size(Size now, Size pixels, int64_t factor);
// The width and height of [N,H,W,C]. Throws as require_image() does.
Size size_of(const Tensor& image);

// torch.nn.functional.interpolate(mode="bicubic", antialias=True, align_corners=False).
Tensor antialias_bicubic(const Tensor& image, Size size);

// Throws Error(kInvalid), naming `what`, unless `image` is f32 [N,H,W,C] with at least one element.
void require_image(const Tensor& image, std::string_view what);

// Throws Error(kInvalid) unless both sides are from 1 to 2^20.
void require_size(Size size);

namespace detail {
Tensor bislerp(const Tensor& image, Size size);
}  // namespace detail

}  // namespace easel::image
