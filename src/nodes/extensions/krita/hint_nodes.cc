// Hints for ControlNets out of pictures, by preprocessors of comfyui_controlnet_aux that need no network.
#include <algorithm>

#include "base/cancel.h"
#include "image/hints/shuffle.h"
#include "node_api/table.h"
#include "nodes/extensions/krita/hint_pictures.h"

namespace easel::nodes {
namespace {

using image::BytePicture;

constexpr const char* kLines = "ControlNet Preprocessors/Line Extractors";

struct CannyEdge {
  Linked<Image> image;
  int64_t low_threshold = 100, high_threshold = 200, resolution = 512;
};

Results<Image> canny_edge(const CannyEdge& in, Call& call) {
  return {preprocessed(*in.image, in.resolution, image::ByteFilter::kCubic, call, [&](const BytePicture& picture) {
    return image::canny_bytes(picture, static_cast<int>(in.low_threshold), static_cast<int>(in.high_threshold));
  })};
}

struct Scribble {
  Linked<Image> image;
  int64_t resolution = 512;
};

// White where no channel is dark.
BytePicture bright_parts(const BytePicture& picture) {
  constexpr uint8_t kDark = 127, kWhite = 255;
  BytePicture out(picture.height, picture.width, 1);
  for (size_t i = 0; i < out.data.size(); ++i) {
    if (i % static_cast<size_t>(out.width) == 0) poll_cancelled();
    out.data[i] =
        std::min({picture.data[3 * i], picture.data[3 * i + 1], picture.data[3 * i + 2]}) < kDark ? 0 : kWhite;
  }
  return out;
}

struct Shuffle {
  Linked<Image> image;
  int64_t resolution = 512;
  uint64_t seed = 0;
};

struct Enhance {
  Linked<Image> hint_image;
  int64_t image_gen_width = 512, image_gen_height = 512;
  image::HintFit resize_mode = image::HintFit::kStretch;
};

Results<Image> enhance(const Enhance& in, Call& call) {
  std::vector<BytePicture> out;
  for (int64_t n = 0; n < in.hint_image->dim(0); ++n) {
    call.check_cancelled();
    out.push_back(image::hint_resized(image::byte_picture(*in.hint_image, n), {in.image_gen_width, in.image_gen_height},
                                      in.resize_mode));
  }
  return {image::picture_of(out)};
}

}  // namespace

void register_hint_nodes(Table& table) {
  table.add(
      NodeOf<CannyEdge>{.name = "CannyEdgePreprocessor",
                        .display = "Canny Edge",
                        .category = kLines,
                        .description = "Finds edges, for a ControlNet that follows them.",
                        .origin = "controlnet_aux",
                        .inputs = {Link("image", &CannyEdge::image),
                                   Int("low_threshold", &CannyEdge::low_threshold)
                                       .range(0, 255)
                                       .step(1)
                                       .optional()
                                       .tip("Edges weaker than this are left out."),
                                   Int("high_threshold", &CannyEdge::high_threshold)
                                       .range(0, 255)
                                       .step(1)
                                       .optional()
                                       .tip("Edges stronger than this are kept, and weaker ones that touch them."),
                                   resolution_input(&CannyEdge::resolution)},
                        .run = canny_edge,
                        .foresee = [](const Known<CannyEdge>& in) {
                          return foresee_hint(in(&CannyEdge::image), in(&CannyEdge::resolution));
                        }});
  table.add(NodeOf<Scribble>{
      .name = "ScribblePreprocessor",
      .display = "Scribble Lines",
      .category = kLines,
      .description = "White where a drawing is bright, black elsewhere.",
      .origin = "controlnet_aux",
      .inputs = {Link("image", &Scribble::image), resolution_input(&Scribble::resolution)},
      .run = [](const Scribble& in, Call& call) -> Results<Image> {
        return {preprocessed(*in.image, in.resolution, image::ByteFilter::kArea, call, bright_parts)};
      },
      .foresee =
          [](const Known<Scribble>& in) { return foresee_hint(in(&Scribble::image), in(&Scribble::resolution)); }});
  table.add(NodeOf<Shuffle>{
      .name = "ShufflePreprocessor",
      .display = "Content Shuffle",
      .category = "ControlNet Preprocessors/T2IAdapter-only",
      .description =
          "Moves the pixels about by smooth noise, for a ControlNet that takes only what a picture is made of.",
      .origin = "controlnet_aux",
      .inputs = {Link("image", &Shuffle::image), resolution_input(&Shuffle::resolution),
                 Seed("seed", &Shuffle::seed).optional()},
      .run = [](const Shuffle& in, Call& call) -> Results<Image> {
        return {preprocessed(*in.image, in.resolution, image::ByteFilter::kCubic, call,
                             [&](const BytePicture& picture) { return image::shuffled(picture, in.seed); })};
      },
      .foresee = [](const Known<Shuffle>& in) { return foresee_hint(in(&Shuffle::image), in(&Shuffle::resolution)); }});
  table.add(NodeOf<Enhance>{
      .name = "HintImageEnchance",
      .display = "Enchance And Resize Hint Images",
      .category = "ControlNet Preprocessors",
      .description = "Brings hints to the size of the picture to be made, so that lines stay lines.",
      .origin = "controlnet_aux",
      .inputs = {Link("hint_image", &Enhance::hint_image),
                 Int("image_gen_width", &Enhance::image_gen_width).range(64, 8192).step(8).useful(256, 1536, 64),
                 Int("image_gen_height", &Enhance::image_gen_height).range(64, 8192).step(8).useful(256, 1536, 64),
                 Choice("resize_mode", &Enhance::resize_mode,
                        {{"Just Resize", image::HintFit::kStretch},
                         {"Crop and Resize", image::HintFit::kCrop},
                         {"Resize and Fill", image::HintFit::kFill}})},
      .run = enhance,
      .foresee = [](const Known<Enhance>& in) -> Foreseen<Image> {
        const ForeseenPicture* hint = in(&Enhance::hint_image);
        if (!hint) return {};
        return {ForeseenPicture{in(&Enhance::image_gen_width), in(&Enhance::image_gen_height), hint->count}};
      }});
}

}  // namespace easel::nodes
