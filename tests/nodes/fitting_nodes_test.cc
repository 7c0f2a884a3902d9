// Nodes that bring pictures to a size, against values worked out by hand from the originals' formulas.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "run_node.h"

namespace easel::nodes {
namespace {

workflow::Literal s(const char* value) { return std::string(value); }

// Red counts columns, green rows, in steps of 1/100.
Tensor graded(int64_t height, int64_t width) {
  Tensor image(Shape{1, height, width, 3});
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      float* pixel = image.f32() + (y * width + x) * 3;
      pixel[0] = static_cast<float>(x) / 100.0f;
      pixel[1] = static_cast<float>(y) / 100.0f;
      pixel[2] = 0.5f;
    }
  return image;
}

float at(const Tensor& image, int64_t y, int64_t x, int64_t c) {
  return image.f32()[(y * image.dim(2) + x) * image.dim(3) + c];
}

Tensor resized(const Tensor& image, int64_t width, int64_t height, const char* keep, const char* position = "center",
               int64_t divisible = 1, const char* colour = "0, 0, 0") {
  Links links;
  links.emplace("image", computed<Image>(clone(image)));
  return run_node("ImageResizeKJv2",
                  {{"width", width},
                   {"height", height},
                   {"upscale_method", s("nearest-exact")},
                   {"keep_proportion", s(keep)},
                   {"pad_color", s(colour)},
                   {"crop_position", s(position)},
                   {"divisible_by", divisible}},
                  links)
      .as<Tensor>();
}

TEST(ResizeKjV2, FollowsTheProportion) {
  const Tensor image = graded(2, 4);
  EXPECT_EQ(resized(image, 9, 7, "stretch", "center", 2).shape(), (Shape{1, 6, 8, 3}));
  EXPECT_EQ(resized(image, 9, 0, "stretch").shape(), (Shape{1, 2, 9, 3}));
  EXPECT_EQ(resized(image, 8, 8, "resize").shape(), (Shape{1, 4, 8, 3}));
  EXPECT_EQ(resized(image, 0, 6, "resize").shape(), (Shape{1, 6, 12, 3}));
  EXPECT_EQ(resized(image, 7, 0, "resize").shape(), (Shape{1, 4, 7, 3}));  // 3.5 rounds to the even 4
  EXPECT_EQ(resized(image, 0, 0, "resize").shape(), (Shape{1, 2, 4, 3}));
  // sqrt(100 / 2) = 7.07 and sqrt(100 * 2) = 14.1
  EXPECT_EQ(resized(image, 10, 10, "total_pixels").shape(), (Shape{1, 7, 14, 3}));
  EXPECT_THROW(resized(image, 3, 1, "stretch", "center", 4), Error);
}

TEST(ResizeKjV2, Crops) {
  const Tensor image = graded(2, 8);
  // Half as wide as high, from 2 pixels of height: one column... of a square: two columns.
  const struct {
    const char* position;
    int64_t first;
  } cases[] = {{"left", 0}, {"center", 3}, {"right", 6}, {"top", 3}, {"bottom", 3}};
  for (const auto& one : cases) {
    const Tensor out = resized(image, 2, 2, "crop", one.position);
    ASSERT_EQ(out.shape(), (Shape{1, 2, 2, 3}));
    EXPECT_FLOAT_EQ(at(out, 0, 0, 0), static_cast<float>(one.first) / 100.0f) << one.position;
    EXPECT_FLOAT_EQ(at(out, 1, 1, 0), static_cast<float>(one.first + 1) / 100.0f) << one.position;
  }
}

TEST(ResizeKjV2, Pads) {
  const Tensor image = graded(2, 4);
  const Tensor red = resized(image, 4, 6, "pad", "top", 1, "#ff0080");
  ASSERT_EQ(red.shape(), (Shape{1, 6, 4, 3}));
  EXPECT_FLOAT_EQ(at(red, 0, 3, 0), 0.03f);
  EXPECT_FLOAT_EQ(at(red, 5, 0, 0), 1.0f);
  EXPECT_FLOAT_EQ(at(red, 5, 0, 1), 0.0f);
  EXPECT_FLOAT_EQ(at(red, 5, 0, 2), 128.0f / 255.0f);
  // Bytes, parts of one, one grey.
  EXPECT_FLOAT_EQ(at(resized(image, 4, 6, "pad", "top", 1, "51, 0, 300"), 5, 0, 0), 0.2f);
  EXPECT_FLOAT_EQ(at(resized(image, 4, 6, "pad", "top", 1, "51, 0, 300"), 5, 0, 2), 1.0f);
  EXPECT_FLOAT_EQ(at(resized(image, 4, 6, "pad", "top", 1, "0.5, 0, 0"), 5, 0, 0), 127.0f / 255.0f);
  EXPECT_FLOAT_EQ(at(resized(image, 4, 6, "pad", "top", 1, "128"), 5, 0, 1), 128.0f / 255.0f);
  EXPECT_FLOAT_EQ(at(resized(image, 4, 6, "pad", "top", 1, "a, b, c"), 5, 0, 1), 0.0f);
  EXPECT_THROW(resized(image, 4, 6, "pad", "top", 1, "red"), Error);
  // In the mean of each edge; what lies left and right has the corners.
  const Tensor mean = resized(image, 4, 6, "pad_edge");
  EXPECT_FLOAT_EQ(at(mean, 0, 2, 0), 0.015f);
  EXPECT_FLOAT_EQ(at(mean, 5, 2, 1), 0.01f);
  const Tensor wide = resized(image, 8, 2, "pad_edge", "left");
  EXPECT_FLOAT_EQ(at(wide, 0, 7, 1), 0.005f);
  EXPECT_FLOAT_EQ(at(wide, 0, 7, 0), 0.03f);
  const Tensor repeated = resized(image, 8, 2, "pad_edge_pixel", "right");
  EXPECT_FLOAT_EQ(at(repeated, 1, 0, 1), 0.01f);
  EXPECT_FLOAT_EQ(at(repeated, 1, 7, 0), 0.03f);
  // 4 + 1 pixels are made 8 by three more below.
  EXPECT_EQ(resized(graded(4, 8), 8, 5, "pad", "top", 4).shape(), (Shape{1, 8, 8, 3}));
}

TEST(PadKj, MarksItsBorder) {
  const auto padded = [](Typed more) {
    Typed typed{{"pad_mode", s("color")}, {"color", s("255, 255, 255")}};
    typed["left"] = typed["bottom"] = int64_t{1};
    typed["right"] = int64_t{2};
    typed["top"] = typed["extra_padding"] = int64_t{0};
    for (auto& [name, value] : more) typed[name] = value;
    Links links;
    links.emplace("image", computed<Image>(graded(2, 3)));
    return run_node("ImagePadKJ", typed, links).as<Tensor>();
  };
  const Tensor out = padded({});
  ASSERT_EQ(out.shape(), (Shape{1, 3, 6, 3}));
  EXPECT_FLOAT_EQ(at(out, 0, 0, 0), 1.0f);
  EXPECT_FLOAT_EQ(at(out, 1, 3, 0), 0.02f);
  EXPECT_FLOAT_EQ(at(out, 2, 3, 0), 1.0f);
  const Tensor target = padded({{"target_width", int64_t{6}}, {"target_height", int64_t{5}}});
  ASSERT_EQ(target.shape(), (Shape{1, 5, 6, 3}));
  EXPECT_FLOAT_EQ(at(target, 1, 3, 0), 0.02f);  // one before, two behind
  EXPECT_FLOAT_EQ(at(target, 0, 3, 0), 1.0f);
  EXPECT_THROW(padded({{"target_width", int64_t{2}}, {"target_height", int64_t{5}}}), Error);
}

TEST(ConcatMulti, LaysPicturesInARow) {
  Links links;
  links.emplace("image_1", computed<Image>(Tensor::full({1, 4, 2, 3}, 0.25f)));
  links.emplace("image_2", computed<Image>(Tensor::full({1, 8, 8, 3}, 0.75f)));
  const Tensor out = run_node("ImageConcatMulti",
                              {{"inputcount", int64_t{3}}, {"direction", s("left")}, {"match_image_size", true}}, links)
                         .as<Tensor>();
  ASSERT_EQ(out.shape(), (Shape{1, 4, 2 + 4 + 2, 3}));
  EXPECT_FLOAT_EQ(at(out, 0, 0, 0), 0.0f);  // the third, which is not there, in the size of the first
  EXPECT_FLOAT_EQ(at(out, 0, 2, 0), 0.75f);
  EXPECT_FLOAT_EQ(at(out, 0, 7, 0), 0.25f);
}

TEST(Various, RoundsSizesAsTorchvisionAndPythonDo) {
  const auto size = [](const char* node, Typed typed) {
    typed["interpolation_mode"] = s("nearest");
    Links links;
    links.emplace("image", computed<Image>(graded(3, 8)));
    const Tensor out = run_node(node, std::move(typed), links).as<Tensor>();
    return std::pair{out.dim(2), out.dim(1)};
  };
  using Sides = std::pair<int64_t, int64_t>;
  EXPECT_EQ(size("JWImageResizeByLongerSide", {{"size", int64_t{12}}}), (Sides{12, 4}));  // 4.5, to the even one
  EXPECT_EQ(size("JWImageResizeByShorterSide", {{"size", int64_t{5}}}), (Sides{13, 5}));  // 13.3, cut
  EXPECT_EQ(size("JWImageResizeByFactor", {{"factor", 1.5}}), (Sides{12, 4}));
  EXPECT_EQ(size("JWImageResizeToClosestSDXLResolution", {}), (Sides{1536, 640}));
}

TEST(Various, CalculatesWithinSixtyFourBits) {
  EXPECT_THROW(run_node("JWIntegerAdd", {{"a", INT64_MAX}, {"b", int64_t{1}}}), Error);
  EXPECT_THROW(run_node("JWIntegerDiv", {{"a", int64_t{1}}, {"b", int64_t{0}}}), Error);
  EXPECT_THROW(run_node("JWFloatDiv", {{"a", 1.0}, {"b", 0.0}}), Error);
  EXPECT_THROW(run_node("JWFloatToInteger", {{"value", 1e30}, {"mode", s("round")}}), Error);
}

// --- Crop and stitch ---

Typed crop_values() {
  return {{"downscale_algorithm", s("bilinear")},
          {"upscale_algorithm", s("bicubic")},
          {"preresize", false},
          {"preresize_mode", s("ensure minimum resolution")},
          {"preresize_min_width", int64_t{1024}},
          {"preresize_min_height", int64_t{1024}},
          {"preresize_max_width", int64_t{16384}},
          {"preresize_max_height", int64_t{16384}},
          {"mask_fill_holes", true},
          {"mask_expand_pixels", int64_t{0}},
          {"mask_invert", false},
          {"mask_blend_pixels", int64_t{0}},
          {"mask_hipass_filter", 0.1},
          {"extend_for_outpainting", false},
          {"extend_up_factor", 1.0},
          {"extend_down_factor", 1.0},
          {"extend_left_factor", 1.0},
          {"extend_right_factor", 1.0},
          {"context_from_mask_extend_factor", 1.0},
          {"output_resize_to_target_size", true},
          {"output_target_width", int64_t{64}},
          {"output_target_height", int64_t{64}},
          {"output_padding", s("0")},
          {"device_mode", s("cpu (compatible)")}};
}

Outputs cropped(const Typed& values, Tensor image, Tensor mask) {
  Links links;
  links.emplace("image", computed<Image>(std::move(image)));
  if (mask.defined()) links.emplace("mask", computed<Mask>(std::move(mask)));
  return run_node_outputs("InpaintCropImproved", values, std::move(links));
}

TEST(CropAndStitchNodes, ChangeOnlyWhatIsMasked) {
  Tensor image(Shape{1, 48, 80, 3});
  for (int64_t i = 0; i < image.numel(); ++i) image.f32()[i] = static_cast<float>((i * 13) % 256) / 255.0f;
  Tensor mask = Tensor::zeros({1, 48, 80});
  for (int64_t y = 20; y < 30; ++y)
    for (int64_t x = 40; x < 50; ++x) mask.f32()[y * 80 + x] = x == 40 ? 0.05f : 1.0f;  // below 0.1 counts as nothing
  Typed values = crop_values();
  values["output_resize_to_target_size"] = false;
  const Outputs cut = cropped(values, clone(image), clone(mask));
  ASSERT_EQ(cut[1].as<Tensor>().shape(), (Shape{1, 10, 9, 3}));
  EXPECT_EQ(at(cut[1].as<Tensor>(), 0, 0, 1), at(image, 20, 41, 1));
  Links links{{"stitcher", cut[0]}};
  links.emplace("inpainted_image", computed<Image>(Tensor::full({1, 10, 9, 3}, 1.0f)));
  const Tensor back = run_node("InpaintStitchImproved", {}, links).as<Tensor>();
  for (int64_t y = 0; y < 48; ++y)
    for (int64_t x = 0; x < 80; ++x) {
      const bool painted = y >= 20 && y < 30 && x >= 41 && x < 50;
      EXPECT_EQ(at(back, y, x, 2), painted ? 1.0f : at(image, y, x, 2)) << y << " " << x;
    }
  // Without a mask the whole picture is cut out, in the shape that was asked for.
  EXPECT_EQ(cropped(crop_values(), clone(image), Tensor())[1].as<Tensor>().shape(), (Shape{1, 64, 64, 3}));
}

TEST(CropAndStitchNodes, BringPicturesBetweenTwoSizes) {
  const auto whole = [](const char* mode, int64_t least, int64_t most) {
    Typed values = crop_values();
    values["preresize"] = true;
    values["preresize_mode"] = s(mode);
    values["preresize_min_width"] = values["preresize_min_height"] = least;
    values["preresize_max_width"] = values["preresize_max_height"] = most;
    const Outputs cut = cropped(values, Tensor::full({1, 50, 100, 3}, 0.5f), Tensor());
    Links links{{"stitcher", cut[0]}};
    links.emplace("inpainted_image", cut[1]);
    const Tensor back = run_node("InpaintStitchImproved", {}, links).as<Tensor>();
    return std::pair{back.dim(2), back.dim(1)};
  };
  using Sides = std::pair<int64_t, int64_t>;
  EXPECT_EQ(whole("ensure minimum resolution", 75, 80), (Sides{150, 75}));
  EXPECT_EQ(whole("ensure maximum resolution", 75, 81), (Sides{81, 40}));
  EXPECT_EQ(whole("ensure minimum and maximum resolution", 20, 200), (Sides{100, 50}));
  EXPECT_EQ(whole("ensure minimum and maximum resolution", 60, 200), (Sides{120, 60}));
  EXPECT_THROW(whole("ensure minimum and maximum resolution", 75, 80), Error);
}

TEST(CropAndStitchNodes, MasksOfOtherSizesMustBeEmpty) {
  const Tensor image = Tensor::full({1, 20, 20, 3}, 0.5f);
  EXPECT_NO_THROW(cropped(crop_values(), clone(image), Tensor::zeros({1, 64, 64})));
  EXPECT_THROW(cropped(crop_values(), clone(image), Tensor::full({1, 64, 64}, 1.0f)), Error);
  Typed values = crop_values();
  values["output_resize_to_target_size"] = false;
  EXPECT_THROW(cropped(values, Tensor::full({2, 20, 20, 3}, 0.5f), Tensor()), Error);
}

}  // namespace
}  // namespace easel::nodes
