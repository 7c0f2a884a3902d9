// What the pictures of the built-in models mean: statements of order that a texture cannot pass. Each holds over 16
// seeds, each with pictures of its own, and prints its figures. Skipped where the models that came with the program (or
// those that EASEL_BUILT_IN_MODELS names) lack a file for it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "formats/pictures/picture.h"
#include "image/edit/canny.h"
#include "library/built_in.h"
#include "nodes/common/trace.h"
#include "nodes/standard_table.h"
#include "support/temp_folder.h"
#include "synth/drawings/drawing.h"
#include "techniques/techniques.h"
#include "workflow/edit.h"

namespace easel::techniques {
namespace {

namespace fs = std::filesystem;

constexpr int kSeeds = 16;
constexpr int64_t kSide = library::kBuiltInSide;
constexpr uint64_t kHeldOut = 20250;  // a series of drawings that nothing was trained on

// A difference that should be positive, one value for each seed.
struct Differences {
  std::vector<double> values;

  double mean() const {
    double sum = 0;
    for (const double v : values) sum += v;
    return sum / static_cast<double>(values.size());
  }
  double standard_error() const {
    double sum = 0;
    for (const double v : values) sum += (v - mean()) * (v - mean());
    const auto n = static_cast<double>(values.size());
    return std::sqrt(sum / (n - 1) / n);
  }
  int positive() const {
    int count = 0;
    for (const double v : values) count += v > 0 ? 1 : 0;
    return count;
  }
  // The mean is above zero by more than chance would have it (twice its standard error).
  void expect_positive(const std::string& what) const {
    printf("[ figures  ] %s: %+.4f, standard error %.4f, in %d of %zu\n", what.c_str(), mean(), standard_error(),
           positive(), values.size());
    EXPECT_GT(mean(), 2 * standard_error()) << what;
  }
};

double root_mean_square(const Tensor& a, const Tensor& b) {
  double sum = 0;
  for (int64_t i = 0; i < a.numel(); ++i) {
    const double d = static_cast<double>(a.f32()[i]) - b.f32()[i];
    sum += d * d;
  }
  return std::sqrt(sum / static_cast<double>(a.numel()));
}

// A figure of each seed's picture under two settings: its means, and by how much it is more under the second.
struct Compared {
  std::array<double, 2> mean{};
  Differences more;
};

// `measure(seed, setting)` gives a std::array of figures; setting is 0 or 1.
template <class Measure>
auto compared(const Measure& measure) {
  std::array<Compared, std::tuple_size_v<decltype(measure(0, 0))>> out;
  for (int seed = 0; seed < kSeeds; ++seed) {
    const auto first = measure(seed, 0), second = measure(seed, 1);
    for (size_t figure = 0; figure < out.size(); ++figure) {
      out[figure].mean[0] += first[figure] / kSeeds;
      out[figure].mean[1] += second[figure] / kSeeds;
      out[figure].more.values.push_back(second[figure] - first[figure]);
    }
  }
  return out;
}

// By how much red is above blue, -1 to 1.
double redness(const Tensor& picture) {
  double sum = 0;
  for (int64_t i = 0; i < picture.numel(); i += 3) sum += static_cast<double>(picture.f32()[i]) - picture.f32()[i + 2];
  return sum / static_cast<double>(picture.numel() / 3);
}

constexpr int kLevels = 4;
using Histogram = std::array<double, kLevels * kLevels * kLevels>;

// Shares of the pixels in 4 x 4 x 4 colours.
Histogram colours(const Tensor& picture) {
  Histogram out{};
  const auto level = [&](int64_t i) {
    return std::min(kLevels - 1, static_cast<int>(std::max(0.0f, picture.f32()[i]) * kLevels));
  };
  for (int64_t i = 0; i < picture.numel(); i += 3)
    out[static_cast<size_t>((level(i) * kLevels + level(i + 1)) * kLevels + level(i + 2))] +=
        3.0 / static_cast<double>(picture.numel());
  return out;
}

// 0: the same colours in the same shares; 1: none in common.
double colour_distance(const Tensor& a, const Tensor& b) {
  const Histogram ha = colours(a), hb = colours(b);
  double sum = 0;
  for (size_t i = 0; i < ha.size(); ++i) sum += std::abs(ha[i] - hb[i]);
  return sum / 2;
}

constexpr double kLow = 0.2, kHigh = 0.5;

// The share of the edges in `edges` that lie within two pixels of one in `others`.
double share_near(const Tensor& edges, const Tensor& others) {
  constexpr int64_t kNear = 2;
  const int64_t height = edges.dim(1), width = edges.dim(2);
  const auto is_edge = [&](const Tensor& t, int64_t y, int64_t x) { return t.f32()[(y * width + x) * 3] > 0.5f; };
  int64_t all = 0, near = 0;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      if (!is_edge(edges, y, x)) continue;
      ++all;
      bool found = false;
      for (int64_t v = std::max<int64_t>(0, y - kNear); v <= std::min(height - 1, y + kNear); ++v)
        for (int64_t u = std::max<int64_t>(0, x - kNear); u <= std::min(width - 1, x + kNear); ++u)
          found = found || is_edge(others, v, u);
      near += found ? 1 : 0;
    }
  return all == 0 ? 0 : static_cast<double>(near) / static_cast<double>(all);
}

class Meaning : public ::testing::Test {
 protected:
  void SetUp() override {
    if (models_.empty()) GTEST_SKIP() << "no models come with this program";
    library::Folders folders;
    folders.add_built_in(models_);
    const fs::path& place = folder_.path();
    engine_ = std::make_unique<engine::Engine>(engine::EngineOptions{
        .table = nodes::standard_table(), .folders = folders, .directories = {place, place / "out", place / "temp"}});
    for (int i = 0; i < kSeeds; ++i) {
      drawings_.push_back(synth::draw(kHeldOut, static_cast<uint64_t>(i), static_cast<int>(kSide)));
      formats::save_png(place / name(i), drawings_.back().rgb);
    }
  }

