// easel demo: what each technique does, from nothing.
#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/reports/demonstration.h"
#include "cli/reports/sheet.h"
#include "cli/run_prompt.h"
#include "cli/session.h"
#include "formats/pictures/picture.h"
#include "image/sheet/contact_sheet.h"
#include "synth/models/synth.h"
#include "synth/pictures/demo_picture.h"
#include "techniques/techniques.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kCell = 192;  // pixels of a side on the sheet
constexpr int kSteps = 16, kTextureSteps = 8;

struct Flags {
  std::string folder = "demo", sheet;
  SessionFlags session;
};

template <class Work>
void stage(const char* name, const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  fprintf(stderr, "%-34s %s\n", name,
          human_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()).c_str());
}

void write_pictures(const fs::path& folder) {
  fs::create_directories(folder);
  for (const auto scene : synth::demo_scenes())
    formats::save_png(folder / (std::string(scene) + ".png"), synth::demo_picture(scene, {512, 512}));
}

// A row of each technique: its references, then what it makes of them.
image::ContactSheet draw_all(engine::Engine& engine, const std::vector<ShownTechnique>& all) {
  image::ContactSheet sheet;
  sheet.title = "Easel";
  sheet.columns = kShownReferences + kShownPictures;
  ProgressBar bar("pictures");
  const size_t count = all.size() * kShownPictures;
  size_t done = 0;
  for (const ShownTechnique& technique : all) {
    sheet.row_titles.push_back(technique.title);
    for (size_t i = 0; i < kShownReferences; ++i) {
      const bool given = i < technique.references.size();
      sheet.labels.emplace_back(given ? "reference" : "");
      sheet.pictures.push_back(given ? picture_on_sheet(engine.directories().input / technique.references[i], kCell)
                                     : Tensor());
    }
    for (const Shown& shown : technique.pictures) {
      Presenter presenter(Style::kQuiet, engine);
      run_prompt(engine, shown.prompt, presenter, {.last = ++done == count});
      sheet.labels.push_back(shown.label);
      sheet.pictures.push_back(picture_on_sheet(presenter.saved().front(), kCell, true));
      bar.update(static_cast<double>(done), static_cast<double>(count), "picture");
    }
  }
  return sheet;
}

// With the models that come with the program: what each technique does, on one sheet. False when there are none that
// draw.
bool show_techniques(const Flags& flags, const SessionFlags& session) {
  const auto engine = start_engine(session, /*models_needed=*/false);
  auto all = demonstration(techniques::available(*engine), engine->table());
  if (all.empty()) return false;
  for (ShownTechnique& technique : all)
    for (Shown& shown : technique.pictures) techniques::set_number(shown.prompt, "steps", kSteps);
  const std::string sheet = flags.sheet.empty() ? (fs::path(flags.folder) / "techniques.png").string() : flags.sheet;
  stage("pictures", [&] { write_sheet(sheet, image::draw_contact_sheet(draw_all(*engine, all))); });
  fprintf(stderr,
          "\n%s shows what each technique does; the pictures are in %s.\nDraw over one of yours:\n"
          "  easel img2img PICTURE -p \"a lighthouse by the sea at dusk, watercolour\"\n"
          "Larger models go into a model folder (docs/models.md).\n",
          sheet.c_str(), session.output.c_str());
  printf("%s\n", sheet.c_str());
  return true;
}

// With synthetic model files: that everything works, from nothing to a picture.
void show_texture(const Flags& flags, SessionFlags session) {
  session.models = (fs::path(flags.folder) / "models").string();
  stage("small model files", [&] {
    synth::SynthOptions options;
    options.only = {"v1-5-pruned", "vae-ft-mse"};
    synth::write_synthetic(session.models, options, {}, interrupt_token());
  });
  workflow::Prompt prompt = techniques::shipped_workflow("img2img");
  techniques::set_number(prompt, "steps", kTextureSteps);
  const auto engine = start_engine(session);
  Presenter presenter(Style::kPeople, *engine);
  const engine::RunReport report = run_prompt(*engine, prompt, presenter);
  for (const auto& node : report.nodes)
    fprintf(stderr, "%-34s %s\n", (node.class_type + " " + node.id).c_str(), human_seconds(node.seconds).c_str());
  fprintf(stderr,
          "\nThe picture is %s. The model files are synthetic: their pictures are textures, not scenes.\n"
          "With real ones in a model folder (docs/models.md):\n  easel img2img %s/input/lighthouse.png -p \"a "
          "lighthouse at dusk\" --models FOLDER\n",
          presenter.saved().empty() ? "?" : presenter.saved().front().c_str(), flags.folder.c_str());
}

void run(const Flags& flags) {
  if (!flags.sheet.empty()) check_sheet_name(flags.sheet);
  const fs::path folder(flags.folder);
  SessionFlags session = flags.session;
  session.models = "";
  session.input = (folder / "input").string();
  session.output = (folder / "output").string();
  stage("the pictures to begin with", [&] { write_pictures(session.input); });
  if (!show_techniques(flags, session)) show_texture(flags, session);
}

}  // namespace

void add_demo(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("demo", "Show what each technique does, with the small models that come with Easel");
  command->footer(
      "Writes the pictures it begins with, draws from them, and puts all on one labelled sheet. Where Easel came "
      "without\n"
      "models, it makes small synthetic ones and draws over one picture, which then is a texture.");
  command->add_option("FOLDER", flags->folder, "Where everything goes")->capture_default_str();
  command->add_option("--sheet", flags->sheet,
                      "Where to write the sheet, .png or .jpg (default: FOLDER/techniques.png)");
  command->add_option("--precision", flags->session.precision, "f32, bf16, int8 or auto")
      ->check(CLI::IsMember({"auto", "f32", "bf16", "int8"}))
      ->capture_default_str();
  command->callback([flags] { run(*flags); });
}

}  // namespace easel::cli
