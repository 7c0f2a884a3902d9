// Large pictures worked on tile by tile (comfyui-tooling-nodes).
#include "image/edit/pictures.h"
#include "image/edit/tile_layout.h"
#include "node_api/table.h"

namespace easel::nodes {

template <>
struct LinkType<image::TileLayout> {
  static constexpr const char* kName = "TileLayout";
  using Held = image::TileLayout;
  using Foreseen = void;
  static size_t bytes(const Held& layout) { return sizeof(layout); }
};

namespace {

using image::TileLayout;

constexpr const char* kCategory = "external_tooling/tiles";

struct Create {
  Linked<Image> image;
  int64_t min_tile_size = 512, padding = 32, blending = 8, multiple = 8;
};

struct ImageTile {
  Linked<Image> image;
  Linked<TileLayout> layout;
  int64_t index = 0;
};

struct MaskTile {
  Linked<Mask> mask;
  Linked<TileLayout> layout;
  int64_t index = 0;
};

struct OwnPart {
  Linked<TileLayout> layout;
  int64_t index = 0;
  bool blend = false;
};

struct Merge : ImageTile {
  Linked<Image> tile;
};

template <class P>
Input<P> index_input(int64_t P::*member) {
  constexpr int kMostTiles = 1 << 20;
  return Int("index", member).range(0, kMostTiles).useful(0, 64, 1).tip("Down the columns, from 0.");
}

}  // namespace

void register_tile_nodes(Table& table) {
  table.add(NodeOf<Create>{
      .name = "ETN_TileLayout",
      .display = "Create Tile Layout",
      .category = kCategory,
      .description = "Divides a picture into overlapping tiles of one size.",
      .origin = "tooling",
      .inputs = {Link("image", &Create::image),
                 Int("min_tile_size", &Create::min_tile_size).range(64, 8192).step(8).useful(256, 1024, 64),
                 Int("padding", &Create::padding)
                     .range(0, 8192)
                     .step(8)
                     .useful(0, 128, 8)
                     .tip("Pixels on each side that a tile shares with its neighbours."),
                 Int("blending", &Create::blending)
                     .range(0, 256)
                     .step(8)
                     .useful(0, 64, 8)
                     .tip("Pixels over which a tile fades into the next, part of the padding."),
                 Int("multiple", &Create::multiple).range(1, 1024).step(1).useful(8, 64, 8)},
      .outputs = {{"layout"}},
      .run = [](const Create& in) -> Results<TileLayout> {
        return {TileLayout(*in.image, {in.min_tile_size, in.padding, in.blending, in.multiple})};
      }});
  table.add(NodeOf<ImageTile>{
      .name = "ETN_ExtractImageTile",
      .display = "Extract Image Tile",
      .category = kCategory,
      .description = "One tile of a picture.",
      .origin = "tooling",
      .inputs = {Link("image", &ImageTile::image), Link("layout", &ImageTile::layout), index_input(&ImageTile::index)},
      .outputs = {{"tile"}},
      .run = [](const ImageTile& in) -> Results<Image> { return {in.layout->tile(*in.image, in.index)}; }});
  table.add(NodeOf<MaskTile>{
      .name = "ETN_ExtractMaskTile",
      .display = "Extract Mask Tile",
      .category = kCategory,
      .description = "One tile of a mask.",
      .origin = "tooling",
      .inputs = {Link("mask", &MaskTile::mask), Link("layout", &MaskTile::layout), index_input(&MaskTile::index)},
      .outputs = {{"tile"}},
      .run = [](const MaskTile& in) -> Results<Mask> {
        image::require_mask(*in.mask, "mask");
        return {image::as_mask(in.layout->tile(image::as_picture(*in.mask), in.index))};
      }});
  table.add(NodeOf<OwnPart>{
      .name = "ETN_GenerateTileMask",
      .display = "Generate Tile Mask",
      .category = kCategory,
      .description = "Which part of a tile is painted: all but what its neighbours paint.",
      .origin = "tooling",
      .inputs = {Link("layout", &OwnPart::layout), index_input(&OwnPart::index),
                 Bool("blend", &OwnPart::blend).optional().tip("Lets it fade out towards the neighbours.")},
      .run = [](const OwnPart& in) -> Results<Mask> { return {in.layout->mask(in.index, in.blend)}; }});
  table.add(NodeOf<Merge>{
      .name = "ETN_MergeImageTile",
      .display = "Merge Image Tile",
      .category = kCategory,
      .description = "Lays a tile into a picture, fading into its neighbours.",
      .origin = "tooling",
      .inputs = {Link("image", &Merge::image), Link("layout", &Merge::layout), index_input(&Merge::index),
                 Link("tile", &Merge::tile)},
      .run = [](const Merge& in) -> Results<Image> { return {in.layout->merged(*in.image, in.index, *in.tile)}; },
      .foresee = [](const Known<Merge>& in) -> Foreseen<Image> { return {in(&Merge::image)}; }});
}

}  // namespace easel::nodes
