// Detectors, what is done with what they find, and detailers that look for the parts themselves: with a detector whose
// answers are known.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "artifacts/folder_store.h"
#include "image/hints/byte_picture.h"
#include "library/folders.h"
#include "library/model_files.h"
#include "memory/resident.h"
#include "models/detect/sam.h"
#include "nodes/extensions/impact/detectors.h"
#include "nodes/standard_table.h"
#include "run_node.h"
#include "support/square_detector.h"
#include "support/temp_folder.h"
#include "support/tiny_models.h"

namespace easel::nodes {
namespace {

// The small models, and detectors beside them.
class DetectorNodes : public ::testing::Test {
 protected:
  DetectorNodes() {
    testing::write_square_detector(own_.path() / "ultralytics/bbox/squares.pt");
    testing::write_square_detector(own_.path() / "ultralytics/segm/shapes.pt", {.masks = true});
    folders_.add("ultralytics", own_.path() / "ultralytics");
  }

  Outputs run(const char* name, Typed typed, Links linked = {}) {
    Context context{folders_, residency_, files_, store_};
    std::vector<std::string> names;
    for (const auto& [input, value] : typed) names.push_back(input);
    const workflow::NodeSpec* spec = standard_table().find(name, names);
    Call call(context, *spec, "1", {std::move(typed), std::move(linked)});
    return standard_table().entry(*spec).node.run(call);
  }

  Outputs detectors(const char* file) {
    return run("UltralyticsDetectorProvider", {{"model_name", std::string(file)}});
  }

  static Links with(const char* name, const Value& value, Links links = {}) {
    links[name] = value;
    return links;
  }

  testing::TempFolder own_;
  library::Folders folders_{testing::tiny_models_dir()};
  memory::Residency residency_;
  library::ModelFiles files_;
  artifacts::FolderStore store_{artifacts::Directories()};
};

// 64 x 64, bright where a detector's cells look.
Tensor picture_with(const std::vector<std::pair<int64_t, int64_t>>& bright, int64_t height = 64, int64_t width = 64) {
  Tensor out = Tensor::zeros({1, height, width, 3});
  for (const auto& [y, x] : bright)
    for (int64_t c = 0; c < 3; ++c) out.f32()[(y * width + x) * 3 + c] = 1;
  return out;
}

Typed looking(double threshold, int64_t dilation, double factor, int64_t drop, const char* labels) {
  return {{"threshold", threshold},
          {"dilation", dilation},
          {"crop_factor", factor},
          {"drop_size", drop},
          {"labels", std::string(labels)}};
}

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& e) {
    EXPECT_NE(e.fault(), Fault::kInternal) << e.message();
    return e.message();
  }
  return "nothing was refused";
}

