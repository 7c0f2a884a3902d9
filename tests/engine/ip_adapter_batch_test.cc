// Reference pictures in batches: a weight and a picture of its own for each result, and what a person is told.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "formats/pictures/picture.h"
#include "nodes/common/trace.h"
#include "nodes/standard_table.h"
#include "support/shared.h"
#include "support/tiny_models.h"

namespace easel::engine {
namespace {

namespace fs = std::filesystem;
using workflow::Json;

class IpAdapterBatch : public ::testing::Test {
 protected:
  IpAdapterBatch()
      : folder_(fs::temp_directory_path() / ("easel-ip-" + std::to_string(getpid()))),
        engine_({.table = nodes::standard_table(),
                 .folders = library::Folders(testing::tiny_models_dir()),
                 .directories = {folder_, folder_, folder_}}) {
    fs::create_directories(folder_);
    for (const auto& [name, width] : {std::pair{"a.png", 64}, {"b.png", 64}, {"wide.png", 96}}) {
      Tensor picture({1, 64, width, 3});
      for (int64_t i = 0; i < picture.numel(); ++i)
        picture.f32()[i] = 0.5f + 0.5f * std::sin(static_cast<float>(i % 997) * (name[0] == 'a' ? 0.02f : 0.11f));
      formats::save_png(folder_ / name, picture);
    }
  }
  ~IpAdapterBatch() override { fs::remove_all(folder_); }

  // Two pictures steer a batch of two through `apply`, node "x".
  static Json prompt(const std::string& apply) {
    Json out = workflow::parse_json(R"json({
      "m": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}},
      "p": {"class_type": "CLIPTextEncode", "inputs": {"text": "a barn", "clip": ["m", 1]}},
      "n": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["m", 1]}},
      "u": {"class_type": "IPAdapterUnifiedLoader", "inputs": {"model": ["m", 0], "preset": "STANDARD (medium strength)"
}
}
, "a" : {"class_type" : "LoadImage", "inputs" : {"image" : "a.png"}},
        "b" : {"class_type" : "LoadImage", "inputs" : {"image" : "b.png"}},
              "ab" : {"class_type" : "ImageBatch", "inputs" : {"image1" : [ "a", 0 ], "image2" : [ "b", 0 ]}},
                     "l"
    : {"class_type" : "EmptyLatentImage", "inputs" : {"width" : 64, "height" : 64, "batch_size" : 2}},
      "out" : {
        "class_type" : "KSampler",
        "inputs" : {
          "model" : [ "x", 0 ],
          "seed" : 7,
          "steps" : 2,
          "cfg" : 5.0,
          "sampler_name" : "euler",
          "scheduler" : "normal",
          "positive" : [ "p", 0 ],
          "negative" : [ "n", 0 ],
          "latent_image" : [ "l", 0 ],
          "denoise" : 1.0
        }
      },
              "d" : {"class_type" : "VAEDecode", "inputs" : {"samples" : [ "out", 0 ], "vae" : [ "m", 2 ]}},
                    "show" : {
  "class_type" : "PreviewImage", "inputs" : { "images" : [ "d", 0 ] }
}
})json");
    out.update(workflow::parse_json(apply));
    return out;
  }
  static std::string batch_node(const std::string& weight, const std::string& scaling) {
    return R"("x": {"class_type": "IPAdapterBatch", "inputs": {"model": ["u", 0], "ipadapter": ["u", 1],
      "image": ["ab", 0], "weight": )" +
           weight + R"(, "weight_type": "linear", "start_at": 0.0, "end_at": 1.0, "embeds_scaling": ")" + scaling +
           R"(", "encode_batch_size": 0}})";
  }
  Tensor run(const Json& json) {
    const auto checked = engine_.check(workflow::parse_prompt(json));
    if (!checked.flawless()) checked.raise();
    TensorMap trace;
    EventSink quiet;
    engine_.run(checked, {.watch = nodes::trace_into(trace)}, quiet);
    return *trace.find("out.0.LATENT.samples");
  }
  std::string notices(const Json& json) {
    std::string out;
    for (const auto& notice : engine_.check(workflow::parse_prompt(json)).notices) out += notice.text + "\n";
    return out;
  }

  fs::path folder_;
  Engine engine_;
};

