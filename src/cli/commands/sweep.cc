// easel sweep: a grid of runs over the values of one or more inputs, on one labelled sheet.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "cli/quick.h"
#include "cli/reports/sheet.h"
#include "cli/run_prompt.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "formats/pictures/picture.h"
#include "image/sheet/contact_sheet.h"
#include "node_api/files.h"
#include "workflow/edit.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;

struct Flags {
  SessionFlags session;
  std::string workflow, form, title, sheet;
  std::vector<std::string> settings;
  int64_t cell = 384;
  bool json = false;
};

// One --set: an input and the values it takes.
struct Axis {
  workflow::Assignment input;
  std::vector<std::string> values;
  std::string label(size_t i) const { return input.input + " " + values[i]; }
};

Axis parse_axis(const std::string& text) {
  Axis axis{workflow::parse_assignment(text), {}};
  size_t begin = 0;
  for (;;) {
    const size_t end = std::min(axis.input.value.find(',', begin), axis.input.value.size());
    axis.values.push_back(axis.input.value.substr(begin, end - begin));
    if (end == axis.input.value.size()) return axis;
    begin = end + 1;
  }
}

// The settings of several values. A setting of one value is the same in all runs, unless no other is there.
std::vector<Axis> axes_of(const std::vector<Axis>& settings) {
  std::vector<Axis> axes;
  for (const Axis& setting : settings)
    if (setting.values.size() > 1) axes.push_back(setting);
  if (axes.empty()) axes.push_back(settings.back());
  return axes;
}

void set(workflow::Prompt& prompt, const nodes::Table& table, const Axis& axis, size_t value) {
  workflow::Assignment assignment = axis.input;
  assignment.value = axis.values[value];
  workflow::assign(prompt, table, assignment);
}

// The prompts of all runs, row by row, and the sheet's words.
std::vector<workflow::Prompt> plan_runs(const workflow::Prompt& base, const std::vector<Axis>& axes,
                                        const nodes::Table& table, image::ContactSheet& sheet) {
  size_t runs = 1;
  for (const auto& axis : axes) runs *= axis.values.size();
  if (runs > 400) throw Error(Fault::kUsage, std::to_string(runs) + " runs are more than the 400 one sheet holds");
  std::vector<workflow::Prompt> prompts(runs, base);
  sheet.columns = axes.back().values.size();
  for (size_t i = 0; i < runs; ++i) {
    std::string label;
    size_t rest = i;
    for (size_t a = axes.size(); a-- > 0;) {
      const size_t value = rest % axes[a].values.size();
      rest /= axes[a].values.size();
      set(prompts[i], table, axes[a], value);
      label = axes[a].label(value) + (label.empty() ? "" : ", ") + label;
    }
    if (axes.size() > 2) sheet.labels.push_back(label);
  }
  if (axes.size() > 2) return prompts;
  for (size_t i = 0; i < axes.back().values.size(); ++i) sheet.column_titles.push_back(axes.back().label(i));
  if (axes.size() == 2)
    for (size_t i = 0; i < axes.front().values.size(); ++i) sheet.row_titles.push_back(axes.front().label(i));
  return prompts;
}

// Writes the sheet where the user wants it, or beside the pictures under a new number. Returns where it is.
std::string save_sheet(const Tensor& sheet, const std::string& wanted, const engine::Engine& engine) {
  if (wanted.empty()) {
    const artifacts::Name saved =
        engine.artifacts().put_numbered(artifacts::Area::kOutput, "sweep", "png", formats::encode_png(sheet));
    return engine.directories().output / saved.subfolder / saved.file;
  }
  write_sheet(wanted, sheet);
  return wanted;
}

void run(const Flags& flags) {
  if (!flags.sheet.empty()) check_sheet_name(flags.sheet);
  std::vector<Axis> settings;
  for (const auto& text : flags.settings) settings.push_back(parse_axis(text));
  const auto engine = start_engine(flags.session);
  workflow::Workflow loaded = load_named(*engine, flags.workflow, flags.form, flags.session);
  for (const std::string& note : loaded.notes) fprintf(stderr, "%s %s\n", bold("note:").c_str(), note.c_str());
  workflow::Prompt& base = loaded.prompt;
  for (const Axis& setting : settings)
    if (setting.values.size() == 1) set(base, engine->table(), setting, 0);
  image::ContactSheet sheet;
  sheet.title = flags.title.empty() ? fs::path(flags.workflow).stem().string() : flags.title;
  const auto prompts = plan_runs(base, axes_of(settings), engine->table(), sheet);
  // Every run is checked before the first begins.
  std::vector<engine::Plan> plans;
  for (const auto& prompt : prompts) {
    plans.push_back(engine->check(prompt));
    if (!plans.back().runnable()) plans.back().raise();
  }
  ProgressBar bar("sweep");
  for (size_t i = 0; i < plans.size(); ++i) {
    Presenter presenter(flags.json ? Style::kJson : Style::kQuiet, *engine);
    run_plan(*engine, std::move(plans[i]), presenter, {.last = i + 1 == plans.size()});
    if (presenter.saved().empty())
      throw Error(Fault::kInvalid, "the workflow saves no picture").fix("Give it a SaveImage node");
    sheet.pictures.push_back(picture_on_sheet(presenter.saved().front(), flags.cell));
    if (!flags.json) bar.update(static_cast<double>(i + 1), static_cast<double>(plans.size()), "run");
  }
  bar.finish();
  printf("%s\n", save_sheet(image::draw_contact_sheet(sheet), flags.sheet, *engine).c_str());
}

}  // namespace

void add_sweep(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("sweep", "Run a workflow over a grid of values, onto one labelled sheet");
  command->footer(
      "The last --set of several values runs along the columns, the one before it down the rows; one of a single "
      "value holds for all runs. What does not change is computed once.\n\n"
      "  easel sweep flow.json --set KSampler.denoise=0.2,0.4,0.6,0.8\n"
      "  easel sweep img2img --set 8.denoise=0.2,0.4,0.6,0.8      one of Easel's own, with the models there are\n"
      "  easel sweep flow.json --set KSampler.seed=1,2,3 --set KSampler.cfg=4,7,10\n"
      "  easel sweep flow.json --set KSampler.steps=4 --set 6.weight=0,0.5,1 --sheet weights.jpg");
  command->add_option("WORKFLOW", flags->workflow, "The workflow file, or a technique")->required();
  command->add_option("--set", flags->settings, "NODE.INPUT=VALUE,VALUE,...")->required()->allow_extra_args(false);
  command->add_option("--form", flags->form, "Which form of a workflow that comes in both: graph or prompt")
      ->check(CLI::IsMember({"graph", "prompt"}));
  command->add_option("--title", flags->title, "Above the sheet; by default the workflow's name");
  command->add_option("--cell", flags->cell, "Most pixels of a picture on the sheet")
      ->check(CLI::Range(32, 2048))
      ->capture_default_str();
  command->add_option("--sheet", flags->sheet,
                      "Where to write the sheet, .png or .jpg (default: numbered, in --output)");
  command->add_flag("--json", flags->json, "Report the runs as JSON lines");
  add_session_flags(*command, flags->session);
  command->callback([flags] { run(*flags); });
}

}  // namespace easel::cli
