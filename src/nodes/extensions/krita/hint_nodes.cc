// Hints for ControlNets out of pictures, by those preprocessors of comfyui_controlnet_aux that need no network.
#include <algorithm>

#include "base/cancel.h"
#include "image/hints/hints.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"

namespace easel::nodes {
namespace {

using image::BytePicture;

constexpr const char* kLines = "ControlNet Preprocessors/Line Extractors";

template <class P>
Input<P> resolution_input(int64_t P::*member) {
  return Int("resolution", member)
      .range(64, 16384)
      .step(64)
      .useful(256, 1024, 64)
      .optional()
      .tip("Of the shorter side; the hint is made at this size.");
}

// Each picture of a batch by itself, at a resolution, with what was added to make it whole multiples of 64 gone again.
template <class F>
Tensor preprocessed(const Tensor& pictures, int64_t resolution, image::ByteFilter when_growing, Call& call,
                    const F& hint) {
  std::vector<BytePicture> out;
  for (int64_t n = 0; n < pictures.dim(0); ++n) {
    call.check_cancelled();
    const BytePicture picture = image::byte_picture(pictures, n);
    if (picture.channels != 3)
      throw Error(Fault::kInvalid,
                  "a picture of " + std::to_string(picture.channels) + " channels where three are needed")
          .at_input("image");
    const image::PaddedHint padded = image::padded_hint(picture, resolution, when_growing);
    out.push_back(image::unpadded(hint(padded.picture), padded.size));
  }
  return image::picture_of(out);
}

// The size of what preprocessed() gives.
Foreseen<Image> foresee_hint(const ForeseenPicture* pictures, int64_t resolution) {
  if (!pictures || pictures->width < 1 || pictures->height < 1) return {};
  ForeseenPicture out = in_size(*pictures, image::hint_size(size_of(*pictures), resolution));
  out.channels = 3;
  return {out};
}

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
