// Nodes that Krita's plugin asks for, against their formulas in f64 and numbers worked out by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "formats/tensors/safetensors.h"
#include "models/checkpoint/checkpoint.h"
#include "models/diffusion_model.h"
#include "models/latent_format.h"
#include "models/model_patch.h"
#include "models/unet/unet_source.h"
#include "node_api/files.h"
#include "nodes/common/link_types.h"
#include "nodes/extensions/krita/pose_keypoints.h"
#include "ops/counters.h"
#include "run_node.h"
#include "support/temp_folder.h"
#include "support/tiny_models.h"
#include "workflow/validate.h"

namespace easel::nodes {
namespace {

using models::Conditioning;
using models::ModelHandle;

workflow::Literal s(const char* value) { return std::string(value); }

float noise(int64_t i) { return static_cast<float>((i * 37 + 11) % 251) / 125.5f - 1.0f; }

Tensor filled(const Shape& shape, const std::function<float(int64_t)>& value) {
  Tensor out(shape);
  for (int64_t i = 0; i < out.numel(); ++i) out.f32()[i] = value(i);
  return out;
}

Tensor constant(const Shape& shape, float value) {
  return filled(shape, [value](int64_t) { return value; });
}

// --- Tiles ---

Links tiles_of(const Tensor& image) {
  Links links;
  links.emplace("image", computed<Image>(image));
  Value layout = run_node(
      "ETN_TileLayout",
      {{"min_tile_size", int64_t{64}}, {"padding", int64_t{8}}, {"blending", int64_t{8}}, {"multiple", int64_t{8}}},
      links);
  links.emplace("layout", std::move(layout));
  return links;
}

// 96 pixels in tiles of at least 64 with 16 shared: two of 56, from 0 and from 40.
TEST(KritaTiles, LieWhereTheyShould) {
  const Tensor image = filled({1, 96, 96, 3}, noise);
  for (int64_t index = 0; index < 4; ++index) {
    const int64_t top = index % 2 * 40, left = index / 2 * 40;  // down the columns
    const Tensor tile = run_node("ETN_ExtractImageTile", {{"index", index}}, tiles_of(image)).as<Tensor>();
    ASSERT_EQ(tile.shape(), Shape({1, 56, 56, 3}));
    for (int64_t y = 0; y < 56; ++y)
      for (int64_t x = 0; x < 56; ++x)
        ASSERT_EQ(tile.f32()[(y * 56 + x) * 3 + 1], image.f32()[((top + y) * 96 + left + x) * 3 + 1]);
  }
  EXPECT_THROW(run_node("ETN_ExtractImageTile", {{"index", int64_t{4}}}, tiles_of(image)), Error);
  EXPECT_THROW(tiles_of(Tensor::zeros({1, 95, 96, 3})), Error);
}

// A tile's own part ends 8 pixels before its edge and fades over a box of 8 pixels, 3 before and 4 behind.
double share(int64_t at, bool first) {
  double sum = 0;
  for (int64_t k = at - 3; k <= at + 4; ++k) {
    const int64_t mirrored = k < 0 ? -k : k > 55 ? 110 - k : k;
    sum += first ? mirrored < 48 : mirrored >= 8;
  }
  return sum / 8;
}

TEST(KritaTiles, FadeIntoEachOther) {
  const Tensor image = filled({1, 96, 96, 3}, noise);
  const Tensor mask =
      run_node("ETN_GenerateTileMask", {{"index", int64_t{1}}, {"blend", true}}, tiles_of(image)).as<Tensor>();
  for (int64_t y = 0; y < 56; ++y)
    for (int64_t x = 0; x < 56; ++x)
      ASSERT_NEAR(mask.f32()[y * 56 + x], share(y, false) * share(x, true), 1e-6) << y << ", " << x;
  // Without blending, everything but what only the neighbour paints.
  const Tensor whole = run_node("ETN_GenerateTileMask", {{"index", int64_t{1}}}, tiles_of(image)).as<Tensor>();
  for (int64_t i = 0; i < whole.numel(); ++i) ASSERT_EQ(whole.f32()[i], 1.0f);

  Links links = tiles_of(image);
  links.emplace("tile", computed<Image>(constant({1, 56, 56, 3}, 2.0f)));
  const Tensor merged = run_node("ETN_MergeImageTile", {{"index", int64_t{1}}}, links).as<Tensor>();
  for (int64_t y = 0; y < 96; ++y)
    for (int64_t x = 0; x < 96; ++x) {
      const int64_t i = (y * 96 + x) * 3;
      const double m = y >= 40 && x < 56 ? share(y - 40, false) * share(x, true) : 0;
      ASSERT_NEAR(merged.f32()[i], (1 - m) * image.f32()[i] + m * 2, 1e-5) << y << ", " << x;
    }
  links.erase("tile");
  links.emplace("tile", computed<Image>(Tensor::zeros({1, 56, 48, 3})));
  EXPECT_THROW(run_node("ETN_MergeImageTile", {{"index", int64_t{1}}}, links), Error);
}

// --- Masks and alpha ---

TEST(KritaMasks, BecomeAlpha) {
  const Tensor image = filled({2, 3, 4, 3}, noise);
  Links links;
  links.emplace("image", computed<Image>(image));
  links.emplace("mask", computed<Mask>(filled({1, 3, 4}, noise)));
  const Tensor out = run_node("ETN_ApplyMaskToImage", {}, links).as<Tensor>();
  ASSERT_EQ(out.shape(), Shape({2, 3, 4, 4}));
  for (int64_t i = 0; i < 24; ++i) {
    EXPECT_EQ(out.f32()[4 * i + 2], image.f32()[3 * i + 2]);
    EXPECT_EQ(out.f32()[4 * i + 3], noise(i % 12));
  }
  links.erase("mask");
  links.emplace("mask", computed<Mask>(Tensor::zeros({1, 4, 4})));
  EXPECT_THROW(run_node("ETN_ApplyMaskToImage", {}, links), Error);
}

TEST(KritaMasks, AreMadeSteadyAndComposited) {
  const std::vector<float> values{0.0f, 0.1f, 0.13f, 0.2f, 0.989f, 0.995f, 1.0f};
  Links links;
  links.emplace("mask", computed<Mask>(filled({1, 1, 7}, [&](int64_t i) { return values[static_cast<size_t>(i)]; })));
  const Tensor steady = run_node("INPAINT_StabilizeMask", {{"epsilon", 0.01}}, links).as<Tensor>();
  const Tensor ramp =
      run_node("INPAINT_DenoiseToCompositingMask", {{"offset", 0.1}, {"threshold", 0.2}}, links).as<Tensor>();
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(steady.f32()[i], values[i] > 0.99f ? 1.0f : values[i]);
    EXPECT_NEAR(ramp.f32()[i], std::min(1.0, std::max(0.0, (static_cast<double>(values[i]) - 0.1) / 0.1)), 1e-6);
  }
}

TEST(KritaMasks, MarkTheHintOfAnInpaintNetwork) {
  Links links;
  links.emplace("image", computed<Image>(filled({1, 2, 3, 3}, noise)));
  links.emplace("mask", computed<Mask>(filled({1, 2, 3}, [](int64_t i) { return i == 4 ? 0.6f : 0.5f; })));
  for (const bool black : {false, true}) {
    const Tensor out = run_node("InpaintPreprocessor", {{"black_pixel_for_xinsir_cn", black}}, links).as<Tensor>();
    for (int64_t i = 0; i < 18; ++i) EXPECT_EQ(out.f32()[i], i / 3 == 4 ? (black ? 0.0f : -1.0f) : noise(i)) << i;
  }
}

// --- Models ---

struct Loaded {
  explicit Loaded(const char* name)
      : checkpoint(models::load_checkpoint(*files.open(testing::tiny_models_dir() / "checkpoints" / name), residency,
                                           DType::kF32)) {}
  memory::Residency residency;
  library::ModelFiles files;
  models::Checkpoint checkpoint;
};

// Keys are the context, values twice the context: one head of its width.
class Projector final : public models::ContextProjector {
 public:
  models::ContextProjection::KeyValue project(const Tensor& context) const override {
    return {context, filled(context.shape(), [&](int64_t i) { return 2 * context.f32()[i]; })};
  }
};

// softmax(q k / sqrt(d)) 2k of one query in f64.
std::vector<double> attended(const float* query, const Tensor& context) {
  const int64_t tokens = context.dim(1), width = context.dim(2);
  std::vector<double> scores, out(static_cast<size_t>(width), 0.0);
  double sum = 0;
  for (int64_t t = 0; t < tokens; ++t) {
    double dot = 0;
    for (int64_t c = 0; c < width; ++c)
      dot += static_cast<double>(query[c]) * static_cast<double>(context.f32()[t * width + c]);
    scores.push_back(std::exp(dot / std::sqrt(static_cast<double>(width))));
    sum += scores.back();
  }
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t c = 0; c < width; ++c)
      out[static_cast<size_t>(c)] +=
          scores[static_cast<size_t>(t)] / sum * 2 * static_cast<double>(context.f32()[t * width + c]);
  return out;
}

