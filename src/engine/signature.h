// Everything that a node's result depends on, as text that can be compared.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "artifacts/artifact_store.h"
#include "library/folders.h"
#include "node_api/context.h"
#include "node_api/table.h"
#include "workflow/prompt.h"

namespace easel::engine {

// One thing a result depends on: an input's value, a file, a node before it.
struct Dependency {
  std::string name;   // "input seed", "file models/vae/x.safetensors"
  std::string value;  // its text; for a linked node its signature's digest
  std::string node;   // the node a link leads to, else empty
  bool operator==(const Dependency&) const = default;
};

struct Signature {
  std::string digest;  // of everything below, 32 hexadecimal digits
  std::vector<Dependency> parts;
  bool reusable = true;  // false: must run every time
};

// Signatures of a prompt's nodes. Files are looked at once per object.
class Signatures {
 public:
  // All must outlive it. `settings`: what else results depend on (precision, ...).
  Signatures(const workflow::Prompt& prompt, const nodes::Table& table, const library::Folders& folders,
             const artifacts::ArtifactStore& artifacts, std::string settings);

  // Computed on first use, which for a long chain must begin at its start. The prompt must have passed validation
  // (no cycles, known classes).
  const Signature& of(const std::string& id);
  // One that of() has been asked for before.
  const Signature& known(const std::string& id) const { return known_.at(id); }

 private:
  Signature make(const workflow::PromptNode& node);
  void add_input(const workflow::PromptNode& node, const workflow::InputSpec& input, Signature& out);
  void add_file(const workflow::InputSpec& input, const std::string& name, Signature& out) const;
  void add_folder(const std::string& kind, Signature& out) const;

  const workflow::Prompt& prompt_;
  const nodes::Table& table_;
  const library::Folders& folders_;
  const artifacts::ArtifactStore& artifacts_;
  std::string settings_;
  std::map<std::string, Signature> known_;
};

// A short description of the difference between an earlier signature of the same node and this one.
std::string difference(const Signature& before, const Signature& now);

}  // namespace easel::engine