TEST_F(DetectorNodes, BoxesBecomePartsWithTheirSurroundings) {
  const Value detector = detectors("bbox/squares.pt")[0];
  const Links links =
      with("bbox_detector", detector, with("image", computed<Image>(picture_with({{16, 24}, {56, 0}}))));
  const auto all = run("BboxDetectorSEGS", looking(0.5, 0, 2.0, 10, "all"), links)[0].as<Segments>();
  EXPECT_EQ(all.width, 64);
  ASSERT_EQ(all.items.size(), 2u);
  const Segment& first = all.items[0].box.left > 10 ? all.items[0] : all.items[1];
  const Segment& corner = all.items[0].box.left > 10 ? all.items[1] : all.items[0];
  EXPECT_NEAR(first.box.left, 20, 1e-4);
  EXPECT_NEAR(first.box.bottom, 28, 1e-4);
  EXPECT_EQ(first.label, "face");
  EXPECT_NEAR(first.confidence, 1 / (1 + std::exp(-10.0)), 1e-6);
  // Twice the box around (28, 20): from 12 to 44 and from 4 to 36.
  EXPECT_NEAR(static_cast<double>(first.crop.x1), 12, 1);
  EXPECT_NEAR(static_cast<double>(first.crop.y2), 36, 1);
  ASSERT_EQ(first.mask.shape(), (Shape{1, first.crop.height(), first.crop.width()}));
  EXPECT_EQ(first.picture.shape(), (Shape{1, first.crop.height(), first.crop.width(), 3}));
  const auto at = [](const Segment& part, int64_t y, int64_t x) {
    return part.mask.f32()[(y - part.crop.y1) * part.crop.width() + x - part.crop.x1];
  };
  EXPECT_EQ(at(first, 20, 28), 1.0f);
  EXPECT_EQ(at(first, 20, 18), 0.0f);
  EXPECT_EQ(at(first, 20, 38), 0.0f);
  // Beyond the picture's side the box is cut: 12 pixels wide, 16 high.
  EXPECT_NEAR(corner.box.width(), 12, 1e-4);
  EXPECT_NEAR(corner.box.height(), 12, 1e-4);
  EXPECT_EQ(run("BboxDetectorSEGS", looking(0.5, 0, 2.0, 14, "all"), links)[0].as<Segments>().items.size(), 1u);
  EXPECT_EQ(run("BboxDetectorSEGS", looking(0.5, 0, 2.0, 10, "hand, dog"), links)[0].as<Segments>().items.size(), 0u);
  EXPECT_EQ(run("BboxDetectorSEGS", looking(0.5, 0, 2.0, 10, "hand, face"), links)[0].as<Segments>().items.size(), 2u);
  const Segments grown = run("BboxDetectorSEGS", looking(0.5, 5, 2.0, 10, "all"), links)[0].as<Segments>();
  const Segment& large = grown.items[0].box.left > 10 ? grown.items[0] : grown.items[1];
  EXPECT_EQ(at(large, 20, 18), 1.0f);
  EXPECT_EQ(at(large, 20, 17), 0.0f);
  EXPECT_EQ(refusal([&] {
              run("BboxDetectorSEGS", looking(0.5, 0, 2.0, 10, "all"),
                  with("bbox_detector", detector, with("image", computed<Image>(Tensor::zeros({2, 64, 64, 3})))));
            }),
            "takes one picture at a time, and there are 2");
}

TEST_F(DetectorNodes, MasksInOne) {
  const Outputs shapes = detectors("segm/shapes.pt");
  const Links image = with("image", computed<Image>(picture_with({{16, 24}, {40, 40}})));
  const Tensor boxes = run("BboxDetectorCombined_v2", {{"threshold", 0.5}, {"dilation", int64_t{0}}},
                           with("bbox_detector", shapes[0], image))[0]
                           .as<Tensor>();
  ASSERT_EQ(boxes.shape(), (Shape{1, 64, 64}));
  EXPECT_EQ(boxes.f32()[20 * 64 + 28], 1.0f);
  EXPECT_EQ(boxes.f32()[44 * 64 + 44], 1.0f);
  EXPECT_EQ(boxes.f32()[30 * 64 + 28], 0.0f);
  const Tensor finer = run("SegmDetectorCombined_v2", {{"threshold", 0.5}, {"dilation", int64_t{0}}},
                           with("segm_detector", shapes[1], image))[0]
                           .as<Tensor>();
  double box = 0, shape = 0;
  for (int64_t i = 0; i < boxes.numel(); ++i) {
    box += static_cast<double>(boxes.f32()[i]);
    shape += static_cast<double>(finer.f32()[i]);
    EXPECT_LE(finer.f32()[i], boxes.f32()[i]) << i;
  }
  EXPECT_NEAR(box, 2 * 17 * 17, 2 * 17) << "both sides of a box count";
  EXPECT_GT(shape, 50);
  EXPECT_LT(shape, box);
  const Tensor none = run("BboxDetectorCombined_v2", {{"threshold", 0.5}, {"dilation", int64_t{4}}},
                          with("bbox_detector", shapes[0], with("image", computed<Image>(picture_with({}, 64, 32)))))[0]
                          .as<Tensor>();
  EXPECT_EQ(none.shape(), (Shape{1, 64, 32}));
  // One of boxes only gives a second output as well, which says so when it is used.
  EXPECT_NE(refusal([&] {
              run("SegmDetectorSEGS", looking(0.5, 0, 2.0, 10, "all"),
                  with("segm_detector", detectors("bbox/squares.pt")[1], image));
            }).find("'squares.pt', which finds boxes only"),
            std::string::npos);
  const Segments parts =
      run("SegmDetectorSEGS", looking(0.5, 0, 1.0, 10, "all"), with("segm_detector", shapes[1], image))[0]
          .as<Segments>();
  EXPECT_EQ(parts.items.size(), 2u);
  // The finer masks within the boxes are the finer masks.
  const Typed simple({{"bbox_threshold", 0.5},
                      {"bbox_dilation", int64_t{0}},
                      {"crop_factor", 1.0},
                      {"drop_size", int64_t{10}},
                      {"sub_threshold", 0.5},
                      {"sub_dilation", int64_t{0}},
                      {"sub_bbox_expansion", int64_t{0}},
                      {"sam_mask_hint_threshold", 0.7}});
  const Value both = run("ImpactSimpleDetectorSEGS", simple,
                         with("bbox_detector", shapes[0], with("segm_detector_opt", shapes[1], image)))[0];
  const Tensor together = run("SegsToCombinedMask", {}, with("segs", both))[0].as<Tensor>();
  for (int64_t i = 0; i < together.numel(); ++i) EXPECT_NEAR(together.f32()[i], finer.f32()[i], 1.0f / 255.0f) << i;
}

