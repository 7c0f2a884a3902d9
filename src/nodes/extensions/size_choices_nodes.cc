// Small extensions that give sizes to choose from, and pictures and latents scaled by factors:
// SDXL-Empty-Latent-Image (shingo1228), comfyui-sdxl-aspect-ratio (throttlekitty), wyrde's and art-venture's choices,
// ComfyMath (evanspearman), Quality of Life Suit (omar92).
#include <algorithm>
#include <cmath>

#include "image/scale/resize.h"
#include "models/latent_format.h"
#include "node_api/table.h"
#include "nodes/common/add_node.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/python/values_as_text.h"
#include "nodes/common/sizes.h"

namespace easel::nodes {
namespace {

using TwoNumbers = Results<int64_t, int64_t>;

struct Chosen {
  std::string size;
  bool horizontal = true;
  int64_t width = 64, height = 64, batch_size = 1;
};

// The numbers around the first x between digits: "1152 x 832 (1.38)", "Photo (1216x832)".
image::Size size_in(const std::string& text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (size_t x = text.find('x'); x != std::string::npos; x = text.find('x', x + 1)) {
    size_t left = x, right = x + 1;
    while (left > 0 && text[left - 1] == ' ') --left;
    while (right < text.size() && text[right] == ' ') ++right;
    size_t begin = left, end = right;
    while (begin > 0 && is_digit(text[begin - 1])) --begin;
    while (end < text.size() && is_digit(text[end])) ++end;
    if (begin < left && right < end)
      return {std::stoll(text.substr(begin, left - begin)), std::stoll(text.substr(right, end - right))};
  }
  throw Error(Fault::kInternal, "a size without numbers");
}

TwoNumbers size_of_choice(const Chosen& in) {
  const image::Size size = size_in(in.size);
  if (in.horizontal) return {size.width, size.height};
  return {size.height, size.width};
}

ForeseenLatent chosen_latent(const std::string& size, int64_t batch) {
  return latents_for(models::default_latents(), batch, size_in(size));
}

struct ChosenWithText : Chosen {
  ChosenWithText() { size = "1024 x 1024  (square)"; }
  double clip_scale = 2.0;
};

Results<Latent, int64_t, int64_t> latent_and_text_size(const ChosenWithText& in) {
  const image::Size size = size_in(in.size);
  const auto scaled = [&](int64_t side) { return static_cast<int64_t>(static_cast<double>(side) * in.clip_scale); };
  return {empty_latent(chosen_latent(in.size, in.batch_size)), scaled(size.width), scaled(size.height)};
}

struct Ratio {
  std::string ratio;
};

// The sizes that SDXL was trained on, by ratio.
image::Size sdxl_size(const std::string& ratio) {
  struct Row {
    const char* ratio;
    image::Size size;
  };
  static constexpr Row kRows[] = {
      {"1:1", {1024, 1024}}, {"2:3", {832, 1216}},  {"3:4", {896, 1152}}, {"5:8", {768, 1216}}, {"9:16", {768, 1344}},
      {"9:19", {704, 1472}}, {"9:21", {640, 1536}}, {"3:2", {1216, 832}}, {"4:3", {1152, 896}}, {"8:5", {1216, 768}},
      {"16:9", {1344, 768}}, {"19:9", {1472, 704}}, {"21:9", {1536, 640}}};
  for (const Row& row : kRows)
    if (ratio == row.ratio) return row.size;
  throw Error(Fault::kInternal, "a ratio without a size");
}

// Scaled so that the longer side has 768 pixels, sides in steps of 8.
image::Size small_size(const std::string& ratio) {
  const image::Size large = sdxl_size(ratio);
  const double scale = 768.0 / static_cast<double>(std::max(large.width, large.height));
  const auto side = [&](int64_t length) {
    return down_to_step(static_cast<int64_t>(scale * static_cast<double>(length)));
  };
  return {side(large.width), side(large.height)};
}

void add_choices(Table& table) {
  table.add(NodeOf<Chosen>{
      .name = "SDXL Empty Latent Image",
      .category = "latent",
      .description = "Empty latents in one of the sizes that suit SDXL.",
      .origin = "sdxl-empty-latent",
      .inputs = {Choice("resolution", &Chosen::size,
                        {"2048 x 512 (4.00)",  "1984 x 512 (3.88)", "1920 x 512 (3.75)", "1856 x 512 (3.62)",
                         "1792 x 576 (3.11)",  "1728 x 576 (3.00)", "1664 x 576 (2.89)", "1600 x 640 (2.50)",
                         "1536 x 640 (2.40)",  "1472 x 704 (2.09)", "1408 x 704 (2.00)", "1344 x 704 (1.91)",
                         "1344 x 768 (1.75)",  "1280 x 768 (1.67)", "1216 x 832 (1.46)", "1152 x 832 (1.38)",
                         "1152 x 896 (1.29)",  "1088 x 896 (1.21)", "1088 x 960 (1.13)", "1024 x 960 (1.07)",
                         "1024 x 1024 (1.00)", "960 x 1024 (0.94)", "960 x 1088 (0.88)", "896 x 1088 (0.82)",
                         "896 x 1152 (0.78)",  "832 x 1152 (0.72)", "832 x 1216 (0.68)", "768 x 1280 (0.60)",
                         "768 x 1344 (0.57)",  "704 x 1344 (0.52)", "704 x 1408 (0.50)", "704 x 1472 (0.48)",
                         "640 x 1536 (0.42)",  "640 x 1600 (0.40)", "576 x 1664 (0.35)", "576 x 1728 (0.33)",
                         "576 x 1792 (0.32)",  "512 x 1856 (0.28)", "512 x 1920 (0.27)", "512 x 1984 (0.26)",
                         "512 x 2048 (0.25)"}),
                 Int("batch_size", &Chosen::batch_size).range(1, 64)},
      .run = [](const Chosen& in) -> Results<Latent> { return {empty_latent(chosen_latent(in.size, in.batch_size))}; },
      .foresee = [](const Known<Chosen>& in) -> Foreseen<Latent> {
        return {chosen_latent(in(&Chosen::size), in(&Chosen::batch_size))};
      }});
  table.add(NodeOf<ChosenWithText>{
      .name = "SDXL Empty Latent Image (rgthree)",
      .category = "rgthree",
      .description = "Empty latents in one of the sizes that SDXL was trained on, and that size for its text encoders.",
      .origin = "rgthree",
      .inputs = {Choice("dimensions", &ChosenWithText::size,
                        {"1536 x 640   (landscape)", "1344 x 768   (landscape)", "1216 x 832   (landscape)",
                         "1152 x 896   (landscape)", "1024 x 1024  (square)", " 896 x 1152  (portrait)",
                         " 832 x 1216  (portrait)", " 768 x 1344  (portrait)", " 640 x 1536  (portrait)"}),
                 Float("clip_scale", &ChosenWithText::clip_scale).range(1.0, 10.0).step(0.5),
                 Int("batch_size", &ChosenWithText::batch_size).range(1, 64)},
      .outputs = {{.name = "LATENT"}, {.name = "CLIP_WIDTH"}, {.name = "CLIP_HEIGHT"}},
      .run = latent_and_text_size,
      .foresee = [](const Known<ChosenWithText>& in) -> Foreseen<Latent, int64_t, int64_t> {
        return {chosen_latent(in(&ChosenWithText::size), in(&ChosenWithText::batch_size)), std::nullopt, std::nullopt};
      }});
  const AddNode ratio{table, "sdxl-aspect-ratio", "image"};
  ratio.node<Chosen>("SDXLAspectRatio", "One of the sizes that suit SDXL; width and height are not looked at.",
                     {Int("width", &Chosen::width).range(64, 2048), Int("height", &Chosen::height).range(64, 2048),
                      Choice("aspectRatio", &Chosen::size,
                             {"1:1  - 1024x1024 square", "2:3  - 832x1216 portrait", "3:4  - 896x1152 portrait",
                              "5:8  - 768x1216 portrait", "9:16 - 768x1344 portrait", "9:19 - 704x1472 portrait",
                              "9:21 - 640x1536 portrait", "3:2  - 1216x832 landscape", "4:3  - 1152x896 landscape",
                              "8:5  - 1216x768 landscape", "16:9 - 1344x768 landscape", "19:9 - 1472x704 landscape",
                              "21:9 - 1536x640 landscape"})},
                     size_of_choice, {{"Width"}, {"Height"}});
  const AddNode preset{table, "wyrde", "ws"};
  preset.node<Chosen>("SDXLResolutionPresets", "One of the sizes that suit SDXL.",
                      {Choice("resolution", &Chosen::size,
                              {"Cinematic (1536x640)", "Widescreen (1344x768)", "Photo (1216x832)",
                               "Portrait (1152x896)", "Square (1024x1024)"})
                           .says_default(),
                       Choice("aspect", &Chosen::horizontal, {{"Horizontal", true}, {"Vertical", false}})},
                      size_of_choice, {{"width"}, {"height"}});
  const AddNode math{table, "comfymath", "math/graphics"};
  math.node<Chosen>("CM_SDXLResolution", "One of the sizes that SDXL was trained on.",
                    {Choice("resolution", &Chosen::size,
                            {"1024x1024", "1152x896", "896x1152", "1216x832", "832x1216", "1344x768", "768x1344",
                             "1536x640", "640x1536"})},
                    size_of_choice, {{"width"}, {"height"}});
  const AddNode venture{table, "art-venture", "Art Venture/Utils"};
  using Selected = Results<std::string, int64_t, int64_t>;
  venture.node<Ratio>(
      "SDXLAspectRatioSelector", "The size of a ratio that SDXL was trained on.",
      {Choice("aspect_ratio", &Ratio::ratio,
              {"1:1", "2:3", "3:4", "5:8", "9:16", "9:19", "9:21", "3:2", "4:3", "8:5", "16:9", "19:9", "21:9"})},
      [](const Ratio& in) -> Selected {
        const image::Size size = sdxl_size(in.ratio);
        return {in.ratio, size.width, size.height};
      },
      {{"ratio"}, {"width"}, {"height"}});
  venture.node<Ratio>("AspectRatioSelector", "The size of a ratio, its longer side 768 pixels.",
                      {Choice("aspect_ratio", &Ratio::ratio, {"1:1", "2:3", "3:4", "9:16", "3:2", "4:3", "16:9"})},
                      [](const Ratio& in) -> Selected {
                        const image::Size size = small_size(in.ratio);
                        return {in.ratio, size.width, size.height};
                      },
                      {{"ratio"}, {"width"}, {"height"}});
}

// --- Quality of Life Suit: sizes times factors, brought to the nearest multiple of 8 ---

constexpr const char* kOmar = "qualityoflife";

struct Factors {
  Linked<Latent> samples;
  Linked<Image> image;
  std::string upscale_method;
  double width_factor = 1.25, height_factor = 1.25;
  bool to_multiple = true;
  std::string crop;
};

// Halves go up, as the original has it for numbers with a point as well.
double to_multiple_of_8(double length) {
  const double rest = std::fmod(length, 8.0);
  return rest < 4 ? length - rest : length + 8 - rest;
}

image::Size require_some(image::Size size) {
  if (size.width < 1 || size.height < 1)
    throw Error(Fault::kInvalid, "nothing is left at " + std::to_string(size.width) + "x" + std::to_string(size.height))
        .fix("Use a larger factor");
  return size;
}

image::Size latent_size(image::Size now, double width_factor, double height_factor) {
  const auto side = [](int64_t length, double factor) {
    const double scaled = std::min(std::floor(static_cast<double>(length) * factor), static_cast<double>(kMaxSide));
    return static_cast<int64_t>(to_multiple_of_8(scaled));
  };
  return {side(now.width, width_factor), side(now.height, height_factor)};
}

image::Size picture_size(image::Size now, double width_factor, double height_factor, bool to_multiple) {
  const auto side = [&](int64_t length, double factor) {
    const double scaled = std::min(static_cast<double>(length) * factor, static_cast<double>(kMaxSide));
    return static_cast<int64_t>(to_multiple ? to_multiple_of_8(scaled) : scaled);
  };
  return {side(now.width, width_factor), side(now.height, height_factor)};
}

// Nodes with one factor have it as `width_factor`.
template <double Factors::*height>
Foreseen<Latent> foresee_latent(const Known<Factors>& in) {
  const ForeseenLatent* known = in(&Factors::samples);
  if (!known) return {};
  return {in_size(*known, latent_size(size_of(*known), in(&Factors::width_factor), in(height)))};
}

template <double Factors::*height>
Foreseen<Image> foresee_picture(const Known<Factors>& in) {
  const ForeseenPicture* known = in(&Factors::image);
  if (!known) return {};
  return {in_size(*known,
                  picture_size(size_of(*known), in(&Factors::width_factor), in(height), in(&Factors::to_multiple)))};
}

Results<Latent> scale_latent(const Factors& in, double height_factor) {
  const Tensor& t = in.samples->samples;
  const image::Size size = require_some(latent_size(image::size_of(t), in.width_factor, height_factor));
  Latent out = *in.samples;
  out.samples = image::upscale(t, size, image::resize_method(in.upscale_method), image::crop_mode(in.crop));
  return {std::move(out)};
}

Results<Image> scale_picture(const Factors& in, double height_factor) {
  const image::Size size =
      require_some(picture_size(image::size_of(*in.image), in.width_factor, height_factor, in.to_multiple));
  return {image::upscale(*in.image, size, image::resize_method(in.upscale_method), image::crop_mode(in.crop))};
}

Input<Factors> method() {
  return Choice("upscale_method", &Factors::upscale_method, {"nearest-exact", "bilinear", "area"});
}
Input<Factors> factor(const char* name, double Factors::*member) {
  return Float(name, member).range(0.0, 10.0).step(0.28125);
}
Input<Factors> multiple() {
  return Choice("MulOf46", &Factors::to_multiple, {{"enabled", true}, {"disabled", false}}).says_default();
}
Input<Factors> crop() { return Choice("crop", &Factors::crop, {"disabled", "center"}); }

void add_factors(Table& table) {
  const AddNode latent{table, kOmar, "O/latent"}, image{table, kOmar, "O/image"};
  latent.node<Factors>(
      "LatentUpscaleFactor _O", "Scales latents by factors.",
      {Link("samples", &Factors::samples), method(), factor("WidthFactor", &Factors::width_factor),
       factor("HeightFactor", &Factors::height_factor), crop()},
      [](const Factors& in) { return scale_latent(in, in.height_factor); }, {},
      foresee_latent<&Factors::height_factor>);
  latent.node<Factors>(
      "LatentUpscaleFactorSimple _O", "Scales latents by a factor.",
      {Link("samples", &Factors::samples), method(), factor("factor", &Factors::width_factor), crop()},
      [](const Factors& in) { return scale_latent(in, in.width_factor); }, {}, foresee_latent<&Factors::width_factor>);
  image.node<Factors>(
      "ImageScaleFactor _O", "Scales pictures by factors.",
      {Link("image", &Factors::image), method(), factor("WidthFactor", &Factors::width_factor),
       factor("HeightFactor", &Factors::height_factor), multiple(), crop()},
      [](const Factors& in) { return scale_picture(in, in.height_factor); }, {},
      foresee_picture<&Factors::height_factor>);
  image.node<Factors>(
      "ImageScaleFactorSimple _O", "Scales pictures by a factor.",
      {Link("image", &Factors::image), method(), factor("Factor", &Factors::width_factor), multiple(), crop()},
      [](const Factors& in) { return scale_picture(in, in.width_factor); }, {},
      foresee_picture<&Factors::width_factor>);
}

struct Whole {
  int64_t value = 0;
};
struct Real {
  double value = 0;
};
struct Words {
  std::string text;
};
struct SeedOnly {
  uint64_t seed = 0;
};

void add_values(Table& table) {
  constexpr double kFar = 18446744073709551615.0;
  const AddNode add{table, kOmar, "O/numbers"};
  const auto whole = [] { return Int("int", &Whole::value).range(0, INT64_MAX); };
  const auto real = [] { return Float("float", &Real::value).range(0.0, kFar); };
  add.node<Whole>("int _O", "A whole number.", {whole()},
                  [](const Whole& in) -> Results<int64_t> { return {in.value}; });
  add.node<Real>("float _O", "A number.", {real()}, [](const Real& in) -> Results<double> { return {in.value}; });
  add.node<Whole>("intToFloat _O", "A whole number as one with a point.", {whole()},
                  [](const Whole& in) -> Results<double> { return {static_cast<double>(in.value)}; });
  add.node<Real>("floatToInt _O", "A number without what is behind its point.", {real()},
                 [](const Real& in) -> Results<int64_t> { return {python_int(in.value, "float")}; });
  add.node<Real>("floatToText _O", "A number as text.", {real()},
                 [](const Real& in) -> Results<std::string> { return {as_text(computed<double>(in.value))}; });
  add.node<SeedOnly>("seed _O", "A seed.", {Seed("seed", &SeedOnly::seed).range(0, INT64_MAX)},
                     [](const SeedOnly& in) -> Results<int64_t> { return {static_cast<int64_t>(in.seed)}; });
  add.node<Words>("Text _O", "A text, and a blank behind it.",
                  {Text("text", &Words::text).multiline().names_embeddings()},
                  [](const Words& in) -> Results<std::string> { return {in.text + " "}; });
}

}  // namespace

void register_size_choices_nodes(Table& table) {
  add_choices(table);
  add_factors(table);
  add_values(table);
}

}  // namespace easel::nodes
