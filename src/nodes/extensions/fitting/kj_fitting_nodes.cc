// Nodes of ComfyUI-KJNodes (github.com/kijai/ComfyUI-KJNodes) that bring pictures to a size or to the colours of
// others.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "image/edit/pictures.h"
#include "image/inpaint/transfer_colours.h"
#include "image/scale/resize.h"
#include "node_api/table.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/python/texts.h"
#include "nodes/common/sizes.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

using image::Sides;
using image::Size;

constexpr const char* kOrigin = "kjnodes";
constexpr const char* kCategory = "KJNodes/image";
constexpr int64_t kNoMaskSide = 64;  // ComfyUI's mask of a picture without one

// --- Borders ---

enum class Border { kEdge, kEdgePixel, kColour };

// A byte of a colour: the parts of 0..1 are of 255, others bytes already.
int64_t colour_byte(double value, bool fraction) {
  return std::clamp<int64_t>(static_cast<int64_t>(fraction ? value * 255 : value), 0, 255);
}

bool is_hex(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
}

std::vector<int64_t> of_numbers(const std::vector<std::string>& parts) {
  std::vector<double> values;
  for (const std::string& part : parts) {
    const auto value = number_with_plus<double>(stripped(part));
    if (!value || !std::isfinite(*value)) return {0, 0, 0};  // what is no number is black, as in the original
    values.push_back(*value);
  }
  const bool fractions = std::all_of(values.begin(), values.end(), [](double v) { return v >= 0 && v <= 1; });
  std::vector<int64_t> out;
  for (const double value : values) out.push_back(colour_byte(value, fractions));
  if (out.size() == 1) out.assign(3, out.front());
  return out;
}

// "255, 0, 0", "1.0, 0, 0", "#ff0000", "128". Throws Error(kInvalid) for a colour by its name.
std::vector<int64_t> colour_of(const std::string& text, const char* input) {
  if (text.find(',') != std::string::npos) return of_numbers(split(text, ","));
  const size_t begin = text.find_first_not_of('#');
  const std::string digits = begin == std::string::npos ? "" : text.substr(begin);
  const bool number = number_with_plus<double>(stripped(text)).has_value();
  const bool hex = is_hex(digits) && (text.starts_with('#') || !number);
  if (hex && (digits.size() == 6 || digits.size() == 8)) {
    std::vector<int64_t> out;
    for (size_t i = 0; i < digits.size(); i += 2) out.push_back(std::stol(digits.substr(i, 2), nullptr, 16));
    return out;
  }
  if (hex && text.starts_with('#') && begin == 1 && (digits.size() == 3 || digits.size() == 4)) {
    std::vector<int64_t> out;
    for (const char digit : digits) out.push_back(std::stol(std::string(2, digit), nullptr, 16));
    return out;
  }
  if (number) return of_numbers({text});
  throw Error(Fault::kInvalid, "'" + text + "' is no colour in numbers")
      .at_input(input)
      .fix("Write it as 'red, green, blue' with numbers up to 255, or as #rrggbb");
}

std::vector<float> mean_of(const Tensor& pixels) {
  const Tensor source = contiguous(pixels);
  const int64_t channels = source.dim(3), count = source.numel() / channels;
  std::vector<double> sums(static_cast<size_t>(channels));
  for (int64_t i = 0; i < source.numel(); ++i) sums[static_cast<size_t>(i % channels)] += source.f32()[i];
  std::vector<float> out;
  for (const double sum : sums) out.push_back(static_cast<float>(sum / static_cast<double>(count)));
  return out;
}

void fill(Tensor& picture, int64_t x, int64_t y, Size size, const std::vector<float>& colour) {
  const int64_t width = picture.dim(2), channels = picture.dim(3);
  for (int64_t v = y; v < y + size.height; ++v)
    for (int64_t u = x; u < x + size.width; ++u)
      std::copy(colour.begin(), colour.end(), picture.f32() + (v * width + u) * channels);
}

