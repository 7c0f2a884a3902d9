// easel run: a workflow file in, pictures out.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/presenter.h"
#include "cli/session.h"
#include "formats/safetensors.h"
#include "workflow/edit.h"
#include "workflow/load.h"

namespace easel::cli {
namespace {

struct Flags {
  SessionFlags session;
  std::string workflow, trace;
  std::vector<std::string> assignments;
  int64_t seed_offset = 0;
  bool json = false, dry_run = false;
};

void run(const Flags& flags) {
  const auto engine = start_engine(flags.session);
  workflow::Workflow loaded = workflow::load_workflow(flags.workflow, engine->table());
  for (const auto& text : flags.assignments)
    workflow::assign(loaded.prompt, engine->table(), workflow::parse_assignment(text));
  if (flags.seed_offset != 0) workflow::offset_seeds(loaded.prompt, engine->table(), flags.seed_offset);
  if (flags.dry_run) {
    const auto validation = engine->check(loaded.prompt);
    if (!validation.flawless()) validation.raise();
    fprintf(stderr, "valid: %zu nodes, %zu outputs\n", loaded.prompt.nodes.size(), validation.outputs.size());
    return;
  }
  std::vector<std::pair<std::string, std::string>> texts;
  if (!loaded.graph.is_null()) texts.emplace_back("workflow", workflow::dump_json(loaded.graph));
  TensorMap trace;
  Presenter presenter(flags.json ? Style::kJson : Style::kPeople, *engine);
  run_prompt(*engine, loaded.prompt, presenter, std::move(texts), flags.trace.empty() ? nullptr : &trace);
  if (!flags.trace.empty()) formats::write_safetensors(flags.trace, trace);
}

}  // namespace

void add_run(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("run", "Run a ComfyUI workflow and save its pictures");
  command->footer(
      "WORKFLOW is the editor's JSON, the API's JSON, or a PNG or WebP picture that carries one. Pictures are saved "
      "under\n"
      "OUTPUT and their paths printed, one a line. Everything is checked before anything is computed.\n\n"
      "  easel run flow.json --set KSampler.steps=8 --set 6.text=\"a red barn\"\n"
      "  easel run flow.json --seed-offset 1          the same with other noise\n"
      "  easel run ComfyUI_00042_.png                 make a picture again\n"
      "  easel run flow.json --json                   one JSON object a line, for programs\n\n"
      "Ctrl-C stops after the current step and leaves nothing half-written. Exit codes: easel --help.");
  command->add_option("WORKFLOW", flags->workflow, "The workflow file")->required();
  command
      ->add_option("--set", flags->assignments,
                   "NODE.INPUT=VALUE; NODE is an id, or a title or class that only one node has")
      ->allow_extra_args(false);
  command->add_option("--seed-offset", flags->seed_offset, "Added to every seed in the workflow");
  command->add_option("--trace", flags->trace, "Also write every node's outputs into this safetensors file");
  command->add_flag("--json", flags->json, "Report progress and results as JSON lines");
  command->add_flag("--dry-run", flags->dry_run, "Check everything, run nothing");
  command->add_flag("--verbose", flags->session.verbose, "Say more, such as which tensors of a file are not used");
  add_session_flags(*command, flags->session);
  command->callback([flags] { run(*flags); });
}

}  // namespace easel::cli
