// Hints of comfyui_controlnet_aux that keep only the coarse parts or the colours of a picture.
#include "image/hints/coarse.h"
#include "node_api/table.h"
#include "nodes/extensions/krita/hint_pictures.h"

namespace easel::nodes {
namespace {

struct Tile {
  Linked<Image> image;
  int64_t pyrUp_iters = 3, resolution = 512;
};

struct Colors {
  Linked<Image> image;
  int64_t resolution = 512;
};

}  // namespace

void register_coarse_hint_nodes(Table& table) {
  table.add(NodeOf<Tile>{
      .name = "TilePreprocessor",
      .display = "Tile",
      .category = "ControlNet Preprocessors/tile",
      .description = "Takes small details away, for a ControlNet that draws them anew.",
      .origin = "controlnet_aux",
      .inputs = {Link("image", &Tile::image),
                 Int("pyrUp_iters", &Tile::pyrUp_iters)
                     .range(1, 10)
                     .step(1)
                     .optional()
                     .tip("How many times the picture is halved, and doubled again."),
                 resolution_input(&Tile::resolution)
                     .tip("Has no effect, as in the original: the sides go to their nearest multiples of 64.")},
      .run = [](const Tile& in, Call& call) -> Results<Image> {
        return {each_picture(*in.image, call, [&](const image::BytePicture& picture) {
          return image::blurred_tile(picture, in.pyrUp_iters);
        })};
      },
      .foresee = [](const Known<Tile>& in) -> Foreseen<Image> {
        return {foreseen_in(in(&Tile::image),
                            [&](image::Size size) { return image::tile_size(size, in(&Tile::pyrUp_iters)); })};
      }});
  table.add(NodeOf<Colors>{
      .name = "ColorPreprocessor",
      .display = "Color Pallete",
      .category = "ControlNet Preprocessors/T2IAdapter-only",
      .description = "Squares in the colours of a picture, for a T2I-Adapter that takes only those.",
      .origin = "controlnet_aux",
      .inputs = {Link("image", &Colors::image), resolution_input(&Colors::resolution)},
      .run = [](const Colors& in, Call& call) -> Results<Image> {
        return {each_picture(*in.image, call, [&](const image::BytePicture& picture) {
          return image::color_squares(picture, in.resolution);
        })};
      },
      .foresee = [](const Known<Colors>& in) -> Foreseen<Image> {
        return {foreseen_in(in(&Colors::image),
                            [&](image::Size size) { return image::colors_size(size, in(&Colors::resolution)); })};
      }});
}

}  // namespace easel::nodes
