// What the tests of UNets share.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "models/unet/unet.h"
#include "models_support.h"
#include "support/shared.h"

namespace easel::models {

inline UNetInputs made_up_inputs(const UNet& unet, const Shape& shape) {
  UNetInputs in;
  in.x = made_up(shape, 1);
  in.timesteps.assign(static_cast<size_t>(shape[0]), 500.0f);
  in.context = unet.project(made_up({shape[0], 5, unet.config().context_dim}, 2));
  if (unet.config().adm_channels > 0) in.y = made_up({shape[0], unet.config().adm_channels}, 3);
  return in;
}

// Rows of a batch, at a size that does not halve evenly, are what each is by itself. Returns the batch's result.
inline Tensor expect_rows_do_not_depend_on_one_another(const UNet& unet, const std::string& name) {
  UNetInputs all = made_up_inputs(unet, {2, 9, 6, unet.config().in_channels});
  all.timesteps = {999.0f, 20.0f};
  const Tensor together = unet.forward(all);
  for (int64_t i = 0; i < 2; ++i) {
    UNetInputs one = all;
    one.x = all.x.slice(0, i, 1);
    one.timesteps = {all.timesteps[static_cast<size_t>(i)]};
    one.context = unet.project(all.context->context.slice(0, i, 1));
    if (all.y.defined()) one.y = all.y.slice(0, i, 1);
    EXPECT_LE(testing::relative_error(unet.forward(one), together.slice(0, i, 1)), 1e-5) << name;
  }
  return together;
}

}  // namespace easel::models
