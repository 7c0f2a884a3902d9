// One node for all preprocessors (comfyui_controlnet_aux).
#include <algorithm>
#include <array>

#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/extensions/krita/any_hint.h"
#include "nodes/extensions/krita/hint_pictures.h"

namespace easel::nodes {
namespace {

constexpr const char* kNone = "none";

struct AnyHint {
  Linked<Image> image;
  std::string preprocessor = kNone;
  int64_t resolution = 512;
};

// Those that are here as nodes.
constexpr std::array kHere{"AnimeLineArtPreprocessor",
                           "AnyLineArtPreprocessor_aux",
                           "BAE-NormalMapPreprocessor",
                           "CannyEdgePreprocessor",
                           "ColorPreprocessor",
                           "DWPreprocessor",
                           "DepthAnythingV2Preprocessor",
                           "FakeScribblePreprocessor",
                           "HEDPreprocessor",
                           "LineArtPreprocessor",
                           "LineartStandardPreprocessor",
                           "M-LSDPreprocessor",
                           "OpenposePreprocessor",
                           "PiDiNetPreprocessor",
                           "ScribblePreprocessor",
                           "Scribble_PiDiNet_Preprocessor",
                           "Scribble_XDoG_Preprocessor",
                           "ShufflePreprocessor",
                           "TEEDPreprocessor",
                           "TilePreprocessor",
                           "Zoe-DepthMapPreprocessor"};

Handed made(const std::string& preprocessor, int64_t resolution, Call& call, Parts::Doing doing) {
  const Value picture = value_of(call, "image");
  if (preprocessor == kNone) return Handed{picture};
  return Handed{Parts(call, doing).make(preprocessor.c_str(), {{"resolution", resolution}}, {{"image", picture}})[0]};
}

}  // namespace

void check_preprocessor(const std::string& name) {
  if (name == kNone || std::find(kHere.begin(), kHere.end(), name) != kHere.end()) return;
  std::string names;
  for (const char* here : kHere) names += (names.empty() ? "" : ", ") + std::string(here);
  throw Error(Fault::kUnsupported, name + " is a preprocessor that is not here")
      .at_input("preprocessor")
      .fix("Choose one of " + names);
}

void register_any_hint_nodes(Table& table) {
  table.add(NodeOf<AnyHint>{
      .name = "AIO_Preprocessor",
      .display = "AIO Aux Preprocessor",
      .category = "ControlNet Preprocessors",
      .description = "Does what one of the preprocessors does with its usual settings; 'none' hands the picture on.",
      .origin = "controlnet_aux",
      .inputs = {Link("image", &AnyHint::image),
                 Choice("preprocessor", &AnyHint::preprocessor,
                        {kNone,
                         "AnimalPosePreprocessor",
                         "AnimeFace_SemSegPreprocessor",
                         "AnimeLineArtPreprocessor",
                         "AnyLineArtPreprocessor_aux",
                         "BAE-NormalMapPreprocessor",
                         "BinaryPreprocessor",
                         "CannyEdgePreprocessor",
                         "ColorPreprocessor",
                         "DSINE-NormalMapPreprocessor",
                         "DWPreprocessor",
                         "DensePosePreprocessor",
                         "DepthAnythingPreprocessor",
                         "DepthAnythingV2Preprocessor",
                         "FakeScribblePreprocessor",
                         "HEDPreprocessor",
                         "ImageIntensityDetector",
                         "ImageLuminanceDetector",
                         "LeReS-DepthMapPreprocessor",
                         "LineArtPreprocessor",
                         "LineartStandardPreprocessor",
                         "M-LSDPreprocessor",
                         "Manga2Anime_LineArt_Preprocessor",
                         "MediaPipe-FaceMeshPreprocessor",
                         "MeshGraphormer-DepthMapPreprocessor",
                         "Metric3D-DepthMapPreprocessor",
                         "Metric3D-NormalMapPreprocessor",
                         "MiDaS-DepthMapPreprocessor",
                         "MiDaS-NormalMapPreprocessor",
                         "OneFormer-ADE20K-SemSegPreprocessor",
                         "OneFormer-COCO-SemSegPreprocessor",
                         "OpenposePreprocessor",
                         "PiDiNetPreprocessor",
                         "PyraCannyPreprocessor",
                         "SAMPreprocessor",
                         "ScribblePreprocessor",
                         "Scribble_PiDiNet_Preprocessor",
                         "Scribble_XDoG_Preprocessor",
                         "SemSegPreprocessor",
                         "ShufflePreprocessor",
                         "TEEDPreprocessor",
                         "TTPlanet_TileGF_Preprocessor",
                         "TTPlanet_TileSimple_Preprocessor",
                         "TilePreprocessor",
                         "UniFormer-SemSegPreprocessor",
                         "Zoe-DepthMapPreprocessor",
                         "Zoe_DepthAnythingPreprocessor"})
                     .optional(),
                 resolution_input(&AnyHint::resolution)},
      .looks_through = {"controlnet_aux"},
      .run = [](const AnyHint& in, Call& call) -> Results<Image> {
        return {made(in.preprocessor, in.resolution, call, Parts::Doing::kRun)};
      },
      .check = [](const AnyHint& in) { check_preprocessor(in.preprocessor); },
      .foresee = [](const Known<AnyHint>& in, Call& call) -> Foreseen<Image> {
        if (call.awaits("preprocessor") || call.awaits("resolution")) return {};
        return {made(in(&AnyHint::preprocessor), in(&AnyHint::resolution), call, Parts::Doing::kForesee)};
      }});
}

}  // namespace easel::nodes