TEST(KritaRegions, EachPlaceAttendsToItsRegionsText) {
  Loaded loaded("v1-5-pruned-emaonly.safetensors");
  const int64_t width = models::unet_of(loaded.checkpoint.model).config.context_dim;
  const auto text = [&](int64_t tokens, float scale) {
    Conditioning list(1);
    list[0].cond = filled({1, tokens, width}, [scale](int64_t i) { return scale * noise(i); });
    return list;
  };
  const Conditioning background = text(5, 1.0f), region = text(3, -0.5f);
  // A quarter of the left half of the picture, 8 x 4 latent pixels.
  const Tensor mask = filled({1, 32, 64}, [](int64_t i) { return i % 64 < 32 ? 0.25f : 0.0f; });
  Links links;
  links.emplace("conditioning", computed<Conditioning>(background));
  Value regions = run_node("ETN_BackgroundRegion", {}, links);
  links = {};
  links.emplace("conditioning", computed<Conditioning>(region));
  links.emplace("mask", computed<Mask>(mask));
  links.emplace("regions", regions);
  regions = run_node("ETN_DefineRegion", {}, links);

  Links listed;
  listed.emplace("regions", regions);
  const Tensor masks = run_node("ETN_ListRegionMasks", {}, listed).as<Tensor>();
  ASSERT_EQ(masks.shape(), Shape({2, 32, 64}));
  EXPECT_EQ(masks.f32()[0], 0.75f);
  EXPECT_EQ(masks.f32()[32 * 64], 0.25f);

  listed.emplace("model", computed<ModelHandle>(loaded.checkpoint.model));
  const ModelHandle patched = run_node("ETN_AttentionMask", {}, listed).as<ModelHandle>();
  const models::AttentionHookPtr hook = patched.patches.back()->attention();
  ASSERT_TRUE(hook);

  const Projector projector;
  models::AttentionSite site;
  site.heads = 1;
  site.height = 2;
  site.width = 4;  // half of the latent's
  models::StepInfo step;
  step.cond_or_uncond = {1, 0};
  step.latent_height = 4;
  step.latent_width = 8;
  const Tensor q = filled({2, 8, width}, noise), before = filled({2, 8, width}, noise);
  const Tensor out = hook->replace_cross_attention(projector, site, step, q, before);
  ASSERT_TRUE(out.defined());
  for (int64_t token = 0; token < 8; ++token) {
    const float* query = q.f32() + (8 + token) * width;
    const auto first = attended(query, background[0].cond), second = attended(query, region[0].cond);
    const double part = token % 4 < 2 ? 0.25 : 0.0;
    for (int64_t c = 0; c < width; ++c) {
      EXPECT_EQ(out.f32()[token * width + c], before.f32()[token * width + c]) << "unconditional";
      EXPECT_NEAR(out.f32()[(8 + token) * width + c],
                  (1 - part) * first[static_cast<size_t>(c)] + part * second[static_cast<size_t>(c)], 1e-5);
    }
  }
  // Masks of another size than the picture.
  step.latent_width = 16;
  EXPECT_THROW(hook->replace_cross_attention(projector, site, step, q, before), Error);
  // One region alone is none.
  Links alone;
  alone.emplace("model", computed<ModelHandle>(loaded.checkpoint.model));
  links.erase("regions");
  alone.emplace("regions", run_node("ETN_DefineRegion", {}, links));
  EXPECT_THROW(run_node("ETN_AttentionMask", {}, alone), Error);
}

