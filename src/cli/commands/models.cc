// easel models: what the files in a model folder are.
#include "library/folders.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "library/built_in.h"
#include "models/checkpoint/describe.h"
#include "techniques/few_steps.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kUsualFolder = "models";

struct Flags {
  std::string path = kUsualFolder;
  bool json = false, verbose = false;
};

// A file of a folder, or, without a kind, one that was named by its path.
struct Listed {
  std::string kind, name;
  bool built_in = false;

  std::string shown() const { return (kind.empty() ? name : kind + "/" + name) + (built_in ? " (built in)" : ""); }
};

Json to_json(const Listed& file, const models::FileDescription& d) {
  Json parts = Json::array();
  for (const auto& p : d.parts) parts.push_back({{"name", p.name}, {"parameters", p.parameters}, {"detail", p.detail}});
  return {{"folder", file.kind},
          {"name", file.name},
          {"built_in", file.built_in},
          {"kind", models::file_kind_name(d.kind)},
          {"family", models::family_name(d.family)},
          {"summary", d.summary},
          {"fits", d.fits},
          {"few_steps", d.few_steps ? techniques::to_json(*d.few_steps) : Json(nullptr)},
          {"container", d.container},
          {"precision", d.precision},
          {"bytes", d.bytes},
          {"tensors", d.tensors},
          {"parameters", d.parameters},
          {"parts", std::move(parts)},
          {"other_tensors", d.other_tensors},
          {"problem", d.problem}};
}

void print(const Listed& file, const models::FileDescription& d, bool verbose) {
  printf("%s\n    %s; %s, %s, %.1f M parameters, %s\n", file.shown().c_str(),
         d.summary.empty() ? "unknown" : d.summary.c_str(), d.container.c_str(), d.precision.c_str(),
         static_cast<double>(d.parameters) * 1e-6, human_bytes(d.bytes).c_str());
  if (!d.fits.empty()) printf("    goes with %s\n", d.fits.c_str());
  if (d.few_steps) {
    printf("    %s by its %s: %s\n", d.few_steps->title.c_str(), d.few_steps->told_by.c_str(),
           models::in_words(*d.few_steps).c_str());
    if (!d.few_steps->remark.empty()) printf("    %s %s\n", bold("note:").c_str(), d.few_steps->remark.c_str());
  }
  if (!d.problem.empty()) printf("    %s %s\n", red("problem:").c_str(), d.problem.c_str());
  const std::string folder = models::file_kind_folder(d.kind);
  if (!file.kind.empty() && !folder.empty() && folder != file.kind)
    printf("    %s files of this kind belong into %s/\n", bold("note:").c_str(), folder.c_str());
  if (!verbose) return;
  for (const auto& p : d.parts)
    printf("      %-18s %9.1f M   %s\n", p.name.c_str(), static_cast<double>(p.parameters) * 1e-6, p.detail.c_str());
  if (d.other_tensors > 0) printf("      %lld tensors are not used\n", static_cast<long long>(d.other_tensors));
}

// One file; a damaged one is reported and the rest goes on.
void describe(const fs::path& path, const Listed& file, const Flags& flags, Json& rows) {
  interrupt_token().check();
  try {
    const auto d = models::describe_file(path);
    if (flags.json) rows.push_back(to_json(file, d));
    else print(file, d, flags.verbose);
  } catch (const Error& e) {
    if (e.fault() == Fault::kCancelled) throw;
    if (flags.json)
      rows.push_back({{"folder", file.kind}, {"name", file.name}, {"built_in", file.built_in}, {"problem", e.what()}});
    else printf("%s\n    %s %s\n", file.shown().c_str(), red("problem:").c_str(), e.message().c_str());
  }
}

// Those of the folder, and before them those that came with the program. Without a folder of the usual name, only
// these.
void describe_all(const Flags& flags, Json& rows) {
  const fs::path built_in = library::built_in_models();
  std::error_code ignored;
  const bool none = flags.path == kUsualFolder && !built_in.empty() && !fs::is_directory(flags.path, ignored);
  library::Folders folders = none ? library::Folders() : library::Folders(fs::path(flags.path));
  folders.add_built_in(built_in);
  for (const bool first : {true, false})
    for (const auto& kind : folders.kinds())
      for (const auto& name : folders.list(kind))
        if (folders.built_in(kind, name) == first) describe(folders.find(kind, name), {kind, name, first}, flags, rows);
}

void run(const Flags& flags) {
  Json rows = Json::array();
  if (fs::is_regular_file(flags.path)) {
    const auto d = models::describe_file(flags.path);
    if (flags.json) rows.push_back(to_json({.kind = {}, .name = d.file}, d));
    else print({.kind = {}, .name = d.file}, d, true);
  } else {
    describe_all(flags, rows);
  }
  if (flags.json) printf("%s\n", workflow::dump_json(rows, 1).c_str());  // names in files may be any bytes
}

}  // namespace

void add_models(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("models", "Say what model files are, and what fits with what");
  command->footer(
      "Told from names and shapes of the tensors inside; nothing is loaded. Only that a model or LoRA was distilled to "
      "few steps is told from its name (\"sdxl_lightning_4step_lora\"), where its metadata or tensors do not say "
      "so.\n\n"
      "  easel models                              those that came with Easel, and those in models/\n"
      "  easel models ~/ComfyUI/models\n"
      "  easel models adapter.safetensors          one file, with its parts");
  command->add_option("PATH", flags->path, "A model folder, or one file")->capture_default_str();
  command->add_flag("--json", flags->json, "As JSON");
  command->add_flag("--verbose", flags->verbose, "List the parts of each file");
  command->callback([flags] { run(*flags); });
}

}  // namespace easel::cli
