// Nodes of ComfyUI-KJNodes (github.com/kijai/ComfyUI-KJNodes) that bring pictures to a size or to the colours of
// others.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "image/edit/pictures.h"
#include "image/inpaint/borders.h"
#include "image/inpaint/transfer_colours.h"
#include "image/scale/resize.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/python/texts.h"
#include "nodes/common/sizes.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

using image::Border;
using image::Sides;
using image::Size;

constexpr const char* kOrigin = "kjnodes";
constexpr const char* kCategory = "KJNodes/image";
constexpr int64_t kNoMaskSide = 64;  // ComfyUI's mask of a picture without one

// --- Borders ---

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
  Tensor out = image::with_border(images, sides, border, rgb);
  if (mask.defined())
    return {std::move(out), image::as_mask(image::with_border(image::as_picture(mask), sides, Border::kNearest))};
  const Tensor inner = Tensor::zeros({images.dim(0), images.dim(1), images.dim(2), 1});
  return {std::move(out), image::as_mask(image::pad(inner, sides, 1.0f))};
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
  if (how == Proportion::kPadEdge) return Border::kMeanEdge;
  return how == Proportion::kPadEdgePixel ? Border::kNearest : Border::kColour;
}

// Where something of `part` begins within `whole`, in one direction; `first` and `last` are the positions at its ends.
int64_t begin_within(int64_t whole, int64_t part, Position at, Position first, Position last) {
  if (at == first) return 0;
  const int64_t free = whole - part;
  return at == last ? free : free >> 1;  // Python's //
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
  // A side that alone is given is kept as it is.
  const double scale = in.width == 0 ? height / h : in.height == 0 ? width / w : std::min(width / w, height / h);
  const Size scaled = image::scaled_by(now, scale);
  return {in.height == 0 ? in.width : scaled.width, in.width == 0 ? in.height : scaled.height};
}

// The picture's own size in the result, and the border around it.
struct Plan {
  Size size;
  Sides sides = {};
  Size whole() const { return {size.width + sides.left + sides.right, size.height + sides.top + sides.bottom}; }
  bool has_border() const { return whole() != size; }
};

