// Everything a node takes is within the memory budget, or refused: before anything is computed where its size follows
// from the graph, else when the node asks for it.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "formats/pictures/picture.h"
#include "nodes/standard_table.h"
#include "support/temp_folder.h"
#include "tensor/host_memory.h"
#include "tensor/memory_guard.h"
#include "workflow/prompt.h"

namespace easel::engine {
namespace {

using workflow::Json;

// What pictures, masks and latents may take together.
constexpr size_t kForValues = size_t{192} << 20;
constexpr size_t kBudget = kProgramMemory - kSmallValues + kForValues;

Json node(const std::string& class_type, Json inputs) {
  return {{"class_type", class_type}, {"inputs", std::move(inputs)}};
}
Json link(const std::string& id, int slot = 0) { return Json::array({id, slot}); }
Json empty_image(int64_t width, int64_t height, int64_t count) {
  return node("EmptyImage", {{"width", width}, {"height", height}, {"batch_size", count}, {"color", 0}});
}
Json empty_latent(int64_t width, int64_t height, int64_t count) {
  return node("EmptyLatentImage", {{"width", width}, {"height", height}, {"batch_size", count}});
}

class MemoryBudget : public ::testing::Test {
 protected:
  MemoryBudget() {
    EngineOptions options{.table = nodes::standard_table()};
    options.directories = {folder_.path() / "input", folder_.path() / "output", folder_.path() / "temp"};
    options.memory_budget = kBudget;
    std::filesystem::create_directories(folder_.path() / "input");
    formats::save_png(folder_.path() / "input" / "a.png", Tensor::zeros({1, 512, 512, 3}));
    engine_ = std::make_unique<Engine>(std::move(options));
    trim_pool();
  }

  Plan check(const Json& prompt) { return engine_->check(workflow::parse_prompt(prompt)); }
  void run(const Json& prompt) {
    Plan plan = check(prompt);
    if (!plan.flawless()) plan.raise();
    EventSink quiet;
    engine_->run(std::move(plan), {}, quiet);
  }

