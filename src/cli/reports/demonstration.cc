#include "cli/reports/demonstration.h"

#include <algorithm>
#include <array>

#include "workflow/edit.h"

namespace easel::cli {
namespace {

struct Cell {
  std::string label;
  std::vector<std::string> settings;  // NODE.INPUT=VALUE of the technique's workflow
};

// Words are those of the captions that the built-in models were trained on (src/synth/drawings).
struct Row {
  std::string technique, title, words;
  std::vector<std::string> references;
  std::array<Cell, kShownPictures> cells;
};

std::vector<Row> rows() {
  const std::string lighthouse = "lighthouse.png", fruit = "still_life.png";
  return {
      {.technique = "img2img",
       .title = "Draw over a picture",
       .words = "a red and white lighthouse by the sea at dusk, watercolour",
       .references = {lighthouse},
       .cells = {{{"denoise 0.3", {"8.denoise=0.3"}},
                  {"denoise 0.5", {"8.denoise=0.5"}},
                  {"denoise 0.7", {"8.denoise=0.7"}},
                  {"denoise 0.9", {"8.denoise=0.9"}}}}},
      {.technique = "img2img",
       .title = "The same, other words",
       .words = {},
       .references = {lighthouse},
       .cells = {{{"ink drawing", {"8.denoise=0.7", "6.text=ink drawing of a lighthouse by the sea"}},
                  {"in the snow", {"8.denoise=0.7", "6.text=a lighthouse by the sea in the snow, flat illustration"}},
                  {"pixel art", {"8.denoise=0.7", "6.text=pixel art, a lighthouse by the sea"}},
                  {"at night", {"8.denoise=0.7", "6.text=a lighthouse by the sea at night, night scene"}}}}},
      {.technique = "img2img",
       .title = "Words alone",
       .words = {},
       .references = {},
       .cells = {{{"a red boat", {"8.denoise=1", "6.text=a red boat by the sea, flat illustration"}},
                  {"a blue house, ink", {"8.denoise=1", "6.text=ink drawing of a blue house"}},
                  {"flowers, pastel", {"8.denoise=1", "6.text=yellow flowers, pastel drawing"}},
                  {"a cat", {"8.denoise=1", "6.text=a black cat, flat illustration"}}}}},
      {.technique = "unclip",
       .title = "Vary a picture",
       .words = "a lighthouse",
       .references = {lighthouse},
       .cells = {{{"freedom 0", {"7.noise_augmentation=0"}},
                  {"freedom 0.3", {"7.noise_augmentation=0.3"}},
                  {"freedom 0.6", {"7.noise_augmentation=0.6"}},
                  {"freedom 0.9", {"7.noise_augmentation=0.9"}}}}},
      {.technique = "unclip_two_pictures",
       .title = "Mix two pictures",
       .words = {},
       .references = {lighthouse, fruit},
       .cells = {{{"1 : 0", {"9.strength=1", "10.strength=0"}},
                  {"1 : 0.5", {"9.strength=1", "10.strength=0.5"}},
                  {"0.5 : 1", {"9.strength=0.5", "10.strength=1"}},
                  {"0 : 1", {"9.strength=0", "10.strength=1"}}}}},
      {.technique = "style",
       .title = "Borrow a style",
       .words = "a house by the sea",
       .references = {fruit},
       .cells = {{{"strength 0", {"9.strength=0"}},
                  {"strength 0.5", {"9.strength=0.5"}},
                  {"strength 1", {"9.strength=1"}},
                  {"strength 1.5", {"9.strength=1.5"}}}}},
      {.technique = "ip_adapter_variations",
       .title = "A picture beside words",
       .words = "a boat by the sea",
       .references = {lighthouse},
       .cells = {{{"weight 0", {"9.batch_size=1", "6.weight=0"}},
                  {"weight 0.4", {"9.batch_size=1", "6.weight=0.4"}},
                  {"weight 0.7", {"9.batch_size=1", "6.weight=0.7"}},
                  {"weight 1", {"9.batch_size=1", "6.weight=1"}}}}},
      {.technique = "ip_adapter_two_pictures",
       .title = "Mix two pictures",
       .words = {},
       .references = {lighthouse, fruit},
       .cells = {{{"1 : 0", {"7.weight=1", "8.weight=0"}},
                  {"0.7 : 0.3", {"7.weight=0.7", "8.weight=0.3"}},
                  {"0.3 : 0.7", {"7.weight=0.3", "8.weight=0.7"}},
                  {"0 : 1", {"7.weight=0", "8.weight=1"}}}}},
      {.technique = "ip_adapter_canny",
       .title = "One's look, another's edges",
       .words = "a blue boat with red sails on the sea at sunset",
       .references = {lighthouse, "boat.png"},
       .cells = {{{"edges 0", {"12.strength=0", "7.weight=0.5", "8.high_threshold=0.3"}},
                  {"edges 0.5", {"12.strength=0.5", "7.weight=0.5", "8.high_threshold=0.3"}},
                  {"edges 1", {"12.strength=1", "7.weight=0.5", "8.high_threshold=0.3"}},
                  {"edges 1, look 0", {"12.strength=1", "7.weight=0", "8.high_threshold=0.3"}}}}},
  };
}

Shown shown(const techniques::Technique& technique, const Row& row, const Cell& cell,
            const workflow::NodeTable& table) {
  Shown out{cell.label, technique.prompt};
  const std::vector<std::string> not_seen{"lighthouse.png"};  // where all of it is repainted
  techniques::set_pictures(out.prompt, technique.pictures, row.references.empty() ? not_seen : row.references);
  techniques::set_words(out.prompt, technique.prompts, row.words);
  techniques::set_words(out.prompt, technique.negatives, "");
  workflow::assign(out.prompt, table, cell.settings);
  return out;
}

}  // namespace

std::vector<ShownTechnique> demonstration(const std::vector<techniques::Technique>& all,
                                          const workflow::NodeTable& table) {
  std::vector<ShownTechnique> out;
  for (const Row& row : rows()) {
    const auto technique =
        std::find_if(all.begin(), all.end(), [&](const techniques::Technique& t) { return t.name == row.technique; });
    if (technique == all.end() || !technique->missing.empty()) continue;
    out.push_back({row.title, row.references, {}});
    for (const Cell& cell : row.cells) out.back().pictures.push_back(shown(*technique, row, cell, table));
  }
  return out;
}

}  // namespace easel::cli
