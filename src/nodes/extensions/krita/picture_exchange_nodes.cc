// Pictures that a client and the server hand to each other by an id (comfyui-tooling-nodes), and what its prompts hold
// beside: alpha, translation, a filter.
#include "artifacts/exchange.h"
#include "formats/pictures/picture.h"
#include "image/edit/masks.h"
#include "image/edit/pictures.h"
#include "image/hints/byte_picture.h"
#include "image/scale/resize.h"
#include "node_api/table.h"
#include "ops/elementwise.h"
#include "tensor/mapped_file.h"

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

namespace easel::nodes {
namespace {

constexpr const char* kCategory = "external_tooling";

// --- By id ---

struct LoadCached {
  std::string id;
};

std::filesystem::path cached_file(const Call& call, const std::string& id) {
  try {
    if (auto file = call.context().artifacts.find(artifacts::exchanged(id), NameFrom::kUser)) return *file;
    throw Error(Fault::kMissing, "the server has no picture '" + id + "'")
        .fix("Send it with PUT /api/etn/image/" + id + " before the workflow; pictures go when the server starts anew");
  } catch (Error& e) {
    throw e.at_input("id");
  }
}

// The first frame, as [1,H,W,3], and as a mask what it has in its alpha, or else in its red channel.
Results<Image, Mask> load_cached(const LoadCached& in, Call& call) {
  const MappedFile file = MappedFile::open(cached_file(call, in.id));
  formats::Raster raster = formats::decode_raster(file.bytes(), 1);
  if (!raster.warning.empty()) call.warn("picture '" + in.id + "' is read as far as it goes: " + raster.warning);
  const auto picture = [&raster](const std::vector<uint8_t>& bytes, int64_t channels) {
    image::BytePicture out;
    out.height = raster.height;
    out.width = raster.width;
    out.channels = channels;
    out.data.assign(bytes.begin(), bytes.end());
    return image::picture_of({std::move(out)});
  };
  Tensor image = picture(raster.rgb, 3);
  Tensor mask = raster.has_alpha_channel ? image::as_mask(picture(raster.alpha, 1)) : image::channel_mask(image, 0);
  return {std::move(image), std::move(mask)};
}

Foreseen<Image, Mask> foresee_cached(const Known<LoadCached>& in, Call& call) {
  if (call.awaits("id")) return {};
  const auto info = formats::inspect_picture_file(cached_file(call, in(&LoadCached::id)));
  return {ForeseenPicture{info.width, info.height, 1}, std::nullopt};
}

struct SaveCached {
  Linked<Image> images;
  std::string format = "PNG";
};

void save_cached(const SaveCached& in, Call& call) {
  constexpr int kCompression = 1, kQuality = 95;
  const Tensor& images = *in.images;
  const bool jpeg = in.format == "JPEG";
  for (int64_t i = 0; i < images.dim(0); ++i) {
    call.check_cancelled();
    const Tensor one = contiguous(images.slice(0, i, 1));
    const artifacts::Name kept = call.context().artifacts.put(
        artifacts::exchanged(artifacts::new_exchange_id()),
        jpeg ? formats::encode_jpeg(one, kQuality) : formats::encode_png(one, {}, kCompression),
        artifacts::IfTaken::kReplace);
    UiFile shown{kept.file, kept.subfolder, artifacts::area_name(kept.area)};
    shown.sent_as = jpeg ? "image/jpeg" : "image/png";
    call.show("images", std::move(shown));
  }
}

// --- Alpha ---

struct ApplyMask {
  Linked<Image> image;
  Linked<Mask> mask;
};

// The mask as the pictures' alpha; one mask serves all of them, and so does the first of another number.
Results<Image> apply_mask(const ApplyMask& in) {
  const Tensor &image = *in.image, &mask = *in.mask;
  image::require_image(image, "image");
  image::require_mask(mask, "mask");
  const int64_t channels = image.dim(3), count = image.dim(0);
  if (mask.dim(1) != image.dim(1) || mask.dim(2) != image.dim(2))
    throw Error(Fault::kInvalid, "the mask is " + std::to_string(mask.dim(2)) + "x" + std::to_string(mask.dim(1)) +
                                     " pixels large, the picture " + std::to_string(image.dim(2)) + "x" +
                                     std::to_string(image.dim(1)))
        .at_input("mask")
        .fix("Resize the mask to the picture");
  if (channels != 3 && channels != 4)
    throw Error(Fault::kInvalid, "a picture of " + std::to_string(channels) + " channels has no place for an alpha")
        .at_input("image");
  const Tensor alpha = mask.dim(0) == count ? mask : ops::repeat(mask.slice(0, 0, 1), count);
  return {ops::concat({image.slice(3, 0, 3), image::as_picture(alpha)}, 3)};
}

// --- Texts ---

struct TextToTranslate {
  std::string text;
};

std::string trimmed(const std::string& text) {
  const auto blank = [](unsigned char c) { return std::isspace(c) != 0; };
  const auto begin = std::find_if_not(text.begin(), text.end(), blank);
  const auto end = std::find_if_not(text.rbegin(), std::make_reverse_iterator(begin), blank).base();
  return {begin, end};
}

bool is_letter(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The parts between "lang:en" marks, joined by blanks. Another language would have to be translated.
std::string without_language_marks(const std::string& text) {
  constexpr std::string_view kMark = "lang:";
  std::vector<std::string> parts;
  size_t from = 0;
  for (size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + 1)) {
    const size_t code = at + kMark.size();
    if (code + 2 > text.size() || !is_letter(text[code]) || !is_letter(text[code + 1])) continue;
    if (const std::string language = text.substr(code, 2); language != "en")
      throw Error(Fault::kUnsupported, "there is no translation here: the text asks for 'lang:" + language + "'")
          .at_input("text")
          .fix("Write the prompt in English, or mark it as such with lang:en");
    parts.push_back(trimmed(text.substr(from, at - from)));
    from = code + 2;
  }
  parts.push_back(trimmed(text.substr(from)));
  std::string out;
  for (const std::string& part : parts)
    if (!part.empty()) out += (out.empty() ? "" : " ") + part;
  return out;
}

Results<std::string> translate(const TextToTranslate& in) { return {without_language_marks(in.text)}; }

void check_text(const TextToTranslate& in) { without_language_marks(in.text); }

// --- The filter ---

struct Filter {
  Linked<Image> image;
  double sensitivity = 0.5;
};

void refuse_filter(const Filter&) {
  throw Error(Fault::kUnsupported, "there is no filter for explicit pictures here: nothing would be filtered")
      .at_input("sensitivity")
      .fix("Turn the filter off in the client's settings");
}

}  // namespace

void register_picture_exchange_nodes(Table& table) {
  table.add(NodeOf<LoadCached>{
      .name = "ETN_LoadImageCache",
      .display = "Load Image from Cache",
      .category = kCategory,
      .description = "Takes a picture that a client has sent to the server under an id. The mask is its alpha, or else "
                     "its red channel.",
      .origin = "tooling",
      .inputs = {Text("id", &LoadCached::id).no_default().tip("As in PUT /api/etn/image/ID.")},
      .run = load_cached,
      .foresee = foresee_cached});
  table.add(NodeOf<SaveCached>{
      .name = "ETN_SaveImageCache",
      .display = "Save Image to Cache",
      .category = kCategory,
      .description = "Keeps pictures for a while, for the client to fetch by the ids that it is told.",
      .origin = "tooling",
      .inputs = {Link("images", &SaveCached::images).tip("The pictures to keep."),
                 Choice("format", &SaveCached::format, {"PNG", "JPEG"})},
      .output_node = true,
      .always = true,
      .run = save_cached});
  table.add(NodeOf<ApplyMask>{.name = "ETN_ApplyMaskToImage",
                              .display = "Apply Mask to Image",
                              .category = kCategory,
                              .description = "Gives pictures a mask as their alpha.",
                              .origin = "tooling",
                              .inputs = {Link("image", &ApplyMask::image), Link("mask", &ApplyMask::mask)},
                              .outputs = {{"masked"}},
                              .run = apply_mask,
                              .foresee = [](const Known<ApplyMask>& in) -> Foreseen<Image> {
                                const ForeseenPicture* known = in(&ApplyMask::image);
                                if (!known) return {};
                                ForeseenPicture out = *known;
                                out.channels = 4;
                                return {out};
                              }});
  table.add(NodeOf<TextToTranslate>{
      .name = "ETN_Translate",
      .display = "Translate Text",
      .category = kCategory,
      .description = "Hands on a text in English, without its marks lang:en. Other languages are not translated here.",
      .origin = "tooling",
      .inputs = {Text("text", &TextToTranslate::text).multiline().names_embeddings()},
      .outputs = {{"translation"}},
      .run = translate,
      .check = check_text});
  table.add(NodeOf<Filter>{
      .name = "ETN_NSFWFilter",
      .display = "NSFW Filter",
      .category = kCategory,
      .description = "Refused: there is no filter here, and pictures must not pass as if they had been looked at.",
      .origin = "tooling",
      .inputs = {Link("image", &Filter::image), Float("sensitivity", &Filter::sensitivity).range(0.0, 1.0).step(0.01)},
      .run = [](const Filter& in) -> Results<Image> {
        refuse_filter(in);
        return {in.image};
      },
      .check = refuse_filter});
}

}  // namespace easel::nodes