// One picture with a border.
Tensor with_border(const Tensor& image, const Sides& sides, Border border, const std::vector<float>& colour) {
  const int64_t h = image.dim(1), w = image.dim(2), c = image.dim(3);
  const Size whole{w + sides.left + sides.right, h + sides.top + sides.bottom};
  image::require_size(whole);
  const Tensor source = contiguous(image);
  Tensor out(Shape{1, whole.height, whole.width, c});
  if (border == Border::kColour) {
    fill(out, 0, 0, whole, colour);
  } else if (border == Border::kEdge) {  // each side in the mean of its edge; left and right have the corners
    fill(out, 0, 0, {whole.width, sides.top}, mean_of(image.slice(1, 0, 1)));
    fill(out, 0, sides.top + h, {whole.width, sides.bottom}, mean_of(image.slice(1, h - 1, 1)));
    fill(out, 0, 0, {sides.left, whole.height}, mean_of(image.slice(2, 0, 1)));
    fill(out, sides.left + w, 0, {sides.right, whole.height}, mean_of(image.slice(2, w - 1, 1)));
  }
  for (int64_t y = 0; y < whole.height; ++y)
    for (int64_t x = 0; x < whole.width; ++x) {
      const int64_t v = y - sides.top, u = x - sides.left;
      const bool inside = v >= 0 && v < h && u >= 0 && u < w;
      if (!inside && border != Border::kEdgePixel) continue;
      const float* from = source.f32() + (std::clamp<int64_t>(v, 0, h - 1) * w + std::clamp<int64_t>(u, 0, w - 1)) * c;
      std::copy(from, from + c, out.f32() + (y * whole.width + x) * c);
    }
  return out;
}

// Pictures with a border, and their mask: its edges repeated, or without one 1 on the border alone.
std::pair<Tensor, Tensor> padded(const Tensor& images, const Tensor& mask, const Sides& sides, Border border,
                                 const std::string& colour, const char* colour_input) {
  std::vector<float> rgb;
  if (border == Border::kColour) {
    for (const int64_t byte : colour_of(colour, colour_input))
      rgb.push_back(static_cast<float>(static_cast<double>(byte) / 255.0));
    if (std::ssize(rgb) != images.dim(3))
      throw Error(Fault::kMismatch, "has " + std::to_string(rgb.size()) + " numbers, the picture " +
                                        std::to_string(images.dim(3)) + " channels")
          .at_input(colour_input);
  }
  const auto each = [&](const Tensor& batch, Border how) {
    std::vector<Tensor> out;
    for (int64_t i = 0; i < batch.dim(0); ++i) out.push_back(with_border(batch.slice(0, i, 1), sides, how, rgb));
    return ops::concat(out, 0);
  };
  if (mask.defined()) return {each(images, border), image::as_mask(each(image::as_picture(mask), Border::kEdgePixel))};
  Tensor inner = Tensor::zeros({images.dim(0), images.dim(1), images.dim(2), 1});
  return {each(images, border), image::as_mask(image::pad(inner, sides, 1.0f))};
}

// --- ImageResizeKJv2 ---

enum class Proportion { kStretch, kResize, kPad, kPadEdge, kPadEdgePixel, kCrop, kTotalPixels };
enum class Position { kCentre, kTop, kBottom, kLeft, kRight };

struct Resize {
  Linked<Image> image;
  int64_t width = 512, height = 512;
  std::string upscale_method;
  Proportion keep_proportion = Proportion::kStretch;
  std::string pad_color = "0, 0, 0";
  Position crop_position = Position::kCentre;
  int64_t divisible_by = 2;
  MaybeLinked<Mask> mask;
  bool on_card = false;
};

bool pads(Proportion how) {
  return how == Proportion::kPad || how == Proportion::kPadEdge || how == Proportion::kPadEdgePixel;
}

Border border_of(Proportion how) {
  if (how == Proportion::kPadEdge) return Border::kEdge;
  return how == Proportion::kPadEdgePixel ? Border::kEdgePixel : Border::kColour;
}

// Where something of `part` begins within `whole`, in one direction; `first` and `last` are the positions at its ends.
int64_t begin_within(int64_t whole, int64_t part, Position at, Position first, Position last) {
  if (at == first) return 0;
  const int64_t free = whole - part;
  return at == last ? free : (free >= 0 ? free / 2 : -((1 - free) / 2));
}
int64_t left_of(int64_t whole, int64_t part, Position at) {
  return begin_within(whole, part, at, Position::kLeft, Position::kRight);
}
int64_t top_of(int64_t whole, int64_t part, Position at) {
  return begin_within(whole, part, at, Position::kTop, Position::kBottom);
}

