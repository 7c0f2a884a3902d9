#include "workflow/convert/graph.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "toy_table.h"
#include "workflow/convert/convert.h"
#include "workflow/load.h"

namespace easel::workflow {
namespace {

Prompt convert(const std::string& text) {
  static const testing::ToyTable table;
  return to_prompt(parse_graph(parse_json(text), table), table);
}

// Expects the graph to become exactly this prompt, in any order.
void expect_prompt(const std::string& graph, const std::string& expected) {
  const Json got = to_json(convert(graph));
  EXPECT_EQ(nlohmann::json(got), nlohmann::json::parse(expected)) << got.dump(1);
}

const char* kChain = R"({"nodes": [
  {"id": 1, "type": "Picture", "widgets_values": ["a.png", "image"], "outputs": [{"name":"IMAGE","type":"IMAGE"}]},
  {"id": 2, "type": "Save", "inputs": [{"name": "images", "type": "IMAGE", "link": 5}], "widgets_values": ["x"]}],
  "links": [[5, 1, 0, 2, 0, "IMAGE"]], "version": 0.4})";

TEST(Graph, WidgetsGetTheirNamesAndTheUploadValueIsDropped) {
  expect_prompt(kChain, R"({"1": {"class_type": "Picture", "inputs": {"image": "a.png"}},
                            "2": {"class_type": "Save", "inputs": {"images": ["1", 0], "prefix": "x"}}})");
}

TEST(Graph, TwoNodesOfOneIdAreRefused) {
  const auto read = [](const std::string& type) {
    return convert(R"({"nodes": [{"id": 6, "type": "Picture", "widgets_values": ["a.png"]}, {"id": 6, "type": ")" +
                   type + R"("}], "links": [], "version": 0.4})");
  };
  EXPECT_EQ(read("Note").nodes.size(), 1u);  // which is not run
  try {
    read("Save");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kInvalid);
    EXPECT_NE(e.message().find("two nodes of the graph have the id 6"), std::string::npos) << e.message();
  }
}

TEST(Graph, LinksMayBeObjects) {
  expect_prompt(R"({"nodes": [{"id": 1, "type": "Picture", "widgets_values": ["a.png"]},
      {"id": 2, "type": "Save", "inputs": [{"name": "images", "type": "IMAGE", "link": 5}], "widgets_values": ["x"]}],
      "links": [{"id": 5, "origin_id": 1, "origin_slot": 0, "target_id": 2, "target_slot": 0, "type": "IMAGE"}]})",
                R"({"1": {"class_type": "Picture", "inputs": {"image": "a.png"}},
                    "2": {"class_type": "Save", "inputs": {"images": ["1", 0], "prefix": "x"}}})");
}

// As scripts write them: the links alone say what belongs together.
TEST(Graph, NodesWithoutInputsHaveThoseOfTheirClass) {
  const char* expected = R"({"1": {"class_type": "Load", "inputs": {"file": "m"}},
      "2": {"class_type": "Text", "inputs": {"text": "a barn", "clip": ["1", 1]}},
      "3": {"class_type": "Sample", "inputs": {"model": ["1", 0], "seed": 7, "steps": 30, "cfg": 5.5, "sampler": "heun",
            "positive": ["2", 0]}},
      "4": {"class_type": "Save", "inputs": {"images": ["3", 0], "prefix": "x"}}})";
  const auto graph = [](const std::string& more) {
    return R"({"nodes": [{"id": 1, "type": "Load", "widgets_values": ["m"]},
        {"id": 2, "type": "Text", "widgets_values": ["a barn"]},
        {"id": 3, "type": "Sample", "widgets_values": [7, "fixed", 30, 5.5, "heun"]},
        {"id": 4, "type": "Save", "widgets_values": ["x"]}],
        "links": [[1, 1, 1, 2, 0, "CLIP"], [2, 1, 0, 3, 0, "MODEL"], [3, 2, 0, 3, 1, "CONDITIONING"], [4, 3, 0, 4, 0])" +
           more + "]}";
  };
  expect_prompt(graph(""), expected);
  // Slots that the class does not have, links of another type, and nodes of unknown classes get nothing.
  expect_prompt(graph(R"(, [5, 1, 0, 3, 9, "MODEL"], [6, 1, 0, 3, 2, "MODEL"], [7, 1, 0, 1, 0, "MODEL"],
                          [8, 1, 0, 77, 0, "MODEL"], [9, 1, 0, 3, -1, "MODEL"])"),
                expected);
  // Where a node lists inputs, what they say counts: extensions leave links behind that are none.
  expect_prompt(R"({"nodes": [{"id": 1, "type": "Picture", "widgets_values": ["a.png"]},
      {"id": 2, "type": "Save", "inputs": [{"name": "images", "type": "IMAGE", "link": null}], "widgets_values": ["x"]}],
      "links": [[5, 1, 0, 2, 0, "IMAGE"]]})",
                R"({"1": {"class_type": "Picture", "inputs": {"image": "a.png"}},
                    "2": {"class_type": "Save", "inputs": {"prefix": "x"}}})");
}

