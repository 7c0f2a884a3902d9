// easel nodes: what each node does and takes.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <set>

#include "artifacts/folder_store.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "library/folders.h"
#include "node_api/files.h"
#include "node_api/table.h"
#include "nodes/node_list.h"
#include "nodes/standard_table.h"
#include "workflow/object_info.h"

namespace easel::cli {
namespace {

using workflow::InputSpec;
using workflow::NodeSpec;

struct Flags {
  std::string name, models, origin;
  bool json = false, markdown = false, names = false;
};

std::string plain(const workflow::Literal& literal) { return workflow::python_str(workflow::to_json(literal)); }

bool is_set(const workflow::Literal& literal) { return !std::holds_alternative<std::monostate>(literal); }

// "INT, 1 to 10000, default 20"
std::string describe(const InputSpec& input) {
  std::string out = input.type;
  if (input.is_combo()) {
    out = input.choices_from.empty() ? "" : "a file of " + input.choices_from;
    for (const std::string& choice : input.choices) out += (out.empty() ? "" : " | ") + choice;
  }
  if (is_set(input.min) && is_set(input.max)) out += ", " + plain(input.min) + " to " + plain(input.max);
  if (is_set(input.default_value) && !plain(input.default_value).empty())
    out += ", default " + plain(input.default_value);
  if (input.presence == workflow::Presence::kOptional || input.added_later) out += ", optional";
  return out;
}

void print_node(const NodeSpec& node) {
  printf("%s", node.class_type.c_str());
  if (!node.display_name.empty() && node.display_name != node.class_type) printf("  (%s)", node.display_name.c_str());
  printf("  %s%s\n", node.category.c_str(), node.deprecated ? ", an older form" : "");
  if (!node.description.empty()) printf("  %s\n", node.description.c_str());
  for (const InputSpec& input : node.inputs) {
    if (input.presence == workflow::Presence::kHidden) continue;
    printf("  in   %-22s %s\n", input.name.c_str(), describe(input).c_str());
    if (!input.tooltip.empty()) printf("       %-22s %s\n", "", input.tooltip.c_str());
  }
  for (const auto& output : node.outputs)
    printf("  out  %-22s %s\n", output.label().c_str(),
           output.tooltip.empty() ? output.type.c_str() : output.tooltip.c_str());
}

void print_markdown(const NodeSpec& node) {
  printf("### %s\n\n", node.class_type.c_str());
  if (node.deprecated) printf("An older form of this node.\n\n");
  if (!node.description.empty()) printf("%s\n\n", node.description.c_str());
  printf("| | name | what |\n|---|---|---|\n");
  const auto escaped = [](std::string text) {
    for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
    return text;
  };
  for (const InputSpec& input : node.inputs)
    if (input.presence != workflow::Presence::kHidden)
      printf("| in | `%s` | %s%s |\n", input.name.c_str(), escaped(describe(input)).c_str(),
             input.tooltip.empty() ? "" : (". " + escaped(input.tooltip)).c_str());
  for (const auto& output : node.outputs)
    printf("| out | `%s` | %s%s |\n", output.label().c_str(), output.type.c_str(),
           output.tooltip.empty() ? "" : (". " + escaped(output.tooltip)).c_str());
  printf("\n");
}

void print_list(const nodes::Table& table, const std::string& origin, bool markdown) {
  std::map<std::string, std::vector<const NodeSpec*>> by_category;
  for (const NodeSpec* node : table.list())
    if (origin.empty() || node->origin == origin || (origin == "core" && node->origin.empty()))
      by_category[node->category].push_back(node);
  if (by_category.empty()) {
    std::set<std::string> origins{"core"};
    for (const NodeSpec* node : table.list()) origins.insert(node->origin);
    origins.erase("");
    throw Error(Fault::kMissing, "no node comes from '" + origin + "'")
        .fix("Name one of: " + joined({origins.begin(), origins.end()}));
  }
  for (const auto& [category, list] : by_category) {
    printf(markdown ? "## %s\n\n" : "%s\n", category.c_str());
    for (const NodeSpec* node : list) {
      if (!markdown) printf("  %-30s %s\n", node->class_type.c_str(), node->description.c_str());
      else
        for (const NodeSpec* form : table.forms(node->class_type)) print_markdown(*form);
    }
  }
}

void run(const Flags& flags) {
  const nodes::Table& table = nodes::standard_table();
  if (flags.names) {
    printf("%s", nodes::names_by_origin(table).c_str());
    return;
  }
  if (flags.json) {
    const library::Folders folders = flags.models.empty() ? library::Folders() : library::Folders(flags.models);
    const artifacts::FolderStore store{artifacts::Directories()};
    const nodes::FolderChoices choices(folders, store);
    const NodeSpec* node = table.find(flags.name);
    const auto info = node ? workflow::Json{{flags.name, workflow::object_info(*node, choices)}}
                           : workflow::object_info(table, choices);
    if (node || flags.name.empty()) {
      printf("%s\n", workflow::dump_json(info, 1).c_str());
      return;
    }
  }
  if (flags.name.empty()) return print_list(table, flags.origin, flags.markdown);
  const auto forms = table.forms(flags.name);
  if (forms.empty()) {
    std::vector<std::string> names;
    for (const NodeSpec* node : table.list()) names.push_back(node->class_type);
    throw Error(Fault::kMissing, "there is no node '" + flags.name + "'").fix(did_you_mean(flags.name, names));
  }
  for (const NodeSpec* form : forms) flags.markdown ? print_markdown(*form) : print_node(*form);
}

}  // namespace

void add_nodes(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("nodes", "List the nodes, or say what one does and takes");
  command->footer(
      "  easel nodes\n  easel nodes KSampler\n  easel nodes --origin essentials\n  easel nodes --json      as "
      "/object_info of a ComfyUI server");
  command->add_option("NAME", flags->name, "A node's class");
  command->add_flag("--json", flags->json, "As ComfyUI's /object_info");
  command->add_flag("--markdown", flags->markdown, "As a page of documentation");
  command->add_flag("--names", flags->names, "Only their names, in the table of docs/compatibility.md");
  command->add_option("--origin", flags->origin,
                      "Only those of one extension (essentials, kjnodes, ...), or of ComfyUI itself (core)");
  command->add_option("--models", flags->models, "Model folder whose files --json lists");
  command->callback([flags] { run(*flags); });
}

}  // namespace easel::cli