// The size of the picture itself, before it is made divisible.
Size fitted(const Resize& in, Size now) {
  const auto w = static_cast<double>(now.width), h = static_cast<double>(now.height);
  const auto width = static_cast<double>(in.width), height = static_cast<double>(in.height);
  if (in.keep_proportion == Proportion::kTotalPixels) {
    const double pixels = width * height, aspect = w / h;
    return {static_cast<int64_t>(std::sqrt(pixels * aspect)), static_cast<int64_t>(std::sqrt(pixels / aspect))};
  }
  if (in.keep_proportion == Proportion::kStretch || in.keep_proportion == Proportion::kCrop)
    return {in.width == 0 ? now.width : in.width, in.height == 0 ? now.height : in.height};
  if (in.width == 0 && in.height == 0) return now;
  const double scale = in.width == 0 ? height / h : in.height == 0 ? width / w : std::min(width / w, height / h);
  return {in.height != 0 && in.width == 0 ? image::round_half_even(w * scale)
          : in.height == 0                ? in.width
                                          : image::round_half_even(w * scale),
          in.width != 0 && in.height == 0 ? image::round_half_even(h * scale)
          : in.width == 0                 ? in.height
                                          : image::round_half_even(h * scale)};
}

struct Plan {
  Size size;    // of the picture
  Sides sides;  // of the border around it
  bool border = false;
};

Plan plan(const Resize& in, Size now) {
  Plan out{fitted(in, now), {}, false};
  if (pads(in.keep_proportion)) {
    out.sides.left = left_of(in.width, out.size.width, in.crop_position);
    out.sides.right = in.width - out.size.width - out.sides.left;
    out.sides.top = top_of(in.height, out.size.height, in.crop_position);
    out.sides.bottom = in.height - out.size.height - out.sides.top;
  }
  const int64_t by = in.divisible_by;
  if (by > 1) out.size = {out.size.width - out.size.width % by, out.size.height - out.size.height % by};
  if (out.size.width < 1 || out.size.height < 1)
    throw Error(Fault::kInvalid, "nothing is left of a picture at " + std::to_string(out.size.width) + "x" +
                                     std::to_string(out.size.height))
        .at_input(out.size.width < 1 ? "width" : "height");
  Sides& s = out.sides;
  out.border = s.left > 0 || s.right > 0 || s.top > 0 || s.bottom > 0;
  if (out.border && by > 1) {
    if (const int64_t over = (out.size.width + s.left + s.right) % by; over > 0) s.right += by - over;
    if (const int64_t over = (out.size.height + s.top + s.bottom) % by; over > 0) s.bottom += by - over;
  }
  return out;
}

Tensor cropped(const Tensor& batch, Size size, Position at) {
  const Size now{batch.dim(2), batch.dim(1)};
  const double aspect = static_cast<double>(size.width) / static_cast<double>(size.height);
  Size part = now;
  if (static_cast<double>(now.width) / static_cast<double>(now.height) > aspect)
    part.width = image::round_half_even(static_cast<double>(now.height) * aspect);
  else part.height = image::round_half_even(static_cast<double>(now.width) / aspect);
  if (part.width < 1 || part.height < 1)
    throw Error(Fault::kInvalid, "nothing of the picture has that shape").at_input("keep_proportion");
  return contiguous(batch.slice(1, top_of(now.height, part.height, at), part.height)
                        .slice(2, left_of(now.width, part.width, at), part.width));
}

Results<Image, int64_t, int64_t, Mask> resize(const Resize& in) {
  Tensor pixels = *in.image, mask = in.mask.value_or_empty();
  const Size now{pixels.dim(2), pixels.dim(1)};
  const bool no_mask = mask.defined() && mask.dim(1) == kNoMaskSide && mask.dim(2) == kNoMaskSide &&
                       (now.width != kNoMaskSide || now.height != kNoMaskSide);
  if (no_mask) mask = Tensor();
  if (mask.defined()) {
    mask = image::as_picture(mask);
    if (mask.dim(1) != now.height || mask.dim(2) != now.width)
      mask = image::resize(mask, now, image::ResizeMethod::kBilinear);
  }
  const Plan p = plan(in, now);
  const image::ResizeMethod method = image::resize_method(in.upscale_method);
  const auto brought = [&](Tensor batch) {
    if (in.keep_proportion == Proportion::kCrop) batch = cropped(batch, p.size, in.crop_position);
    return image::resize(batch, p.size, method);
  };
  pixels = brought(pixels);
  if (mask.defined()) mask = image::as_mask(brought(mask));
  if (p.border)
    std::tie(pixels, mask) = padded(pixels, mask, p.sides, border_of(in.keep_proportion), in.pad_color, "pad_color");
  const int64_t width = pixels.dim(2), height = pixels.dim(1);
  if (!mask.defined()) mask = Tensor::zeros({1, kNoMaskSide, kNoMaskSide});
  return {std::move(pixels), width, height, std::move(mask)};
}