TEST(Graph, TheValueAfterASeedIsSkippedOnlyWhenItIsThere) {
  for (const char* values : {R"([7, "randomize", 30, 5.5, "heun", true])", R"([7, 30, 5.5, "heun", true])",
                             R"({"seed": 7, "steps": 30, "cfg": 5.5, "sampler": "heun", "exact": true})"})
    expect_prompt(
        std::string(R"({"nodes": [{"id": 3, "type": "Sample", "widgets_values": )") + values + R"(}], "links": []})",
        R"({"3": {"class_type": "Sample",
                      "inputs": {"seed": 7, "steps": 30, "cfg": 5.5, "sampler": "heun", "exact": true}}})");
}

TEST(Graph, InSpring2023TheValueAfterASeedWasABoolean) {
  for (const char* values : {R"([7, true, 30, 5.5, "heun", true])", R"([7, false, 30, 5.5, "heun", true])"})
    expect_prompt(
        std::string(R"({"nodes": [{"id": 3, "type": "Sample", "widgets_values": )") + values + R"(}], "links": []})",
        R"({"3": {"class_type": "Sample",
                      "inputs": {"seed": 7, "steps": 30, "cfg": 5.5, "sampler": "heun", "exact": true}}})");
  // A primitive keeps it as well; a widget that really is a boolean stays one.
  expect_prompt(R"({"nodes": [
      {"id": 1, "type": "PrimitiveNode", "widgets_values": [41, true]},
      {"id": 3, "type": "Sample", "widgets_values": [7, false, 30, 5.5, "heun", false],
       "inputs": [{"name": "seed", "type": "INT", "link": 1, "widget": {"name": "seed"}}]}],
      "links": [[1, 1, 0, 3, 0, "INT"]]})",
                R"({"3": {"class_type": "Sample",
                          "inputs": {"seed": 41, "steps": 30, "cfg": 5.5, "sampler": "heun", "exact": false}}})");
}

TEST(Graph, NodesByAnOldNameGetTheOneOfToday) {
  expect_prompt(R"({"nodes": [
      {"id": 1, "type": "T2IAdapterLoader", "widgets_values": ["a.pth"]},
      {"id": 2, "type": "ConditioningAverage ", "widgets_values": [0.5],
       "inputs": [{"name": "x", "type": "X", "link": 1}]},
      {"id": 3, "type": "ResizeImagesByLongerEdge", "widgets_values": [1024],
       "inputs": [{"name": "images", "type": "IMAGE", "link": 2}]},
      {"id": 4, "type": "Save", "widgets_values": ["s"], "inputs": [{"name": "images", "type": "IMAGE", "link": 3}]}],
      "links": [[1, 1, 0, 2, 0, "X"], [2, 2, 0, 3, 0, "IMAGE"], [3, 3, 0, 4, 0, "IMAGE"]]})",
                R"({"1": {"class_type": "ControlNetLoader", "inputs": {}},
                    "2": {"class_type": "ConditioningAverage", "inputs": {"x": ["1", 0]}},
                    "3": {"class_type": "ImageScaleToMaxDimension",
                          "inputs": {"upscale_method": "lanczos", "largest_size": 1024, "image": ["2", 0]}},
                    "4": {"class_type": "Save", "inputs": {"prefix": "s", "images": ["3", 0]}}})");
  const Prompt prompt = parse_prompt(parse_json(R"({
      "1": {"class_type": "T2IAdapterLoader", "inputs": {"t2i_adapter_name": "a.pth"}},
      "2": {"class_type": "ResizeImagesByLongerEdge", "inputs": {"images": ["1", 0], "longer_edge": 7}}})"));
  EXPECT_EQ(nlohmann::json(to_json(prompt)), nlohmann::json::parse(R"({
      "1": {"class_type": "ControlNetLoader", "inputs": {"control_net_name": "a.pth"}},
      "2": {"class_type": "ImageScaleToMaxDimension",
            "inputs": {"image": ["1", 0], "largest_size": 7, "upscale_method": "lanczos"}}})"));
}

