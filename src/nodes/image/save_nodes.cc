// Nodes that save, preview and send pictures.
#include "base/error.h"
#include "formats/pictures/animation.h"
#include "formats/pictures/picture.h"
#include "image/edit/masks.h"
#include "node_api/files.h"
#include "node_api/table.h"

#include <random>
#include <utility>

namespace easel::nodes {
namespace {

constexpr int kSavedCompression = 4, kPreviewCompression = 1;  // of zlib, as ComfyUI's
constexpr int kSentQuality = 95;                               // of JPEG

struct Target {
  artifacts::Area area = artifacts::Area::kOutput;
  int compression = kSavedCompression;
  const char* list = "images";  // under which they are shown
};
constexpr Target kPreview{artifacts::Area::kTemp, kPreviewCompression};

void save_one(Call& call, const Tensor& pixels, int64_t i, std::string name, const Target& target) {
  constexpr std::string_view kBatch = "%batch_num%";
  for (size_t at; (at = name.find(kBatch)) != std::string::npos;) name.replace(at, kBatch.size(), std::to_string(i));
  const std::string png =
      formats::encode_png(contiguous(pixels.slice(0, i, 1)), call.context().picture_text, target.compression);
  show_saved(call, target.list, call.context().artifacts.put_numbered(target.area, name, "png", png));
}

void save_all(Call& call, const Tensor& pixels, const std::string& prefix, const Target& target) {
  const std::string name = expand_prefix(prefix, pixels.dim(2), pixels.dim(1), call.context());
  for (int64_t i = 0; i < pixels.dim(0); ++i) {
    call.check_cancelled();
    save_one(call, pixels, i, name, target);
  }
}

// Sends pictures to the client as `content_type`. If no client takes them, they are saved, so that they are not lost.
void send_all(Call& call, const Tensor& pixels, const std::string& content_type, bool show) {
  const Context& context = call.context();
  const auto count = static_cast<int>(pixels.dim(0));
  bool told = false;
  for (int i = 0; i < count; ++i) {
    call.check_cancelled();
    const Tensor one = contiguous(pixels.slice(0, i, 1));
    const bool taken =
        context.events.send_picture({i, count, content_type,
                                     content_type == "image/jpeg" ? formats::encode_jpeg(one, kSentQuality)
                                                                  : formats::encode_png(one, {}, kPreviewCompression)});
    if (taken && show) call.show("images", {{}, {}, "output", content_type});
    if (taken) continue;
    if (!std::exchange(told, true)) call.warn("no client takes the picture: it is saved in the output folder");
    save_one(call, pixels, i, "ComfyUI", {});
  }
}

// The previews of all runs share a folder; five random letters keep their names apart.
std::string temp_prefix(const std::string& begin = "ComfyUI") {
  static thread_local std::mt19937 random{std::random_device{}()};
  std::string out = begin + "_temp_";
  for (int i = 0; i < 5; ++i) out += static_cast<char>('a' + random() % 26);
  return out;
}

struct Save {
  Linked<Image> images;
  std::string filename_prefix = "ComfyUI";
};

void save(const Save& in, Call& call) { save_all(call, *in.images, in.filename_prefix, {}); }

// --- Animations ---

// As ComfyUI takes it: whole milliseconds, cut.
int frame_ms(double fps) { return static_cast<int>(1000.0 / fps); }

void save_animation(Call& call, const Tensor& pixels, const std::string& prefix, const char* ending,
                    const std::string& file) {
  const std::string name = expand_prefix(prefix, pixels.dim(2), pixels.dim(1), call.context());
  show_saved(call, "images", call.context().artifacts.put_numbered(artifacts::Area::kOutput, name, ending, file));
}

struct SaveAnimation : Save {
  double fps = 6.0;
};

struct SavePngs : SaveAnimation {
  int64_t compress_level = 4;
};

void check_png_time(const SavePngs& in) {
  if (frame_ms(in.fps) > 65535)
    throw Error(Fault::kInvalid, "PNG shows a frame for 65.5 seconds at most").at_input("fps").fix("Take 0.02 or more");
}

void save_animated_png(const SavePngs& in, Call& call) {
  save_animation(call, *in.images, in.filename_prefix, "png",
                 formats::encode_animated_png(*in.images, call.context().picture_text, frame_ms(in.fps),
                                              static_cast<int>(in.compress_level)));
}

struct SaveWebps : SaveAnimation {
  bool lossless = true;
  int64_t quality = 80;
  int method = 4;
};

void save_animated_webp(const SaveWebps& in, Call& call) {
  save_animation(call, *in.images, in.filename_prefix, "webp",
                 formats::encode_animated_webp(*in.images, call.context().picture_text,
                                               {.frame_ms = frame_ms(in.fps),
                                                .lossless = in.lossless,
                                                .quality = static_cast<float>(in.quality),
                                                .method = in.method}));
}

struct Show {
  Linked<Image> images;
};

void preview(const Show& in, Call& call) { save_all(call, *in.images, temp_prefix(), kPreview); }

struct Compare {
  MaybeLinked<Image> image_a, image_b;
};

void compare(const Compare& in, Call& call) {
  const auto show = [&](const MaybeLinked<Image>& pixels, const char* list, const char* begin) {
    if (pixels) save_all(call, *pixels, temp_prefix(begin), {artifacts::Area::kTemp, kPreviewCompression, list});
  };
  show(in.image_a, "a_images", "comfy.compare.a");
  show(in.image_b, "b_images", "comfy.compare.b");
}

void send(const Show& in, Call& call) { send_all(call, *in.images, "image/png", /*show=*/false); }

struct Send {
  Linked<Image> images;
  std::string format = "PNG";
};

void send_in_format(const Send& in, Call& call) {
  send_all(call, *in.images, in.format == "JPEG" ? "image/jpeg" : "image/png", /*show=*/true);
}

struct ShowMask {
  Linked<Mask> mask;
};

void preview_mask(const ShowMask& in, Call& call) {
  save_all(call, image::mask_picture(*in.mask), temp_prefix(), {artifacts::Area::kTemp, kSavedCompression});
}

}  // namespace

void register_save_nodes(Table& table) {
  table.add(NodeOf<Save>{
      .name = "SaveImage",
      .display = "Save Image",
      .category = "image",
      .description = "Writes pictures into the output folder as PNG files that carry the workflow.",
      .inputs = {Link("images", &Save::images).tip("The pictures to write."),
                 Text("filename_prefix", &Save::filename_prefix)
                     .names_saved_files()
                     .added_later()
                     .tip("The beginning of the file name, before a number. May contain folders, %date:yyyy-MM-dd% and "
                          "%NODE.INPUT% for values of other nodes.")},
      .output_node = true,
      .hidden_prompt = true,
      .run = save});
  table.add(
      NodeOf<SavePngs>{.name = "SaveAnimatedPNG",
                       .category = "image/animation",
                       .description = "Writes a batch of pictures as one animated PNG that carries the workflow.",
                       .inputs = {Link("images", &SavePngs::images),
                                  Text("filename_prefix", &SavePngs::filename_prefix).names_saved_files(),
                                  Float("fps", &SavePngs::fps).range(0.01, 1000.0).step(0.01).tip("Pictures a second."),
                                  Int("compress_level", &SavePngs::compress_level).range(0, 9)},
                       .output_node = true,
                       .hidden_prompt = true,
                       .run = save_animated_png,
                       .check = check_png_time});
  table.add(NodeOf<SaveWebps>{
      .name = "SaveAnimatedWEBP",
      .category = "image/animation",
      .description = "Writes a batch of pictures as one animated WebP that carries the workflow.",
      .inputs = {Link("images", &SaveWebps::images),
                 Text("filename_prefix", &SaveWebps::filename_prefix).names_saved_files(),
                 Float("fps", &SaveWebps::fps).range(0.01, 1000.0).step(0.01).tip("Pictures a second."),
                 Bool("lossless", &SaveWebps::lossless),
                 Int("quality", &SaveWebps::quality).range(0, 100).tip("Of what is not lossless; else effort."),
                 Choice("method", &SaveWebps::method, {{"default", 4}, {"fastest", 0}, {"slowest", 6}})},
      .output_node = true,
      .hidden_prompt = true,
      .run = save_animated_webp});
  table.add(NodeOf<Show>{.name = "PreviewImage",
                         .display = "Preview Image",
                         .category = "image",
                         .description = "Shows pictures without keeping them: they go to the temp folder.",
                         .inputs = {Link("images", &Show::images).tip("The pictures to show.")},
                         .output_node = true,
                         .hidden_prompt = true,
                         .run = preview});
  table.add(NodeOf<Compare>{.name = "ImageCompare",
                            .display = "Image Compare",
                            .category = "image",
                            .description = "Shows pictures to be compared with each other.",
                            .inputs = {Link("image_a", &Compare::image_a), Link("image_b", &Compare::image_b)},
                            .output_node = true,
                            .experimental = true,
                            .hidden_prompt = true,
                            .run = compare});
  table.add(NodeOf<Show>{.name = "SaveImageWebsocket",
                         .category = "api/image",
                         .description =
                             "Sends pictures to the client that queued the workflow, as PNG files over its WebSocket "
                             "connection, in place of saving them. Where there is none they are saved.",
                         .inputs = {Link("images", &Show::images).tip("The pictures to send.")},
                         .output_node = true,
                         .always = true,
                         .run = send});
  table.add(NodeOf<Send>{.name = "ETN_SendImageWebSocket",
                         .display = "Send Image (WebSocket)",
                         .category = "external_tooling",
                         .description =
                             "Sends pictures to the client that queued the workflow, over its WebSocket connection. "
                             "Where there is none they are saved.",
                         .origin = "tooling",
                         .inputs = {Link("images", &Send::images).tip("The pictures to send."),
                                    Choice("format", &Send::format, {"PNG", "JPEG"}).added_later()},
                         .output_node = true,
                         .always = true,
                         .run = send_in_format});
  table.add(NodeOf<ShowMask>{.name = "MaskPreview",
                             .category = "mask",
                             .description = "Shows a mask as a grey picture.",
                             .inputs = {Link("mask", &ShowMask::mask)},
                             .output_node = true,
                             .hidden_prompt = true,
                             .run = preview_mask});
  table.add(NodeOf<ShowMask>{.name = "MaskPreview+",
                             .display = "Mask Preview",
                             .category = "essentials/mask",
                             .description = "Shows a mask as a grey picture.",
                             .origin = "essentials",
                             .inputs = {Link("mask", &ShowMask::mask)},
                             .output_node = true,
                             .hidden_prompt = true,
                             .run = preview_mask});
}

}  // namespace easel::nodes