Foreseen<Image, int64_t, int64_t, Mask> foresee_resize(const Known<Resize>& in) {
  const ForeseenPicture* known = in(&Resize::image);
  if (!known) return {};
  Resize values;
  values.width = in(&Resize::width);
  values.height = in(&Resize::height);
  values.keep_proportion = in(&Resize::keep_proportion);
  values.crop_position = in(&Resize::crop_position);
  values.divisible_by = in(&Resize::divisible_by);
  const Plan p = plan(values, {known->width, known->height});
  ForeseenPicture out = *known;
  out.width = p.size.width + (p.border ? p.sides.left + p.sides.right : 0);
  out.height = p.size.height + (p.border ? p.sides.top + p.sides.bottom : 0);
  return {out, out.width, out.height, std::nullopt};
}

void check_resize(const Resize& in) {
  if (in.on_card && in.upscale_method == "lanczos")
    throw Error(Fault::kInvalid, "lanczos is not for a graphics card").at_input("device").fix("Choose 'cpu'");
}

// --- ImagePadKJ ---

struct Pad {
  Linked<Image> image;
  int64_t left = 0, right = 0, top = 0, bottom = 0, extra_padding = 0;
  Border pad_mode = Border::kEdge;
  std::string color = "0, 0, 0";
  MaybeLinked<Mask> mask;
  std::optional<int64_t> target_width, target_height;
};

Results<Image, Mask> pad(const Pad& in) {
  Tensor pixels = *in.image, mask = in.mask.value_or_empty();
  if (mask.defined() && (mask.dim(1) != pixels.dim(1) || mask.dim(2) != pixels.dim(2)))
    mask = image::as_mask(
        image::resize(image::as_picture(mask), {pixels.dim(2), pixels.dim(1)}, image::ResizeMethod::kNearestExact));
  Sides sides{in.left + in.extra_padding, in.top + in.extra_padding, in.right + in.extra_padding,
              in.bottom + in.extra_padding};
  if (in.target_width && in.target_height) {
    if (in.extra_padding > 0)
      pixels = image::resize(pixels, {pixels.dim(2) - in.extra_padding, pixels.dim(1) - in.extra_padding},
                             image::ResizeMethod::kLanczos);
    const int64_t more_x = *in.target_width - pixels.dim(2), more_y = *in.target_height - pixels.dim(1);
    if (more_x < 0 || more_y < 0)
      throw Error(Fault::kInvalid, "the picture is larger than the size it is to be padded to")
          .at_input(more_x < 0 ? "target_width" : "target_height");
    sides = {more_x / 2, more_y / 2, more_x - more_x / 2, more_y - more_y / 2};
  }
  auto [out, out_mask] = padded(pixels, mask, sides, in.pad_mode, in.color, "color");
  return {std::move(out), std::move(out_mask)};
}

// --- ColorMatch ---

struct Match {
  Linked<Image> image_ref, image_target;
  image::ColourTransfer method = image::ColourTransfer::kLinear;
  double strength = 1.0;
  bool multithread = true;
};

Results<Image> match(const Match& in, Call& call) {
  const int64_t count = in.image_target->dim(0), references = in.image_ref->dim(0);
  if (in.strength == 0) return {in.image_target};
  if (references != 1 && references < count)
    throw Error(Fault::kMismatch,
                std::to_string(references) + " pictures, and " + std::to_string(count) + " to be matched")
        .at_input("image_ref");
  const auto colours = [](const Tensor& batch, int64_t i) {
    const Tensor one = batch.slice(0, i, 1);
    return contiguous(one.dim(3) == 4 ? one.slice(3, 0, 3) : one);
  };
  if (in.image_target->dim(3) == 4 && in.image_ref->dim(3) == 4)
    throw Error(Fault::kUnsupported, "the transparency of both pictures cannot be matched")
        .fix("Remove it from one of them");
  std::vector<Tensor> out;
  for (int64_t i = 0; i < count; ++i) {
    call.check_cancelled();
    out.push_back(image::transfer_colours(colours(*in.image_target, i), colours(*in.image_ref, references == 1 ? 0 : i),
                                          in.method, in.strength));
  }
  return {ops::concat(out, 0)};
}

