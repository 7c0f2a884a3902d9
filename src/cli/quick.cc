#include "cli/quick.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/atomic_file.h"
#include "cli/run_prompt.h"
#include "cli/terminal.h"
#include "formats/pictures/picture.h"
#include "library/built_in.h"
#include "models/model_reader.h"
#include "techniques/few_steps.h"
#include "techniques/techniques.h"
#include "workflow/edit.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;

// A folder of the given pictures under names of their own, gone at the end.
class PictureFolder {
 public:
  explicit PictureFolder(const std::vector<std::string>& pictures) {
    for (const auto& picture : pictures) {
      if (!fs::is_regular_file(picture)) throw Error(Fault::kMissing, "there is no picture '" + picture + "'");
      formats::inspect_picture_file(picture);
    }
    std::string folder = (fs::temp_directory_path() / "easel-XXXXXX").string();  // private, and not predictable
    if (!mkdtemp(folder.data()))
      throw Error(Fault::kBadFile, std::string("cannot make a folder: ") + std::strerror(errno)).in_file(folder);
    path_ = folder;
    try {
      fill(pictures);
    } catch (...) {
      clear();
      throw;
    }
  }
  ~PictureFolder() { clear(); }
  PictureFolder(const PictureFolder&) = delete;
  PictureFolder& operator=(const PictureFolder&) = delete;

  const fs::path& path() const { return path_; }
  const std::vector<std::string>& names() const { return names_; }

 private:
  void fill(const std::vector<std::string>& pictures) {
    for (const auto& picture : pictures) {
      std::string name = fs::path(picture).filename().string();
      while (std::count(names_.begin(), names_.end(), name) > 0) name.insert(name.begin(), '_');
      fs::copy_file(picture, path_ / name);
      names_.push_back(name);
    }
  }
  void clear() const {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  fs::path path_;
  std::vector<std::string> names_;
};

// The size of the result: what was asked for, or the area the workflow has in the shape of the first picture.
std::pair<int64_t, int64_t> result_size(const QuickFlags& flags, const std::string& picture, int64_t width,
                                        int64_t height) {
  if (!flags.size.empty()) {
    int w = 0, h = 0;
    char end = 0;
    if (std::sscanf(flags.size.c_str(), "%dx%d%c", &w, &h, &end) != 2 || w < 16 || h < 16)
      throw Error(Fault::kUsage, "'" + flags.size + "' is no size").fix("Write 768x512");
    return {w, h};
  }
  const auto info = formats::inspect_picture_file(picture);
  const double ratio = std::clamp(static_cast<double>(info.width) / static_cast<double>(info.height), 0.25, 4.0);
  const double side = std::sqrt(static_cast<double>(width * height));
  const auto cells = [](double pixels) { return std::max<int64_t>(64, std::llround(pixels / 64) * 64); };
  return {cells(side * std::sqrt(ratio)), cells(side / std::sqrt(ratio))};
}

// The node whose width and height are those of the result.
workflow::PromptNode* size_node(workflow::Prompt& prompt) {
  for (const char* type : {"EmptyLatentImage", "ImageScale"})
    for (auto& node : prompt.nodes)
      if (node.class_type == type) return &node;
  return nullptr;
}

void set_seeds(workflow::Prompt& prompt, const nodes::Table& table, const workflow::Json& value) {
  for (auto& node : prompt.nodes)
    if (const workflow::NodeSpec* spec = table.find(node.class_type, node.input_names()))
      for (const workflow::InputSpec& input : spec->inputs)
        if (input.control_after_generate && node.inputs.contains(input.name) &&
            !workflow::as_link(node.inputs[input.name]))
          node.inputs[input.name] = value;
}

// Makes what is saved as large as an upscaler of the built-in models makes it.
void enlarge(workflow::Prompt& prompt, const library::Folders& folders) {
  const std::vector<std::string> upscalers = folders.list("upscale_models");
  const auto found = std::find_if(upscalers.begin(), upscalers.end(),
                                  [&](const std::string& name) { return folders.built_in("upscale_models", name); });
  if (found == upscalers.end()) return;
  constexpr const char *kUpscaler = "101", *kEnlarged = "102";  // no technique has that many nodes
  for (auto& node : prompt.nodes)
    if (node.class_type == "SaveImage") {
      const workflow::Json small = node.inputs.at("images");
      using workflow::Json;
      node.inputs["images"] = Json::array({kEnlarged, 0});
      prompt.nodes.push_back({.id = kUpscaler,
                              .class_type = "UpscaleModelLoader",
                              .title = "Upscaler",
                              .inputs = {{"model_name", *found}}});
      prompt.nodes.push_back({.id = kEnlarged,
                              .class_type = "ImageUpscaleWithModel",
                              .title = "Enlarge",
                              .inputs = {{"upscale_model", Json::array({kUpscaler, 0})}, {"image", small}}});
      return;
    }
}

// Models that were distilled to few steps get the settings that their makers publish, where the person says none.
void use_few_steps(workflow::Prompt& prompt, engine::Engine& engine) {
  const auto settings = [&](const std::string& checkpoint) -> std::optional<models::FewSteps> {
    const auto file = engine.model_file(engine.folders().find("checkpoints", checkpoint));
    const models::ModelReader* reader = models::find_reader(*file->tensors);
    return models::few_steps_of(*file, false, reader ? reader->family_of(*file) : nullptr);
  };
  for (const std::string& note : techniques::use_few_steps(prompt, settings))
    fprintf(stderr, "%s %s\n", bold("note:").c_str(), note.c_str());
}

// What is assigned to inputs on which the settings of distilled models depend.
std::vector<std::string> that_settings_follow(const std::vector<std::string>& assignments) {
  std::vector<std::string> out;
  for (const std::string& text : assignments)
    if (const std::string input = workflow::parse_assignment(text).input; input == "ckpt_name" || input == "denoise")
      out.push_back(text);
  return out;
}

void fill_in(techniques::Technique& t, const QuickFlags& flags, const PictureFolder& folder, engine::Engine& engine) {
  const nodes::Table& table = engine.table();
  techniques::set_pictures(t.prompt, t.pictures, folder.names());
  techniques::set_words(t.prompt, t.prompts, flags.prompt);
  if (!flags.negative.empty()) techniques::set_words(t.prompt, t.negatives, flags.negative);
  if (flags.seed) set_seeds(t.prompt, table, *flags.seed);
  if (flags.amount) t.prompt.find(t.knobs[t.main_knob].node)->inputs[t.knobs[t.main_knob].input] = *flags.amount;
  // Built-in models draw squares of their own size best.
  if (workflow::PromptNode* size = size_node(t.prompt); size && !(t.built_in && flags.size.empty())) {
    const auto [w, h] = result_size(flags, flags.pictures.front(), size->inputs["width"].get<int64_t>(),
                                    size->inputs["height"].get<int64_t>());
    size->inputs["width"] = w;
    size->inputs["height"] = h;
  }
  workflow::assign(t.prompt, table, that_settings_follow(flags.assignments));
  use_few_steps(t.prompt, engine);
  if (flags.steps) techniques::set_number(t.prompt, "steps", *flags.steps);
  workflow::assign(t.prompt, table, flags.assignments);
}

// That there are only the models that came with the program, if that is so.
void note_only_built_in(const SessionFlags& session) {
  if (const std::string says = only_built_in(session); !says.empty())
    fprintf(stderr, "%s %s\n", bold("note:").c_str(), says.c_str());
}

// That the result is small, and why.
void note_small(const SessionFlags& session) {
  std::string why = only_built_in(session);
  if (why.empty())
    why = "the model folder '" + session.models + "' lacks files for this, so Easel's own small models are used";
  const std::string side = std::to_string(library::kBuiltInSide);
  fprintf(stderr, "%s %s; they draw %sx%s pixels\n", bold("note:").c_str(), why.c_str(), side.c_str(), side.c_str());
}

}  // namespace