TEST(Graph, RequiredWidgetsTheGraphLacksGetTheirDefaults) {
  expect_prompt(
      R"({"nodes": [{"id": 3, "type": "Sample", "widgets_values": [7, "fixed"]}], "links": []})",
      R"({"3": {"class_type": "Sample", "inputs": {"seed": 7, "steps": 20, "cfg": 8.0, "sampler": "euler"}}})");
}

TEST(Graph, ForcedInputsHaveNoWidget) {
  expect_prompt(R"({"nodes": [{"id": 3, "type": "Forced", "widgets_values": [9]}], "links": []})",
                R"({"3": {"class_type": "Forced", "inputs": {"after": 9}}})");
}

TEST(Graph, PrimitivesReroutesAndNotesDissolve) {
  expect_prompt(R"({"nodes": [
      {"id": 1, "type": "Load", "widgets_values": ["m"]},
      {"id": 2, "type": "Reroute", "inputs": [{"name": "", "type": "*", "link": 1}]},
      {"id": 3, "type": "Reroute", "inputs": [{"name": "", "type": "*", "link": 2}]},
      {"id": 4, "type": "PrimitiveNode", "widgets_values": ["typed once", "fixed"]},
      {"id": 5, "type": "Reroute", "inputs": [{"name": "", "type": "*", "link": 5}]},
      {"id": 6, "type": "Note", "widgets_values": ["hello"]},
      {"id": 7, "type": "MarkdownNote", "widgets_values": ["hello"]},
      {"id": 8, "type": "Text", "widgets_values": ["stale"], "inputs": [
        {"name": "clip", "type": "CLIP", "link": 3},
        {"name": "text", "type": "STRING", "link": 4, "widget": {"name": "text"}}]}],
      "links": [[1, 1, 1, 2, 0, "CLIP"], [2, 2, 0, 3, 0, "*"], [3, 3, 0, 8, 0, "CLIP"],
                [4, 5, 0, 8, 1, "STRING"], [5, 4, 0, 5, 0, "STRING"]]})",
                R"({"1": {"class_type": "Load", "inputs": {"file": "m"}},
                    "8": {"class_type": "Text", "inputs": {"text": "typed once", "clip": ["1", 1]}}})");
}

TEST(Graph, AReroutedLoopEndsInNothing) {
  expect_prompt(R"({"nodes": [
      {"id": 1, "type": "Reroute", "inputs": [{"name": "", "type": "*", "link": 2}]},
      {"id": 2, "type": "Reroute", "inputs": [{"name": "", "type": "*", "link": 1}]},
      {"id": 3, "type": "Decode", "inputs": [{"name": "latent", "type": "LATENT", "link": 3}]}],
      "links": [[1, 1, 0, 2, 0, "*"], [2, 2, 0, 1, 0, "*"], [3, 2, 0, 3, 0, "*"]]})",
                R"({"3": {"class_type": "Decode", "inputs": {}}})");
}

