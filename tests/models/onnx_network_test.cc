// ONNX graphs that do not fit together, or ask for what is not there: each is refused by the name of what it was.
#include "models/onnx/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/cancel.h"
#include "base/error.h"
#include "formats/tensors/safetensors.h"
#include "numbers_support.h"
#include "onnx_support.h"
#include "support/paths.h"
#include "support/tiny_models.h"
#include "tensor/memory_guard.h"

namespace easel::models {
namespace {

formats::OnnxGraph with_output(formats::OnnxGraph graph, const std::string& name) {
  graph.outputs = {{.name = name, .is_float = true, .has_shape = false, .shape = {}}};
  return graph;
}

template <class F>
std::string refusal(Fault fault, const F& act) {
  try {
    act();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), fault) << e.message();
    return e.message();
  }
  return "nothing was refused";
}

// Nothing of a size that is asked for is there.
class NoMemory final : public MemoryGuard {
 public:
  void before(size_t) override { throw Error(Fault::kMemory, "none is left"); }
  bool make_room(size_t) override { return false; }
  size_t beside_models() const override { return 0; }
};

// What describes a file only measures its network.
std::string build_refusal(Fault fault, const formats::OnnxGraph& graph) {
  const std::string measured = refusal(fault, [&] { OnnxNetwork(graph, ops::Packer::measure()); });
  EXPECT_EQ(refusal(fault, [&] { OnnxNetwork(graph, ops::Packer::pack()); }), measured);
  return measured;
}

Tensor whole(const std::vector<int64_t>& values) {
  Tensor out({static_cast<int64_t>(values.size())}, DType::kI64);
  std::copy(values.begin(), values.end(), out.data<int64_t>());
  return out;
}

TEST(OnnxNetwork, NamesWhatItDoesNotCompute) {
  formats::OnnxGraph graph = onnx_graph({1, 4});
  add_node(graph, "NonMaxSuppression", {"x"}, "y");
  const std::string unknown = build_refusal(Fault::kUnsupported, with_output(graph, "y"));
  EXPECT_NE(unknown.find("NonMaxSuppression 'node0'"), std::string::npos) << unknown;

  graph = onnx_graph({1, 4});
  add_node(graph, "Relu", {"x"}, "y");
  graph.nodes[0].domain = "com.example";
  EXPECT_NE(build_refusal(Fault::kUnsupported, with_output(graph, "y")).find("com.example"), std::string::npos);

  graph = onnx_graph({1, 4});
  add_node(graph, "Softmax", {"x"}, "y", {{"axis", integer(1)}, {"temperature", integer(2)}});
  EXPECT_NE(build_refusal(Fault::kUnsupported, with_output(graph, "y")).find("'temperature'"), std::string::npos);

  graph = onnx_graph({1, 2, 8, 8});
  add_node(graph, "MaxPool", {"x"}, "y", {{"kernel_shape", integers({2, 2})}});
  graph.nodes[0].outputs.push_back("places");
  EXPECT_NE(build_refusal(Fault::kUnsupported, with_output(graph, "places")).find("output 2"), std::string::npos);

  graph = onnx_graph({1, 4});
  add_node(graph, "Relu", {"x"}, "y");
  graph.opset = 99;
  EXPECT_NE(build_refusal(Fault::kUnsupported, with_output(graph, "y")).find("version 99"), std::string::npos);
}

