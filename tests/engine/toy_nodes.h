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

// NUMBER
struct ToyNumber {
  int64_t value = 0;
};
// MODEL, of a sort.
struct ToyModel {
  int64_t number = 0;
};

}  // namespace easel::engine::toys

namespace easel::nodes {

template <>
struct LinkType<engine::toys::ToyNumber> {
  static constexpr const char* kName = "NUMBER";
  using Held = engine::toys::ToyNumber;
  using Foreseen = void;
  static size_t bytes(const Held&) { return 8; }
};
template <>
struct LinkType<engine::toys::ToyModel> : PlainLink<engine::toys::ToyModel> {
  static constexpr const char* kName = "MODEL";
};

}  // namespace easel::nodes

namespace easel::engine::toys {

using nodes::Call;
using nodes::Known;
using nodes::Linked;
using nodes::NodeOf;
using nodes::Results;

// Number -> Sum -> Show, and some that misbehave. `ran` lists the ids of nodes in the order they ran.
struct ToyNodes {
  struct Nothing {};
  struct Number {
    int64_t value = 0;
  };
  struct Sum {
    Linked<ToyNumber> a, b;
    uint64_t seed = 0;
  };
  struct Show {
    Linked<ToyNumber> value;
    std::string prefix = "x";
  };
  struct Loader {
    int64_t model = 2;
  };
  struct OpenFile {
    std::string file;
  };
  struct Sampler {
    Linked<ToyModel> model;
    int64_t steps = 1;
  };

  nodes::Table table;
  std::vector<std::string> ran;
  CancelToken cancel;
  bool files_fail = false;  // for OpenFile

  ToyNodes() {
    using namespace nodes;
    add(NodeOf<Number>{.name = "Number",
                       .inputs = {Int("value", &Number::value).range(-1000, 1000)},
                       .run = [](const Number& in) -> Results<ToyNumber> { return {ToyNumber{in.value}}; }});
    add(NodeOf<Sum>{.name = "Sum",
                    .inputs = {Link("a", &Sum::a), Link("b", &Sum::b), Seed("seed", &Sum::seed)},
                    .run = [](const Sum& in) -> Results<ToyNumber> {
                      return {ToyNumber{in.a->value + in.b->value + static_cast<int64_t>(in.seed)}};
                    }});
    add(NodeOf<Show>{
        .name = "Show",
        .inputs = {Link("value", &Show::value), Text("prefix", &Show::prefix).names_saved_files().optional()},
        .output_node = true,
        .run = [](const Show&) {}});
    // Shows what it passes on, without being an output.
    add(NodeOf<Show>{.name = "Glimpse",
                     .inputs = {Link("value", &Show::value)},
                     .run = [](const Show& in, Call& call) -> Results<ToyNumber> {
                       call.show_text(std::to_string(in.value->value));
                       return {*in.value};
                     }});
    add(NodeOf<Nothing>{
        .name = "Always", .always = true, .run = [](const Nothing&) -> Results<ToyNumber> { return {ToyNumber{1}}; }});
    add_unruly();
    // What is in a file, found out by opening it; it has something to say.
    add(NodeOf<OpenFile>{.name = "OpenFile",
                         .inputs = {File("file", &OpenFile::file, "vae")},
                         .runs_when_checked = true,
                         .run = [this](const OpenFile& in, Call& call) -> Results<ToyModel> {
                           if (files_fail) throw Error(Fault::kBadFile, "it cannot be read").at_input("file");
                           std::ifstream file(call.context().folders.find("vae", in.file));
                           int64_t number = 0;
                           file >> number;
                           call.warn("it holds " + std::to_string(number));
                           call.context().events.detail("it was opened");
                           return {ToyModel{number}};
                         }});
    // A loader, and a node that wants an even model.
    add(NodeOf<Loader>{.name = "Loader",
                       .inputs = {Int("model", &Loader::model).range(0, 10)},
                       .runs_when_checked = true,
                       .run = [](const Loader& in) -> Results<ToyModel> { return {ToyModel{in.model}}; }});
    add(NodeOf<Sampler>{.name = "Sampler",
                        .inputs = {Link("model", &Sampler::model), Int("steps", &Sampler::steps).range(1, 10)},
                        .run = [](const Sampler& in) -> Results<ToyNumber> { return {ToyNumber{in.model->number}}; },
                        .foresee = [](const Known<Sampler>& in) -> nodes::Foreseen<ToyNumber> {
                          const ToyModel* model = in(&Sampler::model);
                          if (model && model->number % 2 != 0)
                            throw Error(Fault::kMismatch, "model " + std::to_string(model->number) + " is odd")
                                .at_input("model")
                                .fix("Take 2");
                          return {};
                        }});
  }

 private:
  template <class P>
  void add(NodeOf<P> typed) {
    nodes::Node node = untyped(std::move(typed));
    node.run = [this, run = std::move(node.run)](Call& call) {
      ran.push_back(call.id());
      return run(call);
    };
    table.add(std::move(node));
  }

  void add_unruly() {
    add(NodeOf<Show>{
        .name = "Fails", .inputs = {Link("value", &Show::value)}, .run = [](const Show&) -> Results<ToyNumber> {
          throw Error(Fault::kMismatch, "these two do not fit").at_input("value");
        }});
    add(NodeOf<Nothing>{.name = "Throws",
                        .run = [](const Nothing&) -> Results<ToyNumber> { throw std::out_of_range("an index"); }});
    add(NodeOf<Nothing>{.name = "Stops", .run = [this](const Nothing&, Call& call) -> Results<ToyNumber> {
                          for (int step = 1; step <= 10; ++step) {
                            call.check_cancelled();
                            call.context().events.progress(step, 10);
                            if (step == 3) cancel.cancel();
                          }
                          return {ToyNumber{1}};
                        }});
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
