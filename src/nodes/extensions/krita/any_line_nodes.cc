// AnyLine (comfyui_controlnet_aux): TEED's edges with the lines of another preprocessor over them.
#include <utility>

#include "image/hints/lines.h"
#include "models/hints/lines/line_network.h"
#include "node_api/table.h"
#include "nodes/extensions/krita/hint_pictures.h"
#include "nodes/extensions/published_file.h"

namespace easel::nodes {
namespace {

using image::ByteFilter, image::BytePicture, models::LineHandle, models::LineKind;

constexpr const char* kKind = "controlnet_aux";

enum class Other { kStandard, kRealistic, kAnime, kManga };

struct AnyLine {
  Linked<Image> image;
  Other merge_with_lineart = Other::kStandard;
  int64_t resolution = 1280;
  double lineart_lower_bound = 0, lineart_upper_bound = 1;
  int64_t object_min_size = 36, object_connectivity = 1;
};

LineHandle opened(Call& call, LineKind kind, const char* file_name, const char* publisher) {
  const auto file = open_published(call, kKind, file_name, publisher);
  return models::load_line_network(call.context().residency, *file->tensors, kind, file->name());
}

struct Loaded {
  LineHandle edges, lines;  // of which the standard lines need none
};

Loaded load(Call& call, Other other) {
  Loaded out{opened(call, LineKind::kTiny, "MTEED.pth", "TheMistoAI/MistoLine, in Anyline"), {}};
  for (const auto& [which, kind] :
       {std::pair{Other::kRealistic, LineKind::kDrawing}, std::pair{Other::kAnime, LineKind::kAnime}})
    if (other == which) out.lines = opened(call, kind, models::names_of(kind).file, models::names_of(kind).publisher);
  return out;
}

void check(const AnyLine& in) {
  if (in.merge_with_lineart == Other::kManga)
    throw Error(Fault::kUnsupported, "the network of manga lines (erika.pth) does not run here")
        .at_input("merge_with_lineart")
        .fix("Choose lineart_standard, lineart_realisitic or lineart_anime");
}

Results<Image> any_line(const AnyLine& in, Call& call) {
  constexpr double kSigma = 2;
  constexpr int64_t kThreshold = 3, kSafeSteps = 2;
  const Loaded models = load(call, in.merge_with_lineart);
  memory::Residency& residency = call.context().residency;
  const auto hint = [&](const auto& make) {
    return preprocessed(*in.image, in.resolution, ByteFilter::kCubic, call, make);
  };
  const Tensor edges =
      hint([&](const BytePicture& p) { return models::tiny_edges(residency, models.edges, p, kSafeSteps); });
  const Tensor lines = hint([&](const BytePicture& p) {
    return in.merge_with_lineart == Other::kRealistic ? models::drawn_lines(residency, models.lines, p)
           : in.merge_with_lineart == Other::kAnime   ? models::anime_lines(residency, models.lines, p)
                                                      : image::standard_lines(p, kSigma, kThreshold);
  });
  return {image::lines_over_edges(edges, lines,
                                  {.least = in.lineart_lower_bound,
                                   .most = in.lineart_upper_bound,
                                   .smallest = in.object_min_size,
                                   .neighbours = in.object_connectivity})};
}

}  // namespace

void register_any_line_nodes(Table& table) {
  table.add(NodeOf<AnyLine>{
      .name = "AnyLineArtPreprocessor_aux",
      .display = "AnyLine Lineart",
      .category = "ControlNet Preprocessors/Line Extractors",
      .description = "Edges found by TEED (MTEED.pth), with the lines of another preprocessor over them.",
      .origin = "controlnet_aux",
      .inputs = {Link("image", &AnyLine::image),
                 Choice("merge_with_lineart", &AnyLine::merge_with_lineart,
                        {{"lineart_standard", Other::kStandard},
                         {"lineart_realisitic", Other::kRealistic},
                         {"lineart_anime", Other::kAnime},
                         {"manga_line", Other::kManga}})
                     .optional()
                     .tip("'manga_line' needs a network that does not run here."),
                 Int("resolution", &AnyLine::resolution)
                     .range(64, 16384)
                     .step(8)
                     .useful(256, 1536, 64)
                     .optional()
                     .tip("Of the shorter side; the hint is made at this size."),
                 Float("lineart_lower_bound", &AnyLine::lineart_lower_bound)
                     .range(0.0, 1.0)
                     .step(0.01)
                     .optional()
                     .tip("Lines fainter than this are left out."),
                 Float("lineart_upper_bound", &AnyLine::lineart_upper_bound)
                     .range(0.0, 1.0)
                     .step(0.01)
                     .optional()
                     .tip("Lines stronger than this are left out."),
                 Int("object_min_size", &AnyLine::object_min_size)
                     .range(1, 16384)
                     .step(1)
                     .useful(1, 200, 1)
                     .optional()
                     .tip("Patches of lines with fewer than a third of this many pixels are left out."),
                 Int("object_connectivity", &AnyLine::object_connectivity)
                     .range(1, 16384)
                     .step(1)
                     .useful(1, 2, 1)
                     .optional()
                     .tip("1: pixels of a patch share sides; 2: or corners.")},
      .looks_through = {kKind},
      .run = any_line,
      .check = check,
      .foresee = [](const Known<AnyLine>& in, Call& call) -> Foreseen<Image> {
        if (!call.awaits("merge_with_lineart")) load(call, in(&AnyLine::merge_with_lineart));
        return foresee_hint(in(&AnyLine::image), in(&AnyLine::resolution));
      }});
}

}  // namespace easel::nodes
