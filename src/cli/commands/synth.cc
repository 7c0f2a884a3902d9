// easel synth: synthetic model files.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "synth/models/synth.h"

namespace easel::cli {
namespace {

struct Flags {
  std::string folder, size = "tiny";
  synth::SynthOptions options;
  bool list = false;
};

void print_list(const Flags& flags) {
  auto files = synth::synthetic_files(flags.options.size);
  if (flags.options.extra)
    for (auto& file : synth::extra_synthetic_files(flags.options.size)) files.push_back(std::move(file));
  for (const auto& file : files) printf("%s\n", file.path.c_str());
}

void run(const Flags& flags) {
  if (flags.list) return print_list(flags);
  if (flags.folder.empty())
    throw Error(Fault::kUsage, "synth needs the folder to write into").fix("For example: easel synth models");
  std::unique_ptr<ProgressBar> bar;
  std::string current;
  const auto paths = synth::write_synthetic(
      flags.folder, flags.options,
      [&](const synth::SynthProgress& p) {
        if (p.file.path != current) {
          current = p.file.path;
          bar.reset();
          bar = std::make_unique<ProgressBar>(current);
        }
        bar->update(static_cast<double>(p.written >> 20), static_cast<double>(p.file.bytes() >> 20), "MiB");
      },
      interrupt_token());
  bar.reset();
  for (const auto& path : paths) printf("%s\n", path.c_str());
}

}  // namespace

void add_synth(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("synth", "Write synthetic model files with the published names and layout");
  command->footer(
      "The values are a function of the names, so anyone gets the same bits. Tiny files have every block of the real\n"
      "models at small widths and are for tests; full ones have the published sizes and are for benchmarks.\n\n"
      "  easel synth models                                   all tiny files\n"
      "  easel synth models --size full --only v1-5-pruned    one full-size checkpoint");
  command->add_option("FOLDER", flags->folder, "The models folder to write into");
  command->add_option("--size", flags->size, "tiny or full")
      ->check(CLI::IsMember({"tiny", "full"}))
      ->capture_default_str();
  command->add_option("--only", flags->options.only, "Only files whose path contains one of these");
  command->add_option("--seed", flags->options.seed, "Another seed gives other values")->capture_default_str();
  command->add_flag("--extra", flags->options.extra, "Also files of further families and layouts");
  command->add_flag("--list", flags->list, "Print the files instead of writing them");
  command->callback([flags] {
    flags->options.size = flags->size == "full" ? synth::SynthSize::kFull : synth::SynthSize::kTiny;
    run(*flags);
  });
}

}  // namespace easel::cli
