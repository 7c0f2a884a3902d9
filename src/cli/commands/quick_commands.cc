// easel img2img, vary, style: a first result without JSON.
#include <CLI/CLI.hpp>
#include <map>
#include <memory>

#include "cli/commands.h"
#include "cli/quick.h"

namespace easel::cli {
namespace {

// Flags all three have. The prompt is required where the technique means nothing without it.
void add_common(CLI::App& command, QuickFlags& flags, bool needs_prompt) {
  auto* prompt = command.add_option("-p,--prompt", flags.prompt, "What the result should show");
  if (needs_prompt) prompt->required();
  command.add_option("-n,--negative", flags.negative, "What it should not");
  command.add_option("--seed", flags.seed, "Another seed, another picture");
  command.add_option("--steps", flags.steps, "How many steps the denoising takes")->check(CLI::Range(1, 10000));
  command.add_option("--size", flags.size,
                     "WIDTHxHEIGHT of the result; by default that of the model, in the picture's shape");
  command.add_option("--set", flags.assignments, "NODE.INPUT=VALUE, as in easel run")->allow_extra_args(false);
  command.add_flag("--save-workflow", flags.save_workflow, "Write the workflow that was run beside the picture");
  command.add_flag("--json", flags.json, "Report progress and results as JSON lines");
  add_session_flags(command, flags.session);
  command.get_option("--input")->group("");  // pictures are named by their paths here
}

}  // namespace

void add_img2img(CLI::App& app) {
  auto flags = std::make_shared<QuickFlags>();
  CLI::App* command = app.add_subcommand("img2img", "Draw over a picture");
  command->footer(
      "  easel img2img sketch.png -p \"a lighthouse at dusk, oil painting\"\n  easel img2img photo.jpg -p "
      "\"watercolour\" --denoise 0.4 --save-workflow");
  command->add_option("PICTURE", flags->pictures, "The picture to draw over")->required()->expected(1);
  command
      ->add_option("--denoise", flags->amount,
                   "How much is repainted: 0.3 changes the surface, 0.6 keeps the composition, 1 keeps nothing")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--with", flags->with, "sd15 or sdxl; by default what the model files allow")
      ->check(CLI::IsMember({"sd15", "sdxl"}));
  add_common(*command, *flags, true);
  command->callback([flags] {
    std::vector<std::string> names = {"img2img", "img2img_sdxl"};
    if (!flags->with.empty()) names = {flags->with == "sdxl" ? "img2img_sdxl" : "img2img"};
    run_technique(*flags, names);
  });
}

void add_vary(CLI::App& app) {
  static const std::map<std::string, std::vector<std::string>> kWays = {
      {"unclip", {"unclip", "unclip_two_pictures"}},
      {"revision", {"revision_sdxl"}},
      {"ip-adapter", {"ip_adapter_variations", "ip_adapter_sdxl", "ip_adapter_two_pictures"}}};
  auto flags = std::make_shared<QuickFlags>();
  CLI::App* command = app.add_subcommand("vary", "Make new pictures like one or two others");
  command->footer(
      "  easel vary photo.jpg                        another picture of the same things\n  easel vary a.png b.png      "
      "                one picture inspired by two\n"
      "  easel vary photo.jpg --with ip-adapter -p \"in a storm\"");
  command->add_option("PICTURES", flags->pictures, "One or two pictures")->required()->expected(1, 2);
  command
      ->add_option("--with", flags->with,
                   "unclip, revision (two pictures) or ip-adapter; by default what the model files allow")
      ->check(CLI::IsMember({"unclip", "revision", "ip-adapter"}));
  add_common(*command, *flags, false);
  command->callback([flags] {
    std::vector<std::string> names;
    for (const char* way : {"unclip", "revision", "ip-adapter"})
      if (flags->with.empty() || flags->with == way)
        names.insert(names.end(), kWays.at(way).begin(), kWays.at(way).end());
    run_technique(*flags, names);
  });
}

void add_style(CLI::App& app) {
  auto flags = std::make_shared<QuickFlags>();
  CLI::App* command = app.add_subcommand("style", "Draw words in the style of a picture");
  command->footer("  easel style painting.jpg -p \"a harbour with boats\"");
  command->add_option("PICTURE", flags->pictures, "The picture whose style is wanted")->required()->expected(1);
  command->add_option("--strength", flags->amount, "How much of the style is taken over")->check(CLI::Range(0.0, 10.0));
  add_common(*command, *flags, true);
  command->callback([flags] { run_technique(*flags, {"style"}); });
}

}  // namespace easel::cli