// The calls of products in each of three steps: each of the 16 cross-attentions makes keys and values of the prompt and
// of two regions' texts in the first step only.
TEST(KritaRegions, TextsAreProjectedOnceInARun) {
  Loaded loaded("v1-5-pruned-emaonly.safetensors");
  const int64_t width = models::unet_of(loaded.checkpoint.model).config.context_dim;
  const Tensor prompt = filled({1, 7, width}, noise);
  Value regions;
  for (const int64_t tokens : {5, 3}) {
    Conditioning text(1);
    text[0].cond = filled({1, tokens, width}, noise);
    Links links;
    links.emplace("conditioning", computed<Conditioning>(text));
    links.emplace("mask", computed<Mask>(constant({1, 64, 64}, 0.5f)));
    if (!regions.empty()) links.emplace("regions", regions);
    regions = run_node("ETN_DefineRegion", {}, links);
  }
  Links links;
  links.emplace("model", computed<ModelHandle>(loaded.checkpoint.model));
  links.emplace("regions", regions);
  const ModelHandle model = run_node("ETN_AttentionMask", {}, links).as<ModelHandle>();

  models::NetworkBatch batch;
  batch.x = filled({1, 8, 8, 4}, noise);
  batch.sigma = 2.0f;
  batch.inputs.context = prompt;
  batch.members = {0};
  batch.cond_or_uncond = {0};
  std::vector<Tensor> outs;
  const auto steps = [&](const ModelHandle& of) {
    const models::Network network = of.net->network({.sampling = of.sampling, .patches = of.patches, .cancel = {}});
    std::vector<uint64_t> calls;
    for (int step = 0; step < 3; ++step) {
      ops::reset_op_counters();
      ops::enable_op_counters(true);
      outs.push_back(network(batch));
      ops::enable_op_counters(false);
      calls.push_back(ops::op_counters()[static_cast<size_t>(ops::OpKind::kLinear)].calls);
    }
    return calls;
  };
  const std::vector<uint64_t> plain = steps(loaded.checkpoint.model), first = steps(model), again = steps(model);
  EXPECT_EQ(plain[0], plain[1] + 16);
  EXPECT_EQ(first, (std::vector<uint64_t>{plain[0] + 2 * 16, plain[1], plain[1]}));
  EXPECT_EQ(again, first) << "for a run only: weights may be others in the next";
  // What is kept is the same as what is made anew.
  for (size_t i = 4; i < outs.size(); ++i)
    for (int64_t k = 0; k < outs[i].numel(); ++k) ASSERT_EQ(outs[i].f32()[k], outs[3].f32()[k]) << i << " " << k;
}

