// easel pictures: the project's own pictures, and drawings by the thousand to train small models on.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/atomic_file.h"
#include "base/parallel.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "formats/pictures/picture.h"
#include "synth/drawings/drawing.h"
#include "synth/pictures/demo_picture.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;

struct Flags {
  std::string folder = "input";
  int side = 512;
  int64_t drawings = 0;
  uint64_t seed = 0, from = 0;
};

void write_demo_pictures(const Flags& flags) {
  for (const auto scene : synth::demo_scenes()) {
    const fs::path path = fs::path(flags.folder) / (std::string(scene) + ".png");
    formats::save_png(path, synth::demo_picture(scene, {flags.side, flags.side}));
    printf("%s\n", path.c_str());
  }
}

std::string caption_line(uint64_t number, const synth::Drawing& drawing) {
  nlohmann::ordered_json line;
  line["number"] = number;
  line["caption"] = drawing.caption;
  line["subject"] = drawing.subject;
  line["style"] = drawing.style;
  line["colour"] = drawing.colour;
  line["place"] = drawing.place;
  line["hour"] = drawing.hour;
  line["weather"] = drawing.weather;
  return line.dump() + "\n";
}

// drawings.rgb: side x side x 3 bytes for each drawing, one after the other; drawings.jsonl: a line for each.
void write_drawings(const Flags& flags) {
  constexpr int64_t kAtOnce = 256;
  const size_t bytes = static_cast<size_t>(flags.side) * static_cast<size_t>(flags.side) * 3;
  AtomicFile pixels(fs::path(flags.folder) / "drawings.rgb"), lines(fs::path(flags.folder) / "drawings.jsonl");
  std::vector<uint8_t> block(bytes * static_cast<size_t>(kAtOnce));
  std::vector<std::string> captions(static_cast<size_t>(kAtOnce));
  for (int64_t done = 0; done < flags.drawings; done += kAtOnce) {
    interrupt_token().check();
    const int64_t count = std::min(kAtOnce, flags.drawings - done);
    parallel_for(count, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const uint64_t number = flags.from + static_cast<uint64_t>(done + i);
        const synth::Drawing drawing = synth::draw(flags.seed, number, flags.side);
        uint8_t* to = block.data() + static_cast<size_t>(i) * bytes;
        // NOLINTNEXTLINE(bugprone-incorrect-roundings): values are in 0..1, and drawings must not change
        for (const float v : drawing.rgb.values()) *to++ = static_cast<uint8_t>(v * 255.0f + 0.5f);
        captions[static_cast<size_t>(i)] = caption_line(number, drawing);
      }
    });
    pixels.write(block.data(), bytes * static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) lines.write(captions[static_cast<size_t>(i)]);
  }
  pixels.commit();
  lines.commit();
  printf("%s\n%s\n", (fs::path(flags.folder) / "drawings.rgb").c_str(),
         (fs::path(flags.folder) / "drawings.jsonl").c_str());
}

}  // namespace

void add_pictures(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("pictures", "Write the project's own pictures, which its workflows draw over");
  command->add_option("FOLDER", flags->folder, "Where to")->capture_default_str();
  command->add_option("--size", flags->side, "Pixels along a side")->check(CLI::Range(64, 4096))->capture_default_str();
  auto* drawings = command
                       ->add_option("--drawings", flags->drawings,
                                    "Instead, this many random drawings with captions, for training: drawings.rgb "
                                    "(size x size x 3 bytes each) and drawings.jsonl")
                       ->check(CLI::Range(int64_t{1}, int64_t{10'000'000}));
  command->add_option("--seed", flags->seed, "Another series of drawings")->needs(drawings);
  command->add_option("--from", flags->from, "Number of the first drawing of the series")->needs(drawings);
  command->callback([flags] {
    fs::create_directories(flags->folder);
    if (flags->drawings > 0) write_drawings(*flags);
    else write_demo_pictures(*flags);
  });
}

}  // namespace easel::cli
