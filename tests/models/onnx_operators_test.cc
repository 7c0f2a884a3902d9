// Every operator of ONNX graphs, against the same in numpy (values/onnx_operators.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "base/atomic_file.h"
#include "models/onnx/network.h"
#include "models/onnx/operator.h"
#include "numbers_support.h"
#include "onnx_support.h"
#include "support/paths.h"

namespace easel::models {
namespace {

using Json = nlohmann::json;

Shape shape_of(const Json& json) { return Shape(std::span<const int64_t>(json["shape"].get<std::vector<int64_t>>())); }

bool is_whole(const Json& input) { return input.contains("whole"); }

Tensor tensor_of(const Json& input) {
  if (input.contains("phase")) return sines(shape_of(input), input["phase"]);
  if (!is_whole(input)) return Tensor::of(shape_of(input), input["floats"].get<std::vector<float>>());
  Tensor out(shape_of(input), DType::kI64);
  const auto values = input["whole"].get<std::vector<int64_t>>();
  std::copy(values.begin(), values.end(), out.data<int64_t>());
  return out;
}

formats::OnnxAttribute attribute_of(const Json& json) {
  using Kind = formats::OnnxAttribute::Kind;
  formats::OnnxAttribute out;
  if (json.is_string()) out = {.kind = Kind::kText, .text = json, .tensor = {}, .integers = {}, .numbers = {}};
  else if (json.is_number_float())
    out = {.kind = Kind::kNumber, .number = json, .text = {}, .tensor = {}, .integers = {}, .numbers = {}};
  else if (json.is_number())
    out = {.kind = Kind::kInteger, .integer = json, .text = {}, .tensor = {}, .integers = {}, .numbers = {}};
  else if (json[0].is_number_float())
    out = {.kind = Kind::kNumbers, .text = {}, .tensor = {}, .integers = {}, .numbers = json};
  else out = {.kind = Kind::kIntegers, .text = {}, .tensor = {}, .integers = json, .numbers = {}};
  return out;
}

// A graph of the case's one operation. The first input of floats is the graph's, the others are constants; with
// `constant`, that one is too, and nothing is left to do when the graph runs but what weights do.
formats::OnnxGraph graph_of(const Json& c, bool constant) {
  formats::OnnxGraph out;
  out.opset = c["opset"];
  formats::OnnxNode node{.op = c["op"], .domain = {}, .name = "here", .inputs = {}, .outputs = {}, .attributes = {}};
  for (const auto& [name, value] : c["attributes"].items()) node.attributes[name] = attribute_of(value);
  bool given = false;
  out.inputs = {{.name = constant ? "unused" : "x", .is_float = true, .has_shape = false, .shape = {}}};
  for (size_t i = 0; i < c["inputs"].size(); ++i) {
    const Json& input = c["inputs"][i];
    std::string name = input.is_null() ? "" : "input" + std::to_string(i);
    if (!input.is_null() && !given && !is_whole(input)) {
      given = true;
      name = "x";
    }
    if (!input.is_null() && (constant || name != "x")) out.tensors.set(name, tensor_of(input));
    node.inputs.push_back(name);
  }
  for (size_t i = 0; i < c["outputs"].size(); ++i) node.outputs.push_back("made" + std::to_string(i));
  out.nodes.push_back(node);
  for (size_t i = 0; i < c["outputs"].size(); ++i) {
    std::string name = node.outputs[i];
    if (c["outputs"][i]["whole"]) {
      formats::OnnxNode cast{
          .op = "Cast", .domain = {}, .name = {}, .inputs = {name}, .outputs = {name + "f"}, .attributes = {}};
      cast.attributes["to"] = attribute_of(1);
      out.nodes.push_back(cast);
      name += "f";
    }
    out.outputs.push_back({.name = name, .is_float = true, .has_shape = false, .shape = {}});
  }
  return out;
}

// A step in f32; of sums of up to 150 products, by Winograd's transforms, several.
double tolerance_of(const Json& c) { return c["op"] == "Conv" ? 1e-5 : 2e-6; }

void expect_outputs(const std::vector<Tensor>& found, const Json& c) {
  const Json& expected = c["outputs"];
  ASSERT_EQ(found.size(), expected.size());
  for (size_t o = 0; o < found.size(); ++o) {
    ASSERT_EQ(found[o].shape(), shape_of(expected[o]));
    const auto values = expected[o]["values"].get<std::vector<double>>();
    for (size_t i = 0; i < values.size(); ++i) {
      const double tolerance = tolerance_of(c) * std::max(1.0, std::abs(values[i]));
      ASSERT_NEAR(found[o].f32()[i], values[i], tolerance) << "output " << o << ", element " << i;
    }
  }
}

const Json& cases() {
  static const Json all =
      Json::parse(read_file(std::filesystem::path(testing::kSourceDir) / "tests/models/values/onnx_operators.json"));
  return all;
}

// What describes a file measures only, which must not compute with weights that it does not have.
std::unique_ptr<const OnnxNetwork> built(const formats::OnnxGraph& graph) {
  const OnnxNetwork measured(graph, ops::Packer::measure());
  auto network = std::make_unique<const OnnxNetwork>(graph, ops::Packer::pack());
  EXPECT_EQ(measured.bytes(), network->bytes());
  return network;
}

TEST(OnnxOperators, DoWhatTheirSpecificationSays) {
  for (const Json& c : cases()) {
    SCOPED_TRACE(c["op"].get<std::string>() + " " + c["attributes"].dump() + " opset " + c["opset"].dump());
    const auto network = built(graph_of(c, false));
    Tensor x = Tensor::zeros({1});
    for (const Json& input : c["inputs"])
      if (!input.is_null() && !is_whole(input)) {
        x = tensor_of(input);
        break;
      }
    expect_outputs(network->forward(x), c);
    expect_outputs(built(graph_of(c, true))->forward(x), c);
    // As most maps lie that come from other operations.
    if (x.rank() == 4) expect_outputs(network->forward(contiguous(x.permute({0, 2, 3, 1})).permute({0, 3, 1, 2})), c);
  }
}

TEST(OnnxOperators, EachHasACase) {
  std::set<std::string> named;
  for (const Json& c : cases()) named.insert(c["op"]);
  for (const auto& part : {onnx::pointwise_operators(), onnx::window_operators(), onnx::product_operators(),
                           onnx::shape_operators(), onnx::whole_operators()})
    for (const onnx::Operator& op : part) EXPECT_TRUE(named.contains(std::string(op.name))) << op.name;
}

// All inputs computed when the graph runs, none known before: as products of queries and keys are.
TEST(OnnxOperators, ProductsOfWhatIsComputed) {
  formats::OnnxGraph graph = onnx_graph({1, 2, 3, 4});
  add_node(graph, "Transpose", {"x"}, "t", {{"perm", integers({0, 1, 3, 2})}});
  add_node(graph, "MatMul", {"x", "t"}, "y");
  graph.outputs = {{.name = "y", .is_float = true, .has_shape = false, .shape = {}}};
  const Tensor x = sines({1, 2, 3, 4}, 0.25), y = OnnxNetwork(graph, ops::Packer::pack()).forward(x)[0];
  ASSERT_EQ(y.shape(), (Shape{1, 2, 3, 3}));
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t i = 0; i < 3; ++i)
      for (int64_t j = 0; j < 3; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < 4; ++k)
          sum += static_cast<double>(x.f32()[(b * 3 + i) * 4 + k]) * static_cast<double>(x.f32()[(b * 3 + j) * 4 + k]);
        EXPECT_NEAR(y.f32()[(b * 3 + i) * 3 + j], sum, 1e-6);
      }
}

// A mean over everything is a tensor without dimensions, which has neither rows nor columns.
TEST(OnnxOperators, ANumberIsNoMatrix) {
  formats::OnnxGraph graph = onnx_graph({2, 3});
  add_node(graph, "ReduceMean", {"x"}, "m", {{"keepdims", attribute_of(0)}});
  graph.outputs = {{.name = "m", .is_float = true, .has_shape = false, .shape = {}}};
  ASSERT_EQ(OnnxNetwork(graph, ops::Packer::pack()).forward(Tensor::full({2, 3}, 0.5f))[0].rank(), 0);
  add_node(graph, "MatMul", {"x", "m"}, "y");
  graph.outputs[0].name = "y";
  const OnnxNetwork network(graph, ops::Packer::pack());
  EXPECT_THROW(network.forward(Tensor::full({2, 3}, 0.5f)), Error);
}

}  // namespace
}  // namespace easel::models