TEST_F(DetectorNodes, SegmentAnythingIsAskedAboutTheMiddleOfABox) {
  const Value sam =
      run("SAMLoader", {{"model_name", std::string("sam_vit_b_01ec64.pth")}, {"device_mode", std::string("AUTO")}})[0];
  Tensor picture = picture_with({{16, 16}});
  for (int64_t i = 0; i < picture.numel(); ++i)
    if (picture.f32()[i] == 0) picture.f32()[i] = static_cast<float>(i % 97) / 400.0f;
  const Links image = with("image", computed<Image>(picture));
  const Value parts = run("BboxDetectorSEGS", looking(0.5, 0, 1.0, 10, "all"),
                          with("bbox_detector", detectors("bbox/squares.pt")[0], image))[0];
  ASSERT_EQ(parts.as<Segments>().items.size(), 1u);
  const auto node = [&](const char* hint, int64_t expansion, double threshold) {
    return run("SAMDetectorCombined",
               {{"detection_hint", std::string(hint)},
                {"dilation", int64_t{0}},
                {"threshold", threshold},
                {"bbox_expansion", expansion},
                {"mask_hint_threshold", 0.7},
                {"mask_hint_use_negative", std::string("False")}},
               with("sam_model", sam, with("segs", parts, image)))[0]
        .as<Tensor>();
  };
  // The box lies from 12 to 28.
  image::SegmentPrompt prompt;
  prompt.points.push_back({20, 20, true});
  prompt.has_box = true;
  prompt.box = {10, 10, 30, 30};
  // Masks that are sure enough together, or the best one where none is and it is any good.
  const auto expect = [&](const char* hint, double threshold) {
    SCOPED_TRACE(hint);
    const auto found =
        models::segment(residency_, sam.as<SamModel>().network, image::byte_picture(picture, 0), {prompt}).at(0);
    ASSERT_EQ(found.size(), 3u);
    std::vector<const models::SegmentFound*> chosen;
    const models::SegmentFound* best = nullptr;
    for (const auto& one : found) {
      if (one.quality >= static_cast<float>(threshold)) chosen.push_back(&one);
      if (one.quality > (best ? best->quality : 0.0f)) best = &one;
    }
    if (chosen.empty() && best) chosen.push_back(best);
    const Tensor mask = node(hint, 2, threshold);
    ASSERT_EQ(mask.shape(), (Shape{1, 64, 64}));
    for (int64_t i = 0; i < mask.numel(); ++i) {
      float any = 0;
      for (const auto* one : chosen) any = std::max(any, one->mask.f32()[i]);
      ASSERT_EQ(mask.f32()[i], any) << i;
    }
  };
  expect("center-1", 0.0);
  expect("center-1", 1.0);
  prompt.points = {{10 + 20.0 / 3, 20, true}, {10 + 40.0 / 3, 20, true}};
  expect("horizontal-2", 0.0);
  prompt.points.clear();
  expect("none", 0.0);
}