workflow::Workflow load_named(engine::Engine& engine, const std::string& name, const std::string& form,
                              const SessionFlags& session) {
  workflow::Workflow out;
  std::error_code ignored;
  if (!fs::exists(name, ignored) && techniques::is_technique(name)) {
    techniques::Technique t = techniques::first_available(engine, {name}, std::nullopt);
    if (t.built_in) note_small(session);
    out.prompt = std::move(t.prompt);
    return out;
  }
  note_only_built_in(session);
  out = workflow::load_workflow(name, engine.table(), workflow::form_named(form));
  workflow::take_accepted_form(out, engine.table(),
                               [&](const workflow::Prompt& prompt) { return engine.check(prompt).runnable(); });
  return out;
}

void run_technique(const QuickFlags& flags, const std::vector<std::string>& candidates) {
  const PictureFolder folder(flags.pictures);
  SessionFlags session = flags.session;
  session.input = folder.path().string();
  const auto engine = start_engine(session);
  techniques::Technique t = techniques::first_available(*engine, candidates, flags.pictures.size());
  if (t.built_in) note_small(flags.session);
  fill_in(t, flags, folder, *engine);
  if (t.built_in) enlarge(t.prompt, engine->folders());
  if (!flags.json) fprintf(stderr, "%s\n", dim(t.title + " (workflow " + t.name + ")").c_str());
  Presenter presenter(flags.json ? Style::kJson : Style::kPeople, *engine);
  run_prompt(*engine, t.prompt, presenter);
  if (flags.save_workflow && !presenter.saved().empty()) {
    const fs::path path = fs::path(presenter.saved().front()).replace_extension(".json");
    write_file(path, workflow::dump_json(workflow::to_json(t.prompt, true), 2) + "\n");
    if (!flags.json) printf("%s\n", path.c_str());
  }
}

}  // namespace easel::cli
