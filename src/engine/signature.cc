#include "engine/signature.h"

#include <utility>

#include "base/error.h"
#include "base/files/file_version.h"
#include "base/sha256.h"
#include "node_api/files.h"

namespace easel::engine {

using workflow::InputSpec;
using workflow::PromptNode;

Signatures::Signatures(const workflow::Prompt& prompt, const nodes::Table& table, const library::Folders& folders,
                       const artifacts::ArtifactStore& artifacts, std::string settings)
    : prompt_(prompt), table_(table), folders_(folders), artifacts_(artifacts), settings_(std::move(settings)) {}

const Signature& Signatures::of(const std::string& id) {
  if (const auto it = known_.find(id); it != known_.end()) return it->second;
  const PromptNode* node = prompt_.find(id);
  if (!node) throw Error(Fault::kInternal, "node " + id + " is not in the prompt");
  Signature made = make(*node);
  return known_[id] = std::move(made);
}

Signature Signatures::make(const PromptNode& node) {
  const workflow::NodeSpec* spec = table_.find(node.class_type, node.input_names());
  if (!spec) throw Error(Fault::kInternal, "its class is not known").at_node(node.id, node.class_type);
  Signature out;
  out.reusable = !table_.entry(*spec).node.always;
  out.parts.push_back({"class", node.class_type, ""});
  out.parts.push_back({"settings", settings_, ""});
  for (const InputSpec& input : spec->inputs) add_input(node, input, out);
  for (const std::string& kind : table_.entry(*spec).node.looks_through) add_folder(kind, out);
  std::string text;
  for (const Dependency& part : out.parts)
    text += part.name + '\0' + std::to_string(part.value.size()) + ':' + part.value + '\0';
  out.digest = sha256_hex(text).substr(0, 32);
  return out;
}

void Signatures::add_input(const PromptNode& node, const InputSpec& input, Signature& out) {
  const auto it = node.inputs.find(input.name);
  if (it == node.inputs.end()) return;
  const std::string name = "input " + input.name;
  if (const auto link = workflow::as_link(*it)) {
    const Signature& before = of(link->node);
    out.reusable = out.reusable && before.reusable;
    out.parts.push_back({name, before.digest + "." + std::to_string(link->slot), link->node});
    return;
  }
  out.parts.push_back({name, workflow::dump_json(*it), ""});
  if (!it->is_string()) return;
  const std::string value = it->get<std::string>();
  if (!input.choices_from.empty()) add_file(input, value, out);
  if (input.names_embeddings)
    for (const auto& path : table_.files_in_text(folders_, value))
      out.parts.push_back({"file " + path.string(), file_version(path).version, ""});
  // Names of files to be saved may hold the time, or values of any other node.
  if (input.names_saved_files && value.find('%') != std::string::npos) out.reusable = false;
}

void Signatures::add_file(const InputSpec& input, const std::string& name, Signature& out) const {
  std::filesystem::path path;
  const bool latent = input.choices_from == workflow::kInputLatents;
  if (latent || input.choices_from == workflow::kInputImages) {
    try {
      path = latent ? nodes::find_latent(artifacts_, name) : nodes::find_picture(artifacts_, name);
    } catch (const Error&) {  // the node will say so when it runs
      return;
    }
  } else if (auto found = folders_.try_find(input.choices_from, name)) {
    path = *found;
  } else {
    return;
  }
  out.parts.push_back({"file " + path.string(), file_version(path).version, ""});
}

void Signatures::add_folder(const std::string& kind, Signature& out) const {
  std::string files;
  for (const std::string& name : folders_.list(kind))
    if (const auto path = folders_.try_find(kind, name)) files += name + '\0' + file_version(*path).version + '\0';
  out.parts.push_back({"what is in " + kind, sha256_hex(files), ""});
}

std::string difference(const Signature& before, const Signature& now) {
  for (const Dependency& part : now.parts) {
    const Dependency* old = nullptr;
    for (const Dependency& candidate : before.parts)
      if (candidate.name == part.name) old = &candidate;
    if (old && old->value == part.value) continue;
    if (part.name == "class" || part.name == "settings") return "its " + part.name + " changed";
    if (part.name.starts_with("file ")) return part.name + (old ? " changed" : " is new");
    if (!part.node.empty()) return "node " + part.node + " before it changed";
    return part.name + (old ? " changed" : " is new");
  }
  if (before.parts.size() > now.parts.size()) return "an input was left out";
  return {};
}

}  // namespace easel::engine