TEST_F(DetectorNodes, AFileThatIsNotThereIsNamed) {
  EXPECT_NE(refusal([&] { detectors("bbox/face_yolov8x.pt"); }).find("'bbox/face_yolov8x.pt' among the ultralytics"),
            std::string::npos);
  const auto names = folders_.list("ultralytics");
  EXPECT_NE(std::find(names.begin(), names.end(), "segm/shapes.pt"), names.end());
  EXPECT_NE(std::find(names.begin(), names.end(), "bbox/face_yolov8m.pt"), names.end());
}

TEST_F(DetectorNodes, PipesHoldWhatWasPutIn) {
  const Outputs model = run("CheckpointLoaderSimple", {{"ckpt_name", std::string("v1-5-pruned-emaonly.safetensors")}});
  const Outputs detector = detectors("segm/shapes.pt");
  const Value text = run("CLIPTextEncode", {{"text", std::string("a face")}}, with("clip", model[1]))[0];
  Links links({{"model", model[0]},
               {"clip", model[1]},
               {"vae", model[2]},
               {"positive", text},
               {"negative", text},
               {"bbox_detector", detector[0]},
               {"segm_detector_opt", detector[1]}});
  const Value pipe = run("ToDetailerPipe", {{"wildcard", std::string("eyes")}}, links)[0];
  const Outputs parts = run("FromDetailerPipe_v2", {}, with("detailer_pipe", pipe));
  ASSERT_EQ(parts.size(), 10u);
  EXPECT_EQ(parts[6].as<BboxDetector>().network.file, "shapes.pt");
  EXPECT_TRUE(parts[7].empty());
  EXPECT_FALSE(parts[8].empty());
  const Value other = run("EditDetailerPipe", {{"wildcard", std::string()}},
                          with("detailer_pipe", pipe, with("bbox_detector", detectors("bbox/squares.pt")[0])))[0];
  EXPECT_EQ(other.as<DetailerPipe>().wildcard, "eyes");
  EXPECT_EQ(other.as<DetailerPipe>().bbox_detector.as<BboxDetector>().network.file, "squares.pt");
  EXPECT_EQ(run("DetailerPipeToBasicPipe", {}, with("detailer_pipe", pipe)).size(), 2u);
}

