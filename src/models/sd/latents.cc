#include "models/sd/latents.h"

namespace easel::models::sd {
namespace {

constexpr int64_t kChannels = 4, kFactor = 8;

// Colours: the linear fits that ComfyUI ships.
constexpr LatentFormat::Colour kSd1Colours[kChannels] = {{0.3512f, 0.2297f, 0.3227f},
                                                         {0.3250f, 0.4974f, 0.2350f},
                                                         {-0.2829f, 0.1762f, 0.2721f},
                                                         {-0.2120f, -0.2616f, -0.7177f}};
constexpr LatentFormat::Colour kSdxlColours[kChannels] = {{0.3651f, 0.4232f, 0.4341f},
                                                          {-0.2533f, -0.0042f, 0.1068f},
                                                          {0.1076f, 0.1111f, -0.0362f},
                                                          {-0.3165f, -0.2492f, -0.2188f}};
constexpr LatentFormat::Colour kPlaygroundColours[kChannels] = {{0.3920f, 0.4054f, 0.4549f},
                                                                {-0.2634f, -0.0196f, 0.0653f},
                                                                {0.0568f, 0.1687f, -0.0755f},
                                                                {-0.3112f, -0.2359f, -0.2076f}};
// Of SDXL's latents over the pictures that Playground 2.5 was trained on (its model card).
constexpr float kPlaygroundMeans[kChannels] = {-1.6574f, 1.886f, -1.383f, 2.5155f};
constexpr float kPlaygroundDeviations[kChannels] = {8.4927f, 5.9022f, 6.5498f, 5.2299f};
// ComfyUI uses the blank picture of SD 1.x for all of them.
constexpr float kBlank[kChannels] = {0.8223f, -0.6876f, 0.6364f, 0.1380f};

}  // namespace

constexpr LatentFormat kSd1Latents{.name = "SD 1.x",
                                   .channels = kChannels,
                                   .factor = kFactor,
                                   .scale = 0.18215f,
                                   .colours = kSd1Colours,
                                   .tiny_vae = "taesd",
                                   .blank = kBlank};
constexpr LatentFormat kSdxlLatents{.name = "SDXL",
                                    .channels = kChannels,
                                    .factor = kFactor,
                                    .scale = 0.13025f,
                                    .colours = kSdxlColours,
                                    .colour_bias = {0.1084f, -0.0175f, -0.0011f},
                                    .tiny_vae = "taesdxl",
                                    .blank = kBlank};
constexpr LatentFormat kPlaygroundLatents{.name = "Playground 2.5",
                                          .channels = kChannels,
                                          .factor = kFactor,
                                          .scale = 0.5f,
                                          .means = kPlaygroundMeans,
                                          .deviations = kPlaygroundDeviations,
                                          .colours = kPlaygroundColours,
                                          .tiny_vae = "taesdxl",
                                          .blank = kBlank};

}  // namespace easel::models::sd
