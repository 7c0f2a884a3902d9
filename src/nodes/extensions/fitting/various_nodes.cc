// Nodes of comfyui-various (github.com/jamesWalker55/comfyui-various): sizes of pictures, numbers and texts.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string>

#include "image/scale/resize.h"
#include "node_api/table.h"
#include "nodes/common/add_node.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/python/python_values.h"

namespace easel::nodes {
namespace {

using image::Size;

constexpr const char* kOrigin = "various";
constexpr const char* kCategory = "jamesWalker55";
constexpr int64_t kLongest = 99999;
constexpr double kFar = 99999999999999999.0;

// --- Pictures ---

enum class Interpolation { kBicubic, kNearest, kNearestExact };

struct Picture {
  Linked<Image> image;
  Interpolation interpolation_mode = Interpolation::kBicubic;
};
struct ToSize : Picture {
  int64_t height = 512, width = 512;
};
struct ToSide : Picture {
  int64_t size = 512;
};
struct ByFactor : Picture {
  double factor = 1;
};

// As torchvision resizes tensors: bicubic is smoothed when it makes a picture smaller.
Tensor resized(const Picture& in, Size size) {
  image::require_size(size);
  if (in.interpolation_mode == Interpolation::kBicubic) return image::antialias_bicubic(*in.image, size);
  const bool exact = in.interpolation_mode == Interpolation::kNearestExact;
  return image::resize(*in.image, size, exact ? image::ResizeMethod::kNearestExact : image::ResizeMethod::kNearest);
}

int64_t in_ratio(int64_t side, int64_t size, int64_t other) {
  return image::round_half_even(static_cast<double>(side * size) / static_cast<double>(other));
}
Size by_longer(Size now, int64_t size) {
  if (now.height >= now.width) return {in_ratio(now.width, size, now.height), size};
  return {size, in_ratio(now.height, size, now.width)};
}
// torchvision's rounding: down.
Size by_shorter(Size now, int64_t size) {
  if (now.width <= now.height) return {size, size * now.height / now.width};
  return {size * now.width / now.height, size};
}

// Of SDXL's sizes, the one whose diagonal has the nearest angle.
Size nearest_sdxl(Size now) {
  constexpr std::array<Size, 9> kSizes{{{1024, 1024},
                                        {896, 1152},
                                        {1152, 896},
                                        {832, 1216},
                                        {1216, 832},
                                        {768, 1344},
                                        {1344, 768},
                                        {640, 1536},
                                        {1536, 640}}};
  const auto angle = [](Size s) { return std::atan(static_cast<double>(s.height) / static_cast<double>(s.width)); };
  return *std::min_element(kSizes.begin(), kSizes.end(), [&](Size a, Size b) {
    return std::abs(angle(now) - angle(a)) < std::abs(angle(now) - angle(b));
  });
}

Input<Picture> interpolation() {
  return Choice("interpolation_mode", &Picture::interpolation_mode,
                {{"bicubic", Interpolation::kBicubic},
                 {"nearest", Interpolation::kNearest},
                 {"nearest exact", Interpolation::kNearestExact}});
}
Input<ToSide> side() { return Int("size", &ToSide::size).range(0, kLongest).step(1); }

ToSize plain_values(const Known<ToSize>& in) {
  ToSize out;
  out.width = in(&ToSize::width);
  out.height = in(&ToSize::height);
  return out;
}
ToSide plain_values(const Known<ToSide>& in) {
  ToSide out;
  out.size = in(&ToSide::size);
  return out;
}
ByFactor plain_values(const Known<ByFactor>& in) {
  ByFactor out;
  out.factor = in(&ByFactor::factor);
  return out;
}

// A node that resizes pictures to what `size` makes of their size and its parameters.
template <class P>
void resizing(const AddNode& add, const char* name, const char* description, Inputs<P> inputs, Size (*size)(Size, P)) {
  add.node<P>(
      name, description, std::move(inputs),
      [size](const P& in) -> Results<Image> { return {resized(in, size(image::size_of(*in.image), in))}; }, {},
      [size](const Known<P>& in) -> Foreseen<Image> {
        const ForeseenPicture* known = in(&Picture::image);
        if (!known) return {};
        return {in_size(*known, size(size_of(*known), plain_values(in)))};
      });
}

void add_pictures(const AddNode& add) {
  resizing<ToSize>(add, "JWImageResize", "Resizes pictures to a size.",
                   {Link("image", &Picture::image), Int("height", &ToSize::height).range(0, kLongest).step(1),
                    Int("width", &ToSize::width).range(0, kLongest).step(1), interpolation()},
                   [](Size, ToSize in) {
                     return Size{in.width, in.height};
                   });
  const auto of_side = [] { return Inputs<ToSide>{Link("image", &Picture::image), side(), interpolation()}; };
  resizing<ToSide>(add, "JWImageResizeToSquare", "Resizes pictures to a square.", of_side(), [](Size, ToSide in) {
    return Size{in.size, in.size};
  });
  resizing<ToSide>(add, "JWImageResizeByLongerSide", "Resizes pictures so that their longer side has a length.",
                   of_side(), [](Size now, ToSide in) { return by_longer(now, in.size); });
  resizing<ToSide>(add, "JWImageResizeByShorterSide", "Resizes pictures so that their shorter side has a length.",
                   of_side(), [](Size now, ToSide in) { return by_shorter(now, in.size); });
  resizing<ByFactor>(
      add, "JWImageResizeByFactor", "Makes pictures larger or smaller by a factor.",
      {Link("image", &Picture::image),
       Float("factor", &ByFactor::factor).range(0, kLongest).step(0.01).useful(0.25, 4, 0.25), interpolation()},
      [](Size now, ByFactor in) { return image::scaled_by(now, in.factor); });
  add.node<Picture>(
      "JWImageResizeToClosestSDXLResolution", "Resizes pictures to the size of SDXL's that is most like theirs.",
      {Link("image", &Picture::image), interpolation()},
      [](const Picture& in) -> Results<Image, int64_t, int64_t> {
        const Size size = nearest_sdxl(image::size_of(*in.image));
        return {resized(in, size), size.width, size.height};
      },
      {{"IMAGE"}, {"WIDTH"}, {"HEIGHT"}},
      [](const Known<Picture>& in) -> Foreseen<Image, int64_t, int64_t> {
        const ForeseenPicture* known = in(&Picture::image);
        if (!known) return {};
        const Size size = nearest_sdxl(size_of(*known));
        return {in_size(*known, size), size.width, size.height};
      });
}

// --- Numbers and texts ---

struct Whole {
  int64_t value = 0;
};
struct Real {
  double value = 0;
};
struct Words {
  std::string text;
};
struct TwoWhole {
  int64_t a = 0, b = 0;
};
struct TwoReal {
  double a = 0, b = 0;
};
struct TwoTexts {
  std::string a, b;
};
struct Replace {
  std::string source, to_replace, replace_with;
};
enum class Rounding { kRound, kFloor, kCeiling };
struct Round {
  double value = 0;
  Rounding mode = Rounding::kRound;
};

template <class P>
Input<P> whole(const char* name, int64_t P::*member) {
  return Int(name, member).range(-INT64_MAX, INT64_MAX);
}
template <class P>
Input<P> real(const char* name, double P::*member) {
  return Float(name, member).range(-kFar, kFar);
}

// The whole number, if 64 bits hold it.
int64_t checked(bool overflow, int64_t value) {
  if (overflow) throw Error(Fault::kInvalid, "the result is larger than a number of 64 bits").at_input("a");
  return value;
}
double quotient(double a, double b) {
  if (b == 0) throw Error(Fault::kInvalid, "division by zero").at_input("b");
  return a / b;
}

int64_t rounded(const Round& in) {
  if (in.mode == Rounding::kFloor) return python_int(std::floor(in.value), "value");
  if (in.mode == Rounding::kCeiling) return python_int(std::ceil(in.value), "value");
  return python_int(std::nearbyint(in.value), "value");
}

void add_numbers(const AddNode& add) {
  const auto two_whole = [] { return Inputs<TwoWhole>{whole("a", &TwoWhole::a), whole("b", &TwoWhole::b)}; };
  const auto two_real = [] { return Inputs<TwoReal>{real("a", &TwoReal::a), real("b", &TwoReal::b)}; };
  add.node<Whole>("JWInteger", "A whole number.", {whole("value", &Whole::value)},
                  [](const Whole& in) -> Results<int64_t> { return {in.value}; });
  add.node<Whole>("JWIntegerToFloat", "A whole number as one with a point.", {whole("value", &Whole::value)},
                  [](const Whole& in) -> Results<double> { return {static_cast<double>(in.value)}; });
  add.node<Whole>("JWIntegerAbsolute", "A number without its sign.", {whole("value", &Whole::value)},
                  [](const Whole& in) -> Results<int64_t> { return {std::abs(in.value)}; });
  add.node<TwoWhole>("JWIntegerAdd", "a + b", two_whole(), [](const TwoWhole& in) -> Results<int64_t> {
    int64_t out = 0;
    const bool beyond = __builtin_add_overflow(in.a, in.b, &out);
    return {checked(beyond, out)};
  });
  add.node<TwoWhole>("JWIntegerSub", "a - b", two_whole(), [](const TwoWhole& in) -> Results<int64_t> {
    int64_t out = 0;
    const bool beyond = __builtin_sub_overflow(in.a, in.b, &out);
    return {checked(beyond, out)};
  });
  add.node<TwoWhole>("JWIntegerMul", "a * b", two_whole(), [](const TwoWhole& in) -> Results<int64_t> {
    int64_t out = 0;
    const bool beyond = __builtin_mul_overflow(in.a, in.b, &out);
    return {checked(beyond, out)};
  });
  add.node<TwoWhole>("JWIntegerDiv", "a / b, with a point.", two_whole(), [](const TwoWhole& in) -> Results<double> {
    return {quotient(static_cast<double>(in.a), static_cast<double>(in.b))};
  });
  add.node<TwoWhole>("JWIntegerMin", "The smaller of two numbers.", two_whole(),
                     [](const TwoWhole& in) -> Results<int64_t> { return {std::min(in.a, in.b)}; });
  add.node<TwoWhole>("JWIntegerMax", "The larger of two numbers.", two_whole(),
                     [](const TwoWhole& in) -> Results<int64_t> { return {std::max(in.a, in.b)}; });
  add.node<Real>("JWFloat", "A number.", {real("value", &Real::value)},
                 [](const Real& in) -> Results<double> { return {in.value}; });
  add.node<Real>("JWFloatAbsolute", "A number without its sign.", {real("value", &Real::value)},
                 [](const Real& in) -> Results<double> { return {std::abs(in.value)}; });
  add.node<Round>("JWFloatToInteger", "A number made whole; halves are rounded to the even one.",
                  {real("value", &Round::value),
                   Choice("mode", &Round::mode,
                          {{"round", Rounding::kRound}, {"floor", Rounding::kFloor}, {"ceiling", Rounding::kCeiling}})},
                  [](const Round& in) -> Results<int64_t> { return {rounded(in)}; });
  add.node<TwoReal>("JWFloatAdd", "a + b", two_real(),
                    [](const TwoReal& in) -> Results<double> { return {in.a + in.b}; });
  add.node<TwoReal>("JWFloatSub", "a - b", two_real(),
                    [](const TwoReal& in) -> Results<double> { return {in.a - in.b}; });
  add.node<TwoReal>("JWFloatMul", "a * b", two_real(),
                    [](const TwoReal& in) -> Results<double> { return {in.a * in.b}; });
  add.node<TwoReal>("JWFloatDiv", "a / b", two_real(),
                    [](const TwoReal& in) -> Results<double> { return {quotient(in.a, in.b)}; });
  add.node<TwoReal>("JWFloatMin", "The smaller of two numbers.", two_real(),
                    [](const TwoReal& in) -> Results<double> { return {std::min(in.a, in.b)}; });
  add.node<TwoReal>("JWFloatMax", "The larger of two numbers.", two_real(),
                    [](const TwoReal& in) -> Results<double> { return {std::max(in.a, in.b)}; });
  add.node<Words>("JWString", "A text.", {Text("text", &Words::text).names_embeddings()},
                  [](const Words& in) -> Results<std::string> { return {in.text}; });
  add.node<Words>("JWStringMultiline", "A text of several lines.",
                  {Text("text", &Words::text).multiline().names_embeddings()},
                  [](const Words& in) -> Results<std::string> { return {in.text}; });
  add.node<TwoTexts>("JWStringConcat", "Two texts, one behind the other.",
                     {Text("a", &TwoTexts::a).names_embeddings(), Text("b", &TwoTexts::b).names_embeddings()},
                     [](const TwoTexts& in) -> Results<std::string> {
                       require_length(in.a.size() + in.b.size());
                       return {in.a + in.b};
                     });
  add.node<Replace>(
      "JWStringReplace", "Replaces every place of a text in another.",
      {Text("source", &Replace::source).names_embeddings(), Text("to_replace", &Replace::to_replace),
       Text("replace_with", &Replace::replace_with).names_embeddings()},
      [](const Replace& in) -> Results<std::string> { return {replaced(in.source, in.to_replace, in.replace_with)}; });
}

}  // namespace

void register_various_nodes(Table& table) {
  const AddNode add{table, kOrigin, kCategory};
  add_pictures(add);
  add_numbers(add);
}

}  // namespace easel::nodes