TEST_F(DetectorNodes, AFaceIsDrawnAsItsPartIs) {
  const Outputs model = run("CheckpointLoaderSimple", {{"ckpt_name", std::string("v1-5-pruned-emaonly.safetensors")}});
  const auto encoded = [&](const char* text) {
    return run("CLIPTextEncode", {{"text", std::string(text)}}, with("clip", model[1]))[0];
  };
  const Value detector = detectors("bbox/squares.pt")[0];
  Tensor picture = picture_with({{16, 24}});
  for (int64_t i = 0; i < picture.numel(); ++i)
    if (picture.f32()[i] == 0) picture.f32()[i] = 0.25f;
  const Links models({{"image", computed<Image>(picture)},
                      {"model", model[0]},
                      {"clip", model[1]},
                      {"vae", model[2]},
                      {"positive", encoded("a barn")},
                      {"negative", encoded("")}});
  const Typed drawing({{"guide_size", 64.0},
                       {"guide_size_for", true},
                       {"max_size", 96.0},
                       {"seed", int64_t{7}},
                       {"steps", int64_t{2}},
                       {"cfg", 3.0},
                       {"sampler_name", std::string("euler")},
                       {"scheduler", std::string("normal")},
                       {"denoise", 0.5},
                       {"feather", int64_t{2}},
                       {"noise_mask", true},
                       {"force_inpaint", true},
                       {"wildcard", std::string()}});
  const auto detailed = [&](const char* wildcard, const Value& positive) {
    Typed typed = drawing;
    typed["wildcard"] = std::string(wildcard);
    for (const auto& [name, value] : Typed{{"bbox_threshold", 0.5},
                                           {"bbox_dilation", int64_t{4}},
                                           {"bbox_crop_factor", 2.0},
                                           {"sam_detection_hint", std::string("center-1")},
                                           {"sam_dilation", int64_t{0}},
                                           {"sam_threshold", 0.93},
                                           {"sam_bbox_expansion", int64_t{0}},
                                           {"sam_mask_hint_threshold", 0.7},
                                           {"sam_mask_hint_use_negative", std::string("False")},
                                           {"drop_size", int64_t{10}}})
      typed[name] = value;
    return run("FaceDetailer", typed, with("bbox_detector", detector, with("positive", positive, models)));
  };
  const Outputs face = detailed("", models.at("positive"));
  ASSERT_EQ(face.size(), 6u);
  const Value parts = run("BboxDetectorSEGS", looking(0.5, 4, 2.0, 10, "all"),
                          with("bbox_detector", detector, with("image", models.at("image"))))[0];
  const Tensor by_parts = run("DetailerForEach", drawing, with("segs", parts, models))[0].as<Tensor>();
  const Tensor& drawn = face[0].as<Tensor>();
  ASSERT_EQ(drawn.shape(), picture.shape());
  double changed = 0;
  for (int64_t i = 0; i < drawn.numel(); ++i) {
    ASSERT_EQ(drawn.f32()[i], by_parts.f32()[i]) << i;
    changed += std::abs(static_cast<double>(drawn.f32()[i] - picture.f32()[i]));
  }
  EXPECT_GT(changed, 1) << "something was drawn";
  EXPECT_EQ(drawn.f32()[(63 * 64 + 63) * 3], 0.25f) << "what is not a part stays";
  const Tensor mask = run("SegsToCombinedMask", {}, with("segs", parts))[0].as<Tensor>();
  for (int64_t i = 0; i < mask.numel(); ++i) ASSERT_EQ(mask.f32()[i], face[3].as<Tensor>().f32()[i]) << i;
  const auto* refined = face[1].get<ValueList>();
  ASSERT_NE(refined, nullptr);
  ASSERT_EQ(refined->items.size(), 1u);
  EXPECT_EQ(face[2].get<ValueList>()->items[0].as<Tensor>().dim(3), 4);

  // A text of the parts' own stands in place of the positive one, and with [CONCAT], behind it.
  const Value sky = encoded("a sky");
  const auto same = [](const Tensor& a, const Tensor& b) {
    for (int64_t i = 0; i < a.numel(); ++i)
      if (a.f32()[i] != b.f32()[i]) return false;
    return true;
  };
  const Tensor replaced = detailed("a sky", models.at("positive"))[0].as<Tensor>();
  EXPECT_TRUE(same(replaced, detailed("", sky)[0].as<Tensor>()));
  EXPECT_FALSE(same(replaced, drawn));
  const Value both =
      run("ConditioningConcat", {}, with("conditioning_to", models.at("positive"), with("conditioning_from", sky)))[0];
  EXPECT_TRUE(
      same(detailed("[CONCAT]a sky", models.at("positive"))[0].as<Tensor>(), detailed("", both)[0].as<Tensor>()));
  EXPECT_TRUE(same(detailed("[SKIP]", sky)[0].as<Tensor>(), picture));
  for (const char* text : {"{a|b}", "__colours__", "[ASC]a[SEP]b", "[LAB]", "<lora:x:1>"})
    EXPECT_NE(refusal([&] { detailed(text, sky); }).find("not there"), std::string::npos) << text;

  // Without anything to be found the picture stays, and black ones stand for the parts.
  Links dark = models;
  dark["image"] = computed<Image>(Tensor::zeros({2, 64, 64, 3}));
  Typed typed = drawing;
  typed.erase("wildcard");
  const Value pipe = run("ToDetailerPipe", {{"wildcard", std::string()}}, with("bbox_detector", detector, dark))[0];
  const Outputs nothing = run("FaceDetailerPipe", typed, with("detailer_pipe", pipe, with("image", dark["image"])));
  EXPECT_TRUE(same(nothing[0].as<Tensor>(), Tensor::zeros({2, 64, 64, 3})));
  EXPECT_EQ(nothing[3].as<Tensor>().shape(), (Shape{2, 64, 64}));
  EXPECT_EQ(nothing[1].get<ValueList>()->items.size(), 2u);
}

}  // namespace
}  // namespace easel::nodes