  testing::TempFolder folder_;
  std::unique_ptr<Engine> engine_;
};

struct Case {
  std::string faulty, what;  // the node that is refused, and part of the reason
  Json prompt;               // a preview of what comes out of "z" is added
  std::string type = "IMAGE";
};

Json with_output(const Case& c) {
  Json prompt = c.prompt;
  if (c.type == "IMAGE") prompt["out"] = node("SaveImage", {{"images", link("z")}, {"filename_prefix", "a"}});
  if (c.type == "MASK") prompt["out"] = node("MaskPreview", {{"mask", link("z")}});
  if (c.type == "LATENT") prompt["out"] = node("SaveLatent", {{"samples", link("z")}, {"filename_prefix", "a"}});
  return prompt;
}

// `count` times a node that takes "n0" and what comes after it: n1, n2, ... and z, the last.
Json chain(Json first, int count, const std::function<Json(const Json& before)>& next) {
  Json prompt = {{"n0", std::move(first)}};
  for (int i = 1; i <= count; ++i)
    prompt[i == count ? "z" : "n" + std::to_string(i)] = next(link("n" + std::to_string(i - 1)));
  return prompt;
}

std::vector<Case> refused() {
  const Json loaded = node("LoadImage", {{"image", "a.png"}});
  const auto doubled = [](const Json& x) { return node("ImageBatch", {{"image1", x}, {"image2", x}}); };
  const auto doubled_latent = [](const Json& x) { return node("LatentBatch", {{"samples1", x}, {"samples2", x}}); };
  const auto larger = [](const Json& x) {
    return node("ImageScaleBy", {{"image", x}, {"upscale_method", "bilinear"}, {"scale_by", 8.0}});
  };
  const auto repeated = [](const Json& x) { return node("RepeatLatentBatch", {{"samples", x}, {"amount", 64}}); };
  const auto padded = [](const Json& x) {
    return node("ImagePadForOutpaint",
                {{"image", x}, {"left", 8000}, {"top", 8000}, {"right", 0}, {"bottom", 0}, {"feathering", 0}});
  };
  const auto stitched = [](const Json& x) {
    return node("ImageStitch", {{"image1", x},
                                {"image2", x},
                                {"direction", "down"},
                                {"match_image_size", true},
                                {"spacing_width", 0},
                                {"spacing_color", "white"}});
  };
  const Json large_mask = node("SolidMask", {{"value", 1.0}, {"width", 4096}, {"height", 4096}});
  const auto mask_node = [](const char* type, Json more) {
    return [type, more](const Json& x) {
      Json inputs = more;
      inputs["mask"] = x;
      return node(type, inputs);
    };
  };
  return {
      // The issue's own cases.
      {"n6", "64 pictures of 512x512", chain(loaded, 40, doubled)},
      {"z", "4096 latents of 16384x16384", {{"z", empty_latent(16384, 16384, 4096)}}, "LATENT"},
      {"n2", "4096 latents of 512x512", chain(empty_latent(512, 512, 1), 3, repeated), "LATENT"},
      {"n1", "a picture of 4096x4096", chain(loaded, 2, larger)},
      {"n12", "4096 latents of 512x512", chain(empty_latent(512, 512, 1), 20, doubled_latent), "LATENT"},
      {"z",
       "a mask of 16384x16384",
       {{"z", node("SolidMask", {{"value", 1.0}, {"width", 16384}, {"height", 16384}})}},
       "MASK"},
      {"z", "a picture of 8512x8512", chain(loaded, 1, padded)},
      {"n6", "a picture of 512x32768", chain(loaded, 20, stitched)},
      {"z", "4096 pictures of 512x512", {{"z", empty_image(512, 512, 4096)}}},
      // Their kin.
      {"z", "a picture of 4096x4096", chain(large_mask, 1, mask_node("MaskToImage", {}))},
      {"z", "400 pictures of 512x512",
       chain(empty_image(512, 512, 4), 1,
             [](const Json& x) {
               return node("RepeatImageBatch", {{"image", x}, {"amount", 100}});
             })},
      {"z", "a picture of 16384x16384",
       chain(loaded, 1,
             [](const Json& x) {
               return node("ImageScale", {{"image", x},
                                          {"upscale_method", "lanczos"},
                                          {"width", 16384},
                                          {"height", 16384},
                                          {"crop", "disabled"}});
             })},
      {"z", "a picture of 16384x16384",
       chain(loaded, 1,
             [](const Json& x) {
               return node("ImageScaleToMaxDimension",
                           {{"image", x}, {"upscale_method", "area"}, {"largest_size", 16384}});
             })},
      {"z", "a picture of 8192x8192",
       chain(loaded, 1,
             [](const Json& x) {
               return node("ResizeAndPadImage", {{"image", x},
                                                 {"target_width", 8192},
                                                 {"target_height", 8192},
                                                 {"padding_color", "white"},
                                                 {"interpolation", "area"}});
             })},
      {"z", "a latent of 131072x131072",
       chain(empty_latent(16384, 16384, 1), 1,
             [](const Json& x) {
               return node("LatentUpscaleBy", {{"samples", x}, {"upscale_method", "bilinear"}, {"scale_by", 8.0}});
             }),
       "LATENT"},
  };
}

// Nodes of extensions, and nodes between that only hand on.
std::vector<Case> refused_of_extensions() {
  const Json loaded = node("LoadImage", {{"image", "a.png"}});
  const auto doubled = [](const Json& x) { return node("ImageBatch", {{"image1", x}, {"image2", x}}); };
  const auto one = [](const char* type, Json more, const char* input = "image") {
    return [type, more, input](const Json& x) {
      Json inputs = more;
      inputs[input] = x;
      return node(type, inputs);
    };
  };
  const auto two = [](const char* type, const char* first, const char* second, Json more = Json::object()) {
    return [=](const Json& x) {
      Json inputs = more;
      inputs[first] = x;
      inputs[second] = x;
      return node(type, inputs);
    };
  };
  const Json resized = {{"width", 8192},   {"height", 8192},        {"interpolation", "bicubic"},
                        {"method", "pad"}, {"condition", "always"}, {"multiple_of", 0}};
  const Json filled = {{"width", 8192},           {"height", 4096},        {"interpolation", "bicubic"},
                       {"method", "fill / crop"}, {"condition", "always"}, {"multiple_of", 64}};
  const Json resized_kj = {
      {"width", 0}, {"height", 8192}, {"upscale_method", "area"}, {"keep_proportion", true}, {"divisible_by", 2}};
  const Json by_side = {{"mode", "resize"},      {"supersample", "false"}, {"resampling", "lanczos"},
                        {"rescale_factor", 2.0}, {"resize_width", 48000},  {"resize_height", 48000}};
  const Json by_factor = {{"upscale_method", "bilinear"}, {"factor", 10.0}, {"crop", "disabled"}};
  const Json whole = {{"upscale_method", "bilinear"}, {"Factor", 10.0}, {"MulOf46", "enabled"}, {"crop", "disabled"}};
  const Json beside = {{"direction", "right"}, {"match_image_size", true}};
  const auto handed_on = [&](const char* type, const char* input, Json more) {
    return Json{{"n0", empty_image(512, 512, 32)},
                {"switch", one(type, std::move(more), input)(link("n0"))},
                {"z", doubled(link("switch"))}};
  };
  return {
      {"z", "a picture of 8192x8192", chain(loaded, 1, one("ImageResize+", resized))},
      {"z", "a picture of 8192x4096", chain(loaded, 1, one("ImageResize+", filled))},
      {"z", "a picture of 8192x8192", chain(loaded, 1, one("ImageResizeKJ", resized_kj))},
      {"z", "a picture of 48000x48000", chain(loaded, 1, one("Image Resize", by_side))},
      {"n6", "a picture of 32768x512", chain(loaded, 20, two("ImageConcanate", "image1", "image2", beside))},
      {"n6", "64 pictures of 512x512", chain(loaded, 40, two("ImpactMakeImageBatch", "image1", "image2"))},
      {"n6", "64 pictures of 512x512", chain(loaded, 40, two("Image Batch", "images_a", "images_d"))},
      {"z", "a picture of 5120x5120", chain(loaded, 1, one("ImageScaleFactorSimple _O", whole))},
      {"z", "a picture of 16384x16384", chain(loaded, 1, one("CannyEdgePreprocessor", {{"resolution", 16384}}))},
      {"z", "a latent of 131072x131072",
       chain(empty_latent(16384, 16384, 1), 1, one("LatentUpscaleFactorSimple _O", by_factor, "samples")), "LATENT"},
      {"z", "a latent of 131072x131072",
       chain(empty_latent(16384, 16384, 1), 1,
             one("Latent Upscale by Factor (WAS)", {{"mode", "area"}, {"factor", 8.0}, {"align", "true"}}, "samples")),
       "LATENT"},
      {"n2", "998001 latents of 512x512",
       chain(empty_latent(512, 512, 1), 3, one("CR Latent Batch Size", {{"batch_size", 999}}, "latent")), "LATENT"},
      {"n12", "a latent of 2097152x512",
       chain(empty_latent(512, 512, 1), 30, two("LatentConcat", "samples1", "samples2", {{"dim", "x"}})), "LATENT"},
      {"z", "64 pictures of 512x512", handed_on("CR Image Input Switch", "image1", {{"Input", 1}})},
      {"z", "64 pictures of 512x512", handed_on("CR Batch Process Switch", "image", {{"Input", "image"}})},
      {"z", "64 pictures of 512x512", handed_on("ImageMaskSwitch", "images1", {{"select", 1}})},
      {"z", "64 pictures of 512x512", handed_on("GetImageSizeAndCount", "image", Json::object())},
      {"z", "64 pictures of 512x512", handed_on("ImageFromBatch+", "image", {{"start", 0}, {"length", -1}})},
      {"z", "64 pictures of 512x512",
       handed_on("INPAINT_ColorMatch", "target", {{"reference", link("n0")}, {"strength", 1.0}})},
      // The size comes over links.
      {"z",
       "65 pictures of 512x512",
       {{"n0", empty_image(512, 512, 32)},
        {"size", one("GetImageSize+", Json::object())(link("n0"))},
        {"z", node("EmptyImage",
                   {{"width", link("size", 0)}, {"height", link("size", 1)}, {"batch_size", 65}, {"color", 0}})}}},
  };
}

TEST_F(MemoryBudget, WhatFollowsFromTheGraphIsRefusedBeforeAnythingRuns) {
  std::vector<Case> all = refused();
  for (Case& c : refused_of_extensions()) all.push_back(std::move(c));
  for (const Case& c : all) {
    SCOPED_TRACE(c.what);
    const size_t before = PooledMemory::taken();
    const Plan plan = check(with_output(c));
    EXPECT_FALSE(plan.runnable());
    ASSERT_EQ(plan.faulty.size(), 1u) << plan.text();
    EXPECT_EQ(plan.faulty[0].id, c.faulty) << plan.text();
    const std::string reason = workflow::in_words(plan.faulty[0].faults.at(0));
    EXPECT_NE(reason.find(c.what), std::string::npos) << reason;
    EXPECT_NE(reason.find("memory budget of " + std::to_string(kBudget >> 20) + " MiB"), std::string::npos) << reason;
    EXPECT_EQ(PooledMemory::taken(), before);
  }
}

// A budget that even a small latent is beyond.
TEST_F(MemoryBudget, WhatTheProgramItselfTakesIsSaid) {
  EngineOptions options{.table = nodes::standard_table()};
  options.directories = engine_->directories();
  options.memory_budget = size_t{100} << 20;
  engine_ = std::make_unique<Engine>(std::move(options));
  try {
    run(with_output({.faulty = "z", .what = "", .prompt = {{"z", empty_latent(64, 64, 1)}}, .type = "LATENT"}));
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMemory);
    EXPECT_NE(
        std::string(e.what()).find("1 MiB besides 128 MiB for the program itself, more than the memory budget of 100"),
        std::string::npos)
        << e.what();
  }
}

TEST_F(MemoryBudget, WhatFitsIsNot) {
  const auto doubled = [](const Json& x) { return node("ImageBatch", {{"image1", x}, {"image2", x}}); };
  // 32 pictures of 3 MiB besides the 16 that they are made of.
  EXPECT_TRUE(check(with_output({"", "", chain(node("LoadImage", {{"image", "a.png"}}), 5, doubled)})).flawless());
  EXPECT_TRUE(check(with_output({"", "", {{"z", empty_image(4096, 3840, 1)}}})).flawless());
  // A value that is passed on as it is counts once.
  EXPECT_TRUE(check(with_output({"", "",
                                 chain(empty_image(4096, 2100, 1), 1,
                                       [](const Json& x) {
                                         return node("ImageScale", {{"image", x},
                                                                    {"upscale_method", "area"},
                                                                    {"width", 0},
                                                                    {"height", 0},
                                                                    {"crop", "disabled"}});
                                       })}))
                  .flawless());
}

// What comes out of a list is not foreseen.
Json unforeseen(int64_t doublings) {
  const auto doubled = [](const Json& x) { return node("ImageBatch", {{"image1", x}, {"image2", x}}); };
  Json prompt =
      chain(node("RebatchImages", {{"images", link("i")}, {"batch_size", 4}}), static_cast<int>(doublings), doubled);
  prompt["i"] = empty_image(512, 512, 4);
  prompt["out"] = node("SaveImage", {{"images", link("z")}, {"filename_prefix", "a"}});
  return prompt;
}

TEST_F(MemoryBudget, WhatDoesNotIsRefusedWhenANodeAsks) {
  try {
    run(unforeseen(40));
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMemory);
    EXPECT_EQ(e.node_class(), "ImageBatch");
    EXPECT_NE(e.message().find("memory budget of " + std::to_string(kBudget >> 20) + " MiB"), std::string::npos)
        << e.what();
  }
  EXPECT_LE(PooledMemory::taken() + claimed_memory(), kForValues);
  EXPECT_EQ(claimed_memory(), 0u);
  // It goes on.
  EXPECT_NO_THROW(run(with_output({"", "", {{"z", empty_image(64, 64, 1)}}})));
}

TEST_F(MemoryBudget, KeptResultsGiveWay) {
  const auto shown = [](int64_t count) {
    return Json{{"z", empty_image(512, 512, count)}, {"out", node("PreviewImage", {{"images", link("z")}})}};
  };
  run(shown(30));
  EXPECT_EQ(engine_->result_bytes(), size_t{30} * 512 * 512 * 3 * 4);
  run(shown(40));
  EXPECT_EQ(engine_->result_bytes(), size_t{40} * 512 * 512 * 3 * 4) << "90 and 120 MiB are above 192 MiB";
}

TEST_F(MemoryBudget, BuffersBesideTensorsCount) {
  // 120 MiB of pixels; the encoder takes as much as half of that again.
  run(Json{{"z", empty_image(4096, 2560, 1)}, {"out", node("PreviewImage", {{"images", link("z")}})}});
  engine_->free_results();
  trim_pool();
  try {
    run(Json{{"z", empty_image(4096, 3200, 1)}, {"out", node("PreviewImage", {{"images", link("z")}})}});
    ADD_FAILURE() << "150 MiB of pixels and 75 for the encoder";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMemory) << e.what();
    EXPECT_EQ(e.node_class(), "PreviewImage");
  }
}

}  // namespace
}  // namespace easel::engine