TEST(Graph, MutedNodesAndTheirLinksVanish) {
  expect_prompt(R"({"nodes": [
      {"id": 1, "type": "Picture", "mode": 2, "widgets_values": ["a.png"]},
      {"id": 2, "type": "Save", "inputs": [{"name": "images", "type": "IMAGE", "link": 5}], "widgets_values": ["x"]}],
      "links": [[5, 1, 0, 2, 0, "IMAGE"]]})",
                R"({"2": {"class_type": "Save", "inputs": {"prefix": "x"}}})");
}

TEST(Graph, MutedReroutesAndPrimitivesStillPassOnTheirValues) {
  for (const char* mode : {"2", "4"})
    expect_prompt(R"({"nodes": [
      {"id": 1, "type": "Picture", "widgets_values": ["a.png"]},
      {"id": 2, "type": "Reroute", "mode": )" +
                      std::string(mode) +
                      R"(, "inputs": [{"name": "", "type": "*", "link": 1}]},
      {"id": 3, "type": "PrimitiveNode", "mode": )" +
                      mode + R"(, "widgets_values": ["y", "fixed"]},
      {"id": 4, "type": "Save", "widgets_values": ["x"],
       "inputs": [{"name": "images", "type": "IMAGE", "link": 2},
                  {"name": "prefix", "type": "STRING", "link": 3, "widget": {"name": "prefix"}}]}],
      "links": [[1, 1, 0, 2, 0, "*"], [2, 2, 0, 4, 0, "IMAGE"], [3, 3, 0, 4, 1, "STRING"]]})",
                  R"({"1": {"class_type": "Picture", "inputs": {"image": "a.png"}},
                      "4": {"class_type": "Save", "inputs": {"images": ["1", 0], "prefix": "y"}}})");
}

TEST(Graph, BypassedNodesPassOnTheFirstInputOfTheType) {
  expect_prompt(R"({"nodes": [
      {"id": 1, "type": "Picture", "widgets_values": ["a.png"]},
      {"id": 2, "type": "Picture", "widgets_values": ["b.png"]},
      {"id": 3, "type": "Blend", "mode": 4, "widgets_values": [0.3], "outputs": [{"name": "IMAGE", "type": "IMAGE"}],
       "inputs": [{"name": "m", "type": "MODEL", "link": null}, {"name": "a", "type": "IMAGE", "link": 1},
                  {"name": "b", "type": "IMAGE", "link": 2}]},
      {"id": 4, "type": "Save", "inputs": [{"name": "images", "type": "IMAGE", "link": 3}], "widgets_values": ["x"]}],
      "links": [[1, 1, 0, 3, 1, "IMAGE"], [2, 2, 0, 3, 2, "IMAGE"], [3, 3, 0, 4, 0, "IMAGE"]]})",
                R"({"1": {"class_type": "Picture", "inputs": {"image": "a.png"}},
                    "2": {"class_type": "Picture", "inputs": {"image": "b.png"}},
                    "4": {"class_type": "Save", "inputs": {"images": ["1", 0], "prefix": "x"}}})");
}

TEST(Graph, ABypassedNodeWithoutThatTypePassesNothing) {
  expect_prompt(R"({"nodes": [
      {"id": 1, "type": "Sample", "mode": 4, "inputs": [{"name": "model", "type": "MODEL", "link": null}]},
      {"id": 2, "type": "Decode", "inputs": [{"name": "latent", "type": "LATENT", "link": 3}]}],
      "links": [[3, 1, 0, 2, 0, "LATENT"]]})",
                R"({"2": {"class_type": "Decode", "inputs": {}}})");
}

TEST(Graph, UnknownNodesKeepLinksAndNamedWidgets) {
  expect_prompt(R"({"nodes": [{"id": 1, "type": "Mystery", "widgets_values": [4, "randomize", "y"], "inputs": [
      {"name": "in", "type": "IMAGE", "link": 9}, {"name": "seed", "type": "INT", "link": null, "widget": {"name": "seed"}},
      {"name": "word", "type": "STRING", "link": null, "widget": {"name": "word"}}]}], "links": [[9, 77, 1, 1, 0, "IMAGE"]]})",
                R"({"1": {"class_type": "Mystery", "inputs": {"in": ["77", 1], "seed": 4, "word": "y"}}})");
}

