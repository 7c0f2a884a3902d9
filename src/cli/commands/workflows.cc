// easel workflows: which workflow files of a folder run here, and what the others lack.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/reports/survey.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;
using workflow::Json;

constexpr size_t kHelpful = 10, kNamed = 6;

struct Flags {
  SessionFlags session;
  std::string folder;
  bool json = false;
};

// Names come from files: nothing in them may reach the terminal as a command.
std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  return text;
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < names.size() && i < kNamed; ++i) out += (i ? ", " : "") + names[i];
  if (names.size() > kNamed) out += " and " + std::to_string(names.size() - kNamed) + " more";
  return out;
}

void print(const Surveyed& one) {
  std::string why;
  if (!one.nodes.empty()) why = listed(one.nodes);
  if (!one.files.empty()) {
    const bool alone = why.empty() && one.message.empty();
    why += (alone ? "" : why.empty() ? "files: " : "; files: ") + listed(one.files);
  }
  if (!one.message.empty()) why += (why.empty() ? "" : "; ") + one.message.substr(0, one.message.find('\n'));
  printf("%-12s  %s%s\n", standing_name(one.standing).c_str(), printable(one.file.string()).c_str(),
         why.empty() ? "" : printable(": " + why).c_str());
}

Json to_json(const Surveyed& one) {
  Json out = {{"file", one.file.string()}, {"standing", standing_name(one.standing)}};
  if (!one.form.empty()) out["form"] = one.form;
  if (!one.nodes.empty()) out["lacks_nodes"] = one.nodes;
  if (!one.files.empty()) out["lacks_files"] = one.files;
  if (!one.message.empty()) out["message"] = one.message;
  return out;
}

void run(const Flags& flags) {
  const auto files = workflow_files(flags.folder);
  const auto engine = start_engine(flags.session, /*models_needed=*/false);
  std::error_code ignored;
  if (!fs::is_directory(flags.session.models, ignored))
    fprintf(stderr, "%s there is no model folder '%s', so every model %scounts as lacking; --models names another\n",
            bold("note:").c_str(), flags.session.models.c_str(),
            engine->folders().has_built_in() ? "that did not come with Easel " : "");
  std::vector<Surveyed> all;
  std::map<Standing, size_t> count;
  for (const fs::path& file : files) {
    interrupt_token().check();
    all.push_back(survey(flags.folder, file, *engine));
    ++count[all.back().standing];
    if (!flags.json) print(all.back());
  }
  const auto helpful = helpful_nodes(all, kHelpful);
  if (flags.json) {
    Json rows = Json::array(), nodes = Json::array(), summary = Json::object();
    for (const Surveyed& one : all) rows.push_back(to_json(one));
    for (const HelpfulNode& node : helpful)
      nodes.push_back({{"node", node.name}, {"workflows", node.lacking}, {"completes", node.completes}});
    for (const auto& [standing, n] : count) summary[standing_name(standing)] = n;
    printf("%s\n",
           workflow::dump_json({{"workflows", rows}, {"helpful_nodes", nodes}, {"summary", summary}}, 1).c_str());
    return;
  }
  printf("\n%zu files:", all.size());
  const char* separator = " ";
  for (const auto& [standing, n] : count) {
    printf("%s%zu %s", separator, n, standing_name(standing).c_str());
    separator = ", ";
  }
  printf("\n");
  if (helpful.empty()) return;
  printf("\nNodes that would help most:\n");
  for (const HelpfulNode& node : helpful)
    printf("  %-40s lacking in %zu, completes %zu\n", printable(node.name).c_str(), node.lacking, node.completes);
}

}  // namespace

void add_workflows(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("workflows", "Say which workflow files of a folder run here, and what others lack");
  command->footer(
      "Looks at every JSON file and picture below DIR: the editor's form, the API's, and pictures that carry either.\n"
      "Each is checked as a run would check it; nothing is run. At the end stand the nodes whose addition would help\n"
      "most: in how many workflows each is lacking, and how many then lack no other (those above it being there).\n\n"
      "  easel workflows ~/ComfyUI/user/default/workflows --models ~/ComfyUI/models\n"
      "  easel workflows ~/ComfyUI/output --json");
  command->add_option("DIR", flags->folder, "The folder")->required();
  command->add_flag("--json", flags->json, "As JSON");
  add_session_flags(*command, flags->session);
  command->callback([flags] { run(*flags); });
}

}  // namespace easel::cli
