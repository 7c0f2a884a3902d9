// Nodes of ComfyUI-KJNodes (github.com/kijai/ComfyUI-KJNodes): constants, texts, sizes.
#include <algorithm>
#include <cmath>

#include "image/edit/pictures.h"
#include "image/scale/resize.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/python/texts.h"
#include "nodes/common/python/values_as_text.h"
#include "nodes/common/sizes.h"

namespace easel::nodes {
namespace {

constexpr const char* kOrigin = "kjnodes";

// --- Constants and texts ---

struct WholeNumber {
  int64_t value = 0;
};
struct Number {
  double value = 0.0;
};
struct YesOrNo {
  bool value = true;
};
struct Words {
  std::string string;
};
struct Lines {
  std::string string;
  bool strip_newlines = true;
};
struct Join {
  std::string delimiter = " ", string1, string2;
};
struct AsText {
  Linked<Anything> input;
  std::string prefix, suffix;
};

Results<std::string> lines(const Lines& in) {
  if (!in.strip_newlines) return {in.string};
  std::string text = in.string;
  std::erase(text, '\n');
  return {stripped(text)};
}

Results<std::string> something(const AsText& in) {
  if (!has_text(in.input.value()))
    throw Error(Fault::kInvalid, "a " + in.input.value().type() + " has no text")
        .at_input("input")
        .fix("Link a number, a flag or a text");
  return {in.prefix + as_text(in.input.value()) + in.suffix};
}

void add_constants(Table& table) {
  constexpr const char* kCategory = "KJNodes/constants";
  constexpr double kFar = 18446744073709551615.0;
  table.add(NodeOf<WholeNumber>{.name = "INTConstant",
                                .display = "INT Constant",
                                .category = kCategory,
                                .description = "A whole number.",
                                .origin = kOrigin,
                                .inputs = {Int("value", &WholeNumber::value).range(-INT64_MAX, INT64_MAX)},
                                .outputs = {{"value"}},
                                .run = [](const WholeNumber& in) -> Results<int64_t> { return {in.value}; }});
  table.add(NodeOf<Number>{
      .name = "FloatConstant",
      .display = "Float Constant",
      .category = kCategory,
      .description = "A number, rounded to six digits after the point.",
      .origin = kOrigin,
      .inputs = {Float("value", &Number::value).range(-kFar, kFar).step(0.00001)},
      .outputs = {{"value"}},
      .run = [](const Number& in) -> Results<double> { return {std::nearbyint(in.value * 1e6) / 1e6}; }});
  table.add(NodeOf<YesOrNo>{.name = "BOOLConstant",
                            .display = "BOOL Constant",
                            .category = kCategory,
                            .description = "Yes or no.",
                            .origin = kOrigin,
                            .inputs = {Bool("value", &YesOrNo::value)},
                            .outputs = {{"value"}},
                            .run = [](const YesOrNo& in) -> Results<bool> { return {in.value}; }});
  table.add(NodeOf<Words>{.name = "StringConstant",
                          .display = "String Constant",
                          .category = kCategory,
                          .description = "A text.",
                          .origin = kOrigin,
                          .inputs = {Text("string", &Words::string).names_embeddings()},
                          .run = [](const Words& in) -> Results<std::string> { return {in.string}; }});
  table.add(NodeOf<Lines>{.name = "StringConstantMultiline",
                          .display = "String Constant Multiline",
                          .category = kCategory,
                          .description = "A text of several lines, which may be joined.",
                          .origin = kOrigin,
                          .inputs = {Text("string", &Lines::string).multiline().names_embeddings(),
                                     Bool("strip_newlines", &Lines::strip_newlines)},
                          .run = lines});
  table.add(NodeOf<Join>{
      .name = "JoinStrings",
      .display = "Join Strings",
      .category = "KJNodes/text",
      .description = "Joins two texts.",
      .origin = kOrigin,
      .inputs = {Text("delimiter", &Join::delimiter).names_embeddings(),
                 Text("string1", &Join::string1).link_only().optional(),
                 Text("string2", &Join::string2).link_only().optional()},
      .run = [](const Join& in) -> Results<std::string> { return {in.string1 + in.delimiter + in.string2}; }});
  table.add(NodeOf<AsText>{.name = "SomethingToString",
                           .display = "Something To String",
                           .category = "KJNodes/text",
                           .description = "Turns a number or a flag into text.",
                           .origin = kOrigin,
                           .inputs = {Link("input", &AsText::input), Text("prefix", &AsText::prefix).optional(),
                                      Text("suffix", &AsText::suffix).optional()},
                           .run = something});
}

// --- Sizes ---

struct OnePicture {
  Linked<Image> image;
};
struct OneLatent {
  Linked<Latent> latent;
};
struct Range {
  int64_t start_index = 0, num_frames = 1;
  MaybeLinked<Image> images;
  MaybeLinked<Mask> masks;
};
struct WantedSize {
  int64_t width = 512, height = 512;
  bool keep_proportion = false;
  int64_t divisible_by = 2;
};
struct Resize : WantedSize {
  Linked<Image> image;
  std::string upscale_method;
  MaybeLinked<Image> get_image_size;
  std::string crop = "disabled";
};

Results<Image, int64_t, int64_t, int64_t> size_and_count(const OnePicture& in, Call& call) {
  const int64_t width = in.image->dim(2), height = in.image->dim(1), count = in.image->dim(0);
  call.show_text(std::to_string(count) + "x" + std::to_string(width) + "x" + std::to_string(height));
  return {in.image, width, height, count};
}

Foreseen<Image, int64_t, int64_t, int64_t> foresee_counted(const Known<OnePicture>& in, Call& call) {
  const ForeseenPicture* known = in(&OnePicture::image);
  if (!known) return {};
  // A file may hold fewer pictures of one size than it says.
  return {Handed{*call.linked("image")}, known->width, known->height, std::nullopt};
}

Results<Latent, int64_t, int64_t, int64_t, int64_t, int64_t> latent_size(const OneLatent& in, Call& call) {
  const Tensor& t = in.latent->samples;
  const int64_t count = t.dim(0), channels = t.dim(3), height = t.dim(1), width = t.dim(2);
  call.show_text(std::to_string(count) + "x" + std::to_string(channels) + "x0x" + std::to_string(height) + "x" +
                 std::to_string(width));
  return {in.latent, count, channels, int64_t{0}, height, width};
}

Foreseen<Latent, int64_t, int64_t, int64_t, int64_t, int64_t> foresee_latent_size(const Known<OneLatent>& in,
                                                                                  Call& call) {
  const ForeseenLatent* known = in(&OneLatent::latent);
  if (!known) return {};
  return {Handed{*call.linked("latent")}, std::nullopt, known->channels, int64_t{0}, known->height, known->width};
}

// A start of -1 takes the last ones. As in the original, the start that was found for pictures is used for masks too.
Tensor range(const Tensor& batch, int64_t& start, int64_t count, const char* input) {
  if (start == -1) start = std::max<int64_t>(0, batch.dim(0) - count);
  if (start < 0 || start >= batch.dim(0))
    throw Error(Fault::kInvalid, "there are " + std::to_string(batch.dim(0)) + ", and those from " +
                                     std::to_string(start) + " on are asked for")
        .at_input(input);
  return contiguous(batch.slice(0, start, std::min(count, batch.dim(0) - start)));
}

Results<Image, Mask> range_of(const Range& in) {
  int64_t start = in.start_index;
  std::optional<Tensor> images, masks;
  if (in.images) images = range(*in.images, start, in.num_frames, "images");
  if (in.masks) masks = range(*in.masks, start, in.num_frames, "masks");
  return {std::move(images), std::move(masks)};
}

Foreseen<Image, Mask> foresee_range(const Known<Range>& in, Call& call) {
  const ForeseenPicture* images = in(&Range::images);
  const ForeseenMask* masks = in(&Range::masks);
  int64_t start = in(&Range::start_index);
  if (start == -1 && !images && (call.linked("images") || call.awaits("images"))) return {};
  const auto number = [&](int64_t whole) {
    if (start == -1) start = std::max<int64_t>(0, whole - in(&Range::num_frames));
    return std::clamp<int64_t>(whole - start, 0, in(&Range::num_frames));
  };
  std::optional<ForeseenPicture> some_images;
  std::optional<ForeseenMask> some_masks;
  if (images) some_images = in_number(*images, number(images->count));
  if (masks) some_masks = in_number(*masks, number(masks->count));
  return {some_images, some_masks};
}

image::Size wanted_size(const WantedSize& in, image::Size now) {
  const auto w = static_cast<double>(now.width), h = static_cast<double>(now.height);
  auto width = static_cast<double>(in.width), height = static_cast<double>(in.height);
  image::Size out{in.width, in.height};
  if (in.keep_proportion) {
    if (in.width == 0 && in.height != 0) {
      out.width = image::round_half_even(w * (height / h));
    } else if (in.height == 0 && in.width != 0) {
      out.height = image::round_half_even(h * (width / w));
    } else if (in.width != 0) {
      out = image::scaled_by(now, std::min(width / w, height / h));
    }
  } else {
    if (in.width == 0) out.width = now.width;
    if (in.height == 0) out.height = now.height;
  }
  if (in.divisible_by > 1) out = {out.width - out.width % in.divisible_by, out.height - out.height % in.divisible_by};
  return out;
}

Results<Image, int64_t, int64_t> resize(const Resize& in) {
  const image::Size size =
      in.get_image_size ? image::size_of(*in.get_image_size) : wanted_size(in, image::size_of(*in.image));
  if (size.width < 1 || size.height < 1)
    throw Error(Fault::kInvalid,
                "nothing is left of a picture at " + std::to_string(size.width) + "x" + std::to_string(size.height))
        .at_input(size.width < 1 ? "width" : "height");
  return {image::upscale(*in.image, size, image::resize_method(in.upscale_method), image::crop_mode(in.crop)),
          size.width, size.height};
}

Foreseen<Image, int64_t, int64_t> foresee_resized(const Known<Resize>& in, Call& call) {
  const ForeseenPicture *known = in(&Resize::image), *like = in(&Resize::get_image_size);
  if (!known) return {};
  for (const char* input : {"width", "height", "keep_proportion", "divisible_by", "get_image_size"})
    if (call.awaits(input)) return {};
  if (!like && call.linked("get_image_size")) return {};
  const image::Size size = like ? size_of(*like)
                                : wanted_size({in(&Resize::width), in(&Resize::height), in(&Resize::keep_proportion),
                                               in(&Resize::divisible_by)},
                                              size_of(*known));
  if (size.width < 1 || size.height < 1) return {};
  return {in_size(*known, size), size.width, size.height};
}

void add_sizes(Table& table) {
  table.add(NodeOf<OnePicture>{.name = "GetImageSizeAndCount",
                               .display = "Get Image Size & Count",
                               .category = "KJNodes/image",
                               .description = "The size of pictures, and their number.",
                               .origin = kOrigin,
                               .inputs = {Link("image", &OnePicture::image)},
                               .outputs = {{"image"}, {"width"}, {"height"}, {"count"}},
                               .run = size_and_count,
                               .foresee = foresee_counted});
  table.add(NodeOf<OneLatent>{
      .name = "GetLatentSizeAndCount",
      .display = "Get Latent Size & Count",
      .category = "KJNodes/image",
      .description = "The dimensions of latents. The number of frames is 0, since they are not videos.",
      .origin = kOrigin,
      .inputs = {Link("latent", &OneLatent::latent)},
      .outputs = {{"latent"}, {"batch_size"}, {"channels"}, {"frames"}, {"height"}, {"width"}},
      .run = latent_size,
      .foresee = foresee_latent_size});
  table.add(NodeOf<Range>{
      .name = "GetImageRangeFromBatch",
      .display = "Get Image or Mask Range From Batch",
      .category = "KJNodes/image",
      .description = "Takes consecutive pictures or masks out of a batch; a start of -1 takes the last ones.",
      .origin = kOrigin,
      .inputs = {Int("start_index", &Range::start_index).range(-1, 4096).step(1),
                 Int("num_frames", &Range::num_frames).range(1, 4096).step(1), Link("images", &Range::images),
                 Link("masks", &Range::masks)},
      .run = range_of,
      .foresee = foresee_range});
  table.add(
      NodeOf<Resize>{.name = "ImageResizeKJ",
                     .display = "Resize Image",
                     .category = "KJNodes/image",
                     .description = "Resizes pictures to a size, or to the size of another picture.",
                     .origin = kOrigin,
                     .inputs = {Link("image", &Resize::image), Int("width", &Resize::width).range(0, kMaxSide).step(1),
                                Int("height", &Resize::height).range(0, kMaxSide).step(1),
                                Choice("upscale_method", &Resize::upscale_method,
                                       {"nearest-exact", "bilinear", "area", "bicubic", "lanczos"}),
                                Bool("keep_proportion", &Resize::keep_proportion),
                                Int("divisible_by", &Resize::divisible_by).range(0, 512).step(1),
                                Link("get_image_size", &Resize::get_image_size),
                                Choice("crop", &Resize::crop, {"disabled", "center"}).optional()},
                     .outputs = {{"IMAGE"}, {"width"}, {"height"}},
                     .run = resize,
                     .foresee = foresee_resized});
}

}  // namespace

void register_kjnodes_nodes(Table& table) {
  add_constants(table);
  add_sizes(table);
}

}  // namespace easel::nodes
