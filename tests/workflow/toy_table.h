// A handful of node declarations for tests of graphs and validation.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "workflow/schema.h"

namespace easel::workflow::testing {

inline InputSpec input(const std::string& name, const std::string& type, Literal default_value = {}) {
  InputSpec out;
  out.name = name;
  out.type = type;
  out.default_value = std::move(default_value);
  return out;
}
inline InputSpec optional(InputSpec in) { return in.presence = Presence::kOptional, in; }
inline InputSpec range(InputSpec in, Literal min, Literal max) { return in.min = min, in.max = max, in; }
inline InputSpec combo(const std::string& name, std::vector<std::string> choices) {
  InputSpec out = input(name, "COMBO");
  out.choices = std::move(choices);
  return out;
}
inline InputSpec from(const std::string& name, const std::string& source) {
  InputSpec out = input(name, "COMBO");
  out.choices_from = source;
  return out;
}

class ToyTable : public NodeTable {
 public:
  ToyTable() {
    InputSpec seed = range(input("seed", "INT", int64_t{0}), int64_t{0}, UINT64_MAX);
    seed.control_after_generate = true;
    InputSpec picture = from("image", kInputImages);
    picture.image_upload = true;
    InputSpec words = input("text", "STRING", std::string());
    words.names_embeddings = true;
    InputSpec forced = input("forced", "INT");
    forced.force_input = true;
    add("Load", {from("file", "checkpoints")}, {"MODEL", "CLIP"});
    add("Picture", {picture}, {"IMAGE", "MASK"});
    add("Text", {words, input("clip", "CLIP")}, {"CONDITIONING"});
    add("Sample",
        {input("model", "MODEL"), seed, range(input("steps", "INT", int64_t{20}), int64_t{1}, int64_t{100}),
         range(input("cfg", "FLOAT", 8.0), 0.0, 100.0), combo("sampler", {"euler", "heun"}),
         input("positive", "CONDITIONING"), optional(input("exact", "BOOLEAN", false)),
         optional(input("mask", "MASK"))},
        {"LATENT"});
    add("Decode", {input("latent", "LATENT")}, {"IMAGE"});
    add("Blend", {input("a", "IMAGE"), input("b", "IMAGE"), input("factor", "FLOAT", 0.5)}, {"IMAGE"});
    add("Save", {input("images", "IMAGE"), input("prefix", "STRING", std::string("out"))}, {}, true);
    add("Forced", {forced, input("after", "INT", int64_t{3})}, {"INT"});
    add("Either", {input("any", "*")}, {"IMAGE,MASK"});
    add("Adapter", {input("model", "MODEL"), input("old_name", "STRING", std::string())}, {"MODEL"});
    add("Adapter", {input("model", "MODEL"), input("adapter", "ADAPTER"), input("weight", "FLOAT", 1.0)}, {"MODEL"});
  }
  std::vector<const NodeSpec*> forms(std::string_view class_type) const override {
    std::vector<const NodeSpec*> out;
    for (const NodeSpec& spec : specs_)
      if (spec.class_type == class_type) out.push_back(&spec);
    return out;
  }
  std::vector<const NodeSpec*> list() const override {
    std::map<std::string, const NodeSpec*> first;
    for (const NodeSpec& spec : specs_) first.emplace(spec.class_type, &spec);
    std::vector<const NodeSpec*> out;
    for (const auto& [name, spec] : first) out.push_back(spec);
    return out;
  }

 private:
  void add(const std::string& name, std::vector<InputSpec> inputs, std::vector<std::string> outputs,
           bool output_node = false) {
    NodeSpec spec;
    spec.class_type = name;
    spec.category = "toys";
    spec.inputs = std::move(inputs);
    for (const std::string& type : outputs) spec.outputs.push_back({type, "", ""});
    spec.output_node = output_node;
    specs_.push_back(std::move(spec));
  }
  std::vector<NodeSpec> specs_;
};

// Two checkpoints; any picture whose name ends in ".png".
class ToyChoices : public ChoiceProvider {
 public:
  std::vector<std::string> choices(const std::string& source) const override {
    if (source == "checkpoints") return checkpoints;
    return {"a.png"};
  }
  bool has_own_check(const std::string& source) const override { return source == kInputImages; }
  std::optional<Error> check(const std::string&, const std::string& value) const override {
    if (value.ends_with(".png")) return std::nullopt;
    return Error(Fault::kMissing, "Invalid image file: " + value);
  }
  std::vector<std::string> checkpoints{"sd15.safetensors", "xl/base.safetensors"};
};

}  // namespace easel::workflow::testing
