// What is typed into a node that stands for a subgraph reaches the widgets it is meant for.
#include <gtest/gtest.h>

#include "base/error.h"
#include "subgraph_files.h"
#include "toy_table.h"
#include "workflow/convert/convert.h"

namespace easel::workflow {
namespace {

TEST(Subgraphs, FiveHundredMadeFilesMeanWhatTheyWereMadeToMean) {
  const testing::ToyTable table;
  size_t widgets = 0;
  for (unsigned seed = 0; seed < 500; ++seed) {
    const testing::SubgraphFile file = testing::SubgraphFiles(seed).make();
    const Prompt prompt = to_prompt(parse_graph(parse_json(file.graph.dump()), table), table);
    std::map<std::string, Json> got;
    for (const PromptNode& node : prompt.nodes)
      for (const auto& [name, value] : node.inputs.items()) got[node.id + "." + name] = value;
    ASSERT_EQ(got.size(), file.meant.size()) << "file " << seed << "\n" << file.graph.dump(1);
    for (const auto& [widget, value] : file.meant)
      ASSERT_EQ(got[widget], value) << "file " << seed << ", " << widget << "\n" << file.graph.dump(1);
    widgets += got.size();
  }
  EXPECT_GT(widgets, 5000u);
}

// A subgraph with two numbers and a text for its inputs, and a node in it that no input feeds. `instance` completes the
// node that stands for it.
Json converted(const std::string& instance) {
  const testing::ToyTable table;
  const std::string graph = R"({"nodes": [{"id": 9, "type": "sub", )" + instance + R"(}], "links": [],
    "definitions": {"subgraphs": [{"id": "sub", "inputNode": {"id": -10}, "outputNode": {"id": -20}, "outputs": [],
      "inputs": [{"name": "steps", "type": "INT"}, {"name": "cfg", "type": "FLOAT"}, {"name": "prefix", "type": "STRING"}],
      "nodes": [
        {"id": 1, "type": "Sample", "widgets_values": [7, "fixed", 20, 8.0, "euler"], "inputs": [
          {"name": "seed", "type": "INT", "widget": {"name": "seed"}, "link": null},
          {"name": "steps", "type": "INT", "widget": {"name": "steps"}, "link": 1},
          {"name": "cfg", "type": "FLOAT", "widget": {"name": "cfg"}, "link": 2}]},
        {"id": 2, "type": "Save", "widgets_values": ["x"], "inputs": [
          {"name": "prefix", "type": "STRING", "widget": {"name": "prefix"}, "link": 3}]}],
      "links": [{"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 1, "target_slot": 1, "type": "INT"},
                {"id": 2, "origin_id": -10, "origin_slot": 1, "target_id": 1, "target_slot": 2, "type": "FLOAT"},
                {"id": 3, "origin_id": -10, "origin_slot": 2, "target_id": 2, "target_slot": 0, "type": "STRING"}]}]}})";
  const Prompt prompt = to_prompt(parse_graph(parse_json(graph), table), table);
  const Json sample = prompt.find("9:1")->inputs;
  return {sample["seed"], sample["steps"], sample["cfg"], prompt.find("9:2")->inputs["prefix"]};
}

TEST(Subgraphs, ValuesBelongToTheWidgetsListedForThem) {
  EXPECT_EQ(
      converted(R"("properties": {"proxyWidgets": [["-1", "prefix"], ["1", "seed"], ["-1", "cfg"], ["-1", "steps"]]},
                         "widgets_values": ["y", 5, 1.5, 30])"),
      Json::parse(R"([5, 30, 1.5, "y"])"));
  EXPECT_EQ(
      converted(R"("properties": {"proxyWidgets": [["-1", "cfg"], ["-1", "steps"]]}, "widgets_values": [3.5, null])"),
      Json::parse(R"([7, 20, 3.5, "x"])"));
}

TEST(Subgraphs, WithoutAListValuesFollowTheSubgraphsInputs) {
  const Json all = Json::parse(R"([7, 30, 1.5, "y"])");
  EXPECT_EQ(converted(R"("widgets_values": [30, 1.5, "y"])"), all);
  EXPECT_EQ(converted(R"("inputs": [{"name": "prefix", "type": "STRING"}, {"name": "steps", "type": "INT"}],
                         "widgets_values": [30, 1.5, "y"])"),
            all);
  // An editor that kept the value after a number which may be a seed.
  EXPECT_EQ(converted(R"("widgets_values": [30, "randomize", 1.5, "y"])"), all);
  // By name, which newer editors write as well; where they disagree the list counts.
  EXPECT_EQ(converted(R"("widgets_values": ["y", 30, 1.5],
                         "widgets_values_named": {"prefix": "y", "steps": 30, "cfg": 1.5})"),
            all);
  EXPECT_EQ(converted(R"("widgets_values": [30, 1.5, "y"],
                         "widgets_values_named": {"prefix": "z", "steps": 31, "cfg": 1.6})"),
            all);
  EXPECT_EQ(converted(R"("widgets_values": [20, 1.5, "y"], "properties": {"proxyWidgetErrorQuarantine": [
                         {"originalEntry": ["-1", "steps"], "reason": "missingSubgraphInput", "hostValue": 30}]})"),
            all);
}

TEST(Subgraphs, OddListsOfPromotedWidgetsAreReadOrRefused) {
  // Names of the first editor that had the list, previews, nodes and inputs that are gone.
  EXPECT_EQ(
      converted(
          R"("properties": {"proxyWidgets": "[[1, \"1: seed\"], [2, \"$$canvas-image-preview\"], [77, \"a\"], [\"-1\", \"gone\"], [1, \"control_after_generate\"]]"},
                         "widgets_values": [5, "p", 1, 2, "fixed"])"),
      Json::parse(R"([5, 20, 8.0, "x"])"));
  for (const char* list : {R"([["-1"]])", R"([[null, "a"]])", R"([7])", R"([["1", 2]])", R"("[[")"})
    EXPECT_THROW(converted(R"("properties": {"proxyWidgets": )" + std::string(list) + "}"), Error) << list;
  std::string many = R"(["1", "seed"])";
  for (int i = 0; i < 10; ++i) many += "," + many;
  EXPECT_THROW(converted(R"("properties": {"proxyWidgets": [)" + many + "]}"), Error);
  std::string name = "seed";
  for (int i = 0; i < 300; ++i) name = "1: " + name;
  EXPECT_NO_THROW(converted(R"("properties": {"proxyWidgets": [["1", ")" + name + R"("]]}, "widgets_values": [1])"));
}

}  // namespace
}  // namespace easel::workflow