TEST_F(IpAdapterBatch, EachPictureHasAWeightOfItsOwn) {
  const std::string weights = R"({"w": {"class_type": "IPAdapterWeights", "inputs": {"weights": "0.4\n1.0",
    "timing": "custom", "frames": 0, "start_frame": 0, "end_frame": 9999, "add_starting_frames": 0,
    "add_ending_frames": 0, "method": "full batch"}}, )";
  for (const char* scaling : {"V only", "K+V", "K+mean(V) w/ C penalty"}) {
    SCOPED_TRACE(scaling);
    const Tensor listed = run(prompt(weights + batch_node(R"(["w", 0])", scaling) + "}"));
    const Tensor weak = run(prompt("{" + batch_node("0.4", scaling) + "}"));
    const Tensor strong = run(prompt("{" + batch_node("1.0", scaling) + "}"));
    EXPECT_LE(testing::relative_error(listed.slice(0, 0, 1), weak.slice(0, 0, 1)), 1e-5);
    EXPECT_LE(testing::relative_error(listed.slice(0, 1, 1), strong.slice(0, 1, 1)), 1e-5);
    EXPECT_GT(testing::relative_error(weak, strong), 1e-4);
  }
}

TEST_F(IpAdapterBatch, AMaskShowsPartsOfTheReferenceToTheEncoder) {
  const auto encoded = [](const std::string& mask) {
    return R"({"white": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 32, "height": 32}},
      "black": {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": 48, "height": 32}},
      "e": {"class_type": "IPAdapterEncoder", "inputs": {"ipadapter": ["u", 1], "image": ["a", 0], "weight": 1.0)" +
           mask + R"(}},
      "x": {"class_type": "IPAdapterEmbeds", "inputs": {"model": ["u", 0], "ipadapter": ["u", 1], "pos_embed": ["e", 0],
        "weight": 1.0, "weight_type": "linear", "start_at": 0.0, "end_at": 1.0, "embeds_scaling": "V only",
        "neg_embed": ["e", 1]}}})";
  };
  const Tensor plain = run(prompt(encoded("")));
  EXPECT_LE(testing::relative_error(run(prompt(encoded(R"(, "mask": ["white", 0])"))), plain), 1e-5);
  EXPECT_GT(testing::relative_error(run(prompt(encoded(R"(, "mask": ["black", 0])"))), plain), 1e-5);
}

TEST_F(IpAdapterBatch, CroppingAndBlendingAreReportedBeforeAnythingRuns) {
  const std::string advanced = R"({"x": {"class_type": "IPAdapterAdvanced", "inputs": {"model": ["u", 0],
    "ipadapter": ["u", 1], "image": ["ab", 0], "weight": 1.0, "weight_type": "linear", "combine_embeds": "concat",
    "start_at": 0.0, "end_at": 1.0, "embeds_scaling": "V only"}}})";
  EXPECT_NE(notices(prompt(advanced)).find("the 2 reference pictures together steer every picture"), std::string::npos);
  EXPECT_NE(notices(prompt("{" + batch_node("1.0", "V only") + "}")).find("batch_size of 2"), std::string::npos);
  Json wide = prompt("{" + batch_node("1.0", "V only") + "}");
  wide["a"]["inputs"]["image"] = "wide.png";
  EXPECT_NE(notices(wide).find("96x64, not square: 16 pixels at the left and right"), std::string::npos)
      << notices(wide);
  Json squeezed = wide;
  squeezed["x"]["inputs"]["image"] = Json::array({"s", 0});
  squeezed["s"] = workflow::parse_json(R"({"class_type": "ImageScale", "inputs": {"image": ["a", 0],
    "upscale_method": "bicubic", "width": 64, "height": 64, "crop": "disabled"}})");
  EXPECT_EQ(notices(squeezed), "");
}

}  // namespace
}  // namespace easel::engine
