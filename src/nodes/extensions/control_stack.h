// CONTROL_NET_STACK: ControlNets to be applied one after the other, a type that several extensions share.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "nodes/common/composed.h"

namespace easel::nodes {

struct ControlStack {
  struct Entry {
    std::string file;  // by the name of its file, or, where that is empty, the network itself
    Value image;
    double strength = 1.0, start = 0.0, end = 1.0;
    Value net = {};
  };
  std::vector<Entry> entries;
};
template <>
struct LinkType<ControlStack> {
  static constexpr const char* kName = "CONTROL_NET_STACK";
  using Held = ControlStack;
  using Foreseen = void;
  static size_t bytes(const ControlStack& stack) {
    size_t sum = 0;
    for (const ControlStack::Entry& entry : stack.entries) sum += entry.image.bytes();
    return sum;
  }
};

// Both conditionings with all ControlNets of the stack, as ControlNetApplyAdvanced applies them.
inline std::pair<Value, Value> apply_controls(const Parts& parts, Value positive, Value negative,
                                              const ControlStack& stack) {
  for (const ControlStack::Entry& entry : stack.entries) {
    const Value net =
        entry.file.empty() ? entry.net : parts.make("ControlNetLoader", {{"control_net_name", entry.file}}, {})[0];
    const Outputs out =
        parts.make("ControlNetApplyAdvanced",
                   {{"strength", entry.strength}, {"start_percent", entry.start}, {"end_percent", entry.end}},
                   {{"positive", positive}, {"negative", negative}, {"control_net", net}, {"image", entry.image}});
    positive = out[0];
    negative = out[1];
  }
  return {std::move(positive), std::move(negative)};
}

}  // namespace easel::nodes