  static std::string name(int drawing) { return std::to_string(drawing % kSeeds) + ".png"; }
  const synth::Drawing& drawing(int i) const { return drawings_[static_cast<size_t>(i % kSeeds)]; }

  // The technique as the built-in models do it, in few steps; skips the test where they cannot.
  std::optional<Technique> technique(const std::string& named) {
    for (Technique& t : available(*engine_)) {
      if (t.name != named || !t.missing.empty()) continue;
      set(t.prompt, {"KSampler.steps=10"});
      set_words(t.prompt, t.negatives, "");
      return t;
    }
    return std::nullopt;
  }
  void set(workflow::Prompt& prompt, const std::vector<std::string>& assignments) const {
    workflow::assign(prompt, engine_->table(), assignments);
  }
  // Its words and pictures (numbers of drawings), and the seed.
  workflow::Prompt asked(const Technique& technique, int seed, const std::string& words,
                         const std::vector<int>& pictures) const {
    workflow::Prompt prompt = technique.prompt;
    set_words(prompt, technique.prompts, words);
    std::vector<std::string> names;
    for (const int picture : pictures) names.push_back(name(picture));
    set_pictures(prompt, technique.pictures, names);
    set(prompt, {"KSampler.seed=" + std::to_string(seed)});
    return prompt;
  }
  // The decoded picture, f32 [1,128,128,3] in 0..1.
  Tensor draw(const workflow::Prompt& prompt) {
    engine::Plan plan = engine_->check(prompt);
    if (!plan.runnable()) plan.raise();
    TensorMap trace;
    engine::EventSink sink;
    engine_->run(std::move(plan), {.watch = nodes::trace_into(trace)}, sink);
    for (const auto& node : prompt.nodes)
      if (const Tensor* made = node.class_type == "VAEDecode" ? trace.find(node.id + ".0.IMAGE") : nullptr) {
        EXPECT_EQ(made->shape(), (Shape{1, kSide, kSide, 3}));
        return contiguous(*made);
      }
    throw Error(Fault::kInternal, "nothing was decoded");
  }

