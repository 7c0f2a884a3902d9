// One workflow in the many forms in which editors since 2023 and their extensions have written it: each must become the
// same prompt.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "toy_table.h"
#include "workflow/convert/convert.h"

namespace easel::workflow {
namespace {

enum class Seed { kWord, kBoolean, kNothing };
enum class Between { kNothing, kReroute, kRgthreeReroute, kSetAndGet, kMutedSwitch, kBypassed };
enum class Steps { kWidget, kPrimitive, kAllListed };

// How a file is written.
struct Form {
  bool links_are_objects = false, ids_are_texts = false, reversed = false, clutter = false;
  Seed seed = Seed::kWord;
  Between between = Between::kNothing;  // of the checkpoint's model and the sampler
  Steps steps = Steps::kWidget;

  std::string str() const {
    const auto number = [](auto v) { return std::to_string(static_cast<int>(v)); };
    return "objects " + number(links_are_objects) + ", texts " + number(ids_are_texts) + ", reversed " +
           number(reversed) + ", clutter " + number(clutter) + ", seed " + number(seed) + ", between " +
           number(between) + ", steps " + number(steps);
  }
};

// Puts a graph together node by node, in the form's manner.
class Writer {
 public:
  explicit Writer(const Form& form) : form_(form) {}

  Json id(int number) const { return form_.ids_are_texts ? Json(std::to_string(number)) : Json(number); }

  Json& node(int number, const char* type, Json values = Json::array()) {
    nodes_.push_back({{"id", id(number)},
                      {"type", type},
                      {"pos", {10 * number, 20}},
                      {"mode", 0},
                      {"widgets_values", std::move(values)},
                      {"inputs", Json::array()},
                      {"outputs", Json::array()}});
    return nodes_.back();
  }

  // From an output to a new input of the node that was begun last.
  void link(Json& to, int number, const char* name, const char* type, int from, int slot, bool widget = false) {
    const int link = ++links_made_;
    Json input = {{"name", name}, {"type", type}, {"link", link}};
    if (widget) input["widget"] = {{"name", name}};
    const size_t target_slot = to["inputs"].size();
    to["inputs"].push_back(std::move(input));
    if (form_.links_are_objects)
      links_.push_back({{"id", link},
                        {"origin_id", id(from)},
                        {"origin_slot", slot},
                        {"target_id", id(number)},
                        {"target_slot", target_slot},
                        {"type", type}});
    else links_.push_back({link, id(from), slot, id(number), target_slot, type});
  }

  Json graph() const {
    Json nodes = nodes_;
    if (form_.reversed) std::reverse(nodes.begin(), nodes.end());
    return {{"last_node_id", 40}, {"nodes", nodes}, {"links", links_}, {"groups", Json::array()}, {"version", 0.4}};
  }

