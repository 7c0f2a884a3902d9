// easel demo: the main job from nothing, on files made on the spot.
#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/run_prompt.h"
#include "cli/session.h"
#include "formats/pictures/picture.h"
#include "synth/models/synth.h"
#include "synth/pictures/demo_picture.h"
#include "techniques/techniques.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;

struct Flags {
  std::string folder = "demo";
  SessionFlags session;
};

template <class Work>
void stage(const char* name, const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  fprintf(stderr, "%-34s %s\n", name,
          human_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()).c_str());
}

void run(const Flags& flags) {
  const fs::path folder(flags.folder);
  SessionFlags session = flags.session;
  session.models = (folder / "models").string();
  session.input = (folder / "input").string();
  session.output = (folder / "output").string();
  stage("small model files", [&] {
    synth::SynthOptions options;
    options.only = {"v1-5-pruned", "vae-ft-mse"};
    synth::write_synthetic(session.models, options, {}, interrupt_token());
  });
  stage("the picture to draw over", [&] {
    fs::create_directories(session.input);
    formats::save_png(folder / "input" / "lighthouse.png", synth::demo_picture("lighthouse", {512, 512}));
  });
  workflow::Prompt prompt = techniques::shipped_workflow("img2img");
  for (auto& node : prompt.nodes)
    if (node.class_type == "KSampler") node.inputs["steps"] = 8;
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

}  // namespace

void add_demo(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("demo", "Draw over a picture with small model files made on the spot");
  command->add_option("FOLDER", flags->folder, "Where everything goes")->capture_default_str();
  command->add_option("--precision", flags->session.precision, "f32, bf16, int8 or auto")
      ->check(CLI::IsMember({"auto", "f32", "bf16", "int8"}))
      ->capture_default_str();
  command->callback([flags] { run(*flags); });
}

}  // namespace easel::cli
