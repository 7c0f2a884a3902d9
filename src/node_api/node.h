// How a node is declared: once, for validation, /object_info, `easel nodes` and the run alike.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "node_api/call.h"
#include "node_api/value.h"
#include "workflow/schema.h"

namespace easel::nodes {

// A plain value in a declaration, written as it comes: 512, 0.5, true, "ComfyUI".
struct Plain {
  workflow::Literal value;
  Plain(bool v) : value(v) {}
  Plain(int v) : value(int64_t{v}) {}
  Plain(int64_t v) : value(v) {}
  Plain(uint64_t v) : value(v) {}
  Plain(double v) : value(v) {}
  Plain(const char* v) : value(std::string(v)) {}
  Plain(std::string v) : value(std::move(v)) {}
};

// An input being declared: Int("width").def(512).range(16, 16384).step(8).tip("...").
class In {
 public:
  In(std::string name, std::string type) { spec_.name = std::move(name), spec_.type = std::move(type); }

  In&& def(const Plain& value) && { return spec_.default_value = typed(value), std::move(*this); }
  In&& range(const Plain& min, const Plain& max) && {
    return spec_.min = typed(min), spec_.max = typed(max), std::move(*this);
  }
  In&& step(const Plain& value) && { return spec_.step = typed(value), std::move(*this); }
  In&& round(const Plain& value) && { return spec_.round = typed(value), std::move(*this); }
  In&& tip(std::string text) && { return spec_.tooltip = std::move(text), std::move(*this); }
  In&& optional() && { return spec_.presence = workflow::Presence::kOptional, std::move(*this); }
  // Required in today's node, but older workflows lack it and mean the default.
  In&& late() && { return spec_.late = true, std::move(*this); }
  In&& multiline() && { return spec_.multiline = true, std::move(*this); }
  In&& dynamic_prompts() && { return spec_.dynamic_prompts = true, std::move(*this); }
  In&& upload() && { return spec_.image_upload = true, std::move(*this); }
  In&& forced() && { return spec_.force_input = true, std::move(*this); }

  workflow::InputSpec& spec() { return spec_; }
  const workflow::InputSpec& spec() const { return spec_; }

 private:
  // Whole numbers written for a FLOAT are meant as floats.
  workflow::Literal typed(const Plain& plain) const;
  workflow::InputSpec spec_;
};

inline In Int(std::string name) { return {std::move(name), "INT"}; }
inline In Float(std::string name) { return {std::move(name), "FLOAT"}; }
inline In Text(std::string name) { return {std::move(name), "STRING"}; }
inline In Bool(std::string name) { return {std::move(name), "BOOLEAN"}; }
// A seed: 0 to 2^64-1, with the editor's control of what happens to it after a run.
In Seed(std::string name);
// One of a fixed list.
In Choice(std::string name, std::vector<std::string> choices);
// One of the model files of a kind.
In File(std::string name, std::string kind);
// One of the pictures in the input folder.
In Picture(std::string name);
// A link: Link("model", "MODEL").
inline In Link(std::string name, std::string type) { return {std::move(name), std::move(type)}; }

struct Out {
  std::string type, name = {}, tip = {};
};

// Everything about a node. Fields are given by name, in this order.
struct Node {
  std::string name;          // the class_type
  std::string display = {};  // for people; the name when empty
  std::string category = {};
  std::string description = {};
  std::vector<In> inputs = {};
  std::vector<Out> outputs = {};
  bool output_node = false;
  bool deprecated = false;  // an older form of a node of the same name comes after the current one
  bool experimental = false;
  bool hidden_prompt = false;  // declares ComfyUI's hidden inputs prompt and extra_pnginfo
  bool always = false;         // runs even when nothing it depends on has changed
  // Kinds of model folders in which it chooses a file by itself: its result depends on what is in them.
  std::vector<std::string> looks_through = {};
  // Loaders that look at headers only: their run may be done ahead of time, to know what models are meant.
  bool cheap = false;
  std::function<Outputs(Call&)> run = {};
  // Called before anything is computed, with the linked inputs that are known by then (Call::peek); throws
  // Error(kMismatch) when they do not go together, and returns what can be known of the outputs (empty values
  // for the rest). Without it nothing is known, unless the node is cheap.
  std::function<Outputs(Call&)> foresee = {};
};

}  // namespace easel::nodes
