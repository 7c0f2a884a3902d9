#include "models/unet.h"

#include <gtest/gtest.h>

#include "models_support.h"
#include "support/golden.h"

namespace easel::models {
namespace {

using testing::load_golden;
using testing::relative_error;

class UNetGolden : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(UNetGolden, AgreesWithReference) {
  EASEL_NEEDS_SHARED();
  const auto& [name, file] = GetParam();
  const TensorMap golden = load_golden("unet.safetensors");
  const std::string key = std::string("unet.") + name + ".";
  for (const auto& [compute, tolerance] : {std::pair{DType::kF32, 1e-5}, std::pair{DType::kBF16, 3e-2}}) {
    const UNet unet(tiny_weights(file, compute)["model"]["diffusion_model"]);
    UNetInputs in;
    in.x = to_channels_last(*golden.find(key + "x"));
    in.timesteps = to_vector(*golden.find(key + "t"));
    in.context = unet.project(*golden.find(key + "context"));
    if (const Tensor* y = golden.find(key + "y")) in.y = *y;
    const double error = relative_error(unet.forward(in), to_channels_last(*golden.find(key + "out")));
    RecordProperty(dtype_name(compute) == "F32" ? "error_f32" : "error_bf16", std::to_string(error));
    EXPECT_LE(error, tolerance) << dtype_name(compute);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, UNetGolden,
                         ::testing::Values(std::pair{"sd15", "checkpoints/v1-5-pruned-emaonly.safetensors"},
                                           std::pair{"unclip_h", "checkpoints/sd21-unclip-h.ckpt"},
                                           std::pair{"sdxl", "checkpoints/sd_xl_base_1.0.safetensors"},
                                           std::pair{"refiner", "checkpoints/sd_xl_refiner_1.0.safetensors"}),
                         [](const auto& family) { return std::string(family.param.first); });

}  // namespace
}  // namespace easel::models
