// easel run: a workflow file in, pictures out.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/quick.h"
#include "cli/run_prompt.h"
#include "cli/session.h"
#include "formats/tensors/safetensors.h"
#include "nodes/common/trace.h"
#include "workflow/edit.h"

namespace easel::cli {
namespace {

struct Flags {
  SessionFlags session;
  std::string workflow, form, trace;
  std::vector<std::string> assignments;
  int64_t seed_offset = 0;
  bool json = false, dry_run = false;
};

// The workflow with --set and --seed-offset applied.
workflow::Workflow load(const Flags& flags, engine::Engine& engine) {
  workflow::Workflow out = load_named(engine, flags.workflow, flags.form, flags.session);
  workflow::assign(out.prompt, engine.table(), flags.assignments);
  workflow::offset_seeds(out.prompt, engine.table(), flags.seed_offset);
  // A graph that no longer says what is run does not belong into the pictures; the prompt is there in any case.
  if (!flags.assignments.empty() || flags.seed_offset != 0) out.graph = nullptr;
  return out;
}

void check_only(engine::Engine& engine, const workflow::Prompt& prompt, Presenter& presenter, bool json) {
  const auto validation = engine.check(prompt);
  try {
    if (!validation.runnable()) validation.raise();
  } catch (const Error& e) {
    presenter.failed(e, &validation);
    throw;
  }
  for (const workflow::Notice& notice : validation.left_out())
    presenter.take(engine::NodeWarning{notice.node, notice.text});
  for (const workflow::Notice& notice : validation.notices)
    presenter.take(engine::NodeWarning{notice.node, notice.text});
  if (json)
    printf("{\"event\":\"valid\",\"nodes\":%zu,\"outputs\":%zu}\n", prompt.nodes.size(), validation.outputs.size());
  else fprintf(stderr, "valid: %zu nodes, %zu outputs\n", prompt.nodes.size(), validation.outputs.size());
}

void run(const Flags& flags) {
  const auto engine = start_engine(flags.session);
  Presenter presenter(flags.json ? Style::kJson : Style::kPeople, *engine, flags.session.verbose);
  workflow::Workflow loaded;
  try {
    loaded = load(flags, *engine);
    for (const std::string& note : loaded.notes) presenter.take(engine::NodeWarning{"", note});
  } catch (const Error& e) {
    presenter.failed(e);
    throw;
  }
  if (flags.dry_run) return check_only(*engine, loaded.prompt, presenter, flags.json);
  engine::RunOptions options{.last = true};
  if (!loaded.graph.is_null()) options.picture_text.emplace_back("workflow", workflow::dump_json(loaded.graph));
  TensorMap trace;
  if (!flags.trace.empty()) options.watch = nodes::trace_into(trace);
  run_prompt(*engine, loaded.prompt, presenter, std::move(options));
  if (!flags.trace.empty()) formats::write_safetensors(flags.trace, trace);
}

}  // namespace

void add_run(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("run", "Run a ComfyUI workflow and save its pictures");
  command->footer(
      "WORKFLOW is the editor's JSON, the API's JSON, a PNG or WebP picture that carries one, or the name of one of "
      "Easel's\n"
      "own (docs/techniques.md), which takes the model files there are. Pictures are saved under OUTPUT and their "
      "paths\n"
      "printed, one a line. Everything is checked before anything is computed.\n"
      "A picture mostly carries both forms: the API's is run, unless only the editor's can be.\n\n"
      "  easel run flow.json --set KSampler.steps=8 --set 6.text=\"a red barn\"\n"
      "  easel run flow.json --seed-offset 1          the same with other noise\n"
      "  easel run ComfyUI_00042_.png                 make a picture again\n"
      "  easel run flow.json --json                   one JSON object a line, for programs\n\n"
      "Ctrl-C stops within a step and leaves nothing half-written. Exit codes: easel --help.");
  command->add_option("WORKFLOW", flags->workflow, "The workflow file, or a technique")->required();
  command->add_option("--form", flags->form, "Which form of a workflow that comes in both: graph or prompt")
      ->check(CLI::IsMember({"graph", "prompt"}));
  command
      ->add_option("--set", flags->assignments,
                   "NODE.INPUT=VALUE; NODE is an id, or a title or class that only one node has")
      ->allow_extra_args(false);
  command->add_option("--seed-offset", flags->seed_offset, "Added to every seed in the workflow");
  command->add_option("--trace", flags->trace, "Also write every node's outputs into this safetensors file");
  command->add_flag("--json", flags->json, "Report progress and results as JSON lines");
  command->add_flag("--dry-run", flags->dry_run, "Check everything, run nothing");
  command->add_flag("--verbose", flags->session.verbose, "A line per node, and which tensors of a file are not used");
  add_session_flags(*command, flags->session);
  command->callback([flags] { run(*flags); });
}

}  // namespace easel::cli
