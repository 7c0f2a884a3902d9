// Workflow files with subgraphs, made at random, of which it is known what every widget inside is meant to hold.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "workflow/json.h"

namespace easel::workflow::testing {

// A file, and by "node.widget" of the flat graph ("1:5:3.steps") the value that is meant.
struct SubgraphFile {
  Json graph;
  std::map<std::string, Json> meant;
};

class SubgraphFiles {
 public:
  explicit SubgraphFiles(unsigned seed) : random_(seed) {}

  SubgraphFile make() {
    const int depth = pick(1, 3);
    const size_t top = define(depth);
    Json nodes = Json::array(), links = Json::array();
    SubgraphFile file;
    const int instances = pick(1, 2);
    for (int i = 0; i < instances; ++i) {
      const int id = 10 * (i + 1);
      std::map<std::string, Json> meant = own_values(top, std::to_string(id) + ":");
      nodes.push_back(instance(top, id, meant, std::to_string(id) + ":", &nodes, &links));
      file.meant.insert(meant.begin(), meant.end());
    }
    std::shuffle(definitions_json_.begin(), definitions_json_.end(), random_);
    file.graph = {
        {"nodes", nodes}, {"links", links}, {"version", 0.4}, {"definitions", {{"subgraphs", definitions_json_}}}};
    return file;
  }

 private:
  struct Widget {
    std::string name, type;
  };
  // A widget that a node of a definition shows.
  struct Ref {
    int node = 0;
    Widget widget;
  };
  struct Input {
    std::string name, type;
    std::vector<Ref> ends;
  };
  struct Definition {
    std::string id;
    std::vector<Input> inputs;
    std::map<int, size_t> instances;            // nodes that stand for another definition
    std::map<std::string, Json> own;            // by "node.widget" relative to the definition, what it means by itself
    std::map<int, std::vector<Widget>> inside;  // widgets of the plain nodes
    std::map<int, std::vector<Ref>> unfed;      // by instance: widgets it shows beside its inputs
  };

  int pick(int from, int to) { return std::uniform_int_distribution<int>(from, to)(random_); }
  bool chance(int percent) { return pick(1, 100) <= percent; }

  Json value(const std::string& type) {
    if (type == "INT") return pick(1, 100000);
    if (type == "FLOAT") return pick(1, 1000) / 8.0 + 0.0625;
    if (type == "BOOLEAN") return chance(50);
    if (type == "COMBO") return chance(50) ? "euler" : "heun";
    return "text " + std::to_string(pick(1, 1000000));
  }

  static std::vector<Widget> widgets_of(const std::string& type) {
    if (type == "Text") return {{"text", "STRING"}};
    if (type == "Save") return {{"prefix", "STRING"}};
    if (type == "Blend") return {{"factor", "FLOAT"}};
    return {{"seed", "INT"}, {"steps", "INT"}, {"cfg", "FLOAT"}, {"sampler", "COMBO"}, {"exact", "BOOLEAN"}};
  }

  // Everything that the nodes of a copy hold if the node that stands for it says nothing.
  std::map<std::string, Json> own_values(size_t definition, const std::string& prefix) const {
    std::map<std::string, Json> out;
    for (const auto& [key, held] : definitions_[definition].own) out[prefix + key] = held;
    return out;
  }

  // Sets what an input of a copy feeds.
  void feed(size_t definition, const std::string& input, const Json& held, const std::string& prefix,
            std::map<std::string, Json>& meant) const {
    const Definition& d = definitions_[definition];
    for (const Input& i : d.inputs)
      if (i.name == input)
        for (const Ref& end : i.ends) set(d, end, held, prefix, meant);
  }

  void set(const Definition& d, const Ref& ref, const Json& held, const std::string& prefix,
           std::map<std::string, Json>& meant) const {
    const std::string id = prefix + std::to_string(ref.node);
    const auto inner = d.instances.find(ref.node);
    if (inner == d.instances.end()) meant[id + "." + ref.widget.name] = held;
    else feed(inner->second, ref.widget.name, held, id + ":", meant);
  }

  // What the first widget that an input feeds holds.
  Json first_held(size_t definition, const Input& input, const std::string& prefix,
                  const std::map<std::string, Json>& meant) const {
    const Definition& d = definitions_[definition];
    const Ref& end = input.ends.front();
    const std::string id = prefix + std::to_string(end.node);
    const auto inner = d.instances.find(end.node);
    if (inner == d.instances.end()) return meant.at(id + "." + end.widget.name);
    for (const Input& deeper : definitions_[inner->second].inputs)
      if (deeper.name == end.widget.name) return first_held(inner->second, deeper, id + ":", meant);
    return nullptr;
  }