TEST(KritaFooocus, WeightsAndTheFirstMapChange) {
  Loaded loaded("sd_xl_base_1.0.safetensors"), sd1("v1-5-pruned-emaonly.safetensors");
  const ModelHandle& model = loaded.checkpoint.model;
  const int64_t channels = models::unet_of(model).config.model_channels;
  const std::string weight = "input_blocks.0.0.weight";
  testing::TempFolder folder;
  const Tensor head = filled({channels, 5, 3, 3}, [](int64_t i) { return 0.1f * noise(i); });
  Tensor values({channels, 4, 3, 3}, DType::kU8);
  for (int64_t i = 0; i < values.numel(); ++i) static_cast<uint8_t*>(values.raw())[i] = static_cast<uint8_t>(i * 7);
  TensorMap heads, patches;
  heads.set("head", head);
  patches.set("diffusion_model." + weight + ".0", values);
  patches.set("diffusion_model." + weight + ".1", constant({1}, -0.25f));
  patches.set("diffusion_model." + weight + ".2", constant({1}, 0.5f));
  formats::write_safetensors(folder.path() / "head.pth", heads);
  formats::write_safetensors(folder.path() / "inpaint.fooocus.patch", patches);

  library::Folders folders;
  folders.add("inpaint", folder.path());
  EXPECT_EQ(folders.list("inpaint"), (std::vector<std::string>{"head.pth", "inpaint.fooocus.patch"}));
  memory::Residency residency;
  library::ModelFiles files;
  artifacts::FolderStore store{artifacts::Directories()};
  Context context{folders, residency, files, store};
  const workflow::NodeSpec* spec = standard_table().find("INPAINT_LoadFooocusInpaint", {});
  Call call(context, *spec, "1", {{{"head", s("head.pth")}, {"patch", s("inpaint.fooocus.patch")}}, {}});
  const Value patch = standard_table().entry(*spec).node.run(call).at(0);

  // 2 x 3 latent pixels; the mask has one pixel in the last of them.
  Latent latent;
  latent.samples = filled({1, 2, 3, 4}, noise);
  latent.noise_mask = filled({1, 16, 24}, [](int64_t i) { return i == 15 * 24 + 23 ? 0.9f : 0.2f; });
  Links links;
  links.emplace("model", computed<ModelHandle>(model));
  links.emplace("patch", patch);
  links.emplace("latent", computed<Latent>(latent));
  const ModelHandle patched = run_node("INPAINT_ApplyFooocusInpaint", {}, links).as<ModelHandle>();

  const auto find = [&](auto part) {
    for (const auto& one : patched.patches)
      if (auto found = part(*one)) return found;
    return decltype(part(*patched.patches.front())){};
  };
  const auto weights = find([](const models::ModelPatch& p) { return p.weights(); });
  ASSERT_TRUE(weights);
  const Tensor before = filled({channels, 4, 3, 3}, noise);
  const Tensor after = weights->apply(weight, before).decoded();
  for (int64_t i = 0; i < before.numel(); ++i)
    ASSERT_NEAR(after.f32()[i], static_cast<double>(before.f32()[i]) + (i * 7 % 256) / 255.0 * 0.75 - 0.25, 1e-6);
  const Tensor other = filled({channels, 4, 1, 1}, noise);
  EXPECT_EQ(weights->apply(weight, other).decoded().f32()[3], other.f32()[3]) << "of another shape";
  EXPECT_EQ(weights->apply("out.2.weight", before).decoded().f32()[3], before.f32()[3]) << "of another name";

  const auto hook = find([](const models::ModelPatch& p) { return p.blocks(); });
  ASSERT_TRUE(hook);
  const Tensor h = filled({2, 2, 3, channels}, noise);
  const Tensor out = hook->before_skip(0, {}, h);
  const double scale = static_cast<double>(model.latents().scale);
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t y = 0; y < 2; ++y)
      for (int64_t x = 0; x < 3; ++x)
        for (int64_t c = 0; c < channels; ++c) {
          double sum = 0;
          for (int64_t k = 0; k < 5; ++k)
            for (int64_t dy = 0; dy < 3; ++dy)
              for (int64_t dx = 0; dx < 3; ++dx) {
                const int64_t r = std::clamp<int64_t>(y + dy - 1, 0, 1), i = std::clamp<int64_t>(x + dx - 1, 0, 2);
                const double in = k == 0 ? (r == 1 && i == 2 ? 1.0 : 0.0)
                                         : scale * static_cast<double>(latent.samples.f32()[(r * 3 + i) * 4 + k - 1]);
                sum += in * static_cast<double>(head.f32()[((c * 5 + k) * 3 + dy) * 3 + dx]);
              }
          const int64_t at = ((n * 2 + y) * 3 + x) * channels + c;
          ASSERT_NEAR(out.f32()[at], static_cast<double>(h.f32()[at]) + sum, 1e-5);
        }
  EXPECT_EQ(hook->before_skip(1, {}, h).f32(), h.f32()) << "only the first block's map";
  EXPECT_THROW(hook->before_skip(0, {}, filled({2, 2, 4, channels}, noise)), Error);

  // A model of another family.
  links.erase("model");
  links.emplace("model", computed<ModelHandle>(sd1.checkpoint.model));
  EXPECT_THROW(run_node("INPAINT_ApplyFooocusInpaint", {}, links), Error);
  links.erase("latent");
  latent.noise_mask = Tensor();
  links.emplace("latent", computed<Latent>(latent));
  EXPECT_THROW(run_node("INPAINT_ApplyFooocusInpaint", {}, links), Error);
}

