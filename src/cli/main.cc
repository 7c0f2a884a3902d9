#include <CLI/CLI.hpp>
#include <cstdio>
#include <new>
#include <string>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "cli/usage.h"
#include "formats/pictures/picture_format.h"

namespace {

constexpr const char* kAbout =
    "Easel runs image-conditioned diffusion workflows natively: a picture and a ComfyUI workflow in, pictures out.";

constexpr const char* kExamples = R"(First steps:
  easel demo                                   draw over a picture with small model files made on the spot
  easel run workflow.json --models ~/ComfyUI/models --input ~/ComfyUI/input
  easel run workflow.json --set KSampler.steps=8 --set 6.text="a red barn"
  easel models ~/ComfyUI/models                what each file is, and what fits with what
  easel doctor --models ~/ComfyUI/models       what this machine can do, and what is wrong
  easel nodes KSampler                         what a node does and takes
  easel serve --models ~/ComfyUI/models        a server for ComfyUI clients, with a page at http://127.0.0.1:8188

Exit codes: 0 done, 2 wrong usage, 3 invalid workflow, 4 something is missing, 5 damaged or hostile file,
6 two things that do not fit, 7 not supported, 8 out of memory, 130 stopped, 70 a defect in Easel.)";

int report(const easel::Error& e) {
  fprintf(stderr, "%s %s\n", easel::cli::red("error:").c_str(), e.what());
  return easel::exit_code(e.fault());
}

std::string version() {
  std::string out = "easel " EASEL_VERSION "\nreads " + easel::formats::readable_formats();
  for (const std::string& lacking : easel::formats::absent_formats()) out += "\nlacks " + lacking;
  return out;
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App app(kAbout, "easel");
  app.footer(kExamples);
  app.set_version_flag("--version", version);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  using namespace easel::cli;
  for (const auto add : {add_run,   add_img2img, add_vary,   add_style,   add_sweep, add_convert,   add_workflows,
                         add_nodes, add_models,  add_doctor, add_devices, add_synth, add_pictures,  add_demo,
                         add_bench, add_serve,   add_runner, add_fleet,   add_queue, add_completion})
    add(app);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::RuntimeError& e) {
    return e.get_exit_code();  // a command has said everything itself
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    if (const auto mistake = mistaken_name(app, {argv + 1, argv + argc})) return report(*mistake);
    app.exit(e);
    return easel::exit_code(easel::Fault::kUsage);
  }
} catch (const easel::Error& e) {
  return report(e);
} catch (const std::bad_alloc&) {
  return report(
      easel::Error(easel::Fault::kMemory, "out of memory").fix("Use a smaller size or batch, or --memory-budget"));
} catch (const std::exception& e) {
  return report(easel::Error(easel::Fault::kInternal, e.what())
                    .fix("This is a defect in Easel; please report it with the command that showed it"));
}