Plan plan(const Resize& in, Size now) {
  Plan out{fitted(in, now)};
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
  if (s.left <= 0 && s.right <= 0 && s.top <= 0 && s.bottom <= 0) {
    s = {};
  } else if (by > 1) {
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

// ComfyUI gives pictures without a mask one of this size.
bool stands_for_none(Size mask, Size picture) {
  const Size none{kNoMaskSide, kNoMaskSide};
  return mask == none && picture != none;
}

Results<Image, int64_t, int64_t, Mask> resize(const Resize& in) {
  Tensor pixels = *in.image, mask = in.mask.value_or_empty();
  const Size now{pixels.dim(2), pixels.dim(1)};
  if (mask.defined() && stands_for_none({mask.dim(2), mask.dim(1)}, now)) mask = Tensor();
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
  if (p.has_border())
    std::tie(pixels, mask) = padded(pixels, mask, p.sides, border_of(in.keep_proportion), in.pad_color, "pad_color");
  const int64_t width = pixels.dim(2), height = pixels.dim(1);
  if (!mask.defined()) mask = Tensor::zeros({1, kNoMaskSide, kNoMaskSide});
  return {std::move(pixels), width, height, std::move(mask)};
}

Foreseen<Image, int64_t, int64_t, Mask> foresee_resize(const Known<Resize>& in, Call& call) {
  const ForeseenPicture* known = in(&Resize::image);
  const ForeseenMask* mask = in(&Resize::mask);
  if (!known) return {};
  Resize values;
  values.width = in(&Resize::width);
  values.height = in(&Resize::height);
  values.keep_proportion = in(&Resize::keep_proportion);
  values.crop_position = in(&Resize::crop_position);
  values.divisible_by = in(&Resize::divisible_by);
  const Plan p = plan(values, size_of(*known));
  const Size size = p.whole();
  const ForeseenPicture out = in_size(*known, size);
  std::optional<ForeseenMask> out_mask;
  if (mask && !stands_for_none({mask->width, mask->height}, size_of(*known)))
    out_mask = ForeseenMask{size.width, size.height, mask->count};
  else if (mask || !call.awaits("mask"))
    out_mask = p.has_border() ? mask_of(out) : ForeseenMask{kNoMaskSide, kNoMaskSide, 1};
  return {out, size.width, size.height, out_mask};
}

void check_resize(const Resize& in) {
  if (in.on_card && in.upscale_method == "lanczos")
    throw Error(Fault::kInvalid, "lanczos is not for a graphics card").at_input("device").fix("Choose 'cpu'");
}

// --- ImagePadKJ ---

struct Pad {
  Linked<Image> image;
  int64_t left = 0, right = 0, top = 0, bottom = 0, extra_padding = 0;
  Border pad_mode = Border::kMeanEdge;
  std::string color = "0, 0, 0";
  MaybeLinked<Mask> mask;
  std::optional<int64_t> target_width, target_height;
};

Plan padding(const Pad& in, Size now) {
  const int64_t extra = in.extra_padding;
  if (!in.target_width || !in.target_height)
    return {now, {in.left + extra, in.top + extra, in.right + extra, in.bottom + extra}};
  const Size size{now.width - extra, now.height - extra};
  const int64_t more_x = *in.target_width - size.width, more_y = *in.target_height - size.height;
  if (more_x < 0 || more_y < 0)
    throw Error(Fault::kInvalid, "the picture is larger than the size it is to be padded to")
        .at_input(more_x < 0 ? "target_width" : "target_height");
  return {size, {more_x / 2, more_y / 2, more_x - more_x / 2, more_y - more_y / 2}};
}

Results<Image, Mask> pad(const Pad& in) {
  Tensor pixels = *in.image, mask = in.mask.value_or_empty();
  const Size now = image::size_of(pixels);
  if (mask.defined() && (mask.dim(1) != now.height || mask.dim(2) != now.width))
    mask = image::as_mask(image::resize(image::as_picture(mask), now, image::ResizeMethod::kNearestExact));
  const Plan p = padding(in, now);
  if (p.size != now) pixels = image::resize(pixels, p.size, image::ResizeMethod::kLanczos);
  auto [out, out_mask] = padded(pixels, mask, p.sides, in.pad_mode, in.color, "color");
  return {std::move(out), std::move(out_mask)};
}

Foreseen<Image, Mask> foresee_pad(const Known<Pad>& in, Call& call) {
  const ForeseenPicture* known = in(&Pad::image);
  const ForeseenMask* mask = in(&Pad::mask);
  if (!known) return {};
  Pad values;
  values.left = in(&Pad::left);
  values.right = in(&Pad::right);
  values.top = in(&Pad::top);
  values.bottom = in(&Pad::bottom);
  values.extra_padding = in(&Pad::extra_padding);
  values.target_width = in(&Pad::target_width);
  values.target_height = in(&Pad::target_height);
  if (call.awaits("target_width") || call.awaits("target_height")) return {};
  const Plan p = padding(values, size_of(*known));
  const ForeseenPicture out = in_size(*known, p.whole());
  std::optional<ForeseenMask> out_mask;
  // A mask keeps the size that the picture had, as in the original.
  const Size of_mask = Plan{size_of(*known), p.sides}.whole();
  if (mask) out_mask = ForeseenMask{of_mask.width, of_mask.height, mask->count};
  else if (!call.awaits("mask")) out_mask = mask_of(out);
  return {out, out_mask};
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

Foreseen<Image> foresee_match(const Known<Match>& in) {
  const ForeseenPicture* target = in(&Match::image_target);
  const ForeseenPicture* reference = in(&Match::image_ref);
  if (!target || !reference) return {};
  ForeseenPicture out = *target;
  if (in(&Match::strength) != 0 && out.channels == 4 && reference->channels == 3) out.channels = 3;
  return {out};
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
                          .run = match,
                          .foresee = foresee_match});
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
                        {{"edge", Border::kMeanEdge}, {"edge_pixel", Border::kNearest}, {"color", Border::kColour}}),
                 Text("color", &Pad::color), Link("mask", &Pad::mask),
                 Int("target_width", &Pad::target_width).range(0, kMaxSide).step(1).link_only().optional(),
                 Int("target_height", &Pad::target_height).range(0, kMaxSide).step(1).link_only().optional()},
      .outputs = {{"images"}, {"masks"}},
      .run = pad,
      .foresee = foresee_pad});
  add_colours(table);
}

}  // namespace easel::nodes
