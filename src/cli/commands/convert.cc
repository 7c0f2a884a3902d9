// easel convert: one workflow form into the other.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/atomic_file.h"
#include "cli/commands.h"
#include "node_api/table.h"
#include "nodes/standard_table.h"
#include "workflow/convert/convert.h"
#include "workflow/load.h"

namespace easel::cli {
namespace {

struct Flags {
  std::string workflow, form, out, to;
  bool titles = false;
};

void run(const Flags& flags) {
  const nodes::Table& table = nodes::standard_table();
  const workflow::Workflow in = workflow::load_workflow(flags.workflow, table, workflow::form_named(flags.form));
  for (const std::string& note : in.notes) fprintf(stderr, "note: %s\n", note.c_str());
  const std::string to = !flags.to.empty() ? flags.to : in.from_graph ? "prompt" : "graph";
  const bool keep = to == "graph" && !in.graph.is_null();  // it was a graph, or carries its own
  const std::string text = workflow::dump_json(to == "prompt" ? workflow::to_json(in.prompt, flags.titles)
                                               : keep         ? in.graph
                                                              : workflow::to_graph(in.prompt, table),
                                               2) +
                           "\n";
  if (flags.out.empty()) fwrite(text.data(), 1, text.size(), stdout);
  else write_file(flags.out, text);
}

}  // namespace

void add_convert(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("convert", "Turn a workflow's graph into an API prompt, or the reverse");
  command->footer(
      "Without --to the other form is made: a graph becomes a prompt, a prompt a graph laid out in columns.\n"
      "A picture that carries a workflow is taken as well, and JSON that holds one as services wrap it.\n\n"
      "  easel convert workflow.json -o prompt.json\n"
      "  easel convert picture.png --to graph -o workflow.json");
  command->add_option("WORKFLOW", flags->workflow, "The workflow's file")->required();
  command->add_option("-o,--out", flags->out, "File to write (default: standard output)");
  command->add_option("--form", flags->form, "Which form of a workflow that comes in both: graph or prompt")
      ->check(CLI::IsMember({"graph", "prompt"}));
  command->add_option("--to", flags->to, "prompt or graph")->check(CLI::IsMember({"prompt", "graph"}));
  command->add_flag("--titles", flags->titles, "Keep the nodes' titles in the prompt, as _meta");
  command->callback([flags] { run(*flags); });
}

}  // namespace easel::cli
