// easel models: what the files in a model folder are.
#include "library/folders.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "models/checkpoint/describe.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct Flags {
  std::string path = "models";
  bool json = false, verbose = false;
};

Json to_json(const std::string& kind, const std::string& name, const models::FileDescription& d) {
  Json parts = Json::array();
  for (const auto& p : d.parts) parts.push_back({{"name", p.name}, {"parameters", p.parameters}, {"detail", p.detail}});
  return {{"folder", kind},
          {"name", name},
          {"kind", models::file_kind_name(d.kind)},
          {"family", models::family_name(d.family)},
          {"summary", d.summary},
          {"fits", d.fits},
          {"container", d.container},
          {"precision", d.precision},
          {"bytes", d.bytes},
          {"tensors", d.tensors},
          {"parameters", d.parameters},
          {"parts", std::move(parts)},
          {"other_tensors", d.other_tensors},
          {"problem", d.problem}};
}

void print(const std::string& kind, const std::string& name, const models::FileDescription& d, bool verbose) {
  printf("%s\n    %s; %s, %s, %.1f M parameters, %s\n", (kind.empty() ? name : kind + "/" + name).c_str(),
         d.summary.empty() ? "unknown" : d.summary.c_str(), d.container.c_str(), d.precision.c_str(),
         static_cast<double>(d.parameters) * 1e-6, human_bytes(d.bytes).c_str());
  if (!d.fits.empty()) printf("    goes with %s\n", d.fits.c_str());
  if (!d.problem.empty()) printf("    %s %s\n", red("problem:").c_str(), d.problem.c_str());
  const std::string folder = models::file_kind_folder(d.kind);
  if (!kind.empty() && !folder.empty() && folder != kind)
    printf("    %s files of this kind belong into %s/\n", bold("note:").c_str(), folder.c_str());
  if (!verbose) return;
  for (const auto& p : d.parts)
    printf("      %-18s %9.1f M   %s\n", p.name.c_str(), static_cast<double>(p.parameters) * 1e-6, p.detail.c_str());
  if (d.other_tensors > 0) printf("      %lld tensors are not used\n", static_cast<long long>(d.other_tensors));
}

// One file; a damaged one is reported and the rest goes on.
bool describe(const fs::path& path, const std::string& kind, const std::string& name, const Flags& flags, Json& rows) {
  interrupt_token().check();
  try {
    const auto d = models::describe_file(path);
    if (flags.json) rows.push_back(to_json(kind, name, d));
    else print(kind, name, d, flags.verbose);
    return true;
  } catch (const Error& e) {
    if (e.fault() == Fault::kCancelled) throw;
    if (flags.json) rows.push_back({{"folder", kind}, {"name", name}, {"problem", e.what()}});
    else
      printf("%s\n    %s %s\n", (kind.empty() ? name : kind + "/" + name).c_str(), red("problem:").c_str(),
             e.message().c_str());
    return false;
  }
}

void run(const Flags& flags) {
  Json rows = Json::array();
  if (fs::is_regular_file(flags.path)) {
    const auto d = models::describe_file(flags.path);
    if (flags.json) rows.push_back(to_json({}, d.file, d));
    else print({}, d.file, d, true);
  } else {
    const library::Folders folders{fs::path(flags.path)};
    for (const auto& kind : folders.kinds())
      for (const auto& name : folders.list(kind)) describe(folders.find(kind, name), kind, name, flags, rows);
  }
  if (flags.json) printf("%s\n", workflow::dump_json(rows, 1).c_str());  // names in files may be any bytes
}

}  // namespace

void add_models(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("models", "Say what model files are, and what fits with what");
  command->footer(
      "Told from names and shapes of the tensors inside, never from file names; nothing is loaded.\n\n"
      "  easel models ~/ComfyUI/models\n"
      "  easel models adapter.safetensors          one file, with its parts");
  command->add_option("PATH", flags->path, "A model folder, or one file")->capture_default_str();
  command->add_flag("--json", flags->json, "As JSON");
  command->add_flag("--verbose", flags->verbose, "List the parts of each file");
  command->callback([flags] { run(*flags); });
}

}  // namespace easel::cli
