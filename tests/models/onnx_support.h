// ONNX graphs for tests, made in memory.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/onnx/onnx.h"

namespace easel::models {

inline formats::OnnxAttribute integers(std::vector<int64_t> values) {
  formats::OnnxAttribute out;
  out.kind = formats::OnnxAttribute::Kind::kIntegers;
  out.integers = std::move(values);
  return out;
}

inline formats::OnnxAttribute integer(int64_t value) {
  formats::OnnxAttribute out;
  out.kind = formats::OnnxAttribute::Kind::kInteger;
  out.integer = value;
  return out;
}

inline formats::OnnxAttribute text(std::string value) {
  formats::OnnxAttribute out;
  out.kind = formats::OnnxAttribute::Kind::kText;
  out.text = std::move(value);
  return out;
}

// A graph of one input, x.
inline formats::OnnxGraph onnx_graph(std::vector<int64_t> shape) {
  formats::OnnxGraph out;
  out.opset = 17;
  out.inputs = {{.name = "x", .is_float = true, .has_shape = true, .shape = std::move(shape)}};
  return out;
}

inline void add_node(formats::OnnxGraph& graph, std::string op, std::vector<std::string> inputs, std::string output,
                     std::map<std::string, formats::OnnxAttribute> attributes = {}) {
  graph.nodes.push_back({.op = std::move(op),
                         .domain = {},
                         .name = "node" + std::to_string(graph.nodes.size()),
                         .inputs = std::move(inputs),
                         .outputs = {std::move(output)},
                         .attributes = std::move(attributes)});
}

}  // namespace easel::models