TEST(Graph, UnknownNodesThatNothingFlowsThroughAreDecoration) {
  expect_prompt(R"({"nodes": [{"id": 1, "type": "Picture", "widgets_values": ["a.png"]},
      {"id": 2, "type": "Label of somebody", "widgets_values": ["Step one"]},
      {"id": 3, "type": "Switches", "inputs": [{"name": "", "type": "*", "link": null}],
       "outputs": [{"name": "", "type": "*", "links": null}]},
      {"id": 4, "type": "Source"},
      {"id": 5, "type": "Save", "inputs": [{"name": "images", "type": "IMAGE", "link": 1}], "widgets_values": ["x"]}],
      "links": [[1, 4, 0, 5, 0, "IMAGE"]]
})",
                R"({"1": {"class_type": "Picture", "inputs": {"image": "a.png"}},
                    "4": {"class_type": "Source", "inputs": {}},
                    "5": {"class_type": "Save", "inputs": {"images": ["4", 0], "prefix": "x"}}})");
}

TEST(Graph, FormsOfOneNameAreToldApartByTheirLinks) {
  expect_prompt(R"({"nodes": [{"id": 1, "type": "Adapter", "widgets_values": ["x.bin"],
      "inputs": [{"name": "model", "type": "MODEL", "link": null}]}], "links": []})",
                R"({"1": {"class_type": "Adapter", "inputs": {"old_name": "x.bin"}}})");
  expect_prompt(R"({"nodes": [{"id": 1, "type": "Adapter", "widgets_values": [0.25], "inputs": [
      {"name": "model", "type": "MODEL", "link": null}, {"name": "adapter", "type": "ADAPTER", "link": null}]}],
      "links": []})",
                R"({"1": {"class_type": "Adapter", "inputs": {"weight": 0.25}}})");
}

const char* kSubgraph = R"({"version": 0.4, "nodes": [
  {"id": 1, "type": "Picture", "widgets_values": ["a.png"]},
  {"id": 2, "type": "aaaa-bbbb", "inputs": [{"name": "pic", "type": "IMAGE", "link": 1},
     {"name": "factor", "type": "FLOAT", "link": null, "widget": {"name": "factor"}}],
   "outputs": [{"name": "IMAGE", "type": "IMAGE"}], "widgets_values": [0.75]},
  {"id": 3, "type": "Save", "inputs": [{"name": "images", "type": "IMAGE", "link": 2}], "widgets_values": ["x"]}],
  "links": [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"]],
  "definitions": {"subgraphs": [{"id": "aaaa-bbbb", "name": "mix", "inputNode": {"id": -10}, "outputNode": {"id": -20},
    "inputs": [{"name": "pic"}, {"name": "factor"}], "outputs": [{"name": "IMAGE"}],
    "nodes": [{"id": 7, "type": "Blend", "widgets_values": [0.1], "inputs": [
      {"name": "a", "type": "IMAGE", "link": 11}, {"name": "b", "type": "IMAGE", "link": 12},
      {"name": "factor", "type": "FLOAT", "link": 13, "widget": {"name": "factor"}}]}],
    "links": [{"id": 11, "origin_id": -10, "origin_slot": 0, "target_id": 7, "target_slot": 0, "type": "IMAGE"},
              {"id": 12, "origin_id": -10, "origin_slot": 0, "target_id": 7, "target_slot": 1, "type": "IMAGE"},
              {"id": 13, "origin_id": -10, "origin_slot": 1, "target_id": 7, "target_slot": 2, "type": "FLOAT"},
              {"id": 14, "origin_id": 7, "origin_slot": 0, "target_id": -20, "target_slot": 0, "type": "IMAGE"}]}]}})";

