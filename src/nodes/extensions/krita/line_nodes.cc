// Lines and edges that networks draw, and those that none is needed for (comfyui_controlnet_aux).
#include "image/hints/lines.h"
#include "models/hints/lines/line_network.h"
#include "node_api/table.h"
#include "nodes/extensions/krita/hint_pictures.h"
#include "nodes/extensions/published_file.h"

namespace easel::nodes {
namespace {

using image::ByteFilter, image::BytePicture, models::LineHandle, models::LineKind;

constexpr const char* kKind = "controlnet_aux";
constexpr const char* kLines = "ControlNet Preprocessors/Line Extractors";
constexpr int64_t kSafeSteps = 2;

LineHandle load(Call& call, LineKind kind, const char* file_name = nullptr, const char* publisher = nullptr) {
  const models::LineNetworkNames& names = models::names_of(kind);
  const auto file =
      open_published(call, kKind, file_name ? file_name : names.file, publisher ? publisher : names.publisher);
  return models::load_line_network(call.context().residency, *file->tensors, kind, file->name());
}

struct Drawn {
  Linked<Image> image;
  bool coarse = false;
  int64_t resolution = 512;
};

LineHandle load_drawing(Call& call, bool coarse) {
  return load(call, LineKind::kDrawing, coarse ? "sk_model2.pth" : "sk_model.pth");
}

struct AnyPicture {
  Linked<Image> image;
  int64_t resolution = 512;
};

struct Standard {
  Linked<Image> image;
  double guassian_sigma = 6.0;
  int64_t intensity_threshold = 8, resolution = 512;
};

struct Safe {
  Linked<Image> image;
  bool safe = true;
  int64_t resolution = 512;
};

struct Tiny {
  Linked<Image> image;
  int64_t safe_steps = kSafeSteps, resolution = 512;
};

struct Straight {
  Linked<Image> image;
  double score_threshold = 0.1, dist_threshold = 0.1;
  int64_t resolution = 512;
};

struct Difference {
  Linked<Image> image;
  int64_t threshold = 32, resolution = 512;
};

Results<Image> drawn(const Drawn& in, Call& call) {
  const LineHandle model = load_drawing(call, in.coarse);
  return {preprocessed(*in.image, in.resolution, ByteFilter::kCubic, call, [&](const BytePicture& picture) {
    return models::drawn_lines(call.context().residency, model, picture);
  })};
}

Results<Image> anime(const AnyPicture& in, Call& call) {
  const LineHandle model = load(call, LineKind::kAnime);
  return {preprocessed(*in.image, in.resolution, ByteFilter::kCubic, call, [&](const BytePicture& picture) {
    return models::anime_lines(call.context().residency, model, picture);
  })};
}

Results<Image> standard(const Standard& in, Call& call) {
  return {preprocessed(*in.image, in.resolution, ByteFilter::kCubic, call, [&](const BytePicture& picture) {
    return image::standard_lines(picture, in.guassian_sigma, in.intensity_threshold);
  })};
}

Results<Image> differences(const Safe& in, Call& call) {
  const LineHandle model = load(call, LineKind::kDifferences);
  return {preprocessed(*in.image, in.resolution, ByteFilter::kCubic, call, [&](const BytePicture& picture) {
    return models::difference_edges(call.context().residency, model, picture, in.safe ? kSafeSteps : 0);
  })};
}

Results<Image> difference_scribble(const Safe& in, Call& call) {
  const LineHandle model = load(call, LineKind::kDifferences);
  return {each_picture(*in.image, call, [&](const BytePicture& picture) {
    const image::PaddedHint padded = image::padded_hint(picture, in.resolution, ByteFilter::kCubic);
    const BytePicture edges =
        models::difference_edges(call.context().residency, model, padded.picture, in.safe ? kSafeSteps : 0);
    // The original makes a scribble of the scribble, of what is left of it without the padding.
    const BytePicture once = image::unpadded(image::scribbled(edges), padded.size);
    BytePicture grey(once.height, once.width, 1);
    for (size_t i = 0; i < grey.data.size(); ++i) grey.data[i] = once.data[3 * i];
    return image::unpadded(image::scribbled(grey), padded.size);
  })};
}

Results<Image> tiny(const Tiny& in, Call& call) {
  const LineHandle model = load(call, LineKind::kTiny);
  return {preprocessed(*in.image, in.resolution, ByteFilter::kCubic, call, [&](const BytePicture& picture) {
    return models::tiny_edges(call.context().residency, model, picture, in.safe_steps);
  })};
}

Results<Image> straight(const Straight& in, Call& call) {
  const LineHandle model = load(call, LineKind::kStraight);
  return {preprocessed(*in.image, in.resolution, ByteFilter::kArea, call, [&](const BytePicture& picture) {
    return models::straight_lines(call.context().residency, model, picture, in.score_threshold, in.dist_threshold);
  })};
}

// Lets the files that the node needs be looked for before anything is computed.
template <class P>
Foreseen<Image> foresee(const Known<P>& in) {
  return foresee_hint(in(&P::image), in(&P::resolution));
}

void register_drawn_lines(Table& table) {
  table.add(NodeOf<Drawn>{.name = "LineArtPreprocessor",
                          .display = "Realistic Lineart",
                          .category = kLines,
                          .description = "The lines that someone would draw of a photograph, white on black.",
                          .origin = "controlnet_aux",
                          .inputs = {Link("image", &Drawn::image),
                                     switched("coarse", &Drawn::coarse, false).tip("Fewer lines, by another file."),
                                     resolution_input(&Drawn::resolution)},
                          .looks_through = {kKind},
                          .run = drawn,
                          .foresee = [](const Known<Drawn>& in, Call& call) -> Foreseen<Image> {
                            if (!call.awaits("coarse")) load_drawing(call, in(&Drawn::coarse));
                            return foresee(in);
                          }});
  table.add(NodeOf<AnyPicture>{.name = "AnimeLineArtPreprocessor",
                               .display = "Anime Lineart",
                               .category = kLines,
                               .description = "The lines of a drawing in colours, white on black.",
                               .origin = "controlnet_aux",
                               .inputs = {Link("image", &AnyPicture::image), resolution_input(&AnyPicture::resolution)},
                               .looks_through = {kKind},
                               .run = anime,
                               .foresee = [](const Known<AnyPicture>& in, Call& call) -> Foreseen<Image> {
                                 load(call, LineKind::kAnime);
                                 return foresee(in);
                               }});
  table.add(NodeOf<Standard>{.name = "LineartStandardPreprocessor",
                             .display = "Standard Lineart",
                             .category = kLines,
                             .description = "Where a picture is darker than around it, white on black. Needs no file.",
                             .origin = "controlnet_aux",
                             .inputs = {Link("image", &Standard::image),
                                        Float("guassian_sigma", &Standard::guassian_sigma)
                                            .range(0.0, 100.0)
                                            .step(0.01)
                                            .useful(1.0, 12.0, 0.5)
                                            .optional()
                                            .tip("How far around is looked, in pixels."),
                                        Int("intensity_threshold", &Standard::intensity_threshold)
                                            .range(0, 16)
                                            .step(1)
                                            .optional()
                                            .tip("Lines weaker than this do not count for how strong a usual one is."),
                                        resolution_input(&Standard::resolution)},
                             .run = standard,
                             .check =
                                 [](const Standard& in) {
                                   if (in.guassian_sigma <= 0)
                                     throw Error(Fault::kInvalid, "a sigma of 0 pixels cannot be smoothed by")
                                         .at_input("guassian_sigma")
                                         .fix("Choose one above 0");
                                 },
                             .foresee = [](const Known<Standard>& in) { return foresee(in); }});
}

}  // namespace

void register_line_nodes(Table& table) {
  register_drawn_lines(table);
  const auto safe = [] {
    return switched("safe", &Safe::safe, true)
        .tip("Leaves only black, grey and white, so that no shades of the picture are in the hint.");
  };
  const auto foresee_differences = [](const Known<Safe>& in, Call& call) -> Foreseen<Image> {
    load(call, LineKind::kDifferences);
    return foresee(in);
  };
  table.add(NodeOf<Safe>{.name = "PiDiNetPreprocessor",
                         .display = "PiDiNet Soft-Edge Lines",
                         .category = kLines,
                         .description = "How likely an edge is at each pixel, by the differences between pixels.",
                         .origin = "controlnet_aux",
                         .inputs = {Link("image", &Safe::image), safe(), resolution_input(&Safe::resolution)},
                         .looks_through = {kKind},
                         .run = differences,
                         .foresee = foresee_differences});
  table.add(NodeOf<Safe>{.name = "Scribble_PiDiNet_Preprocessor",
                         .display = "Scribble PiDiNet Lines",
                         .category = kLines,
                         .description = "Lines as of a brush along the edges that PiDiNet finds.",
                         .origin = "controlnet_aux",
                         .inputs = {Link("image", &Safe::image), safe(), resolution_input(&Safe::resolution)},
                         .looks_through = {kKind},
                         .run = difference_scribble,
                         .foresee = foresee_differences});
  table.add(NodeOf<Tiny>{.name = "TEEDPreprocessor",
                         .display = "TEED Soft-Edge Lines",
                         .category = kLines,
                         .description = "How likely an edge is at each pixel, by a very small network.",
                         .origin = "controlnet_aux",
                         .inputs = {Link("image", &Tiny::image),
                                    Int("safe_steps", &Tiny::safe_steps)
                                        .range(0, 10)
                                        .step(1)
                                        .optional()
                                        .tip("Leaves only as many shades, and black. 0: all of them."),
                                    resolution_input(&Tiny::resolution)},
                         .looks_through = {kKind},
                         .run = tiny,
                         .foresee = [](const Known<Tiny>& in, Call& call) -> Foreseen<Image> {
                           load(call, LineKind::kTiny);
                           return foresee(in);
                         }});
  table.add(NodeOf<Straight>{.name = "M-LSDPreprocessor",
                             .display = "M-LSD Lines",
                             .category = kLines,
                             .description = "The straight lines of a picture, of rooms and buildings.",
                             .origin = "controlnet_aux",
                             .inputs = {Link("image", &Straight::image),
                                        Float("score_threshold", &Straight::score_threshold)
                                            .range(0.01, 2.0)
                                            .step(0.01)
                                            .optional()
                                            .tip("Lines less likely than this are left out."),
                                        Float("dist_threshold", &Straight::dist_threshold)
                                            .range(0.01, 20.0)
                                            .step(0.01)
                                            .optional()
                                            .tip("Lines shorter than this many pairs of pixels are left out."),
                                        resolution_input(&Straight::resolution)},
                             .looks_through = {kKind},
                             .run = straight,
                             .foresee = [](const Known<Straight>& in, Call& call) -> Foreseen<Image> {
                               load(call, LineKind::kStraight);
                               return foresee(in);
                             }});
  table.add(NodeOf<Difference>{
      .name = "Scribble_XDoG_Preprocessor",
      .display = "Scribble XDoG Lines",
      .category = kLines,
      .description = "White where a finely and a coarsely smoothed picture differ. Needs no file.",
      .origin = "controlnet_aux",
      .inputs =
          {Link("image", &Difference::image),
           Int("threshold", &Difference::threshold).range(1, 64).step(1).optional().tip("Of half the difference."),
           resolution_input(&Difference::resolution)},
      .run = [](const Difference& in, Call& call) -> Results<Image> {
        return {preprocessed(*in.image, in.resolution, ByteFilter::kCubic, call, [&](const BytePicture& picture) {
          return image::difference_scribble(picture, in.threshold);
        })};
      },
      .foresee = [](const Known<Difference>& in) { return foresee(in); }});
}

}  // namespace easel::nodes
