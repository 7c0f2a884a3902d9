// Model files whose tensors are missing or misshapen.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "models/control/control_keys.h"
#include "models/control/controlnet.h"
#include "models/control/t2i_adapter.h"
#include "models/ip_adapter/ip_adapter.h"
#include "models/unet/unet.h"
#include "models/vae/vae.h"
#include "models/vae/vae_keys.h"
#include "models/vision/style_model.h"
#include "models/weights/key_names.h"
#include "models_support.h"
#include "numbers_support.h"
#include "ops/packer.h"
#include "support/shared.h"

namespace easel::models {
namespace {

// Every tensor of a file in turn missing, or with another shape: the loader or the model says so, and nothing worse
// happens.
template <class Use>
void expect_damage_is_found(const StoredTensors& good, const std::vector<std::string>& alike, const Use& use) {
  use(good);
  for (const auto& [name, tensor] : good) {
    // One layer stands for all that are like it.
    if (std::any_of(alike.begin(), alike.end(), [&](const auto& part) { return name.find(part) != std::string::npos; }))
      continue;
    for (const Shape& shape :
         {Shape{}, Shape{0}, Shape{3}, Shape{0, 64}, Shape{5, 3}, Shape{1, 1, 1}, Shape{2, 3, 5, 7, 1}}) {
      if (shape == tensor.shape()) continue;
      StoredTensors bad = good;
      bad.set(name, Tensor::zeros(shape));
      try {
        use(bad);
        ADD_FAILURE() << name << " " << shape.str() << " was taken";
      } catch (const Error& e) {
        EXPECT_NE(e.fault(), Fault::kInternal) << name << " " << shape.str() << ": " << e.what();
      }
    }
    StoredTensors lacking;
    for (const auto& [other, kept] : good)
      if (other != name) lacking.set(other, kept);
    EXPECT_THROW(use(lacking), Error) << name;
  }
}

TEST(Damage, InAStyleModelIsFound) {
  const auto file = formats::open_model_file(tiny_models_dir() / "style_models/coadapter-style-sd15v1.pth");
  const Tensor hidden = sines({1, 5, 64}, 0);
  expect_damage_is_found(*file.tensors, {"layes.1", "layes.2"}, [&](const StoredTensors& map) {
    memory::Residency residency;
    load_style_model(residency, map, DType::kF32, "x").model->get()->encode(hidden);
  });
}

TEST(Damage, InAnAdapterIsFound) {
  const auto file = formats::open_model_file(tiny_models_dir() / "ipadapter/ip-adapter-plus_sd15.safetensors");
  const Tensor hidden = sines({1, 5, 96}, 0);
  expect_damage_is_found(
      *file.tensors,
      {"layers.1", "layers.2", "layers.3", "ip_adapter.1", "ip_adapter.2", "ip_adapter.31", "5.to", "7.to", "9.to"},
      [&](const StoredTensors& map) {
        memory::Residency residency;
        const auto adapter = load_ip_adapter(residency, std::make_shared<const StoredTensors>(map), DType::kF32, "x");
        adapter.model->get()->tokens(hidden);
      });
}

using Build = std::function<void(const std::shared_ptr<const StoredTensors>&)>;

// Every module (weight and bias together) of a network in turn missing, which leaves no name behind to miss it by;
// and those `chosen` with weights of other shapes. `build` packs nothing: a network is checked before.
void expect_damage_is_found_unpacked(const StoredTensors& good, const std::vector<std::string>& chosen,
                                     const Build& build) {
  const auto expect_error = [&](StoredTensors map, const std::string& what) {
    try {
      build(std::make_shared<const StoredTensors>(std::move(map)));
      ADD_FAILURE() << what << " was taken";
    } catch (const Error& e) {
      EXPECT_NE(e.fault(), Fault::kInternal) << what << ": " << e.what();
    }
  };
  build(std::make_shared<const StoredTensors>(good));
  std::set<std::string> modules;
  for (const auto& [name, tensor] : good) modules.insert(name.substr(0, name.rfind('.') + 1));
  for (const std::string& module : modules) {
    StoredTensors map;
    for (const auto& [name, tensor] : good)
      if (!name.starts_with(module)) map.set(name, tensor);
    expect_error(std::move(map), "without " + module);
  }
  for (const auto& [name, tensor] : good) {
    const bool wanted = std::any_of(chosen.begin(), chosen.end(), [&](const auto& c) { return name.starts_with(c); });
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{3}, Shape{0, 64}, Shape{5, 3}, Shape{0, 0, 0, 0},
                               Shape{32, 5, 2, 2}, Shape{64, 7, 3, 3}}) {
      if (!wanted || shape == tensor.shape()) continue;
      StoredTensors map = good;
      map.set(name, Tensor::zeros(shape));
      expect_error(std::move(map), name + " as " + shape.str());
    }
  }
}

nn::Weights unpacked(const std::shared_ptr<const StoredTensors>& tensors) {
  return nn::Weights(tensors, DType::kF32, "x", ops::Packer::measure());
}

StoredTensors below(const StoredTensors& file, const std::string& prefix) {
  StoredTensors out;
  for (const auto& [name, tensor] : file)
    if (name.starts_with(prefix)) out.set(name.substr(prefix.size()), tensor);
  return out;
}

TEST(Damage, InAUNetIsFound) {
  const auto file = formats::open_model_file(tiny_models_dir() / "checkpoints/v1-5-pruned-emaonly.safetensors");
  expect_damage_is_found_unpacked(
      below(*file.tensors, "model.diffusion_model."),
      {"time_embed", "input_blocks.0.", "input_blocks.3.", "input_blocks.4.", "output_blocks.5.", "out."},
      [](const auto& map) { UNet(unpacked(map)); });
}

TEST(Damage, InAVaeIsFound) {
  const auto file = formats::open_model_file(tiny_models_dir() / "vae/sdxl_vae.safetensors");
  expect_damage_is_found_unpacked(*vae_tensors(*file.tensors),
                                  {"encoder.conv", "decoder.conv", "encoder.mid.", "decoder.up.1.", "encoder.down.1.",
                                   "quant_conv", "post_quant_conv", "decoder.norm_out"},
                                  [](const auto& map) { Vae(unpacked(map)); });
}

TEST(Damage, InAControlNetworkIsFound) {
  for (const char* name : {"control_v11p_sd15_canny_fp16.safetensors", "t2iadapter_canny_sd14v1.pth",
                           "t2iadapter_color_sd14v1.pth", "t2i-adapter_xl_canny.safetensors"}) {
    const auto file = formats::open_model_file(tiny_models_dir() / "controlnet" / name);
    const ControlTensors found = control_tensors(*file.tensors);
    expect_damage_is_found_unpacked(*found.tensors,
                                    {"body", "conv_in", "input_hint_block", "zero_convs.3", "middle_block_out"},
                                    [&](const auto& map) {
                                      const nn::Weights w = unpacked(map);
                                      if (found.kind == ControlKind::kControlNet) make_controlnet(w, false);
                                      else from_file(w, [&] { return make_t2i_adapter(w, found.kind); });
                                    });
  }
}

}  // namespace
}  // namespace easel::models