  size_t define(int depth) {
    Definition d;
    d.id =
        "00000000-0000-4000-8000-" + std::to_string(100000000000 + static_cast<long>(++named_) * 7919 % 899999999999);
    Json nodes = Json::array(), links = Json::array();
    std::vector<Ref> shown;  // what can be promoted
    const int count = pick(1, 3);
    int id = 0;
    for (int i = 0; i < count; ++i) {
      id += pick(1, 3);
      static const std::vector<std::string> kTypes{"Sample", "Text", "Save", "Blend"};
      const std::string type = kTypes[static_cast<size_t>(pick(0, 3))];
      Json inputs = Json::array(), values = Json::array();
      for (const Widget& w : widgets_of(type)) {
        const Json held = value(w.type);
        d.own[std::to_string(id) + "." + w.name] = held;
        d.inside[id].push_back(w);
        inputs.push_back({{"name", w.name}, {"type", w.type}, {"widget", {{"name", w.name}}}, {"link", nullptr}});
        values.push_back(held);
        if (w.name == "seed") values.push_back("randomize");
        shown.push_back({id, w});
      }
      nodes.push_back({{"id", id}, {"type", type}, {"mode", 0}, {"inputs", inputs}, {"widgets_values", values}});
    }
    const int nested = depth > 1 ? pick(1, 2) : 0;
    for (int i = 0; i < nested; ++i) {
      const size_t inner = define(depth - 1);
      id += pick(1, 3);
      const std::string prefix = std::to_string(id) + ":";
      std::map<std::string, Json> meant = own_values(inner, prefix);
      Json node = instance(inner, id, meant, prefix, nullptr, nullptr);
      d.own.insert(meant.begin(), meant.end());
      d.instances[id] = inner;
      // All its inputs are listed, so that they can be linked.
      Json inputs = Json::array();
      for (const Input& input : definitions_[inner].inputs) {
        inputs.push_back({{"name", input.name}, {"type", input.type}, {"link", nullptr}});
        if (chance(80)) inputs.back()["widget"] = {{"name", input.name}};
        shown.push_back({id, {input.name, input.type}});
      }
      node["inputs"] = inputs;
      nodes.push_back(node);
    }
    std::shuffle(shown.begin(), shown.end(), random_);
    promote(d, shown, nodes, links);
    std::shuffle(nodes.begin(), nodes.end(), random_);
    Json inputs = Json::array();
    for (size_t slot = 0; slot < d.inputs.size(); ++slot) {
      Json ids = Json::array();
      for (const Json& link : links)
        if (link["origin_slot"] == slot) ids.push_back(link["id"]);
      inputs.push_back({{"id", std::to_string(slot)},
                        {"name", d.inputs[slot].name},
                        {"type", d.inputs[slot].type},
                        {"linkIds", ids}});
    }
    definitions_json_.push_back({{"id", d.id},
                                 {"name", "made"},
                                 {"inputNode", {{"id", -10}}},
                                 {"outputNode", {{"id", -20}}},
                                 {"inputs", inputs},
                                 {"outputs", Json::array()},
                                 {"nodes", nodes},
                                 {"links", links}});
    definitions_.push_back(std::move(d));
    return definitions_.size() - 1;
  }

  // Makes some of the widgets inputs of the subgraph; an input may feed a second widget of the same type.
  void promote(Definition& d, const std::vector<Ref>& shown, Json& nodes, Json& links) {
    int name = 0;
    for (const Ref& ref : shown) {
      if (!chance(55)) continue;
      Input* input = nullptr;
      for (Input& other : d.inputs)
        if (other.type == ref.widget.type && chance(15)) input = &other;
      if (!input) {
        std::string label = ref.widget.name;
        const auto taken = [&] {
          return std::any_of(d.inputs.begin(), d.inputs.end(), [&](const Input& i) { return i.name == label; });
        };
        while (taken()) label = ref.widget.name + "_" + std::to_string(++name);
        d.inputs.push_back({label, ref.widget.type, {}});
        input = &d.inputs.back();
      }
      input->ends.push_back(ref);
      const int link = static_cast<int>(links.size()) + 1;
      for (Json& node : nodes) {
        if (node["id"] != ref.node) continue;
        size_t at = 0;
        for (; node["inputs"][at]["name"] != ref.widget.name;) ++at;
        node["inputs"][at]["link"] = link;
        links.push_back({{"id", link},
                         {"origin_id", -10},
                         {"origin_slot", input - d.inputs.data()},
                         {"target_id", ref.node},
                         {"target_slot", at},
                         {"type", ref.widget.type}});
      }
    }
    // Within the definition, too, a widget that shares an input shows what the first one holds.
    definitions_.push_back(d);
    std::map<std::string, Json> meant = d.own;
    for (const Input& input : d.inputs) {
      const Json held = first_held(definitions_.size() - 1, input, "", meant);
      for (const Ref& end : input.ends) set(d, end, held, "", meant);
    }
    definitions_.pop_back();
    d.own = std::move(meant);
  }