  // A technique that looks at a picture: what it draws has that picture's colours rather than another's. Each of the
  // drawings is the reference once.
  void expect_colours_of_the_reference(const std::string& named, const std::vector<std::string>& settings) {
    const auto t = technique(named);
    if (!t) GTEST_SKIP() << models_ << " lacks a file for " << named;
    Differences nearer;
    double own = 0, other = 0;
    for (int i = 0; i < kSeeds; ++i) {
      workflow::Prompt prompt = asked(*t, i, "", {i});
      set(prompt, settings);
      const Tensor drawn = draw(prompt);
      const double to_own = colour_distance(drawn, drawing(i).rgb);
      double to_others = 0;
      for (int k = 1; k < kSeeds; ++k) to_others += colour_distance(drawn, drawing(i + k).rgb) / (kSeeds - 1);
      own += to_own / kSeeds;
      other += to_others / kSeeds;
      nearer.values.push_back(to_others - to_own);
    }
    printf("[ figures  ] %s: colours differ from the reference's by %.3f, from the other drawings' by %.3f\n",
           named.c_str(), own, other);
    nearer.expect_positive("nearer to the reference");
  }

  // Two references: the more one of them counts, the nearer the result is to it. `strengths`: the settings for the
  // first alone, for both, and for the second alone.
  void expect_order_of_strengths(const Technique& t, const std::array<std::vector<std::string>, 3>& strengths) {
    Differences to_middle, to_second;
    std::array<double, 3> means{};
    for (int i = 0; i < kSeeds; ++i) {
      std::array<double, 3> place{};  // 0: colours of the first, 1: of the second
      for (size_t k = 0; k < strengths.size(); ++k) {
        workflow::Prompt prompt = asked(t, i, "", {i, i + 1});
        set(prompt, strengths[k]);
        const Tensor drawn = draw(prompt);
        const double first = colour_distance(drawn, drawing(i).rgb),
                     second = colour_distance(drawn, drawing(i + 1).rgb);
        place[k] = first / (first + second);
        means[k] += place[k] / kSeeds;
      }
      to_middle.values.push_back(place[1] - place[0]);
      to_second.values.push_back(place[2] - place[1]);
    }
    printf("[ figures  ] from the first (0) to the second (1): %.3f, %.3f, %.3f\n", means[0], means[1], means[2]);
    to_middle.expect_positive("from the first alone to both");
    to_second.expect_positive("from both to the second alone");
  }