 private:
  const Form& form_;
  Json nodes_ = Json::array(), links_ = Json::array();
  int links_made_ = 0;
};

// The node that gives the model, behind what stands between.
int write_between(const Form& form, Writer& w) {
  switch (form.between) {
    case Between::kNothing: return 1;
    case Between::kReroute:
    case Between::kRgthreeReroute: {
      Json& first = w.node(20, form.between == Between::kReroute ? "Reroute" : "Reroute (rgthree)");
      w.link(first, 20, "", "*", 1, 0);
      Json& second = w.node(21, "Reroute");
      w.link(second, 21, "", "*", 20, 0);
      return 21;
    }
    case Between::kSetAndGet: {
      Json& set = w.node(20, "SetNode", {"the model"});
      w.link(set, 20, "MODEL", "MODEL", 1, 0);
      w.node(21, "GetNode", {"the model"});
      return 21;
    }
    case Between::kMutedSwitch: {
      Json& muted = w.node(20, "Load", {"other"});
      muted["mode"] = 2;
      Json& any = w.node(21, "Any Switch (rgthree)");
      w.link(any, 21, "any_01", "MODEL", 20, 0);
      w.link(any, 21, "any_02", "MODEL", 1, 0);
      return 21;
    }
    case Between::kBypassed: {
      Json& adapter = w.node(20, "Adapter", {"left out"});
      adapter["mode"] = 4;
      adapter["outputs"].push_back({{"name", "MODEL"}, {"type", "MODEL"}});
      w.link(adapter, 20, "model", "MODEL", 1, 0);
      return 20;
    }
  }
  return 1;
}

Json written(const Form& form) {
  Writer w(form);
  Json& load = w.node(1, "Load", {"m"});
  load["outputs"] = {{{"name", "MODEL"}, {"type", "MODEL"}}, {{"name", "CLIP"}, {"type", "CLIP"}}};
  Json& text = w.node(2, "Text", {"a barn"});
  w.link(text, 2, "clip", "CLIP", 1, 1);
  const int model = write_between(form, w);
  if (form.steps == Steps::kPrimitive) w.node(30, "PrimitiveNode", {12, "fixed"});

  Json values = {7};
  if (form.seed == Seed::kWord) values.push_back("randomize");
  if (form.seed == Seed::kBoolean) values.push_back(true);
  for (const Json& value : {Json(12), Json(5.5), Json("heun"), Json(false)}) values.push_back(value);
  Json& sample = w.node(3, "Sample", std::move(values));
  w.link(sample, 3, "model", "MODEL", model, 0);
  w.link(sample, 3, "positive", "CONDITIONING", 2, 0);
  if (form.steps == Steps::kPrimitive) w.link(sample, 3, "steps", "INT", 30, 0, /*widget=*/true);
  if (form.steps == Steps::kAllListed)
    for (const char* name : {"seed", "steps", "cfg", "sampler", "exact"})
      sample["inputs"].push_back({{"name", name}, {"type", "*"}, {"link", nullptr}, {"widget", {{"name", name}}}});
  Json& decode = w.node(4, "Decode");
  w.link(decode, 4, "latent", "LATENT", 3, 0);
  Json& save = w.node(5, "Save", {"x"});
  w.link(save, 5, "images", "IMAGE", 4, 0);

  if (form.clutter) {
    w.node(31, "Note", {"how this works: { | }"});
    w.node(32, "MarkdownNote", {"# words"});
    w.node(33, "Fast Groups Muter (rgthree)");
    w.node(34, "A label of nobody", {"words"});
    Json& unused = w.node(35, "Save", {"y"});
    unused["mode"] = 2;
    w.link(unused, 35, "images", "IMAGE", 4, 0);
  }
  return w.graph();
}

std::vector<Form> forms() {
  std::vector<Form> out;
  for (const Between between : {Between::kNothing, Between::kReroute, Between::kRgthreeReroute, Between::kSetAndGet,
                                Between::kMutedSwitch, Between::kBypassed})
    for (const Steps steps : {Steps::kWidget, Steps::kPrimitive, Steps::kAllListed})
      for (const Seed seed : {Seed::kWord, Seed::kBoolean, Seed::kNothing})
        for (int flags = 0; flags < 16; ++flags)
          out.push_back({.links_are_objects = (flags & 1) != 0,
                         .ids_are_texts = (flags & 2) != 0,
                         .reversed = (flags & 4) != 0,
                         .clutter = (flags & 8) != 0,
                         .seed = seed,
                         .between = between,
                         .steps = steps});
  return out;
}

TEST(EditorForms, AllOfOneWorkflowAreTheSamePrompt) {
  const testing::ToyTable table;
  const nlohmann::json expected = nlohmann::json::parse(R"({
      "1": {"class_type": "Load", "inputs": {"file": "m"}},
      "2": {"class_type": "Text", "inputs": {"text": "a barn", "clip": ["1", 1]}},
      "3": {"class_type": "Sample", "inputs": {"model": ["1", 0], "seed": 7, "steps": 12, "cfg": 5.5, "sampler": "heun",
            "positive": ["2", 0], "exact": false}},
      "4": {"class_type": "Decode", "inputs": {"latent": ["3", 0]}},
      "5": {"class_type": "Save", "inputs": {"prefix": "x", "images": ["4", 0]}}})");
  for (const Form& form : forms()) {
    const Json graph = written(form);
    EXPECT_EQ(nlohmann::json(to_json(to_prompt(parse_graph(graph, table), table))), expected) << form.str() << "\n"
                                                                                              << graph.dump(1);
    if (HasFailure()) return;  // one form says enough
  }
}

}  // namespace
}  // namespace easel::workflow
