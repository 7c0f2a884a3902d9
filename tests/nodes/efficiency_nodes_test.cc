// Scripts of the efficiency nodes: what they make is what the chains of plain nodes make, value by value.
#include <gtest/gtest.h>

#include "image/sheet/axes_sheet.h"
#include "models/conditioning.h"
#include "nodes/extensions/efficiency/xy_plot.h"
#include "support/shared.h"
#include "tiny_runner.h"

namespace easel::nodes {
namespace {

using efficiency::Script;

const char* const kModel = "v1-5-pruned-emaonly.safetensors";

using Typed = TinyRunner::Typed;
using Links = TinyRunner::Links;

class Efficiency : public ::testing::Test {
 protected:
  static Typed loading(Typed more = {}) {
    auto typed =
        Typed{{"ckpt_name", words(kModel)},        {"vae_name", words("Baked VAE")},    {"clip_skip", int64_t{-1}},
              {"lora_name", words("None")},        {"positive", words("a red barn")},   {"negative", words("fog")},
              {"empty_latent_width", int64_t{64}}, {"empty_latent_height", int64_t{64}}};
    for (auto& [name, value] : more) typed[name] = value;
    return typed;
  }
  Outputs loaded(Typed more = {}, Links links = {}) {
    return run("Efficient Loader", loading(std::move(more)), std::move(links));
  }

  // With the loader's outputs.
  Outputs sampled(const Outputs& from, Typed more, Links links = {}) {
    auto typed = Typed{{"seed", uint64_t{5}},
                       {"steps", int64_t{2}},
                       {"cfg", 3.0},
                       {"sampler_name", words("euler")},
                       {"scheduler", words("normal")},
                       {"denoise", 1.0},
                       {"preview_method", words("none")},
                       {"vae_decode", words("true")}};
    for (auto& [name, value] : more) typed[name] = value;
    links.emplace("model", from[0]);
    links.emplace("positive", from[1]);
    links.emplace("negative", from[2]);
    links.emplace("latent_image", from[3]);
    if (!from[4].empty()) links.emplace("optional_vae", from[4]);
    return run("KSampler (Efficient)", typed, std::move(links));
  }

  Value script(const char* x_name, Typed x, const char* y_name, Typed y, const Value& dependencies,
               const char* output = "Images", bool flip = false) {
    Links links;
    if (x_name) links.emplace("X", run(x_name, std::move(x))[0]);
    if (y_name) links.emplace("Y", run(y_name, std::move(y))[0]);
    if (!dependencies.empty()) links.emplace("dependencies", dependencies);
    return run("XY Plot", {{"ksampler_output_image", words(output)}, {"XY_flip", words(flip ? "True" : "False")}},
               std::move(links))[0];
  }

  // A second pass with a network, or in latent space.
  static Typed hires(const char* type, Typed more = {}) {
    auto typed = Typed{{"upscale_type", words(type)},
                       {"hires_ckpt_name", words("(use same)")},
                       {"latent_upscaler", words("bilinear")},
                       {"pixel_upscaler", words("twice.safetensors")}};
    for (auto& [name, value] : more) typed[name] = value;
    return typed;
  }

  template <class F>
  static std::string refusal(const F& use) {
    try {
      use();
    } catch (const Error& e) {
      return e.what();
    }
    return "nothing was refused";
  }

  static void expect_same(const Tensor& pictures, int64_t index, const Value& expected) {
    EXPECT_EQ(testing::max_difference(pictures.slice(0, index, 1), expected.as<Tensor>()), 0) << index;
  }

