#include "nodes/common/trace.h"

#include <gtest/gtest.h>

#include "models/conditioning.h"
#include "models/handles.h"
#include "models/latent_format.h"
#include "nodes/common/latent_preview.h"
#include "nodes/common/link_types.h"

namespace easel::nodes {
namespace {

using Strings = std::vector<std::string>;

TEST(Trace, UsesTheReferencesKeys) {
  TensorMap trace;
  Latent drawn;
  drawn.samples = Tensor({1, 2, 3, 4});
  for (int i = 0; i < 24; ++i) drawn.samples.f32()[i] = static_cast<float>(i);
  models::Conditioning conditioning(2);
  conditioning[0].cond = Tensor::zeros({1, 77, 8});
  conditioning[1].cond = Tensor::zeros({1, 77, 8});
  conditioning[1].pooled_output = Tensor::zeros({1, 8});
  add_trace(trace, "7",
            {computed<Image>(Tensor::zeros({1, 2, 2, 3})), computed<Latent>(drawn),
             computed<models::Conditioning>(conditioning), Value()});
  Strings keys;
  for (const auto& [key, tensor] : trace) keys.push_back(key);
  EXPECT_EQ(keys, (Strings{"7.0.IMAGE", "7.1.LATENT.samples", "7.2.CONDITIONING.0.cond", "7.2.CONDITIONING.1.cond",
                           "7.2.CONDITIONING.1.pooled_output"}));
  const Tensor& samples = *trace.find("7.1.LATENT.samples");
  EXPECT_EQ(samples.shape(), (Shape{1, 4, 2, 3}));
  EXPECT_EQ(samples.f32()[1], 4.0f);  // channel 0, next cell
}

TEST(Preview, IsAPixelPerCell) {
  const Preview p = latent_preview(Tensor::zeros({2, 3, 5, 4}), models::default_latents());
  EXPECT_EQ(p.width, 5);
  EXPECT_EQ(p.height, 3);
  EXPECT_EQ(p.rgb.size(), 45u);
  EXPECT_EQ(p.rgb[0], 127);
  EXPECT_EQ(latent_preview(Tensor::zeros({1, 3, 5, 16}), models::default_latents()).width, 0);
}

}  // namespace
}  // namespace easel::nodes