TEST(Graph, SubgraphsAreDissolved) {
  expect_prompt(kSubgraph,
                R"({"1": {"class_type": "Picture", "inputs": {"image": "a.png"}},
                    "2:7": {"class_type": "Blend", "inputs": {"a": ["1", 0], "b": ["1", 0], "factor": 0.75}},
                    "3": {"class_type": "Save", "inputs": {"images": ["2:7", 0], "prefix": "x"}}})");
}

TEST(Graph, ABypassedSubgraphPassesItsInputOn) {
  Json json = parse_json(kSubgraph);
  json["nodes"][1]["mode"] = 4;
  expect_prompt(json.dump(), R"({"1": {"class_type": "Picture", "inputs": {"image": "a.png"}},
                                 "3": {"class_type": "Save", "inputs": {"images": ["1", 0], "prefix": "x"}}})");
}

TEST(Graph, ASubgraphThatContainsItselfIsRefused) {
  Json json = parse_json(kSubgraph);
  json["definitions"]["subgraphs"][0]["nodes"].push_back({{"id", 8}, {"type", "aaaa-bbbb"}});
  EXPECT_THROW(parse_graph(json, testing::ToyTable()), Error);
}

TEST(Graph, DamagedPartsAreRefusedInOneSentence) {
  for (const char* text :
       {R"({"nodes": [5], "links": []})", R"({"nodes": [{"type": "Load"}], "links": []})",
        R"({"nodes": [{"id": {}, "type": "Load"}], "links": []})", R"({"nodes": [{"id": 1}], "links": []})",
        R"({"nodes": [], "links": [7]})", R"({"nodes": [], "links": [[1, 2]]})",
        R"({"nodes": [], "links": [[1, 2, "x", 3, 0]]})", R"({"nodes": [], "links": [{"id": 1}]})",
        R"({"nodes": [{"id": 1, "type": "Load", "inputs": [3]}], "links": []})",
        R"({"nodes": [{"id": 1, "type": "Load", "inputs": [{"link": "x"}]}], "links": []})"}) {
    try {
      parse_graph(parse_json(text), testing::ToyTable());
      FAIL() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kInvalid) << text;
    }
  }
}

TEST(Convert, PromptToGraphAndBackIsTheSamePrompt) {
  const testing::ToyTable table;
  const Json prompt = parse_json(R"({
    "4": {"class_type": "Load", "inputs": {"file": "m"}},
    "text node": {"class_type": "Text", "inputs": {"text": "a\nb", "clip": ["4", 1]}},
    "3": {"class_type": "Sample", "_meta": {"title": "mine"}, "inputs": {"model": ["4", 0], "seed": 18446744073709551615,
          "steps": 3, "cfg": 1.5, "sampler": "heun", "positive": ["text node", 0], "exact": true}},
    "9": {"class_type": "Decode", "inputs": {"latent": ["3", 0]}},
    "10": {"class_type": "Save", "inputs": {"images": ["9", 0], "prefix": "p"}}})");
  const Json graph = to_graph(parse_prompt(prompt), table);
  const Prompt back = to_prompt(parse_graph(graph, table), table);
  Json expected = prompt;
  expected["3"].erase("_meta");
  // Ids that are not numbers get one.
  std::string text = expected.dump();
  for (size_t at; (at = text.find("\"text node\"")) != std::string::npos;) text.replace(at, 11, "\"11\"");
  EXPECT_EQ(nlohmann::json(to_json(back)), nlohmann::json::parse(text)) << to_json(back).dump(1);
  EXPECT_EQ(back.find("3")->title, "mine");
  // What feeds a node stands left of it.
  std::map<int, int> x;
  for (const Json& node : graph["nodes"]) x[node["id"]] = node["pos"][0];
  EXPECT_LT(x[4], x[11]);
  EXPECT_LT(x[11], x[3]);
  EXPECT_LT(x[3], x[9]);
}

