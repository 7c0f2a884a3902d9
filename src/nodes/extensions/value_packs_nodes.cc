// Constants, calculations and sizes of small extensions: Derfuu's (github.com/Derfuu/Derfuu_ComfyUI_ModdedNodes) under
// the names of both its versions, tinyterra's (github.com/TinyTerra/ComfyUI_tinyterraNodes), comfy-image-saver
// (github.com/giriss/comfy-image-saver), DJZ-Nodes (github.com/MushroomFleet/DJZ-Nodes), mxToolkit
// (github.com/Smirnov75/ComfyUI-mxToolkit).
#include <algorithm>
#include <cmath>

#include "image/scale/resize.h"
#include "node_api/table.h"
#include "nodes/common/add_node.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/python/values_as_text.h"
#include "nodes/common/sizes.h"

namespace easel::nodes {
namespace {

constexpr double kFar = 18446744073709551615.0;

struct Real {
  double value = 0;
};
struct Whole {
  int64_t value = 0;
};
struct Words {
  std::string text;
};
struct TwoReals {
  double a = 0, b = 0;
};
struct Join {
  std::string first, second, third, delimiter = ", ";
};
struct Sized {
  Linked<Image> image;
  int64_t side_length = 512;
  double factor = 1;
  std::string side, method, crop;
};
struct SeedOnly {
  uint64_t seed = 0;
};

// --- Derfuu ---

constexpr const char* kDerfuu = "derfuu";

Input<Real> number(const char* name) { return Float(name, &Real::value).range(-kFar, kFar); }
Inputs<TwoReals> two_numbers(const char* a, const char* b) {
  return {Float(a, &TwoReals::a).range(-kFar, kFar), Float(b, &TwoReals::b).range(-kFar, kFar)};
}

double checked(double value, const char* input) {
  if (!std::isfinite(value)) throw Error(Fault::kInvalid, "the result is no number").at_input(input);
  return value;
}

// The other side follows the picture's ratio; both are rounded up.
image::Size size_by_side(image::Size now, const std::string& side, int64_t side_length) {
  const auto w = static_cast<double>(now.width), h = static_cast<double>(now.height);
  const auto length = static_cast<double>(side_length);
  const bool by_width = side == "Width" || (side == "Longest" && w > h) || (side == "Shortest" && w < h);
  if (by_width) return {side_length, static_cast<int64_t>(std::ceil(h / w * length))};
  return {static_cast<int64_t>(std::ceil(w / h * length)), side_length};
}

image::Size size_by_factor(image::Size now, double factor) {
  const auto side = [&](int64_t length) {
    const double to = std::ceil(static_cast<double>(length) * factor);
    return static_cast<int64_t>(std::clamp(to, -1.0, static_cast<double>(kMaxSide + 1)));
  };
  return {side(now.width), side(now.height)};
}

Results<Image> scaled(const Sized& in, image::Size size, const char* input) {
  if (size.width < 1 || size.height < 1 || size.width > kMaxSide || size.height > kMaxSide)
    throw Error(Fault::kInvalid, "a picture of " + std::to_string(size.width) + "x" + std::to_string(size.height) +
                                     " is not between 1 and " + std::to_string(kMaxSide))
        .at_input(input);
  return {image::upscale(*in.image, size, image::resize_method(in.method), image::crop_mode(in.crop))};
}

void add_derfuu(Table& table) {
  const AddNode add{table, kDerfuu, "Derfuu_Nodes"};
  const std::vector<std::string> methods{"nearest-exact", "bilinear", "area", "bicubic", "lanczos", "bislerp"};
  const std::vector<std::string> crops{"disabled", "center"};
  const auto both = [](const char* older, const char* newer, const auto& one) {
    one(older);
    one(newer);
  };
  both("Float", "DF_Float", [&](const char* name) {
    add.node<Real>(name, "A number.", {number("Value")}, [](const Real& in) -> Results<double> { return {in.value}; });
  });
  both("Integer", "DF_Integer", [&](const char* name) {
    add.node<Real>(name, "A number without what is behind its point.", {number("Value").step(1)},
                   [](const Real& in) -> Results<int64_t> { return {python_int(in.value, "Value")}; });
  });
  both("Text", "DF_Text", [&](const char* name) {
    add.node<Words>(name, "A text.", {Text("Text", &Words::text).names_embeddings()},
                    [](const Words& in) -> Results<std::string> { return {in.text}; });
  });
  both("Text box", "DF_Text_Box", [&](const char* name) {
    add.node<Words>(name, "A text of several lines.", {Text("Text", &Words::text).multiline().names_embeddings()},
                    [](const Words& in) -> Results<std::string> { return {in.text}; });
  });
  both("String Concatenate", "DF_String_Concatenate", [&](const char* name) {
    add.node<Join>(name, "Joins two texts.",
                   {Text("Prepend", &Join::first).names_embeddings(), Text("Append", &Join::second).names_embeddings(),
                    Text("Delimiter", &Join::delimiter)},
                   [](const Join& in) -> Results<std::string> { return {in.first + in.delimiter + in.second}; },
                   {{"TEXT"}});
  });
  add.node<Whole>("DF_Int_to_Float", "A whole number as one with a point.",
                  {Int("Value", &Whole::value).range(-INT64_MAX, INT64_MAX)},
                  [](const Whole& in) -> Results<double> { return {static_cast<double>(in.value)}; });
  add.node<Real>("DF_Ceil", "The next whole number above.", {number("Value")},
                 [](const Real& in) -> Results<int64_t> { return {python_int(std::ceil(in.value), "Value")}; });
  add.node<Real>("DF_Floor", "The next whole number below.", {number("Value")},
                 [](const Real& in) -> Results<int64_t> { return {python_int(std::floor(in.value), "Value")}; });
  both("Sum", "DF_Sum", [&](const char* name) {
    add.node<TwoReals>(name, "The sum of two numbers.", two_numbers("Value_A", "Value_B"),
                       [](const TwoReals& in) -> Results<double> { return {in.a + in.b}; });
  });
  both("Subtract", "DF_Subtract", [&](const char* name) {
    add.node<TwoReals>(name, "A number less another.", two_numbers("Value_A", "Value_B"),
                       [](const TwoReals& in) -> Results<double> { return {in.a - in.b}; });
  });
  both("Multiply", "DF_Multiply", [&](const char* name) {
    add.node<TwoReals>(name, "A number times another.", two_numbers("Value_A", "Value_B"),
                       [](const TwoReals& in) -> Results<double> { return {checked(in.a * in.b, "Value_B")}; });
  });
  both("Divide", "DF_Divide", [&](const char* name) {
    add.node<TwoReals>(name, "A number divided by another.", two_numbers("Numerator", "Denominator"),
                       [](const TwoReals& in) -> Results<double> { return {checked(in.a / in.b, "Denominator")}; });
  });
  add.node<TwoReals>("DF_Power", "A number to the power of another.", two_numbers("Value", "Exponent"),
                     [](const TwoReals& in) -> Results<double> { return {checked(std::pow(in.a, in.b), "Exponent")}; });
  add.node<Real>("DF_Square_root", "Both square roots of a number.", {number("Value")},
                 [](const Real& in) -> Results<double, double> {
                   const double root = checked(std::sqrt(in.value), "Value");
                   return {root, -root};
                 });
  both("Get image size", "DF_Get_image_size", [&](const char* name) {
    add.node<Sized>(
        name, "How large pictures are.", {Link("image", &Sized::image)},
        [](const Sized& in) -> Results<int64_t, int64_t> {
          return {in.image->dim(2), in.image->dim(1)};
        },
        {{"WIDTH"}, {"HEIGHT"}},
        [](const Known<Sized>& in) -> Foreseen<int64_t, int64_t> {
          const ForeseenPicture* known = in(&Sized::image);
          if (!known) return {};
          return {known->width, known->height};
        });
  });
  both("Image scale to side", "DF_Image_scale_to_side", [&](const char* name) {
    add.node<Sized>(
        name, "Brings a side of pictures to a length.",
        {Link("image", &Sized::image), Int("side_length", &Sized::side_length).range(0, kMaxSide),
         Choice("side", &Sized::side, {"Longest", "Shortest", "Width", "Height"}),
         Choice("upscale_method", &Sized::method, methods), Choice("crop", &Sized::crop, crops)},
        [](const Sized& in) {
          return scaled(in, size_by_side(image::size_of(*in.image), in.side, in.side_length), "side_length");
        },
        {},
        [](const Known<Sized>& in) -> Foreseen<Image> {
          const ForeseenPicture* known = in(&Sized::image);
          if (!known) return {};
          return {in_size(*known, size_by_side(size_of(*known), in(&Sized::side), in(&Sized::side_length)))};
        });
  });
  both("Image scale by ratio", "DF_Image_scale_by_ratio", [&](const char* name) {
    add.node<Sized>(
        name, "Scales pictures by a factor.",
        {Link("image", &Sized::image), Float("upscale_by", &Sized::factor).range(-kFar, kFar),
         Choice("upscale_method", &Sized::method, methods), Choice("crop", &Sized::crop, crops)},
        [](const Sized& in) { return scaled(in, size_by_factor(image::size_of(*in.image), in.factor), "upscale_by"); },
        {},
        [](const Known<Sized>& in) -> Foreseen<Image> {
          const ForeseenPicture* known = in(&Sized::image);
          if (!known) return {};
          return {in_size(*known, size_by_factor(size_of(*known), in(&Sized::factor)))};
        });
  });
}

// --- tinyterra ---

void add_tinyterra(Table& table) {
  const AddNode add{table, "tinyterra", "ttN"};
  add.node<SeedOnly>("ttN seed", "A seed.", {Seed("seed", &SeedOnly::seed).range(0, INT64_MAX)},
                     [](const SeedOnly& in) -> Results<int64_t> { return {static_cast<int64_t>(in.seed)}; },
                     {{"seed"}});
  add.node<Whole>("ttN int", "A whole number in three types.", {Int("int", &Whole::value).range(0, INT64_MAX)},
                  [](const Whole& in) -> Results<int64_t, double, std::string> {
                    return {in.value, static_cast<double>(in.value), std::to_string(in.value)};
                  },
                  {{"int"}, {"float"}, {"text"}});
  add.node<Real>("ttN float", "A number in three types.", {Float("float", &Real::value).range(0.0, kFar).step(0.01)},
                 [](const Real& in) -> Results<double, int64_t, std::string> {
                   return {in.value, python_int(in.value, "float"), as_text(computed<double>(in.value))};
                 },
                 {{"float"}, {"int"}, {"text"}});
  add.node<Words>("ttN text", "A text.", {Text("text", &Words::text).multiline().dynamic_prompts().names_embeddings()},
                  [](const Words& in) -> Results<std::string> { return {in.text}; }, {{"text"}});
  const auto part = [](const char* name, std::string Join::*member) {
    return Text(name, member).multiline().dynamic_prompts().names_embeddings();
  };
  add.node<Join>("ttN concat", "Joins three texts.",
                 {part("text1", &Join::first), part("text2", &Join::second), part("text3", &Join::third),
                  Text("delimiter", &Join::delimiter)},
                 [](const Join& in) -> Results<std::string> {
                   const auto known = [](const std::string& text) { return text == "undefined" ? "" : text; };
                   return {joined({known(in.first), known(in.second), known(in.third)},
                                  in.delimiter == "\\n" ? "\n" : in.delimiter)};
                 },
                 {{"concat"}});
}

// --- comfy-image-saver's literals ---

void add_literals(Table& table) {
  const AddNode add{table, "image-saver", "ImageSaverTools/utils"};
  add.node<SeedOnly>("Seed Generator", "A seed.", {Seed("seed", &SeedOnly::seed).range(0, INT64_MAX)},
                     [](const SeedOnly& in) -> Results<int64_t> { return {static_cast<int64_t>(in.seed)}; });
  add.node<Words>("String Literal", "A text.", {Text("string", &Words::text).multiline().names_embeddings()},
                  [](const Words& in) -> Results<std::string> { return {in.text}; });
  add.node<Whole>("Width/Height Literal", "A length.", {Int("int", &Whole::value).range(0, kMaxSide).step(8)},
                  [](const Whole& in) -> Results<int64_t> { return {in.value}; });
  add.node<Whole>("Int Literal", "A whole number.", {Int("int", &Whole::value).range(0, 1000000)},
                  [](const Whole& in) -> Results<int64_t> { return {in.value}; });
  add.node<Real>("Cfg Literal", "A number.", {Float("float", &Real::value).range(0.0, 100.0)},
                 [](const Real& in) -> Results<double> { return {in.value}; });
}

// --- DJZ ---

struct Aspect {
  std::string model_type;
  int64_t width = 1, height = 1;
};

// As many pixels as a square of the model's size, sides in steps of 16.
Results<int64_t, int64_t> aspect_size(const Aspect& in) {
  const double side = in.model_type == "SD" ? 512 : in.model_type == "SDXL" ? 1024 : 2048;
  const double width = std::sqrt(side * side * (static_cast<double>(in.width) / static_cast<double>(in.height)));
  const auto stepped = [](double length) { return static_cast<int64_t>(std::ceil(length / 16)) * 16; };
  return {stepped(width), stepped(side * side / width)};
}

// --- mxToolkit ---

struct Slider {
  int64_t whole = 20, is_real = 0;
  double real = 20;
};

void add_slider(Table& table) {
  constexpr int64_t kMost = int64_t{1} << 32;
  table.add(NodeOf<Slider>{
      .name = "mxSlider",
      .category = "utils/mxToolkit",
      .description = "A number that the editor shows as a slider: a whole one or any.",
      .origin = "mxtoolkit",
      .inputs = {Int("Xi", &Slider::whole).range(-kMost, kMost),
                 Float("Xf", &Slider::real).range(static_cast<double>(-kMost), static_cast<double>(kMost)),
                 Int("isfloatX", &Slider::is_real).range(0, 1).tip("1: the number is Xf; 0: it is Xi.")},
      .outputs = {{"X"}},
      .run = [](const Slider& in) -> Results<Anything> {
        return {in.is_real > 0 ? computed<double>(in.real) : computed<int64_t>(in.whole)};
      }});
}

}  // namespace

void register_value_packs_nodes(Table& table) {
  add_derfuu(table);
  add_tinyterra(table);
  add_literals(table);
  add_slider(table);
  const AddNode add{table, "djz", "DJZ-Nodes"};
  add.node<Aspect>("AspectSize", "The size of a ratio that suits a kind of models.",
                   {Choice("model_type", &Aspect::model_type, {"SD", "SDXL", "Cascade"}),
                    Int("aspect_ratio_width", &Aspect::width).range(1, 2048).step(1),
                    Int("aspect_ratio_height", &Aspect::height).range(1, 2048).step(1)},
                   aspect_size, {{"Width"}, {"Height"}});
}

}  // namespace easel::nodes
