// easel sweep: a grid of runs over the values of one or more inputs, on one labelled sheet.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "cli/presenter.h"
#include "cli/session.h"
#include "formats/picture.h"
#include "image/contact_sheet.h"
#include "image/resize.h"
#include "nodes/files.h"
#include "workflow/edit.h"
#include "workflow/load.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;

struct Flags {
  SessionFlags session;
  std::string workflow, title;
  std::vector<std::string> axes;
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

// The first saved picture of a run, small enough for the sheet.
Tensor thumbnail(const std::string& path, int64_t side) {
  const Tensor picture = formats::load_picture(path).rgb;
  const double scale =
      std::min(1.0, static_cast<double>(side) / static_cast<double>(std::max(picture.dim(1), picture.dim(2))));
  if (scale == 1.0) return picture;
  const image::Size size{std::max<int64_t>(1, std::llround(static_cast<double>(picture.dim(2)) * scale)),
                         std::max<int64_t>(1, std::llround(static_cast<double>(picture.dim(1)) * scale))};
  return image::resize(picture, size, image::ResizeMethod::kLanczos);
}

void run(const Flags& flags) {
  std::vector<Axis> axes;
  for (const auto& text : flags.axes) axes.push_back(parse_axis(text));
  size_t runs = 1;
  for (const auto& axis : axes) runs *= axis.values.size();
  if (runs > 400) throw Error(Fault::kUsage, std::to_string(runs) + " runs are more than the 400 one sheet holds");

  const auto engine = start_engine(flags.session);
  const workflow::Workflow loaded = workflow::load_workflow(flags.workflow, engine->table());
  // Every combination is checked before the first is run.
  std::vector<workflow::Prompt> prompts(runs, loaded.prompt);
  image::ContactSheet sheet;
  sheet.title = flags.title.empty() ? fs::path(flags.workflow).stem().string() : flags.title;
  sheet.columns = axes.back().values.size();
  for (size_t i = 0; i < runs; ++i) {
    std::string label;
    size_t rest = i;
    for (size_t a = axes.size(); a-- > 0;) {
      const size_t value = rest % axes[a].values.size();
      rest /= axes[a].values.size();
      workflow::Assignment assignment = axes[a].input;
      assignment.value = axes[a].values[value];
      workflow::assign(prompts[i], engine->table(), assignment);
      label = axes[a].label(value) + (label.empty() ? "" : ", ") + label;
    }
    if (const auto validation = engine->check(prompts[i]); !validation.flawless()) validation.raise();
    if (axes.size() > 2) sheet.labels.push_back(label);
  }
  if (axes.size() <= 2) {
    for (size_t i = 0; i < axes.back().values.size(); ++i) sheet.column_titles.push_back(axes.back().label(i));
    if (axes.size() == 2)
      for (size_t i = 0; i < axes.front().values.size(); ++i) sheet.row_titles.push_back(axes.front().label(i));
  }
  ProgressBar bar("sweep");
  for (size_t i = 0; i < runs; ++i) {
    Presenter presenter(flags.json ? Style::kJson : Style::kQuiet, *engine);
    run_prompt(*engine, prompts[i], presenter);
    if (presenter.saved().empty())
      throw Error(Fault::kInvalid, "the workflow saves no picture").fix("Give it a SaveImage node");
    sheet.pictures.push_back(thumbnail(presenter.saved().front(), flags.cell));
    if (!flags.json) bar.update(static_cast<double>(i + 1), static_cast<double>(runs));
  }
  bar.finish();
  const auto [subfolder, name] = nodes::save_numbered(engine->directories().output, "sweep", "png",
                                                      formats::encode_png(image::draw_contact_sheet(sheet)));
  printf("%s\n", (engine->directories().output / subfolder / name).c_str());
}

}  // namespace

void add_sweep(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("sweep", "Run a workflow over a grid of values, onto one labelled sheet");
  command->footer(
      "The last --set runs along the columns, the one before it down the rows. What does not change is computed "
      "once.\n\n"
      "  easel sweep flow.json --set KSampler.denoise=0.2,0.4,0.6,0.8\n"
      "  easel sweep flow.json --set KSampler.seed=1,2,3 --set KSampler.cfg=4,7,10");
  command->add_option("WORKFLOW", flags->workflow, "The workflow file")->required();
  command->add_option("--set", flags->axes, "NODE.INPUT=VALUE,VALUE,...")->required()->allow_extra_args(false);
  command->add_option("--title", flags->title, "Above the sheet; by default the workflow's name");
  command->add_option("--cell", flags->cell, "Most pixels of a picture on the sheet")
      ->check(CLI::Range(32, 2048))
      ->capture_default_str();
  command->add_flag("--json", flags->json, "Report the runs as JSON lines");
  add_session_flags(*command, flags->session);
  command->callback([flags] { run(*flags); });
}

}  // namespace easel::cli
