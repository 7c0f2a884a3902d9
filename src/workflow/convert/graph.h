// The editor's form of a workflow: nodes with places and widgets, and links between their slots.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "workflow/json.h"
#include "workflow/schema.h"

namespace easel::workflow {

// How the editor treats a node. Values are the file format's.
enum class NodeMode { kAlways = 0, kOnEvent = 1, kMuted = 2, kOnTrigger = 3, kBypassed = 4 };

inline constexpr int64_t kNoLink = -1;

struct GraphInput {
  std::string name, type;
  int64_t link = kNoLink;
  std::string widget;          // the widget this input was made from; empty for an ordinary input
  std::string label = {};      // what the editor shows in place of the name
  bool lists_widgets = false;  // written by an editor that lists all widgets among the inputs
};

struct GraphOutput {
  std::string name, type;
};

// A value for a widget of a node inside a subgraph, given at the node that stands for the subgraph.
struct WidgetOverride {
  std::string name;  // the widget's
  Json value;
  std::string source;  // where several widgets have that name: the id of the innermost node; else empty
  std::string inside;  // where the widget belongs to a node inside of this one: that node's id; else empty
};

struct GraphNode {
  std::string id;    // numbers as their text; "7:3" is node 3 inside the subgraph node 7
  std::string type;  // the class_type, or "Reroute", "PrimitiveNode", "Note", ...
  std::string title;
  NodeMode mode = NodeMode::kAlways;
  std::vector<GraphInput> inputs;
  std::vector<GraphOutput> outputs;
  Json widgets = nullptr;        // list in the order of the node's widgets, or an object by name, or null
  Json named_widgets = nullptr;  // the same by name, as newer editors write it beside the list; else null
  Json properties = nullptr;     // what the editor and its extensions keep with the node
  std::string color;             // of the title, as "#rrggbb"; empty for the usual one
  double x = 0, y = 0, width = 0, height = 0;
  std::vector<WidgetOverride> overrides;  // values given from outside, which win over `widgets`
  // For a Reroute at the border of a subgraph to which nothing is linked: the node and the widget, or another such
  // Reroute, whose value it has. A value in `widgets` wins.
  std::string shared_node, shared_widget;
};

struct GraphLink {
  std::string from;
  int64_t from_slot = 0;
  std::string to;
  int64_t to_slot = 0;
  std::string type;
};

struct Graph {
  std::vector<GraphNode> nodes;  // in the order of the file
  std::unordered_map<int64_t, GraphLink> links;

  const GraphNode* find(std::string_view id) const;
};

// Whether a widget's value is the extra one that the editor keeps after a seed: what to do with it after a run.
bool is_control_value(const Json& value);

// Whether the editor keeps such a value after an input: it does so for declared seeds, and for any input by these
// names.
inline bool is_seed_name(std::string_view name) { return name == "seed" || name == "noise_seed"; }
inline bool is_seed(const InputSpec& input) { return input.control_after_generate || is_seed_name(input.name); }

// Whether JSON is an editor graph rather than an API prompt.
bool looks_like_graph(const Json& json);

// Reads a graph in either link schema (lists of six, or objects), replaces subgraph nodes and the group nodes that
// preceded them by what is in them, and adds the links that broadcasting nodes make. Throws Error(kInvalid) for a part
// of the wrong kind.
Graph parse_graph(const Json& json, const NodeTable& table);

}  // namespace easel::workflow