// --- Texts ---

TEST(KritaTexts, LoseTheirMarks) {
  const auto translated = [](const char* text) {
    return run_node("ETN_Translate", {{"text", s(text)}}).as<std::string>();
  };
  EXPECT_EQ(translated(" a barn "), "a barn");
  EXPECT_EQ(translated("lang:en a barn lang:en , in the rain"), "a barn , in the rain");
  EXPECT_EQ(translated("slang: a barn, lang:"), "slang: a barn, lang:");
  EXPECT_EQ(translated(""), "");
  try {
    translated("lang:de eine Scheune");
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kUnsupported);
    EXPECT_NE(e.message().find("lang:de"), std::string::npos);
  }
}

// Before anything is computed, and with the place where the file belongs.
TEST(HintNodes, NameTheFilesThatTheyLack) {
  const auto lacks = [](const char* node, Typed typed, const char* file, const char* folder) {
    try {
      foresee_node(node, std::move(typed), {});
      ADD_FAILURE() << node << " was accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kMissing);
      EXPECT_NE(e.message().find(file), std::string::npos) << e.what();
      EXPECT_NE(e.advice().find(folder), std::string::npos) << e.what();
    }
  };
  lacks("OpenposePreprocessor", {}, "body_pose_model.pth", "controlnet_aux");
  lacks("HEDPreprocessor", {}, "ControlNetHED.pth", "lllyasviel/Annotators");
  lacks("LineArtPreprocessor", {{"coarse", std::string("enable")}}, "sk_model2.pth", "lllyasviel/Annotators");
  lacks("AnyLineArtPreprocessor_aux", {}, "MTEED.pth", "TheMistoAI/MistoLine");
  lacks("DepthAnythingV2Preprocessor", {{"ckpt_name", std::string("depth_anything_v2_vitb.pth")}},
        "depth_anything_v2_vitb.pth", "Depth-Anything-V2-Base");
  lacks("NNLatentUpscale", {{"version", std::string("SD 1.x")}}, "sd15_resizer.pt", "latent_upscale_models");
}