  const fs::path models_ = library::built_in_models();
  testing::TempFolder folder_;
  std::unique_ptr<engine::Engine> engine_;
  std::vector<synth::Drawing> drawings_;
};

TEST_F(Meaning, ALowDenoiseStaysNearThePicture) {
  const auto t = technique("img2img");
  if (!t) GTEST_SKIP() << models_ << " lacks a file for img2img";
  const auto [distance] = compared([&](int i, int setting) {
    workflow::Prompt prompt = asked(*t, i, drawing(i + 1).caption, {i});
    set(prompt, {setting == 0 ? "KSampler.denoise=0.3" : "KSampler.denoise=0.8"});
    return std::array{root_mean_square(draw(prompt), drawing(i).rgb)};
  });
  printf("[ figures  ] root mean square distance to the reference: %.3f at denoise 0.3, %.3f at 0.8\n",
         distance.mean[0], distance.mean[1]);
  distance.more.expect_positive("0.8 further than 0.3");
}

TEST_F(Meaning, RedIsRedderThanBlue) {
  const auto t = technique("img2img");
  if (!t) GTEST_SKIP() << models_ << " lacks a file for img2img";
  const std::array<std::string, 4> things{"boat", "house", "car", "balloon"};
  const auto [seen] = compared([&](int i, int setting) {
    const std::string words = (setting == 0 ? "a blue " : "a red ") + things[static_cast<size_t>(i) % things.size()];
    workflow::Prompt prompt = asked(*t, i, words, {i});
    set(prompt, {"KSampler.denoise=1"});
    return std::array{redness(draw(prompt))};
  });
  printf("[ figures  ] red above blue: %+.3f for \"red\", %+.3f for \"blue\"\n", seen.mean[1], seen.mean[0]);
  seen.more.expect_positive("red redder than blue");
}

TEST_F(Meaning, AnIpAdapterTakesColours) {
  expect_colours_of_the_reference("ip_adapter_variations",
                                  {"IPAdapterApply.weight=1", "EmptyLatentImage.batch_size=1"});
}

TEST_F(Meaning, AStyleModelTakesColours) { expect_colours_of_the_reference("style", {"StyleModelApply.strength=1"}); }

TEST_F(Meaning, UnclipTakesColours) {
  expect_colours_of_the_reference("unclip", {"unCLIPConditioning.noise_augmentation=0"});
}

TEST_F(Meaning, ACannyControlNetKeepsEdges) {
  auto t = technique("img2img");
  const auto files = engine_->folders().list("controlnet");
  if (!t || files.empty()) GTEST_SKIP() << models_ << " lacks a ControlNet";
  using workflow::Json;
  workflow::Prompt& flow = t->prompt;
  const std::string picture = t->pictures.at(0).node;
  flow.nodes.push_back({"201", "ControlNetLoader", "", {{"control_net_name", files.front()}}});
  flow.nodes.push_back(
      {"202", "Canny", "", {{"image", Json::array({picture, 0})}, {"low_threshold", kLow}, {"high_threshold", kHigh}}});
  flow.nodes.push_back({"203",
                        "ControlNetApply",
                        "",
                        {{"conditioning", flow.find("8")->inputs["positive"]},
                         {"control_net", Json::array({"201", 0})},
                         {"image", Json::array({"202", 0})},
                         {"strength", 1.0}}});
  flow.find("8")->inputs["positive"] = Json::array({"203", 0});
  const auto [precision, recall] = compared([&](int i, int setting) {
    workflow::Prompt prompt = asked(*t, i, drawing(i).caption, {i});
    set(prompt, {"KSampler.denoise=1", setting == 0 ? "203.strength=0" : "203.strength=1"});
    const Tensor wanted = image::canny(drawing(i).rgb, kLow, kHigh), edges = image::canny(draw(prompt), kLow, kHigh);
    return std::array{share_near(edges, wanted), share_near(wanted, edges)};
  });
  printf("[ figures  ] edges within two pixels: precision %.3f, recall %.3f at strength 0; %.3f, %.3f at 1\n",
         precision.mean[0], recall.mean[0], precision.mean[1], recall.mean[1]);
  precision.more.expect_positive("precision");
  recall.more.expect_positive("recall");
}

TEST_F(Meaning, TwoReferencesMixByStrengthInUnclip) {
  const auto t = technique("unclip_two_pictures");
  if (!t) GTEST_SKIP() << models_ << " lacks a file for unclip_two_pictures";
  expect_order_of_strengths(
      *t,
      {{{"9.strength=1", "10.strength=0"}, {"9.strength=0.5", "10.strength=0.5"}, {"9.strength=0", "10.strength=1"}}});
}

TEST_F(Meaning, TwoReferencesMixByWeightInAnIpAdapter) {
  const auto t = technique("ip_adapter_two_pictures");
  if (!t) GTEST_SKIP() << models_ << " lacks a file for ip_adapter_two_pictures";
  expect_order_of_strengths(
      *t, {{{"7.weight=1", "8.weight=0"}, {"7.weight=0.5", "8.weight=0.5"}, {"7.weight=0", "8.weight=1"}}});
}

}  // namespace
}  // namespace easel::techniques
