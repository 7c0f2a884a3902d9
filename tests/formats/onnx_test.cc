// ONNX files: what is written is read again, tensors in every form the format has, and damage of every kind.
#include "formats/onnx/onnx.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <random>

#include "base/atomic_file.h"
#include "base/error.h"
#include "formats/onnx/writer.h"
#include "formats/tensors/model_file.h"
#include "support/temp_folder.h"

namespace easel::formats {
namespace {

// A message of protocol buffers, field by field.
struct Message {
  std::string bytes;
  Message& varint(uint64_t v) {
    for (; v >= 0x80; v >>= 7) bytes += static_cast<char>(v | 0x80);
    bytes += static_cast<char>(v);
    return *this;
  }
  Message& number(uint64_t field, uint64_t v) { return varint(field << 3).varint(v); }
  Message& text(uint64_t field, const std::string& v) {
    varint(field << 3 | 2).varint(v.size());
    bytes += v;
    return *this;
  }
};

std::string floats(std::initializer_list<float> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(float)};
}

// A model of one graph with these tensors.
std::string model(const std::vector<Message>& tensors) {
  Message graph;
  for (const Message& t : tensors) graph.text(5, t.bytes);
  return Message().number(1, 8).text(7, graph.bytes).text(8, Message().text(1, "").number(2, 17).bytes).bytes;
}

class Onnx : public ::testing::Test {
 protected:
  OnnxGraph read(const std::string& bytes) {
    std::ofstream(path(), std::ios::binary) << bytes;
    return read_onnx(MappedFile::open(path()));
  }
  std::string error_of(const std::string& bytes) {
    try {
      read(bytes);
    } catch (const Error& e) {
      EXPECT_EQ(e.file(), path().string());
      return e.message();
    }
    return "none";
  }
  std::filesystem::path path() const { return folder_.path() / "a.onnx"; }
  testing::TempFolder folder_;
};

OnnxGraph sample() {
  OnnxGraph graph;
  graph.opset = 13;
  graph.inputs = {{.name = "x", .is_float = true, .has_shape = true, .shape = {-1, 3, 8, 8}}};
  graph.outputs = {{.name = "y", .is_float = true, .has_shape = false, .shape = {}}};
  OnnxNode node{
      .op = "Conv", .domain = {}, .name = "first", .inputs = {"x", "w", ""}, .outputs = {"y"}, .attributes = {}};
  node.attributes["pads"].kind = OnnxAttribute::Kind::kIntegers;
  node.attributes["pads"].integers = {1, 1, 1, -1};
  node.attributes["alpha"].kind = OnnxAttribute::Kind::kNumber;
  node.attributes["alpha"].number = 0.25f;
  node.attributes["auto_pad"].kind = OnnxAttribute::Kind::kText;
  node.attributes["auto_pad"].text = "NOTSET";
  node.attributes["group"].kind = OnnxAttribute::Kind::kInteger;
  graph.nodes = {node};
  return graph;
}

TEST_F(Onnx, WhatIsWrittenIsReadAgain) {
  OnnxWriter writer(path(), sample(),
                    {{"w", DType::kF32, {2, 3}}, {"empty", DType::kF32, {0}}, {"k", DType::kI64, {2}}});
  const std::array<float, 6> values{1, 2, 3, 4, 5, 6};
  const std::array<int64_t, 2> whole{-7, int64_t{1} << 40};
  writer.write(values.data(), 10);
  writer.write(reinterpret_cast<const char*>(values.data()) + 10, sizeof values - 10);
  writer.write(whole.data(), sizeof whole);
  writer.commit();
  const ModelFile file = open_model_file(path());
  EXPECT_EQ(file.container, Container::kOnnx);
  ASSERT_TRUE(file.graph);
  const OnnxGraph& graph = *file.graph;
  EXPECT_EQ(graph.opset, 13);
  ASSERT_EQ(graph.inputs.size(), 1u);
  EXPECT_EQ(graph.inputs[0].shape, (std::vector<int64_t>{-1, 3, 8, 8}));
  EXPECT_FALSE(graph.outputs.at(0).has_shape);
  ASSERT_EQ(graph.nodes.size(), 1u);
  const OnnxNode& node = graph.nodes[0];
  EXPECT_EQ(node.op, "Conv");
  EXPECT_EQ(node.inputs, (std::vector<std::string>{"x", "w", ""}));
  EXPECT_EQ(node.attributes.at("pads").integers, (std::vector<int64_t>{1, 1, 1, -1}));
  EXPECT_EQ(node.attributes.at("alpha").number, 0.25f);
  EXPECT_EQ(node.attributes.at("auto_pad").text, "NOTSET");
  EXPECT_EQ(node.attributes.at("group").kind, OnnxAttribute::Kind::kInteger) << "a 0 may be left out";
  const Tensor w = graph.tensors.find("w")->decoded();
  EXPECT_EQ(w.shape(), (Shape{2, 3}));
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(w.f32()[i], values[static_cast<size_t>(i)]);
  EXPECT_EQ(graph.tensors.find("empty")->numel(), 0);
  EXPECT_EQ(whole_numbers(*graph.tensors.find("k")), (std::vector<int64_t>{-7, int64_t{1} << 40}));
}

TEST_F(Onnx, TensorsInEveryForm) {
  const OnnxGraph graph = read(model({
      Message().number(1, 2).number(2, 1).text(4, floats({1.5f, -2})).text(8, "floats"),
      Message()
          .text(1, std::string("\2\1", 2))
          .number(2, 7)
          .text(7, Message().varint(5).varint(~uint64_t{0}).bytes)
          .text(8, "longs"),
      Message().number(1, 2).number(2, 9).text(5, std::string("\1\0", 2)).text(8, "truth"),
      Message()
          .number(1, 1)
          .number(2, 6)
          .text(5, Message().varint(static_cast<uint64_t>(int64_t{-3})).bytes)
          .text(8, "int"),
      Message().number(1, 1).number(2, 10).text(5, Message().varint(0x3c00).bytes).text(8, "half"),
      Message().number(2, 1).text(9, floats({7})).text(8, "scalar"),
  }));
  EXPECT_EQ(graph.tensors.find("floats")->decoded().f32()[1], -2);
  EXPECT_EQ(graph.tensors.find("longs")->shape(), (Shape{2, 1}));
  EXPECT_EQ(whole_numbers(*graph.tensors.find("longs")), (std::vector<int64_t>{5, -1}));
  EXPECT_EQ(whole_numbers(*graph.tensors.find("truth")), (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(whole_numbers(*graph.tensors.find("int")), (std::vector<int64_t>{-3}));
  EXPECT_EQ(graph.tensors.find("half")->decoded().f32()[0], 1.0f);
  EXPECT_EQ(graph.tensors.find("scalar")->rank(), 0);
}

Message outside(const std::string& location, uint64_t offset, uint64_t values) {
  const auto entry = [](const char* key, const std::string& value) {
    return Message().text(1, key).text(2, value).bytes;
  };
  return Message()
      .number(1, values)
      .number(2, 1)
      .number(14, 1)
      .text(13, entry("location", location))
      .text(13, entry("offset", std::to_string(offset)));
}

TEST_F(Onnx, TensorsBesideTheFile) {
  write_file(folder_.path() / "weights.bin", floats({1, 2, 3, 4}));
  const OnnxGraph graph =
      read(model({outside("weights.bin", 4, 2).text(8, "a"), outside("weights.bin", 12, 1).text(8, "b")}));
  EXPECT_EQ(graph.tensors.find("a")->decoded().f32()[1], 3);
  EXPECT_EQ(graph.tensors.find("b")->decoded().f32()[0], 4);
  for (const char* name : {"../weights.bin", "/etc/passwd", "sub/../../x", ""})
    EXPECT_NE(error_of(model({outside(name, 0, 1).text(8, "a")})), "none") << name;
  EXPECT_NE(error_of(model({outside("../a.onnx", 0, 1).text(8, "a")})).find("outside"), std::string::npos);
  EXPECT_NE(error_of(model({outside("weights.bin", 8, 3).text(8, "a")})).find("fit"), std::string::npos);
  EXPECT_NE(error_of(model({outside("weights.bin", ~uint64_t{0}, 1).text(8, "a")})), "none");
  // Twice the same bytes, whatever the file is called: copies could fill any memory.
  std::filesystem::create_symlink("weights.bin", folder_.path() / "again.bin");
  for (const char* name : {"weights.bin", "./weights.bin", ".//./weights.bin", "again.bin"})
    EXPECT_NE(
        error_of(model({outside("weights.bin", 0, 4).text(8, "a"), outside(name, 0, 4).text(8, "b")})).find("fit"),
        std::string::npos)
        << name;
  std::filesystem::create_symlink("/etc/passwd", folder_.path() / "link");
  EXPECT_NE(error_of(model({outside("link", 0, 1).text(8, "a")})).find("outside"), std::string::npos);
}

TEST_F(Onnx, NamesWhatIsWrong) {
  const auto tensor = [] { return Message().number(1, 2).number(2, 1); };
  EXPECT_NE(error_of(model({tensor().text(9, floats({1})).text(8, "t")})).find("'t' has not as many"),
            std::string::npos);
  EXPECT_NE(error_of(model({tensor().text(8, "t")})).find("'t' has no values"), std::string::npos);
  EXPECT_NE(error_of(model({Message().number(1, ~uint64_t{0}).number(2, 1).text(8, "t")})).find("impossible"),
            std::string::npos);
  EXPECT_NE(
      error_of(model({Message().number(1, 1u << 30).number(1, 1u << 30).number(1, 1u << 30).number(2, 1).text(8, "t")}))
          .find("impossible"),
      std::string::npos);
  EXPECT_NE(error_of(model({Message().number(1, 1).number(2, 8).text(8, "t")})).find("type 8"), std::string::npos);
  Message deep;
  for (int i = 0; i < 7; ++i) deep.number(1, 1);
  EXPECT_NE(error_of(model({deep.number(2, 1).text(9, floats({1})).text(8, "t")})).find("six dimensions"),
            std::string::npos);
  const auto good = [&] { return tensor().text(9, floats({1, 2})).text(8, "t"); };
  EXPECT_NE(error_of(model({good(), good()})).find("two tensors 't'"), std::string::npos);
  EXPECT_EQ(error_of(Message().number(1, 8).bytes + "\x12"), "it ends within a field");
  EXPECT_EQ(error_of(Message().number(1, 8).text(2, "x").bytes), "it has no graph");
  EXPECT_NE(error_of(Message().number(1, 8).text(7, Message().text(15, "").bytes).bytes).find("sparse"),
            std::string::npos);
  EXPECT_NE(error_of(Message().number(1, 8).text(7, "").text(25, "").bytes).find("functions"), std::string::npos);
  // Operations of two bytes each would take a hundred times as much memory as the file.
  std::string many;
  for (int i = 0; i < 2'100'000; ++i) many += std::string("\x0a\x03\x22\x01x", 5);
  EXPECT_NE(error_of(Message().number(1, 8).text(7, many).bytes).find("more parts"), std::string::npos);
}

TEST_F(Onnx, EveryDamagedByteGivesAResultOrAnError) {
  OnnxWriter writer(path(), sample(), {{"w", DType::kF32, {2, 3}}, {"k", DType::kI64, {2}}});
  const std::string data(40, '\3');
  writer.write(data.data(), data.size());
  writer.commit();
  const std::string good = read_file(path());
  std::mt19937 random(3);
  for (int round = 0; round < 1000; ++round) {
    std::string bytes = good;
    for (int i = 0, n = 1 + static_cast<int>(random() % 3); i < n; ++i)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (round % 8 == 0) bytes.resize(random() % (bytes.size() + 1));
    try {
      for (const auto& [name, tensor] : read(bytes).tensors) EXPECT_TRUE(tensor.defined());
    } catch (const Error& e) {
      EXPECT_NE(e.fault(), Fault::kInternal) << e.message();
    }
  }
}

}  // namespace
}  // namespace easel::formats
