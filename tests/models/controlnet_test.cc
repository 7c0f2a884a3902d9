#include "models/controlnet.h"

#include <gtest/gtest.h>

#include "models/checkpoint.h"
#include "models_support.h"
#include "ops/elementwise.h"
#include "support/golden.h"

namespace easel::models {
namespace {

using testing::load_golden;
using testing::max_difference;
using testing::relative_error;

const char* const kCanny = "controlnet/control_v11p_sd15_canny_fp16.safetensors";
const char* const kSd15 = "checkpoints/v1-5-pruned-emaonly.safetensors";

TEST(ControlNet, AgreesWithReference) {
  EASEL_NEEDS_SHARED();
  const TensorMap golden = load_golden("unet.safetensors");
  Residency residency;
  for (const auto& [compute, tolerance] : {std::pair{DType::kF32, 1e-5}, std::pair{DType::kBF16, 3e-2}}) {
    const auto net = load_controlnet(tiny_models_dir() / kCanny, residency, compute).net->get();
    ControlInputs in;
    in.x = to_channels_last(*golden.find("unet.sd15.x"));
    in.timesteps = to_vector(*golden.find("unet.sd15.t"));
    in.context = net->project(*golden.find("unet.sd15.context"));
    const PreparedHint hint = net->prepare(to_channels_last(*golden.find("controlnet.hint")), in.x.dim(1), in.x.dim(2));
    const ControlResiduals out = net->forward(hint, in);
    ASSERT_EQ(out.output.size(), 12u);
    ASSERT_EQ(out.middle.size(), 1u);
    for (size_t i = 0; i < 13; ++i) {
      const Tensor expected = to_channels_last(*golden.find("controlnet.out." + std::to_string(i)));
      EXPECT_LE(relative_error(i < 12 ? out.output[i] : out.middle[0], expected), tolerance) << i;
    }
  }
}

}  // namespace
}  // namespace easel::models
