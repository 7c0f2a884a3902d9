#include "nodes/model/checkpoint_config.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace easel::nodes {
namespace {

TEST(CheckpointConfig, TheTwoSettingsThatCountAreRead) {
  const CheckpointConfig v = parse_checkpoint_config(
      "model:\n  base_learning_rate: 1.0e-4\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n  params:\n"
      "    parameterization: \"v\"  # as trained\n    linear_start: 0.00085\n    cond_stage_config:\n"
      "      target: ldm.modules.encoders.modules.FrozenOpenCLIPEmbedder\n      params:\n        freeze: True\n"
      "        layer: \"penultimate\"\n");
  EXPECT_TRUE(v.v_prediction);
  EXPECT_FALSE(v.clip_layer);
  const CheckpointConfig skip = parse_checkpoint_config(
      "model:\r\n  params:\r\n    parameterization: eps\r\n    cond_stage_config:\r\n      params:\r\n"
      "        layer: hidden\r\n        layer_idx: -2\r\n    unet_config:\r\n      params:\r\n        layer_idx: "
      "-9\r\n");
  EXPECT_FALSE(skip.v_prediction);
  EXPECT_EQ(skip.clip_layer, -2);
}

TEST(CheckpointConfig, WhatStandsElsewhereDoesNotCount) {
  for (const char* text : {"", "\n\n", "parameterization: v", "params:\n  parameterization: v", "# model:\n",
                           "model:\n  params:\n    x:\n      parameterization: v\n", ": : :\n- a\n[\n",
                           "model:\n  params:\n    cond_stage_config:\n      params:\n        layer_idx: null\n"}) {
    const CheckpointConfig config = parse_checkpoint_config(text);
    EXPECT_FALSE(config.v_prediction) << text;
    EXPECT_FALSE(config.clip_layer) << text;
  }
  for (const char* value : {"two", "0", "-25", "99999999999999999999", "-2.5"})
    EXPECT_THROW(
        parse_checkpoint_config("model:\n  params:\n    cond_stage_config:\n      params:\n        layer_idx: " +
                                std::string(value)),
        Error)
        << value;
}

TEST(CheckpointConfig, ComfyUIsOwnFilesAreKnownWithoutBeingThere) {
  EXPECT_TRUE(known_checkpoint_config("v2-inference-v.yaml")->v_prediction);
  EXPECT_FALSE(known_checkpoint_config("v2-inference.yaml")->v_prediction);
  EXPECT_EQ(known_checkpoint_config("v1-inference_clip_skip_2.yaml")->clip_layer, -2);
  EXPECT_FALSE(known_checkpoint_config("v3.yaml"));
  for (const std::string& name : known_checkpoint_configs()) EXPECT_TRUE(known_checkpoint_config(name)) << name;
}

}  // namespace
}  // namespace easel::nodes
