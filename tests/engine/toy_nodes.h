// Nodes over plain numbers, and a sink that writes down what it is told.
#pragma once

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "library/folders.h"
#include "node_api/table.h"

namespace easel::engine::toys {

using nodes::Call;
using nodes::Outputs;
using nodes::Value;

inline Value number(int64_t v, size_t bytes = 8) { return Value("NUMBER", v, bytes); }

// Number -> Sum -> Show, and some that misbehave. `ran` lists the ids of nodes in the order they ran.
struct ToyNodes {
  nodes::Table table;
  std::vector<std::string> ran;
  CancelToken cancel;
  bool files_fail = false;  // for OpenFile

  ToyNodes() {
    using namespace nodes;
    const auto add = [this](Node node, std::function<Outputs(Call&)> run) {
      node.run = [this, run = std::move(run)](Call& call) {
        ran.push_back(call.id());
        return run(call);
      };
      table.add(std::move(node));
    };
    add({.name = "Number", .inputs = {Int("value").def(0).range(-1000, 1000)}, .outputs = {{"NUMBER"}}},
        [](Call& call) -> Outputs { return {number(call.integer("value"))}; });
    add({.name = "Sum", .inputs = {Link("a", "NUMBER"), Link("b", "NUMBER"), Seed("seed")}, .outputs = {{"NUMBER"}}},
        [](Call& call) -> Outputs {
          return {number(call.link<int64_t>("a") + call.link<int64_t>("b") + static_cast<int64_t>(call.seed("seed")))};
        });
    add({.name = "Show", .inputs = {Link("value", "NUMBER"), Text("prefix").def("x").optional()}, .output_node = true},
        [](Call&) -> Outputs { return {}; });
    add({.name = "Always", .outputs = {{"NUMBER"}}, .always = true}, [](Call&) -> Outputs { return {number(1)}; });
    add({.name = "Fails", .inputs = {Link("value", "NUMBER")}, .outputs = {{"NUMBER"}}},
        [](Call&) -> Outputs { throw Error(Fault::kMismatch, "these two do not fit").at_input("value"); });
    add({.name = "Throws", .outputs = {{"NUMBER"}}}, [](Call&) -> Outputs { throw std::out_of_range("an index"); });
    add({.name = "Stops", .outputs = {{"NUMBER"}}}, [this](Call& call) -> Outputs {
      for (int step = 1; step <= 10; ++step) {
        call.check_cancelled();
        call.context().events.progress(step, 10);
        if (step == 3) cancel.cancel();
      }
      return {number(1)};
    });
    // What is in a file, found out by opening it; it has something to say.
    add({.name = "OpenFile", .inputs = {File("file", "vae")}, .outputs = {{"MODEL"}}, .cheap = true},
        [this](Call& call) -> Outputs {
          if (files_fail) throw Error(Fault::kBadFile, "it cannot be read").at_input("file");
          std::ifstream file(call.context().folders.find("vae", call.text("file")));
          int64_t number = 0;
          file >> number;
          call.warn("it holds " + std::to_string(number));
          call.context().events.detail("it was opened");
          return {Value("MODEL", number)};
        });
    // A loader, and a node that wants an even model.
    add({.name = "Loader", .inputs = {Int("model").def(2).range(0, 10)}, .outputs = {{"MODEL"}}, .cheap = true},
        [](Call& call) -> Outputs { return {Value("MODEL", call.integer("model"))}; });
    add({.name = "Sampler",
         .inputs = {Link("model", "MODEL"), Int("steps").def(1).range(1, 10)},
         .outputs = {{"NUMBER"}},
         .foresee = [](Call& call) -> Outputs {
           const auto* model = call.peek<int64_t>("model");
           if (model && *model % 2 != 0)
             throw Error(Fault::kMismatch, "model " + std::to_string(*model) + " is odd")
                 .at_input("model")
                 .fix("Take 2");
           return {};
         }},
        [](Call& call) -> Outputs { return {number(call.link<int64_t>("model"))}; });
  }
};

class Recorder final : public EventSink {
 public:
  void take(const RunEvent& event) override {
    if (const auto* e = std::get_if<NodesReused>(&event)) reused_nodes = e->nodes;
    if (const auto* e = std::get_if<NodeStarted>(&event)) log.push_back("start " + e->node);
    if (const auto* e = std::get_if<NodeProgress>(&event))
      log.push_back("step " + e->node + " " + std::to_string(e->value) + "/" + std::to_string(e->max));
    if (const auto* e = std::get_if<NodeWarning>(&event)) log.push_back("warn " + e->node + " " + e->text);
    if (const auto* e = std::get_if<NodeDetail>(&event)) log.push_back("detail " + e->node + " " + e->text);
    if (const auto* e = std::get_if<NodeFinished>(&event)) {
      log.push_back("end " + e->report.id);
      why[e->report.id] = e->report.why;
      for (const auto& [list, files] : e->ui) shown.insert(shown.end(), files.begin(), files.end());
    }
  }
  std::vector<std::string> reused_nodes, log;
  std::map<std::string, std::string> why;
  std::vector<nodes::UiFile> shown;
};

}  // namespace easel::engine::toys