TEST(OnnxNetwork, NamesWhatDoesNotFit) {
  formats::OnnxGraph graph = onnx_graph({1, 4});
  add_node(graph, "Add", {"x", "nowhere"}, "y");
  EXPECT_NE(build_refusal(Fault::kBadFile, with_output(graph, "y")).find("'nowhere'"), std::string::npos);

  graph = onnx_graph({1, 4});
  add_node(graph, "Relu", {"x"}, "x");
  EXPECT_NE(build_refusal(Fault::kBadFile, with_output(graph, "x")).find("two values 'x'"), std::string::npos);

  graph = onnx_graph({1, 4});
  EXPECT_NE(build_refusal(Fault::kBadFile, with_output(graph, "y")).find("output 'y'"), std::string::npos);
  graph.inputs.push_back(graph.inputs[0]);
  EXPECT_NE(build_refusal(Fault::kBadFile, with_output(graph, "x")).find("2 inputs"), std::string::npos);

  // What only shows when it runs.
  const auto run_refusal = [](const formats::OnnxGraph& g, const Tensor& x) {
    const OnnxNetwork network(g, ops::Packer::pack());
    return refusal(Fault::kBadFile, [&] { network.forward(x); });
  };
  graph = onnx_graph({1, 3, 8, 8});
  graph.tensors.set("w", Tensor::zeros({4, 2, 3, 3}));
  add_node(graph, "Conv", {"x", "w"}, "y");
  EXPECT_NE(run_refusal(with_output(graph, "y"), Tensor::zeros({1, 3, 8, 8})).find("Conv 'node0'"), std::string::npos);
  EXPECT_NE(run_refusal(with_output(graph, "y"), Tensor::zeros({1, 2, 2, 2})).find("window"), std::string::npos);
  EXPECT_NE(run_refusal(with_output(graph, "y"), Tensor::zeros({2, 8})).find("Conv"), std::string::npos);
  // Far more memory than any network needs, asked for in a few bytes.
  graph = onnx_graph({1, 1});
  graph.tensors.set("sizes", whole(std::vector<int64_t>(4, 100'000)));
  add_node(graph, "Expand", {"x", "sizes"}, "y");
  EXPECT_NE(run_refusal(with_output(graph, "y"), Tensor::zeros({1, 1})).find("larger than any network"),
            std::string::npos);
}

// Layers that are only measured have no weights, and what they would make of constants is not known then.
TEST(OnnxNetwork, WeightsOnConstants) {
  formats::OnnxGraph graph = onnx_graph({1, 2});
  graph.tensors.set("map", Tensor::full({1, 2, 4, 4}, 1.0f));
  graph.tensors.set("windows", Tensor::full({3, 2, 3, 3}, 0.5f));
  graph.tensors.set("each", Tensor::full({3, 1, 2, 2}, 2.0f));
  graph.tensors.set("rows", Tensor::full({2, 12}, 0.25f));
  graph.tensors.set("shift", Tensor::full({1, 2}, 3.0f));
  graph.tensors.set("matrix", Tensor::full({2, 12}, 1.0f));
  add_node(graph, "Conv", {"map", "windows"}, "c");                       // 9 each
  add_node(graph, "Conv", {"c", "each"}, "d", {{"group", integer(3)}});   // [1,3,1,1] of 72
  add_node(graph, "Add", {"shift", "shift"}, "s");                        // [1,2] of 6
  add_node(graph, "MatMul", {"s", "matrix"}, "m");                        // [1,12] of 12
  add_node(graph, "Gemm", {"m", "rows"}, "g", {{"transB", integer(1)}});  // [1,2] of 36
  add_node(graph, "ReduceMean", {"d"}, "r", {{"axes", integers({1, 2, 3})}, {"keepdims", integer(0)}});
  add_node(graph, "Add", {"g", "r"}, "constant");
  add_node(graph, "Add", {"x", "constant"}, "y");
  graph = with_output(graph, "y");
  const OnnxNetwork measured(graph, ops::Packer::measure()), network(graph, ops::Packer::pack());
  EXPECT_EQ(measured.bytes(), network.bytes());
  const Tensor y = network.forward(Tensor::full({1, 2}, 1.0f))[0];
  ASSERT_EQ(y.shape(), (Shape{1, 2}));
  for (const float v : y.values()) EXPECT_NEAR(v, 109, 1e-3);
}

// A few bytes of a file that ask for far more.
TEST(OnnxNetwork, ConstantsHaveALimit) {
  const auto graph_of = [](const auto& add) {
    formats::OnnxGraph graph = onnx_graph({1, 4});
    graph.tensors.set("size", whole({int64_t{1} << 22}));
    formats::OnnxAttribute one;
    one.kind = formats::OnnxAttribute::Kind::kTensor;
    one.tensor = whole({1});
    add_node(graph, "ConstantOfShape", {"size"}, "many", {{"value", one}});
    add(graph);
    add_node(graph, "Relu", {"x"}, "y");
    return with_output(graph, "y");
  };
  const auto refused = [&](const auto& add) { return build_refusal(Fault::kBadFile, graph_of(add)); };
  const OnnxNetwork one(graph_of([](formats::OnnxGraph&) {}), ops::Packer::measure());
  EXPECT_EQ(one.bytes(), 0u) << "nothing uses it when the graph runs";

  EXPECT_NE(refused([](formats::OnnxGraph& graph) {
              for (int i = 0; i < 40; ++i) add_node(graph, "Neg", {"many"}, "many" + std::to_string(i));
            }).find("more bytes than any network"),
            std::string::npos);
  // What is read counts as well, however little comes of it.
  EXPECT_NE(refused([](formats::OnnxGraph& graph) {
              for (int i = 0; i < 40; ++i) add_node(graph, "Shape", {"many"}, "size" + std::to_string(i));
            }).find("more bytes than any network"),
            std::string::npos);
  EXPECT_NE(refused([](formats::OnnxGraph& graph) {
              add_node(graph, "Concat", std::vector<std::string>(3, "many"), "all", {{"axis", integer(0)}});
            }).find("larger than any network"),
            std::string::npos);
  EXPECT_NE(refused([](formats::OnnxGraph& graph) {
              add_node(graph, "Squeeze", {"x", "many"}, "less");
            }).find("axes of 4194304"),
            std::string::npos);
}

// Layers that share weights each have their own packed ones, which what only measures must not make.
TEST(OnnxNetwork, MeasuringMakesNoWeights) {
  constexpr int64_t kChannels = 2 * kGuardedBytes / sizeof(float);
  formats::OnnxGraph graph = onnx_graph({1, kChannels, 8, 8});
  graph.tensors.set("windows", Tensor::full({kChannels, 1, 1, 1}, 0.5f));
  graph.tensors.set("row", Tensor::full({kChannels}, 0.5f));
  std::string last = "x";
  for (int i = 0; i < 3; ++i) {
    const std::string at = std::to_string(i);
    add_node(graph, "Conv", {last, "windows", "row"}, "c" + at, {{"group", integer(kChannels)}});
    add_node(graph, "BatchNormalization", {"c" + at, "row", "row", "row", "row"}, "n" + at);
    last = "n" + at;
  }
  graph = with_output(graph, last);
  const size_t packed = OnnxNetwork(graph, ops::Packer::pack()).bytes();
  EXPECT_EQ(packed, 3 * 4 * 2 * kGuardedBytes) << "windows, bias, factor and shift";
  NoMemory none;
  const MemoryGuardScope scope(none);
  EXPECT_EQ(OnnxNetwork(graph, ops::Packer::measure()).bytes(), packed);
}

TEST(OnnxNetwork, PartsHaveALimit) {
  const auto refused = [](const std::string& output, std::map<std::string, formats::OnnxAttribute> attributes) {
    formats::OnnxGraph graph = onnx_graph({1, 4});
    graph.tensors.set("w", Tensor::zeros({4}));
    add_node(graph, "Split", {"w"}, output, std::move(attributes));
    return build_refusal(Fault::kBadFile, with_output(graph, "x"));
  };
  EXPECT_NE(refused("", {}).find("into 0 parts"), std::string::npos);
  for (const int64_t count : {int64_t{0}, int64_t{-1}, int64_t{1} << 33, std::numeric_limits<int64_t>::max()})
    EXPECT_NE(refused("part", {{"num_outputs", integer(count)}}).find("into " + std::to_string(count) + " parts"),
              std::string::npos);
  EXPECT_NE(refused("part", {{"split", integers(std::vector<int64_t>(100'000, 0))}}).find("split of 100000"),
            std::string::npos);
}

TEST(OnnxNetwork, StopsWhenItIsAsked) {
  formats::OnnxGraph graph = onnx_graph({1, 4});
  add_node(graph, "Relu", {"x"}, "y");
  const OnnxNetwork network(with_output(graph, "y"), ops::Packer::pack());
  const CancelToken token;
  const CancelScope scope(token);
  EXPECT_EQ(network.forward(Tensor::zeros({1, 4})).size(), 1u);
  token.cancel();
  EXPECT_EQ(refusal(Fault::kCancelled, [&] { network.forward(Tensor::zeros({1, 4})); }), "stopped on request");
}

TEST(OnnxNetwork, OtherFilesAreNamed) {
  memory::Residency residency;
  const auto file = formats::open_model_file(testing::tiny_models_dir() / "vae" / "sdxl_vae.safetensors");
  try {
    load_onnx_network(residency, file);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kUnsupported);
    EXPECT_EQ(e.file(), "sdxl_vae.safetensors");
  }
}

// The fuzzer begins with graphs that run, each through operators of another kind, and some that are refused.
TEST(OnnxNetwork, TheFuzzersGraphsRun) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(testing::kSourceDir) /
                                                               "tests/fuzz/corpus/onnx_file")) {
    SCOPED_TRACE(entry.path().filename().string());
    const auto file = formats::open_model_file(entry.path());
    ASSERT_TRUE(file.graph);
    if (entry.path().filename().string().starts_with("refused_")) {
      build_refusal(Fault::kBadFile, *file.graph);
      continue;
    }
    const OnnxNetwork measured(*file.graph, ops::Packer::measure()), network(*file.graph, ops::Packer::pack());
    EXPECT_EQ(measured.bytes(), network.bytes());
    Shape shape;
    for (const int64_t size : file.graph->inputs.at(0).shape) shape.push_back(size < 0 ? 4 : size);
    const Tensor x = Tensor::full(shape, 0.5f);
    if (entry.path().filename().string().starts_with("fails_")) {
      EXPECT_THROW(network.forward(x), Error);
      continue;
    }
    EXPECT_EQ(network.forward(x).size(), 1u);
    ++files;
  }
  EXPECT_GE(files, 6u);
}

// What was measured is what is kept, so that the memory budget holds.
TEST(OnnxNetwork, MeasuresWhatItKeeps) {
  for (const char* name : {"controlnet_aux/dw-ll_ucoco_384.onnx", "rembg/u2net.onnx"}) {
    const auto file = formats::open_model_file(testing::tiny_models_dir() / name);
    EXPECT_EQ(OnnxNetwork(*file.graph, ops::Packer::measure()).bytes(),
              OnnxNetwork(*file.graph, ops::Packer::pack()).bytes())
        << name;
  }
}

}  // namespace
}  // namespace easel::models
