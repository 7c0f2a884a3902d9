#include "models/sd/variants.h"

#include "models/sd/latents.h"

namespace easel::models::sd {
namespace {

constexpr std::string_view kOwnEncoder =
    "Use the CLIP_VISION output of the unCLIPCheckpointLoader that loads the model";
constexpr std::string_view kBigG = "SDXL takes CLIP vision bigG (clip_vision_g.safetensors)";

}  // namespace

constinit const Variant kSd1{.family = {.id = "sd1", .name = "SD 1.x", .latents = &kSd1Latents, .base_model = "sd15"},
                             .text_encoders = "CLIP-L"};
constinit const Variant kSd2{.family = {.id = "sd2", .name = "SD 2.x", .latents = &kSd1Latents, .base_model = "sd20"},
                             .text_encoders = "OpenCLIP-H"};
constinit const Variant kUnclipL{
    .family = {.id = "unclip-l", .name = "SD 2.1 unCLIP-L", .latents = &kSd1Latents, .base_model = "sd21"},
    .vector = Vector::kImage,
    .text_encoders = "OpenCLIP-H",
    .image_encoder = kOwnEncoder};
constinit const Variant kUnclipH{
    .family = {.id = "unclip-h", .name = "SD 2.1 unCLIP-H", .latents = &kSd1Latents, .base_model = "sd21"},
    .vector = Vector::kImage,
    .text_encoders = "OpenCLIP-H",
    .image_encoder = kOwnEncoder};
constinit const Variant kSdxl{.family = {.id = "sdxl", .name = "SDXL", .latents = &kSdxlLatents, .base_model = "sdxl"},
                              .vector = Vector::kSizes,
                              .text_encoders = "CLIP-L and OpenCLIP-bigG",
                              .image_encoder = kBigG};
constinit const Variant kPlayground{
    .family = {.id = "playground", .name = "Playground 2.5", .latents = &kPlaygroundLatents, .base_model = "sdxl"},
    .vector = Vector::kSizes,
    .text_encoders = "CLIP-L and OpenCLIP-bigG",
    .image_encoder = kBigG};
constinit const Variant kRefiner{
    .family = {.id = "refiner", .name = "SDXL refiner", .latents = &kSdxlLatents, .base_model = "sdxl-refiner"},
    .vector = Vector::kSizesAndScore,
    .text_encoders = "OpenCLIP-bigG",
    .image_encoder = kBigG};

bool is_xl(const Family* family) {
  return family == &kSdxl.family || family == &kPlayground.family || family == &kRefiner.family;
}

}  // namespace easel::models::sd
