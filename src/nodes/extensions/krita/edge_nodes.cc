// Edges found by networks (comfyui_controlnet_aux).
#include "image/hints/lines.h"
#include "models/hints/soft_edges.h"
#include "node_api/table.h"
#include "nodes/extensions/krita/hint_pictures.h"
#include "nodes/extensions/published_file.h"

namespace easel::nodes {
namespace {

constexpr const char* kKind = "controlnet_aux";
constexpr const char* kPublisher = "lllyasviel/Annotators";
constexpr const char* kLines = "ControlNet Preprocessors/Line Extractors";

struct SoftEdges {
  Linked<Image> image;
  bool safe = true;
  int64_t resolution = 512;
};

models::SoftEdgeHandle load_soft_edges(Call& call) {
  const auto file = open_published(call, kKind, "ControlNetHED.pth", kPublisher);
  return models::load_soft_edge_network(call.context().residency, *file->tensors, file->name());
}

Results<Image> soft_edges(const SoftEdges& in, Call& call) {
  const models::SoftEdgeHandle model = load_soft_edges(call);
  return {
      preprocessed(*in.image, in.resolution, image::ByteFilter::kCubic, call, [&](const image::BytePicture& picture) {
        return models::soft_edges(call.context().residency, model, picture, in.safe);
      })};
}

Results<Image> scribble(const SoftEdges& in, Call& call) {
  const models::SoftEdgeHandle model = load_soft_edges(call);
  return {
      preprocessed(*in.image, in.resolution, image::ByteFilter::kCubic, call, [&](const image::BytePicture& picture) {
        return image::scribbled(models::soft_edges(call.context().residency, model, picture, in.safe));
      })};
}

}  // namespace

void register_edge_nodes(Table& table) {
  table.add(NodeOf<SoftEdges>{
      .name = "FakeScribblePreprocessor",
      .display = "Fake Scribble Lines (aka scribble_hed)",
      .category = kLines,
      .description = "Lines as of a brush along the soft edges of a picture.",
      .origin = "controlnet_aux",
      .inputs = {Link("image", &SoftEdges::image),
                 switched("safe", &SoftEdges::safe, true).tip("As in HEDPreprocessor, before lines are made of them."),
                 resolution_input(&SoftEdges::resolution)},
      .looks_through = {kKind},
      .run = scribble,
      .foresee = [](const Known<SoftEdges>& in, Call& call) -> Foreseen<Image> {
        load_soft_edges(call);
        return foresee_hint(in(&SoftEdges::image), in(&SoftEdges::resolution));
      }});
  table.add(NodeOf<SoftEdges>{
      .name = "HEDPreprocessor",
      .display = "HED Soft-Edge Lines",
      .category = kLines,
      .description = "How likely an edge is at each pixel, for a ControlNet that follows soft edges.",
      .origin = "controlnet_aux",
      .inputs = {Link("image", &SoftEdges::image),
                 switched("safe", &SoftEdges::safe, true)
                     .tip("Leaves only black, grey and white, so that no shades of the picture are in the hint."),
                 resolution_input(&SoftEdges::resolution)},
      .looks_through = {kKind},
      .run = soft_edges,
      .foresee = [](const Known<SoftEdges>& in, Call& call) -> Foreseen<Image> {
        load_soft_edges(call);
        return foresee_hint(in(&SoftEdges::image), in(&SoftEdges::resolution));
      }});
}

}  // namespace easel::nodes
