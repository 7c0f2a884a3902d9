// easel doctor: what this machine can do, which models are found, what is wrong and what to do.
#include "cli/reports/doctor.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

using workflow::Json;

struct Flags {
  SessionFlags session;
  bool json = false;
};

Json to_json(const Checkup& checkup) {
  const MachineFacts& m = checkup.machine;
  Json folders = Json::array(), findings = Json::array();
  for (const FolderFacts& f : checkup.folders)
    folders.push_back({{"kind", f.kind}, {"path", f.path.string()}, {"files", f.files}});
  for (const Finding& f : checkup.findings) {
    Json finding = {
        {"gravity", f.gravity == Gravity::kProblem ? "problem" : "note"}, {"message", f.says}, {"advice", f.advice}};
    if (f.gravity == Gravity::kProblem) finding["fault"] = fault_name(f.fault);
    findings.push_back(std::move(finding));
  }
  Json machine = {{"processor", m.processor},
                  {"threads", m.threads},
                  {"instruction_levels", m.levels},
                  {"instruction_level", m.level},
                  {"precision", m.precision},
                  {"devices", m.devices},
                  {"memory", m.memory},
                  {"memory_available", m.memory_available},
                  {"memory_budget", m.budget},
                  {"huge_pages", m.huge_pages},
                  {"open_files", m.open_files}};
  if (!m.no_card.empty()) machine["no_card"] = {{"message", m.no_card}, {"advice", m.no_card_advice}};
  if (m.cpu_quota) machine["cpu_quota"] = *m.cpu_quota;
  if (m.address_space > 0) machine["address_space"] = m.address_space;
  return {{"version", EASEL_VERSION},           {"machine", std::move(machine)},  {"model_folders", std::move(folders)},
          {"model_files", checkup.model_files}, {"disk_free", checkup.disk_free}, {"findings", std::move(findings)}};
}

void row(const char* name, const std::string& value) { printf("  %-16s%s\n", name, value.c_str()); }

void print(const Checkup& checkup) {
  const MachineFacts& m = checkup.machine;
  printf("This machine\n");
  row("processor", m.processor);
  row("threads", std::to_string(m.threads));
  row("instructions", m.level + " (it can run " + joined(m.levels) + ")");
  row("precision", m.precision + " by default");
  row("devices", joined(m.devices));
  if (!m.no_card.empty()) row("graphics card", "none: " + m.no_card + ". " + m.no_card_advice);
  row("memory", human_bytes(m.memory) + ", " + human_bytes(m.memory_available) + " of it free; Easel keeps to " +
                    human_bytes(m.budget));
  row("huge pages", m.huge_pages.empty() ? "unknown" : m.huge_pages);
  row("open files", std::to_string(m.open_files) + " at most");
  if (checkup.disk_free > 0) row("disk", human_bytes(checkup.disk_free) + " free for pictures");
  printf("\nModel files: %zu\n", checkup.model_files);
  for (const FolderFacts& f : checkup.folders)
    if (f.files > 0) printf("  %-16s%zu in %s\n", f.kind.c_str(), f.files, f.path.c_str());
  printf("\n%s\n", checkup.findings.empty() ? "All is well." : "What could be better");
  // The gravest come first. In folders of thousands of files one mistake may be made with all of them.
  constexpr size_t kShown = 100;
  const size_t count = checkup.findings.size();
  for (size_t i = 0; i < std::min(count, kShown); ++i) {
    const Finding& f = checkup.findings[i];
    printf("  %s %s\n          %s\n",
           f.gravity == Gravity::kProblem ? red("problem:").c_str() : "note:   ", f.says.c_str(), f.advice.c_str());
  }
  if (count > kShown) printf("  and %zu more, which easel doctor --json names\n", count - kShown);
}

void run(const Flags& flags) {
  const auto engine = start_engine(flags.session, false);
  const Checkup checkup = examine(*engine, flags.session.models);
  if (flags.json) printf("%s\n", workflow::dump_json(to_json(checkup), 1).c_str());  // paths may be any bytes
  else print(checkup);
  if (const auto fault = checkup.fault()) throw CLI::RuntimeError(exit_code(*fault));
}

}  // namespace

void add_doctor(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("doctor", "Say what this machine can do, and what is wrong with it");
  command->footer(
      "Takes the flags of the command that does not work, and writes nothing. The exit code is 0 when nothing stands "
      "in\n"
      "the way, notes included.\n\n"
      "  easel doctor --models ~/ComfyUI/models\n"
      "  easel doctor --json | jq .findings");
  add_session_flags(*command, flags->session);
  command->add_flag("--json", flags->json, "As JSON");
  command->callback([flags] { run(*flags); });
}

}  // namespace easel::cli