Input<Pad> side(const char* name, int64_t Pad::*member) { return Int(name, member).range(0, kMaxSide).step(1); }

void add_colours(Table& table) {
  using image::ColourTransfer;
  // The original never tells its library the method beyond the kind of map, so that "mvgd" is "mkl".
  table.add(NodeOf<Match>{.name = "ColorMatch",
                          .display = "Color Match",
                          .category = kCategory,
                          .description = "Gives pictures the colours of a reference.",
                          .origin = kOrigin,
                          .inputs = {Link("image_ref", &Match::image_ref), Link("image_target", &Match::image_target),
                                     Choice("method", &Match::method,
                                            {{"mkl", ColourTransfer::kLinear},
                                             {"hm", ColourTransfer::kHistogram},
                                             {"reinhard", ColourTransfer::kReinhard},
                                             {"mvgd", ColourTransfer::kLinear},
                                             {"hm-mvgd-hm", ColourTransfer::kHistogramAndLinear},
                                             {"hm-mkl-hm", ColourTransfer::kHistogramAndLinear}}),
                                     Float("strength", &Match::strength).range(0.0, 10.0).step(0.01).optional(),
                                     Bool("multithread", &Match::multithread).optional()},
                          .outputs = {{"image"}},
                          .run = match});
}

}  // namespace

void register_kj_fitting_nodes(Table& table) {
  table.add(NodeOf<Resize>{
      .name = "ImageResizeKJv2",
      .display = "Resize Image v2",
      .category = kCategory,
      .description = "Resizes pictures to a size: stretched, in proportion, cropped, or with a border.",
      .origin = kOrigin,
      .inputs = {Link("image", &Resize::image), Int("width", &Resize::width).range(0, kMaxSide).step(1),
                 Int("height", &Resize::height).range(0, kMaxSide).step(1),
                 Choice("upscale_method", &Resize::upscale_method,
                        {"nearest-exact", "bilinear", "area", "bicubic", "lanczos"}),
                 Choice("keep_proportion", &Resize::keep_proportion,
                        {{"stretch", Proportion::kStretch},
                         {"resize", Proportion::kResize},
                         {"pad", Proportion::kPad},
                         {"pad_edge", Proportion::kPadEdge},
                         {"pad_edge_pixel", Proportion::kPadEdgePixel},
                         {"crop", Proportion::kCrop},
                         {"total_pixels", Proportion::kTotalPixels}}),
                 Text("pad_color", &Resize::pad_color).tip("Red, green and blue up to 255 or 1, or #rrggbb."),
                 Choice("crop_position", &Resize::crop_position,
                        {{"center", Position::kCentre},
                         {"top", Position::kTop},
                         {"bottom", Position::kBottom},
                         {"left", Position::kLeft},
                         {"right", Position::kRight}}),
                 Int("divisible_by", &Resize::divisible_by).range(0, 512).step(1), Link("mask", &Resize::mask),
                 Choice("device", &Resize::on_card, {{"cpu", false}, {"gpu", true}}).optional()},
      .outputs = {{"IMAGE"}, {"width"}, {"height"}, {"mask"}},
      .run = resize,
      .check = check_resize,
      .foresee = foresee_resize});
  table.add(NodeOf<Pad>{
      .name = "ImagePadKJ",
      .display = "ImagePad KJ",
      .category = kCategory,
      .description = "Puts a border around pictures, and says where it is.",
      .origin = kOrigin,
      .inputs = {Link("image", &Pad::image), side("left", &Pad::left), side("right", &Pad::right),
                 side("top", &Pad::top), side("bottom", &Pad::bottom), side("extra_padding", &Pad::extra_padding),
                 Choice("pad_mode", &Pad::pad_mode,
                        {{"edge", Border::kEdge}, {"edge_pixel", Border::kEdgePixel}, {"color", Border::kColour}}),
                 Text("color", &Pad::color), Link("mask", &Pad::mask),
                 Int("target_width", &Pad::target_width).range(0, kMaxSide).step(1).link_only().optional(),
                 Int("target_height", &Pad::target_height).range(0, kMaxSide).step(1).link_only().optional()},
      .outputs = {{"images"}, {"masks"}},
      .run = pad});
  add_colours(table);
}

}  // namespace easel::nodes