TEST(Load, BothFormsAndTheWrapperOfPostPrompt) {
  const testing::ToyTable table;
  const Workflow graph = read_workflow(std::string_view(kChain), table);
  EXPECT_TRUE(graph.from_graph);
  const std::string prompt = to_json(graph.prompt).dump();
  EXPECT_EQ(to_json(read_workflow(std::string_view(prompt), table).prompt).dump(), prompt);
  const Workflow posted =
      read_workflow(std::string_view("\xEF\xBB\xBF{\"prompt\": " + prompt +
                                     R"(, "extra_data": {"extra_pnginfo": {"workflow": )" + kChain + "}}}"),
                    table);
  EXPECT_EQ(to_json(posted.prompt).dump(), prompt);
  EXPECT_TRUE(looks_like_graph(posted.graph));
  EXPECT_FALSE(posted.from_graph);
}

TEST(Load, AGraphWithoutNodesIsNoGraphBesideAPrompt) {
  const testing::ToyTable table;
  const Workflow flow =
      read_workflow(parse_json(R"({"output": {"1": {"class_type": "Picture", "inputs": {"image": "a.png"}}},
                     "workflow": {"nodes": [], "links": []}})"),
                    table);
  EXPECT_EQ(flow.prompt.nodes.size(), 1u);
  EXPECT_TRUE(flow.graph.is_null());
  EXPECT_TRUE(read_workflow(parse_json(R"({"nodes": [], "links": []})"), table).from_graph);
}

TEST(Json, NotANumberBecomesNullOutsideStringsOnly) {
  const Json json = parse_json(R"({"a": [NaN, -Infinity, Infinity], "b": "NaN \" Infinity"})");
  EXPECT_TRUE(json["a"][0].is_null() && json["a"][1].is_null() && json["a"][2].is_null());
  EXPECT_EQ(json["b"], "NaN \" Infinity");
}

TEST(Json, HostileTextIsRefused) {
  EXPECT_THROW(parse_json(std::string(5000, '[')), Error);
  EXPECT_THROW(parse_json("{\"a\": 1"), Error);
  EXPECT_THROW(parse_json(""), Error);
  EXPECT_THROW(parse_json("[1,2,3]", {.bytes = 4}), Error);
  std::string many = "{";
  for (int i = 0; i < 50; ++i) many += "\"" + std::to_string(i) + "\":0,";
  many.back() = '}';
  EXPECT_NO_THROW(parse_json(many));
  EXPECT_THROW(parse_json(many, {.keys = 20}), Error);
}

// What samplers were called in early 2023, and a flag that has become a list: in prompts as in graphs.
TEST(Values, AreThoseOfToday) {
  const auto inputs = [](const char* type, const char* given) {
    Json prompt = Json::object();
    prompt["1"] = {{"class_type", type}, {"inputs", parse_json(given)}};
    return nlohmann::json(parse_prompt(prompt).find("1")->inputs);
  };
  const auto json = [](const char* text) { return nlohmann::json::parse(text); };
  EXPECT_EQ(inputs("KSampler", R"({"sampler_name": "sample_dpmpp_sde", "cfg": 7})"),
            json(R"({"sampler_name": "dpmpp_sde", "cfg": 7})"));
  EXPECT_EQ(inputs("KSamplerAdvanced", R"({"sampler_name": "euler_ancestral_pp", "cfg": 3.5})"),
            json(R"({"sampler_name": "euler_ancestral", "cfg": 7.0})"));
  EXPECT_EQ(inputs("KSampler", R"({"sampler_name": ["4", 0], "cfg": 3.5})"),
            json(R"({"sampler_name": ["4", 0], "cfg": 3.5})"));
  EXPECT_EQ(inputs("Other", R"({"sampler_name": "sample_x"})"), json(R"({"sampler_name": "sample_x"})"));
  EXPECT_EQ(inputs("ImageResize+", R"({"method": true})"), json(R"({"method": "keep proportion"})"));
  EXPECT_EQ(inputs("ImageResize+", R"({"keep_proportion": false})"), json(R"({"method": "stretch"})"));
  EXPECT_EQ(inputs("ImpactWildcardProcessor", R"({"mode": false})"), json(R"({"mode": "fixed"})"));
  EXPECT_EQ(inputs("ImageResize+", R"({"method": "pad"})"), json(R"({"method": "pad"})"));
}

}  // namespace
}  // namespace easel::workflow
