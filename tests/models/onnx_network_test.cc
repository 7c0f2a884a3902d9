// ONNX graphs that do not fit together, or ask for what is not there: each is refused by the name of what it was.
#include "models/onnx/network.h"

#include <gtest/gtest.h>

#include "base/cancel.h"
#include "base/error.h"
#include "formats/tensors/safetensors.h"
#include "numbers_support.h"
#include "onnx_support.h"
#include "support/paths.h"
#include "support/tiny_models.h"

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

std::string build_refusal(Fault fault, const formats::OnnxGraph& graph) {
  return refusal(fault, [&] { OnnxNetwork(graph, ops::Packer::pack()); });
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
  Tensor sizes({4}, DType::kI64);
  std::fill_n(sizes.data<int64_t>(), 4, int64_t{100'000});
  graph.tensors.set("sizes", sizes);
  add_node(graph, "Expand", {"x", "sizes"}, "y");
  EXPECT_NE(run_refusal(with_output(graph, "y"), Tensor::zeros({1, 1})).find("larger than any network"),
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

// The fuzzer begins with graphs that run, each through operators of another kind.
TEST(OnnxNetwork, TheFuzzersGraphsRun) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(testing::kSourceDir) /
                                                               "tests/fuzz/corpus/onnx_file")) {
    SCOPED_TRACE(entry.path().filename().string());
    const auto file = formats::open_model_file(entry.path());
    ASSERT_TRUE(file.graph);
    Shape shape;
    for (const int64_t size : file.graph->inputs.at(0).shape) shape.push_back(size < 0 ? 4 : size);
    EXPECT_EQ(OnnxNetwork(*file.graph, ops::Packer::pack()).forward(Tensor::full(shape, 0.5f)).size(), 1u);
    ++files;
  }
  EXPECT_GE(files, 5u);
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