  TinyRunner run;
};

TEST_F(Efficiency, AnXyPlotIsARunForEachPair) {
  const Outputs from = loaded();
  Links links;
  links.emplace("script",
                script("XY Input: CFG Scale", {{"batch_count", int64_t{2}}, {"first_cfg", 2.0}, {"last_cfg", 5.0}},
                       "XY Input: Seeds++ Batch", {{"batch_count", int64_t{3}}}, Value()));
  const Outputs plot = sampled(from, {}, links);
  const Tensor& pictures = plot[5].as<Tensor>();
  ASSERT_EQ(pictures.dim(0), 6) << "row by row: seeds downwards, cfg to the right";
  ASSERT_EQ(plot[3].as<Latent>().samples.dim(0), 6);
  for (int64_t row = 0; row < 3; ++row)
    for (int64_t column = 0; column < 2; ++column) {
      const Outputs one = sampled(from, {{"seed", static_cast<uint64_t>(5 + row)}, {"cfg", column == 0 ? 2.0 : 5.0}});
      expect_same(pictures, row * 2 + column, one[5]);
      EXPECT_EQ(testing::max_difference(plot[3].as<Latent>().samples.slice(0, row * 2 + column, 1),
                                        one[3].as<Latent>().samples),
                0);
    }
  EXPECT_GT(testing::max_difference(pictures.slice(0, 0, 1), pictures.slice(0, 1, 1)), 1e-3);
}

TEST_F(Efficiency, AnXyPlotLoadsAndEncodesAgain) {
  const Outputs from = loaded();
  Links links;
  links.emplace("script", script("XY Input: Prompt S/R",
                                 {{"target_prompt", words("positive")},
                                  {"search_txt", words("red")},
                                  {"replace_count", int64_t{1}},
                                  {"replace_1", words("blue")}},
                                 "XY Input: Checkpoint",
                                 {{"target_ckpt", words("Base")},
                                  {"input_mode", words("Ckpt Names+ClipSkip")},
                                  {"ckpt_count", int64_t{2}},
                                  {"ckpt_name_1", words("dreamshaper_8.safetensors")},
                                  {"clip_skip_1", int64_t{-2}},
                                  {"ckpt_name_2", words(kModel)},
                                  {"clip_skip_2", int64_t{-1}}},
                                 from[6]));
  const Tensor pictures = sampled(from, {}, links)[5].as<Tensor>();
  ASSERT_EQ(pictures.dim(0), 4);
  expect_same(pictures, 2, sampled(from, {})[5]);
  expect_same(pictures, 3, sampled(loaded({{"positive", words("a blue barn")}}), {})[5]);
  const Outputs other = loaded({{"ckpt_name", words("dreamshaper_8.safetensors")}, {"clip_skip", int64_t{-2}}});
  expect_same(pictures, 0, sampled(other, {})[5]);
  // As in the original, the second text is encoded by the text encoder of the loader, not by the other checkpoint's.
  Outputs mixed = loaded({{"positive", words("a blue barn")}, {"clip_skip", int64_t{-2}}});
  mixed[0] = other[0];
  mixed[4] = other[4];
  expect_same(pictures, 1, sampled(mixed, {})[5]);
}

TEST_F(Efficiency, AnXyPlotOfLorasKeepsTheRestOfTheStack) {
  const Outputs from = loaded();
  Links axis;
  axis.emplace("lora_stack_1", run("LoRA Stacker", {{"input_mode", words("advanced")},
                                                    {"lora_count", int64_t{1}},
                                                    {"lora_name_1", words("sd15_style.safetensors")},
                                                    {"model_str_1", 0.5},
                                                    {"clip_str_1", 0.25}})[0]);
  Links links;
  Links plot_links;
  plot_links.emplace("X", run("XY Input: LoRA Stacks", {}, axis)[0]);
  plot_links.emplace("dependencies", from[6]);
  links.emplace("script", run("XY Plot", {}, plot_links)[0]);
  const Tensor pictures = sampled(from, {}, links)[5].as<Tensor>();
  ASSERT_EQ(pictures.dim(0), 1);
  const Outputs styled = loaded(
      {{"lora_name", words("sd15_style.safetensors")}, {"lora_model_strength", 0.5}, {"lora_clip_strength", 0.25}});
  expect_same(pictures, 0, sampled(styled, {})[5]);
  EXPECT_GT(testing::max_difference(pictures, sampled(from, {})[5].as<Tensor>()), 1e-4);
}

TEST_F(Efficiency, ThePlotHasTheOriginalsMeasures) {
  const Outputs from = loaded();
  Links links;
  links.emplace("script", script("XY Input: Steps",
                                 {{"target_parameter", words("steps")},
                                  {"batch_count", int64_t{2}},
                                  {"first_step", int64_t{1}},
                                  {"last_step", int64_t{2}}},
                                 "XY Input: Denoise",
                                 {{"batch_count", int64_t{2}}, {"first_denoise", 0.5}, {"last_denoise", 1.0}}, Value(),
                                 "Plot", true));
  const Tensor plot = sampled(from, {}, links)[5].as<Tensor>();
  // Turned: denoise to the right, steps downwards. 64 / 15 = 4 pixels of border, three of them above; the labels
  // "Steps: 1" are 8 letters: (8 + 4) / 24 of 64 pixels to the left.
  EXPECT_EQ(plot.shape(), (Shape{1, 2 * 64 + 12, 2 * 64 + 32, 3}));
  const Outputs last = sampled(from, {{"steps", int64_t{2}}, {"denoise", 1.0}});
  EXPECT_EQ(testing::max_difference(plot.slice(1, 12 + 64, 64).slice(2, 32 + 64, 64), last[5].as<Tensor>()), 0);
}

TEST_F(Efficiency, AxesThatDoNotGoTogetherAreRefused) {
  const auto seeds = [&] { return Typed{{"batch_count", int64_t{2}}}; };
  EXPECT_THROW(script("XY Input: Seeds++ Batch", seeds(), "XY Input: Seeds++ Batch", seeds(), Value()), Error);
  EXPECT_THROW(script("XY Input: Clip Skip", {{"target_ckpt", words("Base")}}, nullptr, {}, Value()), Error)
      << "without what a loader did";
  EXPECT_THROW(run("XY Input: Clip Skip", {{"target_ckpt", words("Refiner")}}), Error);
  EXPECT_THROW(run("XY Input: VAE", {{"input_mode", words("VAE Batch")}}), Error);
  const Outputs from = loaded();
  Links links;
  links.emplace("script",
                script("XY Input: Add/Return Noise", {{"XY_type", words("add_noise")}}, nullptr, {}, Value()));
  EXPECT_THROW(sampled(from, {}, links), Error) << "KSampler always adds noise";
}

// The second value of the axis cannot be loaded, so that going on after the first one shows.
TEST_F(Efficiency, ATooLargePlotIsRefusedAfterItsFirstPicture) {
  const Outputs from = loaded({{"empty_latent_width", int64_t{192}}});
  Typed axis{{"target_ckpt", words("Base")},
             {"input_mode", words("Ckpt Names")},
             {"ckpt_count", int64_t{50}},
             {"ckpt_name_1", words(kModel)}};
  for (int i = 2; i <= 50; ++i) axis.emplace("ckpt_name_" + std::to_string(i), words("missing.safetensors"));
  Links plot{{"X", run("XY Input: Checkpoint", axis)[0]}, {"dependencies", from[6]}};
  const auto sample = [&](int64_t spacing) {
    const Value made = run("XY Plot", {{"grid_spacing", spacing}}, plot)[0];
    return refusal([&] { sampled(from, {}, {{"script", made}}); });
  };
  EXPECT_NE(sample(500).find("a sheet of 34100x"), std::string::npos) << "50 of 192 pixels, 49 gaps";
  EXPECT_NE(sample(0).find("missing.safetensors"), std::string::npos);
}

TEST_F(Efficiency, HighResFixesThatCannotBeMadeAreRefusedBeforeTheFirstPass) {
  const auto make = [&](Typed typed) { return run("HighRes-Fix Script", std::move(typed))[0]; };
  EXPECT_NE(refusal([&] {
              make(hires("pixel", {{"iterations", int64_t{0}}}));
            }).find("needs an iteration"),
            std::string::npos);
  const auto with_control = Typed{{"use_controlnet", true}, {"preprocessor", words("BinaryPreprocessor")}};
  EXPECT_NE(refusal([&] { make(hires("latent", with_control)); }).find("BinaryPreprocessor"), std::string::npos);
  make(hires("latent", {{"use_controlnet", true}, {"preprocessor", words("CannyEdgePreprocessor")}}));
  make(hires("latent", {{"preprocessor", words("BinaryPreprocessor")}}));  // which is not used

  // A latent that no model samples: whatever comes first refuses it.
  Outputs from = loaded();
  Latent odd;
  odd.samples = Tensor::zeros({1, 8, 8, 3});
  from[3] = computed<Latent>(std::move(odd));
  from[4] = {};
  for (const Value& script : {make(hires("pixel")), make(hires("both")),
                              make(hires("latent", {{"use_controlnet", true}, {"preprocessor", words("none")}}))})
    EXPECT_NE(refusal([&] { sampled(from, {}, {{"script", script}}); }).find("needs a VAE"), std::string::npos);
  EXPECT_EQ(refusal([&] {
              sampled(from, {}, {{"script", make(hires("latent"))}});
            }).find("needs a VAE"),
            std::string::npos);
}

TEST_F(Efficiency, AHighResFixIsASecondPass) {
  const Outputs from = loaded();
  const Value fix = run("HighRes-Fix Script", {{"upscale_type", words("latent")},
                                               {"hires_ckpt_name", words("(use same)")},
                                               {"latent_upscaler", words("bilinear")},
                                               {"upscale_by", 1.5},
                                               {"use_same_seed", false},
                                               {"seed", uint64_t{9}},
                                               {"hires_steps", int64_t{3}},
                                               {"denoise", 0.7},
                                               {"iterations", int64_t{2}}})[0];
  Links links;
  links.emplace("script", fix);
  const Outputs made = sampled(from, {}, links);
  Value latent = sampled(from, {})[3];
  for (int i = 0; i < 2; ++i) {
    Links large;
    large.emplace("samples", latent);
    latent = run("LatentUpscaleBy", {{"upscale_method", words("bilinear")}, {"scale_by", 1.5}}, large)[0];
    Outputs next = from;
    next[3] = latent;
    latent = sampled(next, {{"seed", uint64_t{9}}, {"steps", int64_t{3}}, {"denoise", 0.7}})[3];
  }
  ASSERT_EQ(made[3].as<Latent>().samples.shape(), (Shape{1, 18, 18, 4}));
  EXPECT_EQ(testing::max_difference(made[3].as<Latent>().samples, latent.as<Latent>().samples), 0);
  Links decode;
  decode.emplace("samples", latent);
  decode.emplace("vae", from[4]);
  EXPECT_EQ(testing::max_difference(made[5].as<Tensor>(), run("VAEDecode", {}, decode)[0].as<Tensor>()), 0);
}

TEST_F(Efficiency, SdxlIsRefinedFromAStepOn) {
  const auto load = Typed{{"base_ckpt_name", words("sd_xl_base_1.0.safetensors")},
                          {"refiner_ckpt_name", words("sd_xl_refiner_1.0.safetensors")},
                          {"vae_name", words("Baked VAE")},
                          {"positive", words("a red barn")},
                          {"negative", words("fog")},
                          {"empty_latent_width", int64_t{64}},
                          {"empty_latent_height", int64_t{64}}};
  const Outputs from = run("Eff. Loader SDXL", load);
  Links unpack;
  unpack.emplace("sdxl_tuple", from[0]);
  const Outputs parts = run("Unpack SDXL Tuple", {}, unpack);
  const auto sample = [&](int64_t refine_at) {
    Links links = unpack;
    links.emplace("latent_image", from[1]);
    links.emplace("optional_vae", from[2]);
    return run("KSampler SDXL (Eff.)",
               {{"noise_seed", uint64_t{5}},
                {"steps", int64_t{4}},
                {"cfg", 3.0},
                {"sampler_name", words("euler")},
                {"scheduler", words("normal")},
                {"refine_at_step", refine_at},
                {"preview_method", words("none")},
                {"vae_decode", words("true")}},
               links)[1]
        .as<Latent>()
        .samples;
  };
  const auto some_steps = [&](size_t first, const Value& latent, int64_t begin, int64_t end, bool noise) {
    Links links;
    links.emplace("model", parts[first]);
    links.emplace("positive", parts[first + 2]);
    links.emplace("negative", parts[first + 3]);
    links.emplace("latent_image", latent);
    return run("KSamplerAdvanced",
               {{"add_noise", words(noise ? "enable" : "disable")},
                {"noise_seed", uint64_t{5}},
                {"steps", int64_t{4}},
                {"cfg", 3.0},
                {"sampler_name", words("euler")},
                {"scheduler", words("normal")},
                {"start_at_step", begin},
                {"end_at_step", end},
                {"return_with_leftover_noise", words(noise ? "enable" : "disable")}},
               links)[0];
  };
  const Value base = some_steps(0, from[1], 0, 3, true);
  EXPECT_EQ(testing::max_difference(sample(3), some_steps(4, base, 3, 4, false).as<Latent>().samples), 0);
  EXPECT_EQ(testing::max_difference(sample(-1), some_steps(0, from[1], 0, 4, true).as<Latent>().samples), 0);
}

TEST_F(Efficiency, StacksOfControlNetsAreAppliedInOrder) {
  const Outputs from = loaded();
  const Value net =
      run("ControlNetLoader", {{"control_net_name", words("control_v11p_sd15_canny_fp16.safetensors")}})[0];
  const Value hint = computed<Image>(Tensor::full({1, 64, 64, 3}, 0.75f));
  Links first{{"control_net", net}, {"image", hint}};
  Links second = first;
  second.emplace("cnet_stack", run("Control Net Stacker", {{"strength", 0.5}, {"end_percent", 0.6}}, first)[0]);
  Links apply{{"positive", from[1]}, {"negative", from[2]}};
  apply.emplace("cnet_stack", run("Control Net Stacker", {{"strength", 0.25}}, second)[0]);
  const auto& entry = run("Apply ControlNet Stack", {}, apply)[0].as<models::Conditioning>().at(0);
  ASSERT_TRUE(entry.control && entry.control->previous);
  EXPECT_EQ(entry.control->strength, 0.25f);
  EXPECT_EQ(entry.control->previous->strength, 0.5f);
  EXPECT_EQ(entry.control->previous->end_percent, 0.6);
  // The loader takes the stack as well.
  Links with_stack;
  with_stack.emplace("cnet_stack", apply.at("cnet_stack"));
  const Outputs with_controls = loaded({}, with_stack);
  EXPECT_EQ(with_controls[1].as<models::Conditioning>().at(0).control->strength, 0.25f);
  // Before, it does not promise conditioning without it.
  const Outputs with = run.foreseen("Efficient Loader", loading(), with_stack),
                without = run.foreseen("Efficient Loader", loading());
  EXPECT_FALSE(without[1].empty() || without[2].empty());
  EXPECT_TRUE(with[1].empty() && with[2].empty());
  EXPECT_FALSE(with[0].empty() || with[3].empty());
  // The pictures that a plot holds for loading again count as its own.
  EXPECT_GT(script("XY Input: Seeds++ Batch", {{"batch_count", int64_t{2}}}, nullptr, {}, with_controls[6]).bytes(),
            2 * hint.bytes());
}

}  // namespace
}  // namespace easel::nodes
