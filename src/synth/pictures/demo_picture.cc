#include "synth/pictures/demo_picture.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/parallel.h"
#include "synth/drawings/drawing.h"
#include "synth/pictures/paint.h"

namespace easel::synth {
namespace {

constexpr int kSamples = 2;  // squared: rays through a pixel

struct Scene {
  std::string_view name;
  Colour (*paint)(const Spot&);
};

constexpr std::array<Scene, 3> kScenes{
    {{"lighthouse", lighthouse}, {"still_life", still_life}, {"portrait", portrait}}};
constexpr std::string_view kBoat = "boat";
constexpr std::array<std::string_view, 4> kNames{kScenes[0].name, kScenes[1].name, kScenes[2].name, kBoat};

const Scene& scene_called(std::string_view name) {
  for (const Scene& scene : kScenes)
    if (scene.name == name) return scene;
  throw Error(Fault::kInvalid, "there is no demo picture \"" + std::string(name) + "\"")
      .fix("Choose lighthouse, still_life, portrait or boat");
}

Colour pixel(const Scene& scene, image::Size size, int64_t x, int64_t y) {
  const float unit = 2.0f / static_cast<float>(std::min(size.width, size.height));
  Colour sum;
  for (int s = 0; s < kSamples * kSamples; ++s) {
    const int column = s % kSamples, row = s / kSamples;
    const float dx = (static_cast<float>(column) + 0.5f) / kSamples, dy = (static_cast<float>(row) + 0.5f) / kSamples;
    sum = sum + develop(scene.paint({(static_cast<float>(x) + dx - static_cast<float>(size.width) / 2) * unit,
                                     (static_cast<float>(size.height) / 2 - static_cast<float>(y) - dy) * unit,
                                     static_cast<int32_t>(x), static_cast<int32_t>(y), s}));
  }
  return sum * (1.0f / (kSamples * kSamples));
}

// A drawing whose outlines are clear, of a series that nothing was trained on.
Tensor boat(image::Size size) {
  constexpr uint64_t kSeries = 2, kNumber = 8;
  const auto side = static_cast<int>(std::clamp<int64_t>(std::max(size.width, size.height), 16, 1024));
  const Tensor drawn = draw(kSeries, kNumber, side).rgb;
  return image::upscale(drawn, size, image::ResizeMethod::kBilinear, image::CropMode::kCenter);
}

}  // namespace

std::span<const std::string_view> demo_scenes() { return kNames; }

Tensor demo_picture(std::string_view scene, image::Size size) {
  image::require_size(size);
  if (scene == kBoat) return boat(size);
  const Scene& chosen = scene_called(scene);
  Tensor out(Shape{1, size.height, size.width, 3});
  float* to = out.f32();
  parallel_for(size.height, 1, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y) {
      for (int64_t x = 0; x < size.width; ++x) {
        const Colour c = pixel(chosen, size, x, y);
        const float channels[3] = {c.x, c.y, c.z};
        std::copy_n(channels, 3, to + (y * size.width + x) * 3);
      }
    }
  });
  return out;
}

}  // namespace easel::synth