  // A node that stands for a definition, in one of the ways that editors write it. What it says is put into `meant`.
  // With `nodes` and `links`, some of its inputs are linked to nodes outside.
  Json instance(size_t definition, int id, std::map<std::string, Json>& meant, const std::string& prefix, Json* nodes,
                Json* links) {
    const Definition& d = definitions_[definition];
    struct Entry {
      bool own;  // an input of the subgraph
      Ref ref;
      std::string name;  // of the input
      std::string type;
    };
    std::vector<Entry> fed, inner;
    std::map<std::string, bool> is_fed;
    for (const Input& input : d.inputs) {
      fed.push_back({true, input.ends.front(), input.name, input.type});
      for (const Ref& end : input.ends) is_fed[std::to_string(end.node) + "." + end.widget.name] = true;
    }
    for (const auto& [node, widgets] : d.inside)
      for (const Widget& w : widgets)
        if (!is_fed[std::to_string(node) + "." + w.name] && chance(40)) inner.push_back({false, {node, w}, "", w.type});
    for (const auto& [node, what] : d.instances)
      for (const Input& input : definitions_[what].inputs)
        if (!is_fed[std::to_string(node) + "." + input.name] && chance(40))
          inner.push_back({false, {node, {input.name, input.type}}, "", input.type});

    // Which inputs are linked outside, and to what value.
    Json inputs = Json::array();
    std::map<std::string, Json> linked;
    for (const Entry& entry : fed) {
      const bool link = nodes && chance(15);
      if (!link && chance(30)) continue;  // newer editors list fewer
      Json input = {{"name", entry.name}, {"type", entry.type}, {"link", nullptr}};
      if (chance(70)) input["widget"] = {{"name", entry.name}};
      if (link) {
        const int outside = 1000 + static_cast<int>(nodes->size()) * 50 + static_cast<int>(inputs.size());
        const int number = static_cast<int>(links->size()) + 1;
        linked[entry.name] = value(entry.type);
        nodes->push_back(
            {{"id", outside}, {"type", "PrimitiveNode"}, {"widgets_values", {linked[entry.name], "fixed"}}});
        links->push_back({number, outside, 0, id, inputs.size(), entry.type});
        input["link"] = number;
      }
      inputs.push_back(std::move(input));
    }
    std::shuffle(inputs.begin(), inputs.end(), random_);

    Json node = {{"id", id}, {"type", d.id}, {"mode", 0}, {"inputs", inputs}, {"properties", Json::object()}};
    std::vector<Entry> said;
    Json values = Json::array(), proxies = Json::array(), named = Json::object();
    const int form = pick(0, 4);
    std::map<std::string, Json> given;  // by input, or by "node.widget"
    const auto say = [&](const Entry& entry) {
      const Json held = chance(80) ? value(entry.type) : Json(nullptr);
      values.push_back(held);
      said.push_back(entry);
      if (!held.is_null())
        given[entry.own ? entry.name : "." + std::to_string(entry.ref.node) + "." + entry.ref.widget.name] = held;
      return held;
    };
    if (form <= 1) {  // a list of all that shows, in any order; in form 1 also fed ones by the widget they feed
      std::vector<Entry> all = fed;
      all.insert(all.end(), inner.begin(), inner.end());
      std::shuffle(all.begin(), all.end(), random_);
      for (const Entry& entry : all) {
        if (entry.own && form == 0) proxies.push_back({chance(50) ? Json("-1") : Json(-1), entry.name});
        else proxies.push_back({std::to_string(entry.ref.node), entry.ref.widget.name});
        say(entry);
      }
      if (!all.empty()) node["properties"]["proxyWidgets"] = chance(20) ? Json(proxies.dump()) : proxies;
    } else if (form == 2) {  // the first editors: what inputs feed, in the subgraph's order
      for (const Entry& entry : fed) say(entry);
    } else if (form == 3) {  // then: the same, and a list of other widgets, whose values stay inside
      for (const Entry& entry : fed) say(entry);
      for (const Entry& entry : inner) proxies.push_back({std::to_string(entry.ref.node), entry.ref.widget.name});
      if (inner.size() != fed.size()) node["properties"]["proxyWidgets"] = proxies;
    } else {  // the newest, by name beside the list
      std::vector<Entry> order = fed;
      std::shuffle(order.begin(), order.end(), random_);
      for (const Entry& entry : order) named[entry.name] = say(entry);
      node["widgets_values_named"] = named;
    }
    node["widgets_values"] = values;

    for (const Input& input : d.inputs) {
      const auto outside = linked.find(input.name);
      const auto own = given.find(input.name);
      const Json held = outside != linked.end() ? outside->second
                        : own != given.end()    ? own->second
                                                : first_held(definition, input, prefix, meant);
      feed(definition, input.name, held, prefix, meant);
    }
    for (const Entry& entry : inner) {
      const auto own = given.find("." + std::to_string(entry.ref.node) + "." + entry.ref.widget.name);
      if (own != given.end()) set(d, entry.ref, own->second, prefix, meant);
    }
    return node;
  }

  std::mt19937 random_;
  std::vector<Definition> definitions_;
  Json definitions_json_ = Json::array();
  int named_ = 0;
};

}  // namespace easel::workflow::testing
