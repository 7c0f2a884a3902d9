#include "server/fleet/fleet_models.h"

#include <algorithm>

namespace easel::server {
namespace {

bool is_model_kind(const workflow::InputSpec& input) {
  return !input.choices_from.empty() && input.choices_from != workflow::kInputImages &&
         input.choices_from != workflow::kInputLatents;
}

}  // namespace

std::set<std::string> model_kinds(const workflow::NodeTable& table) {
  std::set<std::string> out;
  for (const workflow::NodeSpec* shown : table.list())
    for (const workflow::NodeSpec* form : table.forms(shown->class_type))
      for (const workflow::InputSpec& input : form->inputs)
        if (is_model_kind(input)) out.insert(input.choices_from);
  return out;
}

void FleetChoices::set_runners(const std::vector<RunnerInfo>& runners) {
  std::map<std::string, std::map<std::string, Known>> files;
  for (const RunnerInfo& runner : runners)
    for (const ModelFile& file : runner.models) {
      Known& known = files[file.kind][file.name];
      if (runner.alive && !file.identity.empty()) ++known.identities[file.identity];
    }
  const MutexLock lock(mutex_);
  files_ = std::move(files);
}

std::vector<std::string> FleetChoices::choices(const std::string& source) const {
  std::vector<std::string> out = own_.choices(source);
  {
    const MutexLock lock(mutex_);
    if (const auto kind = files_.find(source); kind != files_.end())
      for (const auto& [name, known] : kind->second) out.push_back(name);
    else return out;
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

bool FleetChoices::has_unlisted(const std::string& source, const std::string& value) const {
  return own_.has_unlisted(source, value);
}

std::string FleetChoices::identity_of(const std::string& kind, const std::string& name) const {
  const MutexLock lock(mutex_);
  const auto files = files_.find(kind);
  if (files == files_.end()) return {};
  const auto file = files->second.find(name);
  if (file == files->second.end() || file->second.identities.size() < 2) return {};
  return std::max_element(file->second.identities.begin(), file->second.identities.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

std::vector<ModelFile> named_models(const workflow::Prompt& prompt, const workflow::NodeTable& table) {
  std::vector<ModelFile> out;
  for (const workflow::PromptNode& node : prompt.nodes) {
    const workflow::NodeSpec* spec = table.find(node.class_type, node.input_names());
    if (!spec) continue;
    for (const workflow::InputSpec& input : spec->inputs) {
      const auto value = node.inputs.find(input.name);
      if (!is_model_kind(input) || value == node.inputs.end() || !value->is_string()) continue;
      std::string name = value->get<std::string>();
      if (std::find(input.choices.begin(), input.choices.end(), name) != input.choices.end()) continue;  // "None"
      std::replace(name.begin(), name.end(), '\\', '/');  // as workflows that were saved on Windows have it
      ModelFile file{input.choices_from, std::move(name), {}};
      if (std::find(out.begin(), out.end(), file) == out.end()) out.push_back(std::move(file));
    }
  }
  return out;
}

std::vector<ModelFile> FleetChoices::needs(const workflow::Prompt& prompt, const workflow::NodeTable& table) const {
  std::vector<ModelFile> out = named_models(prompt, table);
  // A name under which nobody lists a file, but a folder may have one, decides nothing about who can run the job.
  std::erase_if(out, [&](const ModelFile& file) {
    const auto known = choices(file.kind);
    return std::find(known.begin(), known.end(), file.name) == known.end();
  });
  for (ModelFile& file : out) file.identity = identity_of(file.kind, file.name);
  return out;
}

bool FleetChoices::all_here(const std::vector<ModelFile>& files) const {
  return std::all_of(files.begin(), files.end(), [&](const ModelFile& file) {
    const auto own = own_.choices(file.kind);
    return std::find(own.begin(), own.end(), file.name) != own.end();
  });
}

}  // namespace easel::server
