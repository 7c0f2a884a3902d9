// What a node looks like from outside: pure data, knows nothing of how a node works.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/nearest.h"

namespace easel::workflow {

// A widget's value. Integers that do not fit int64_t (seeds go to 2^64-1) are uint64_t.
using Literal = std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string>;

enum class Presence { kRequired, kOptional, kHidden };

// One input of a node. `type` is "INT", "FLOAT", "STRING", "BOOLEAN", "COMBO" (one of a list), or the type
// of a link ("MODEL", "*", "IMAGE,MASK").
struct InputSpec {
  std::string name, type;
  Presence presence = Presence::kRequired;
  Literal default_value, min, max, step, round;
  Literal useful_min, useful_max, useful_step;  // what a slider spans, where that is less than what is allowed
  std::vector<std::string> choices;  // of a COMBO that is always the same, or what stands before the files ("None")
  std::string choices_from;          // where others come from: a model folder ("checkpoints") or kInputImages
  std::string tooltip;
  bool multiline = false, dynamic_prompts = false;
  bool image_upload = false;            // the editor shows an upload button, which keeps an extra value of its own
  bool force_input = false;             // a value that has no widget and can only be linked
  bool added_later = false;             // required, but younger than the node: workflows that lack it mean the default
  bool control_after_generate = false;  // a seed: the editor keeps an extra value after it
  bool names_embeddings = false;        // text that is, or may become, a prompt: "embedding:name" in it means a file;
                                        // clients are told of it as "prompt_text"
  bool names_saved_files = false;       // text that becomes file names: %...% in it is filled in when they are written

  // True for values typed into the node, false for what must come over a link.
  bool has_widget() const;
  bool is_combo() const { return type == "COMBO"; }
};

// choices_from of inputs that name a picture in the input folder.
inline constexpr const char* kInputImages = "input images";
// The same for saved latents.
inline constexpr const char* kInputLatents = "input latents";

struct OutputSpec {
  std::string type, name, tooltip;  // name: the type's when empty
  bool is_list = false;             // several values, for each of which later nodes run
  const std::string& label() const { return name.empty() ? type : name; }
};

struct NodeSpec {
  std::string class_type, display_name, category, description;
  std::string origin;             // whose node it is; empty for ComfyUI's own
  std::vector<InputSpec> inputs;  // required ones first, then optional, then hidden
  std::vector<OutputSpec> outputs;
  bool output_node = false;  // what a workflow is run for (SaveImage)
  bool deprecated = false, experimental = false;

  const InputSpec* input(std::string_view name) const;
};

// Every node there is. Some published nodes share one name and differ in their inputs; those are forms of
// one class_type, and which is meant shows in the inputs a workflow gives.
class NodeTable {
 public:
  virtual ~NodeTable() = default;
  // The forms of a class, the preferred one first; empty for an unknown class.
  virtual std::vector<const NodeSpec*> forms(std::string_view class_type) const = 0;
  // Every class's preferred form, ordered by name.
  virtual std::vector<const NodeSpec*> list() const = 0;

  // The preferred form, nullptr when unknown.
  const NodeSpec* find(std::string_view class_type) const;
  // The form that suits the given input names best (fewest unknown, then fewest missing); nullptr when unknown.
  const NodeSpec* find(std::string_view class_type, const std::vector<std::string>& given) const;
};

// Answers what exists at run time: model files, pictures.
class ChoiceProvider {
 public:
  virtual ~ChoiceProvider() = default;
  virtual std::vector<std::string> choices(const std::string& source) const = 0;
  // Some sources are not checked against the list but by a rule of their own (a picture may also be named
  // in the output folder, "x.png [output]"): true when `check` is to be asked instead.
  virtual bool has_own_check(const std::string& source) const = 0;
  // Nothing when the value is fine, else what is wrong with it: Error(kMissing) when there is no such file.
  virtual std::optional<Error> check(const std::string& source, const std::string& value) const = 0;
  // Whether there is this value though it is not among the choices: a file that has another name as well, under which
  // it is listed, or one that came since the list was made.
  virtual bool has_unlisted(const std::string& source, const std::string& value) const {
    (void)source, (void)value;
    return false;
  }
};

// The choices of a COMBO as they are now.
std::vector<std::string> choices_of(const InputSpec& input, const ChoiceProvider& provider);

// Whether an output of type `from` may be linked to an input of type `to`: equal, "*" on either side, or
// comma-separated lists that share a member.
bool types_match(std::string_view from, std::string_view to);

}  // namespace easel::workflow