// In a graph that Krita has not filled in, a style drives a sampler: nothing but the style itself is wrong with it.
TEST(KritaGraphs, AStyleFitsASamplersChoices) {
  const auto prompt = workflow::parse_prompt(workflow::parse_json(R"({
    "style": {"class_type": "ETN_KritaStyleAndPrompt", "inputs": {"sampler_preset": "auto"}},
    "text": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["style", 1], "text": ["style", 3]}},
    "latent": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "sample": {"class_type": "KSampler", "inputs": {"model": ["style", 0], "seed": 1, "steps": ["style", 7],
      "cfg": ["style", 8], "sampler_name": ["style", 5], "scheduler": ["style", 6], "positive": ["text", 0],
      "negative": ["text", 0], "latent_image": ["latent", 0], "denoise": 1.0}},
    "picture": {"class_type": "VAEDecode", "inputs": {"samples": ["sample", 0], "vae": ["style", 2]}},
    "show": {"class_type": "PreviewImage", "inputs": {"images": ["picture", 0]}}})"));
  const library::Folders folders;
  const artifacts::FolderStore store{artifacts::Directories()};
  const FolderChoices choices(folders, store);
  EXPECT_EQ(workflow::dump_json(workflow::validate(prompt, standard_table(), choices).node_errors()), "{}");
}

// A client draws them itself: what a picture leaves out is in the keypoints all the same.
TEST(HintNodes, KeypointsOfDwPoseHoldWhatIsNotDrawn) {
  const library::Folders folders(testing::tiny_models_dir());
  memory::Residency residency;
  library::ModelFiles files;
  artifacts::FolderStore store{artifacts::Directories()};
  Context context{folders, residency, files, store};
  const workflow::NodeSpec* spec = standard_table().find("DWPreprocessor", {});
  const auto found = [&](const char* hands, const char* body, const char* face) {
    Typed typed{{"detect_hand", s(hands)}, {"detect_body", s(body)}, {"detect_face", s(face)}};
    typed.insert({{"bbox_detector", s("None")}, {"pose_estimator", s("dw-ll_ucoco_384.onnx")}});
    typed.insert({{"resolution", int64_t{64}}, {"scale_stick_for_xinsr_cn", s("disable")}});
    Links links;
    links.emplace("image", computed<Image>(filled({1, 96, 64, 3}, [](int64_t i) { return 0.5f + noise(i) / 2; })));
    Call call(context, *spec, "1", {std::move(typed), std::move(links)});
    return standard_table().entry(*spec).node.run(call);
  };
  const Outputs all = found("enable", "enable", "enable"), none = found("disable", "disable", "disable");
  const auto& people = all[1].as<PoseKeypoints>().frames.at(0).people;
  ASSERT_EQ(people.size(), 1u);
  const auto any = [](const image::SmallParts& parts) {
    return std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.found; });
  };
  EXPECT_TRUE(any(people[0].left_hand) || any(people[0].right_hand));
  EXPECT_TRUE(any(people[0].face));
  EXPECT_EQ(keypoints_as_json(none[1].as<PoseKeypoints>()), keypoints_as_json(all[1].as<PoseKeypoints>()));
  const auto brightest = [](const Tensor& t) { return *std::max_element(t.f32(), t.f32() + t.numel()); };
  EXPECT_EQ(brightest(none[0].as<Tensor>()), 0.0f);
  EXPECT_GT(brightest(all[0].as<Tensor>()), 0.5f);
}

}  // namespace
}  // namespace easel::nodes
