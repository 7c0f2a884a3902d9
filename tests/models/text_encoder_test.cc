#include "models/text_encoder.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "models_support.h"
#include "support/golden.h"

namespace easel::models {
namespace {

using testing::load_golden;
using testing::relative_error;

std::shared_ptr<const TensorMap> open_tiny(const std::string& file) {
  return formats::open_model_file(tiny_models_dir() / file).tensors;
}

struct Loaded {
  explicit Loaded(const std::string& file, DType compute = DType::kF32)
      : tensors(open_tiny(file)), residency(std::make_unique<Residency>()) {
    clip.encoder = load_text_encoder(*residency, *tensors, compute, file);
  }
  std::shared_ptr<const TensorMap> tensors;
  std::unique_ptr<Residency> residency;
  ClipHandle clip;
};

struct Case {
  const char* name;
  const char* file;
};

class TextGoldens : public ::testing::TestWithParam<Case> {};

TEST_P(TextGoldens, MatchTheReference) {
  EASEL_NEEDS_SHARED();
  const auto units = nlohmann::json::parse(read_file(testing::shared_dir() / "goldens/tiny/units.json"));
  const TensorMap golden = load_golden("text.safetensors");
  const Loaded model(GetParam().file), narrow(GetParam().file, DType::kBF16);
  int compared = 0;
  for (size_t i = 0; i < units["prompts"].size(); ++i) {
    const std::string key = std::string("text.") + GetParam().name + "." + std::to_string(i);
    const std::string prompt = units["prompts"][i];
    const EncodedText text = encode_prompt(model.clip, prompt), rough = encode_prompt(narrow.clip, prompt);
    ASSERT_NE(golden.find(key + ".cond"), nullptr);
    EXPECT_LE(relative_error(text.cond, *golden.find(key + ".cond")), 1e-5) << key;
    EXPECT_LE(relative_error(rough.cond, *golden.find(key + ".cond")), 3e-2) << key;
    EXPECT_LE(relative_error(text.pooled, *golden.find(key + ".pooled")), 1e-5) << key;
    EXPECT_LE(relative_error(rough.pooled, *golden.find(key + ".pooled")), 3e-2) << key;
    ++compared;
  }
  EXPECT_EQ(compared, 9);
}

INSTANTIATE_TEST_SUITE_P(Families, TextGoldens,
                         ::testing::Values(Case{"sd15", "checkpoints/v1-5-pruned-emaonly.safetensors"},
                                           Case{"unclip_h", "checkpoints/sd21-unclip-h.ckpt"},
                                           Case{"sdxl", "checkpoints/sd_xl_base_1.0.safetensors"},
                                           Case{"refiner", "checkpoints/sd_xl_refiner_1.0.safetensors"}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(TextEncoder, ClipSkipMatchesTheReference) {
  EASEL_NEEDS_SHARED();
  Loaded model("checkpoints/v1-5-pruned-emaonly.safetensors");
  model.clip.stop_at_layer = -2;
  const auto text = encode_prompt(model.clip, "a serious guy in the park");
  EXPECT_LE(relative_error(text.cond, load_golden("text.safetensors", "text.sd15.clip_skip2.cond")), 1e-5);
}

}  // namespace
}  // namespace easel::models
