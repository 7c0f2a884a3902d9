#include "models/vae.h"

#include <gtest/gtest.h>

#include "models/vae_keys.h"
#include "models_support.h"
#include "support/golden.h"

namespace easel::models {
namespace {

using testing::load_golden;
using testing::max_difference;
using testing::relative_error;

const char* const kSd15 = "vae/vae-ft-mse-840000-ema-pruned.safetensors";
const char* const kSdxl = "vae/sdxl_vae.safetensors";

nn::Weights vae_weights(const std::string& file, DType compute) {
  return nn::Weights(vae_tensors(*formats::open_model_file(tiny_models_dir() / file).tensors), compute, file);
}

// Peak signal to noise ratio of pictures in 0..1.
double psnr(const Tensor& a, const Tensor& b) {
  double sum = 0;
  for (int64_t i = 0; i < a.numel(); ++i) sum += std::pow(static_cast<double>(a.f32()[i]) - b.f32()[i], 2);
  return -10 * std::log10(sum / static_cast<double>(a.numel()));
}

TEST(Vae, AgreesWithReference) {
  EASEL_NEEDS_SHARED();
  const TensorMap golden = load_golden("vae.safetensors");
  for (const auto& [name, file] : {std::pair{"sd15", kSd15}, std::pair{"sdxl", kSdxl}}) {
    const std::string key = std::string("vae.") + name;
    const Vae vae(vae_weights(file, DType::kF32)), narrow(vae_weights(file, DType::kBF16));
    const Tensor latent = vae.encode(*golden.find("pixels"));
    const Tensor expected = to_channels_last(*golden.find(key + ".encode"));
    EXPECT_LE(relative_error(latent, expected), 1e-5) << name;
    EXPECT_LE(relative_error(narrow.encode(*golden.find("pixels")), expected), 3e-2) << name;
    const Tensor picture = vae.decode(expected);
    EXPECT_LE(relative_error(picture, *golden.find(key + ".decode")), 1e-5) << name;
    EXPECT_GE(psnr(narrow.decode(expected), picture), 35) << name;
  }
}

}  // namespace
}  // namespace easel::models
