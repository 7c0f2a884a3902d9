#include "synth/models/onnx_graph.h"

#include <utility>

namespace easel::synth {

using formats::OnnxAttribute;

OnnxAttribute whole(int64_t value) {
  OnnxAttribute out;
  out.kind = OnnxAttribute::Kind::kInteger;
  out.integer = value;
  return out;
}

OnnxAttribute wholes(std::vector<int64_t> values) {
  OnnxAttribute out;
  out.kind = OnnxAttribute::Kind::kIntegers;
  out.integers = std::move(values);
  return out;
}

OnnxAttribute number(float value) {
  OnnxAttribute out;
  out.kind = OnnxAttribute::Kind::kNumber;
  out.number = value;
  return out;
}

OnnxAttribute text(std::string value) {
  OnnxAttribute out;
  out.kind = OnnxAttribute::Kind::kText;
  out.text = std::move(value);
  return out;
}

std::string OnnxBuilder::input(const std::string& name, std::vector<int64_t> shape) {
  graph_.inputs.push_back({.name = name, .is_float = true, .has_shape = true, .shape = std::move(shape)});
  return name;
}

void OnnxBuilder::output(const Name& value, const std::string& name, std::vector<int64_t> shape) {
  graph_.nodes.push_back(
      {.op = "Identity", .domain = {}, .name = "give_" + name, .inputs = {value}, .outputs = {name}, .attributes = {}});
  graph_.outputs.push_back({.name = name, .is_float = true, .has_shape = true, .shape = std::move(shape)});
}

std::vector<std::string> OnnxBuilder::add_parts(const std::string& op, std::vector<Name> inputs, size_t parts,
                                                Attributes attributes) {
  const std::string name = op + "_" + std::to_string(next_++);
  std::vector<Name> outputs;
  for (size_t i = 0; i < parts; ++i) outputs.push_back(name + "_" + std::to_string(i));
  graph_.nodes.push_back({.op = op,
                          .domain = {},
                          .name = name,
                          .inputs = std::move(inputs),
                          .outputs = outputs,
                          .attributes = std::move(attributes)});
  return outputs;
}

std::string OnnxBuilder::add(const std::string& op, std::vector<Name> inputs, Attributes attributes) {
  return add_parts(op, std::move(inputs), 1, std::move(attributes))[0];
}

std::string OnnxBuilder::tensor(const std::string& name, const Shape& shape) {
  tensors_.add(name, shape);
  return name;
}

std::string OnnxBuilder::constant(std::vector<int64_t> values) {
  return add("Constant", {}, {{"value_ints", wholes(std::move(values))}});
}

std::string OnnxBuilder::constant(std::vector<float> values) {
  OnnxAttribute held;
  held.kind = OnnxAttribute::Kind::kNumbers;
  held.numbers = std::move(values);
  return add("Constant", {}, {{"value_floats", held}});
}

std::string OnnxBuilder::conv(const Name& x, const std::string& name, int64_t in, int64_t out, const Window& window) {
  const int64_t pad = window.dilation * (window.size / 2);
  return add(
      "Conv",
      {x, tensor(name + ".weight", {out, in / window.groups, window.size, window.size}), tensor(name + ".bias", {out})},
      {{"kernel_shape", wholes({window.size, window.size})},
       {"strides", wholes({window.stride, window.stride})},
       {"pads", wholes({pad, pad, pad, pad})},
       {"dilations", wholes({window.dilation, window.dilation})},
       {"group", whole(window.groups)}});
}

std::string OnnxBuilder::linear(const Name& x, const std::string& name, int64_t in, int64_t out) {
  return add("MatMul", {x, tensor(name, {in, out})});
}

std::string OnnxBuilder::silu(const Name& x) { return add("Mul", {x, add("Sigmoid", {x})}); }

std::string OnnxBuilder::max_pool(const Name& x, int64_t size, int64_t stride, bool ceil) {
  const int64_t pad = stride == 1 ? size / 2 : 0;
  return add("MaxPool", {x},
             {{"kernel_shape", wholes({size, size})},
              {"strides", wholes({stride, stride})},
              {"pads", wholes({pad, pad, pad, pad})},
              {"ceil_mode", whole(ceil ? 1 : 0)}});
}

OnnxPlan OnnxBuilder::finish() {
  return {std::move(tensors_), std::make_shared<const formats::OnnxGraph>(std::move(graph_))};
}

}  // namespace easel::synth
