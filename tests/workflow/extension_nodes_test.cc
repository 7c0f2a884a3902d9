// Nodes that exist in the editor only, or only hand on what comes in: group nodes, setting and getting, switches,
// broadcasts. What they were between is linked directly.
#include <gtest/gtest.h>

#include "base/error.h"
#include "toy_table.h"
#include "workflow/convert/convert.h"
#include "workflow/load.h"

namespace easel::workflow {
namespace {

const testing::ToyTable& table() {
  static const testing::ToyTable kTable;
  return kTable;
}

void expect_prompt(const std::string& graph, const std::string& expected) {
  const Json got = to_json(to_prompt(parse_graph(parse_json(graph), table()), table()));
  EXPECT_EQ(nlohmann::json(got), nlohmann::json::parse(expected)) << got.dump(1);
}

// Load -> model and clip; a group of Text and Sample with a primitive for the steps; Decode and Save behind it.
std::string with_group(const std::string& host, const std::string& more = "") {
  return R"({"nodes": [
      {"id": 1, "type": "Load", "widgets_values": ["m"], "outputs": [{"name":"MODEL","type":"MODEL"},{"name":"CLIP","type":"CLIP"}]},
      {"id": 12, )" +
         host + R"(},
      {"id": 13, "type": "Decode", "inputs": [{"name": "latent", "type": "LATENT", "link": 3}]},
      {"id": 14, "type": "Save", "widgets_values": ["x"], "inputs": [{"name": "images", "type": "IMAGE", "link": 4}]})" +
         more + R"(],
    "links": [[1, 1, 1, 12, 0, "CLIP"], [2, 1, 0, 12, 1, "MODEL"], [3, 12, 0, 13, 0, "LATENT"], [4, 13, 0, 14, 0, "IMAGE"],
              [5, 20, 0, 12, 2, "FLOAT"]],
    "extra": {"groupNodes": {"mix": {"external": [], "nodes": [
      {"type": "PrimitiveNode", "outputs": [{"name": "INT", "type": "INT", "widget": {"name": "steps"}}], "widgets_values": [5, "fixed"]},
      {"type": "Text", "inputs": [{"name": "clip", "type": "CLIP"}], "widgets_values": ["old"]},
      {"type": "Sample", "inputs": [{"name": "model", "type": "MODEL"}, {"name": "positive", "type": "CONDITIONING"},
        {"name": "mask", "type": "MASK"},
        {"name": "steps", "type": "INT", "widget": {"name": "steps"}}, {"name": "cfg", "type": "FLOAT", "widget": {"name": "cfg"}}],
       "widgets_values": [1, "fixed", 2, 3.5, "heun", false]}],
      "links": [[0, 0, 2, 3, 9, "INT"], [1, 0, 2, 1, 9, "CONDITIONING"], [null, 1, 1, 0, 4, "CLIP"]]}}}})";
}

TEST(GroupNodes, AreReadAsTheNodesInThem) {
  for (const char* prefix : {"workflow>", "workflow/"})
    expect_prompt(with_group(R"("type": ")" + std::string(prefix) + R"(mix", "inputs": [
        {"name": "clip", "type": "CLIP", "link": 1}, {"name": "model", "type": "MODEL", "link": 2},
        {"name": "mask", "type": "MASK", "link": null}, {"name": "cfg", "type": "FLOAT", "link": 5, "widget": {"name": "cfg"}}],
        "widgets_values": [30, "randomize", "a barn", 7, "fixed", "euler", true, 1.5])",
                             R"(, {"id": 20, "type": "PrimitiveNode", "widgets_values": [4.5, "fixed"]})"),
                  R"({"1": {"class_type": "Load", "inputs": {"file": "m"}},
                      "12:1": {"class_type": "Text", "inputs": {"text": "a barn", "clip": ["1", 1]}},
                      "12:2": {"class_type": "Sample", "inputs": {"model": ["1", 0], "seed": 7, "steps": 30, "cfg": 4.5,
                               "sampler": "euler", "positive": ["12:1", 0], "exact": true}},
                      "13": {"class_type": "Decode", "inputs": {"latent": ["12:2", 0]}},
                      "14": {"class_type": "Save", "inputs": {"prefix": "x", "images": ["13", 0]}}})");
  // Without a link the converted widget has the value at the end of the list.
  expect_prompt(with_group(R"("type": "workflow>mix", "inputs": [
        {"name": "clip", "type": "CLIP", "link": 1}, {"name": "model", "type": "MODEL", "link": 2}],
        "widgets_values": [30, "randomize", "a barn", 7, "fixed", "euler", true, 1.5])"),
                R"({"1": {"class_type": "Load", "inputs": {"file": "m"}},
                    "12:1": {"class_type": "Text", "inputs": {"text": "a barn", "clip": ["1", 1]}},
                    "12:2": {"class_type": "Sample", "inputs": {"model": ["1", 0], "seed": 7, "steps": 30, "cfg": 1.5,
                             "sampler": "euler", "positive": ["12:1", 0], "exact": true}},
                    "13": {"class_type": "Decode", "inputs": {"latent": ["12:2", 0]}},
                    "14": {"class_type": "Save", "inputs": {"prefix": "x", "images": ["13", 0]}}})");
}

// Where editors list all widgets among the inputs, the only one of a node is no more converted than the others.
TEST(GroupNodes, NodesOfOneWidgetAreReadAsTheOthersOfTheirEditor) {
  const auto group = [](const std::string& of_sampler, const std::string& values) {
    return R"({"nodes": [{"id": 12, "type": "workflow>mix", "inputs": [], "widgets_values": )" + values + R"(}],
      "links": [], "extra": {"groupNodes": {"mix": {"external": [], "links": [[0, 0, 1, 1, 9, "CONDITIONING"]], "nodes": [
      {"type": "Text", "inputs": [{"name": "clip", "type": "CLIP"},
                                  {"name": "text", "type": "STRING", "widget": {"name": "text"}}]},
      {"type": "Sample", "inputs": [{"name": "model", "type": "MODEL"}, {"name": "positive", "type": "CONDITIONING"})" +
           of_sampler + R"(]}]}}}})";
  };
  std::string all;
  for (const char* name : {"seed", "steps", "cfg", "sampler", "exact"})
    all += R"(, {"name": ")" + std::string(name) + R"(", "type": "INT", "widget": {"name": ")" + name + R"("}})";
  const char* expected = R"({"12:0": {"class_type": "Text", "inputs": {"text": "a barn"}},
                             "12:1": {"class_type": "Sample", "inputs": {"seed": 7, "steps": 3, "cfg": 2.5, "sampler": "heun",
                                      "exact": true, "positive": ["12:0", 0]}}})";
  expect_prompt(group(all, R"(["a barn", 7, "fixed", 3, 2.5, "heun", true])"), expected);
  expect_prompt(group("", R"([7, "fixed", 3, 2.5, "heun", true, "a barn"])"), expected);
}

TEST(GroupNodes, DamagedDefinitionsAreRefused) {
  for (const char* group : {"{}", "7", R"({"nodes": 3})", R"({"nodes": [3]})"})
    EXPECT_THROW(parse_graph(parse_json(R"({"nodes": [{"id": 4, "type": "workflow/mix"}], "links": [],
                             "extra": {"groupNodes": {"mix": )" +
                                        std::string(group) + "}}}"),
                             table()),
                 Error)
        << group;
  // Links to nowhere are passed over.
  EXPECT_NO_THROW(parse_graph(parse_json(R"({"nodes": [{"id": 4, "type": "workflow/mix"}], "links": [],
      "extra": {"groupNodes": {"mix": {"nodes": [{"type": "Text"}], "links": [[0, 0, 9, 9], [-1, 0, 0, 0], [0], 5,
      [0, 0, 0, 99999999]], "external": [5, [0, 99]], "config": {"0": {"input": 5}}}}}})"),
                              table()));
}

TEST(SetAndGet, HandOnByName) {
  expect_prompt(R"({"nodes": [
      {"id": 1, "type": "Picture", "widgets_values": ["a.png"]},
      {"id": 2, "type": "SetNode", "widgets_values": ["pic"], "inputs": [{"name": "IMAGE", "type": "IMAGE", "link": 1}],
       "outputs": [{"name": "*", "type": "*"}]},
      {"id": 3, "type": "GetNode", "widgets_values": ["pic"], "outputs": [{"name": "IMAGE", "type": "IMAGE"}]},
      {"id": 4, "type": "GetNode", "widgets_values": ["gone"], "outputs": [{"name": "IMAGE", "type": "IMAGE"}]},
      {"id": 5, "type": "Blend", "widgets_values": [0.5], "inputs": [{"name": "a", "type": "IMAGE", "link": 2},
                                                                     {"name": "b", "type": "IMAGE", "link": 3}]},
      {"id": 6, "type": "Save", "widgets_values": ["x"], "inputs": [{"name": "images", "type": "IMAGE", "link": 4}]}],
      "links": [[1, 1, 0, 2, 0, "IMAGE"], [2, 3, 0, 5, 0, "IMAGE"], [3, 4, 0, 5, 1, "IMAGE"], [4, 2, 0, 6, 0, "IMAGE"]]})",
                R"({"1": {"class_type": "Picture", "inputs": {"image": "a.png"}},
                    "5": {"class_type": "Blend", "inputs": {"a": ["1", 0], "factor": 0.5}},
                    "6": {"class_type": "Save", "inputs": {"prefix": "x", "images": ["1", 0]}}})");
}

TEST(SetAndGet, ReachIntoSubgraphsAndNotOutOfThem) {
  expect_prompt(R"({"nodes": [
      {"id": 1, "type": "Picture", "widgets_values": ["a.png"]},
      {"id": 2, "type": "SetNode", "widgets_values": ["pic"], "inputs": [{"name": "IMAGE", "type": "IMAGE", "link": 1}]},
      {"id": 3, "type": "sub"},
      {"id": 4, "type": "GetNode", "widgets_values": ["inner"]},
      {"id": 5, "type": "Save", "widgets_values": ["x"], "inputs": [{"name": "images", "type": "IMAGE", "link": 2}]}],
      "links": [[1, 1, 0, 2, 0, "IMAGE"], [2, 4, 0, 5, 0, "IMAGE"]],
      "definitions": {"subgraphs": [{"id": "sub", "inputs": [], "outputs": [], "nodes": [
        {"id": 1, "type": "GetNode", "widgets_values": ["pic"]},
        {"id": 2, "type": "SetNode", "widgets_values": ["inner"], "inputs": [{"name": "a", "type": "*", "link": 1}]},
        {"id": 3, "type": "Save", "widgets_values": ["y"], "inputs": [{"name": "images", "type": "IMAGE", "link": 2}]}],
        "links": [{"id": 1, "origin_id": 1, "origin_slot": 0, "target_id": 2, "target_slot": 0, "type": "*"},
                  {"id": 2, "origin_id": 1, "origin_slot": 0, "target_id": 3, "target_slot": 0, "type": "*"}]}]}})",
                R"({"1": {"class_type": "Picture", "inputs": {"image": "a.png"}},
                    "3:3": {"class_type": "Save", "inputs": {"prefix": "y", "images": ["1", 0]}},
                    "5": {"class_type": "Save", "inputs": {"prefix": "x"}}})");
}

TEST(Switches, ReroutesAndWhatMutesNodesAreLeftOut) {
  expect_prompt(R"json({"nodes": [
      {"id": 1, "type": "Picture", "widgets_values": ["a.png"]},
      {"id": 2, "type": "Reroute (rgthree)", "inputs": [{"name": "", "type": "*", "link": 1}]},
      {"id": 3, "type": "Save", "widgets_values": ["x"], "inputs": [{"name": "images", "type": "IMAGE", "link": 2}]},
      {"id": 4, "type": "Fast Muter (rgthree)", "inputs": [{"name": "Save", "type": "*", "link": 3}],
       "outputs": [{"name": "OPT_CONNECTION", "type": "*"}]},
      {"id": 5, "type": "Fast Groups Bypasser (rgthree)"}],
      "links": [[1, 1, 0, 2, 0, "*"], [2, 2, 0, 3, 0, "IMAGE"], [3, 3, 0, 4, 0, "*"]]
})json",
                R"({"1": {"class_type": "Picture", "inputs": {"image": "a.png"}},
                    "3": {"class_type": "Save", "inputs": {"prefix": "x", "images": ["1", 0]}}})");
}

TEST(Switches, AnySwitchTakesTheFirstThatIsNotMuted) {
  for (const auto& [mode, chosen] : {std::pair{"0", "1"}, {"2", "2"}})
    expect_prompt(
        R"({"nodes": [
        {"id": 1, "type": "Picture", "widgets_values": ["a.png"], "mode": )" +
            std::string(mode) + R"json(},
        {"id": 2, "type": "Picture", "widgets_values": ["a.png"]},
        {"id": 3, "type": "Any Switch (rgthree)", "inputs": [{"name": "any_02", "type": "IMAGE", "link": 2},
         {"name": "any_01", "type": "IMAGE", "link": 1}, {"name": "any_03", "type": "IMAGE", "link": null}]
},
        {"id": 4, "type": "Save", "widgets_values": ["x"], "inputs": [{"name": "images", "type": "IMAGE", "link": 3}]}],
        "links": [[1, 1, 0, 3, 1, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"], [3, 3, 0, 4, 0, "IMAGE"]]
})json",
        R"({)" +
            std::string(mode == std::string("0") ? R"("1": {"class_type": "Picture", "inputs": {"image": "a.png"}},)"
                                                 : "") +
            R"("2": {"class_type": "Picture", "inputs": {"image": "a.png"}},
                       "4": {"class_type": "Save", "inputs": {"prefix": "x", "images": [")" +
            chosen + R"(", 0]}}})");
}

// -1 draws a seed in the editor; here it follows from the node, so that a workflow gives the same picture each time.
TEST(Switches, ASeedThatIsToBeDrawnFollowsFromItsNode) {
  const auto seed = [](const std::string& id, int given) {
    Json prompt = parse_json(R"({"1": {"class_type": "Load", "inputs": {"file": "m"}},
                                 "9": {"class_type": "Sample", "inputs": {"model": ["1", 0]}}})");
    prompt[id] = {{"class_type", "Seed (rgthree)"}, {"inputs", {{"seed", given}}}};
    prompt["9"]["inputs"]["seed"] = Json::array({id, 0});
    return read_workflow(prompt, table()).prompt.find("9")->inputs["seed"];
  };
  EXPECT_EQ(seed("7", 9), 9);
  const Json drawn = seed("7", -1);
  ASSERT_TRUE(drawn.is_number_integer());
  EXPECT_GE(drawn, 0);
  EXPECT_LT(drawn, int64_t{1} << 50);
  EXPECT_EQ(seed("7", -1), drawn);
  EXPECT_EQ(seed("7", -3), drawn);
  EXPECT_NE(seed("8", -1), drawn);
  EXPECT_TRUE(seed("7", -4).is_array());
}

// efficiency-nodes' samplers keep the last seed, or null, after the seed.
TEST(Widgets, ALastSeedAfterTheSeedIsNotTheNextValue) {
  class WithEfficient : public testing::ToyTable {
   public:
    WithEfficient() : spec_(*ToyTable::forms("Sample").front()) { spec_.class_type = "KSampler (Efficient)"; }
    std::vector<const NodeSpec*> forms(std::string_view type) const override {
      return type == spec_.class_type ? std::vector<const NodeSpec*>{&spec_} : ToyTable::forms(type);
    }

   private:
    NodeSpec spec_;
  };
  const WithEfficient efficient;
  for (const char* values : {"[7, 5, 12, 5.5, \"heun\", true]", "[7, null, 12, 5.5, \"heun\", true]",
                             "[7, \"fixed\", 12, 5.5, \"heun\", true]", "[7, 12, 5.5, \"heun\", true]"}) {
    Json graph = parse_json(R"({"nodes": [{"id": 1}], "links": []})");
    graph["nodes"][0]["type"] = "KSampler (Efficient)";
    graph["nodes"][0]["widgets_values"] = parse_json(values);
    const Prompt prompt = to_prompt(parse_graph(graph, efficient), efficient);
    EXPECT_EQ(nlohmann::json(prompt.find("1")->inputs),
              nlohmann::json::parse(R"({"seed": 7, "steps": 12, "cfg": 5.5, "sampler": "heun", "exact": true})"))
        << values;
  }
}

// Scripts write links whose end is null; the editor drops them.
TEST(Graphs, LinksThatHaveLostAnEndAreDropped) {
  expect_prompt(R"json({"nodes": [
      {"id": 1, "type": "Picture", "widgets_values": ["a.png"]},
      {"id": 3, "type": "Save", "widgets_values": ["x"], "inputs": [{"name": "images", "type": "IMAGE", "link": 2}]}],
      "links": [[1, 1, 0, null, null, "IMAGE"], [2, 1, 0, 3, 0, "IMAGE"], [3, null, 0, 3, 0, "IMAGE"],
                {"id": 4, "origin_id": 1, "origin_slot": 0, "target_id": null, "target_slot": 0, "type": "IMAGE"}]
})json",
                R"({"1": {"class_type": "Picture", "inputs": {"image": "a.png"}},
                    "3": {"class_type": "Save", "inputs": {"prefix": "x", "images": ["1", 0]}}})");
}

TEST(Switches, ContextsHandThroughByName) {
  const Workflow flow = read_workflow(parse_json(R"json({
      "1": {"class_type": "Load", "inputs": {"file": "m"}},
      "2": {"class_type": "Load", "inputs": {"file": "n"}},
      "3": {"class_type": "Context (rgthree)", "inputs": {
  "model" : [ "1", 0 ], "clip" : [ "1", 1 ]}},
      "4": {"class_type": "Context Big (rgthree)", "inputs": {"base_ctx": ["3", 0], "model": ["2", 0]}},
      "5": {"class_type": "Context (rgthree)", "inputs": {}},
      "6": {"class_type": "Context Switch (rgthree)", "inputs": {"ctx_01": ["5", 0], "ctx_02": ["4", 0]}},
      "7": {"class_type": "Seed (rgthree)", "inputs": {"seed": 9}},
      "8": {"class_type": "Text", "inputs": {"text": "a", "clip": ["6", 2]}},
      "9": {
  "class_type" : "Sample", "inputs" : {
    "model" : [ "6", 1 ], "seed" : [ "7", 0 ], "positive" : [ "8", 0 ], "mask" : [ "6", 21 ]
  }
}
})json"),
                                      table());
  EXPECT_EQ(nlohmann::json(to_json(flow.prompt)), nlohmann::json::parse(R"({
      "1": {"class_type": "Load", "inputs": {"file": "m"}},
      "2": {"class_type": "Load", "inputs": {"file": "n"}},
      "8": {"class_type": "Text", "inputs": {"text": "a", "clip": ["1", 1]}},
      "9": {"class_type": "Sample", "inputs": {"model": ["2", 0], "seed": 9, "positive": ["8", 0]}}})"));
}

// rgthree's list of LoRAs becomes a chain of loaders, in the editor's form and in the prompt's.
TEST(LoraLists, AreLoadersOneBehindTheOther) {
  const auto graph = [](const char* properties, const char* clip) {
    return R"json({"nodes": [
      {"id": 1, "type": "Load", "widgets_values": ["m"], "outputs": [{"name":"MODEL","type":"MODEL"},{"name":"CLIP","type":"CLIP"}]},
      {"id": 2, "type": "Power Lora Loader (rgthree)", "properties": )json" +
           std::string(properties) + R"json(, "inputs": [{"name": "model", "type": "MODEL", "link": 1})json" + clip +
           R"json(],
       "widgets_values": [{}, {"type": "PowerLoraLoaderHeaderWidget"},
         {"on": true, "lora": "a.safetensors", "strength": 0.5, "strengthTwo": null},
         {"on": false, "lora": "b.safetensors", "strength": 1}, {"on": true, "lora": "None", "strength": 1},
         {"on": true, "lora": "c.safetensors", "strength": 0, "strengthTwo": 0},
         {"on": true, "lora": "d.safetensors", "strength": -1, "strengthTwo": 0.25}, {}, ""]},
      {"id": 3, "type": "Power Lora Loader (rgthree)", "inputs": [{"name": "model", "type": "MODEL", "link": 3},
        {"name": "clip", "type": "CLIP", "link": 4}], "widgets_values": []},
      {"id": 4, "type": "Text", "widgets_values": ["t"], "inputs": [{"name": "clip", "type": "CLIP", "link": 5}]},
      {"id": 5, "type": "Sample", "widgets_values": [1, "fixed", 20, 8.0, "euler"],
       "inputs": [{"name": "model", "type": "MODEL", "link": 6}, {"name": "positive", "type": "CONDITIONING", "link": 7}]}],
      "links": [[1, 1, 0, 2, 0, "MODEL"], [2, 1, 1, 2, 1, "CLIP"], [3, 2, 0, 3, 0, "MODEL"], [4, 2, 1, 3, 1, "CLIP"],
                [5, 3, 1, 4, 0, "CLIP"], [6, 3, 0, 5, 0, "MODEL"], [7, 4, 0, 5, 1, "CONDITIONING"]]})json";
  };
  const char* clip = R"json(, {"name": "clip", "type": "CLIP", "link": 2})json";
  const std::string rest = R"json("4": {"class_type": "Text", "inputs": {"text": "t", "clip": [")json";
  // One strength for both, whatever is kept of a second.
  expect_prompt(graph("{}", clip), R"json({"1": {"class_type": "Load", "inputs": {"file": "m"}},
      "2:lora_1": {"class_type": "LoraLoader", "inputs": {"lora_name": "a.safetensors", "strength_model": 0.5,
                   "strength_clip": 0.5, "model": ["1", 0], "clip": ["1", 1]}},
      "2:lora_5": {"class_type": "LoraLoader", "inputs": {"lora_name": "d.safetensors", "strength_model": -1.0,
                   "strength_clip": -1.0, "model": ["2:lora_1", 0], "clip": ["2:lora_1", 1]}},)json" +
                                       rest + R"json(2:lora_5", 1]}},
      "5": {"class_type": "Sample", "inputs": {"model": ["2:lora_5", 0], "seed": 1, "steps": 20, "cfg": 8.0,
            "sampler": "euler", "positive": ["4", 0]}}})json");
  // Two, of which a missing one is 1.
  expect_prompt(graph(R"json({"Show Strengths": "Separate Model & Clip"})json", clip),
                R"json({"1": {"class_type": "Load", "inputs": {"file": "m"}},
      "2:lora_1": {"class_type": "LoraLoader", "inputs": {"lora_name": "a.safetensors", "strength_model": 0.5,
                   "strength_clip": 1.0, "model": ["1", 0], "clip": ["1", 1]}},
      "2:lora_5": {"class_type": "LoraLoader", "inputs": {"lora_name": "d.safetensors", "strength_model": -1.0,
                   "strength_clip": 0.25, "model": ["2:lora_1", 0], "clip": ["2:lora_1", 1]}},)json" +
                    rest + R"json(2:lora_5", 1]}},
      "5": {"class_type": "Sample", "inputs": {"model": ["2:lora_5", 0], "seed": 1, "steps": 20, "cfg": 8.0,
            "sampler": "euler", "positive": ["4", 0]}}})json");
  // Without a text encoder the model alone changes, and nothing comes out for the text.
  expect_prompt(graph("{}", ""), R"json({"1": {"class_type": "Load", "inputs": {"file": "m"}},
      "2:lora_1": {"class_type": "LoraLoaderModelOnly", "inputs": {"lora_name": "a.safetensors", "strength_model": 0.5,
                   "model": ["1", 0]}},
      "2:lora_5": {"class_type": "LoraLoaderModelOnly", "inputs": {"lora_name": "d.safetensors", "strength_model": -1.0,
                   "model": ["2:lora_1", 0]}},
      "4": {"class_type": "Text", "inputs": {"text": "t"}},
      "5": {"class_type": "Sample", "inputs": {"model": ["2:lora_5", 0], "seed": 1, "steps": 20, "cfg": 8.0,
            "sampler": "euler", "positive": ["4", 0]}}})json");
}

TEST(LoraLists, ArePartsOfPrompts) {
  const Workflow flow = read_workflow(parse_json(R"json({
      "1": {"class_type": "Load", "inputs": {"file": "m"}},
      "2": {"class_type": "Power Lora Loader (rgthree)", "inputs": {"model": ["1", 0], "clip": ["1", 1],
            "PowerLoraLoaderHeaderWidget": {"type": "PowerLoraLoaderHeaderWidget"},
            "lora_1": {"on": true, "lora": "a.safetensors", "strength": 0.5, "strengthTwo": 0}}},
      "3": {"class_type": "ReroutePrimitive|pysssss", "inputs": {"value": ["2", 0]}},
      "6": {"class_type": "Power Lora Loader (rgthree)", "inputs": {"model": ["7", 0]}},
      "7": {"class_type": "Power Lora Loader (rgthree)", "inputs": {"model": ["6", 0]}},
      "8": {"class_type": "Text", "inputs": {"text": "a", "clip": ["7", 1]}},
      "9": {"class_type": "Sample", "inputs": {"model": ["3", 0], "mask": ["6", 0]}}})json"),
                                      table());
  EXPECT_EQ(nlohmann::json(to_json(flow.prompt)), nlohmann::json::parse(R"({
      "1": {"class_type": "Load", "inputs": {"file": "m"}},
      "2:lora_1": {"class_type": "LoraLoader", "inputs": {"lora_name": "a.safetensors", "strength_model": 0.5,
                   "strength_clip": 0.0, "model": ["1", 0], "clip": ["1", 1]}},
      "8": {"class_type": "Text", "inputs": {"text": "a"}},
      "9": {"class_type": "Sample", "inputs": {"model": ["2:lora_1", 0]}}})"));
}

TEST(Switches, LoopsAndTreesOfSwitchesEnd) {
  Json prompt = Json::object();
  for (int i = 0; i < 60; ++i) {
    Json inputs = Json::object();
    for (int k = 0; k < 5; ++k) inputs["any_0" + std::to_string(k)] = Json::array({std::to_string((i + 1) % 60), 0});
    prompt[std::to_string(i)] = {{"class_type", "Any Switch (rgthree)"}, {"inputs", inputs}};
  }
  prompt["x"] = {{"class_type", "Save"}, {"inputs", {{"images", {"0", 0}}}}};
  EXPECT_EQ(read_workflow(prompt, table()).prompt.nodes.size(), 1u);
}

// Two pictures; node 9 broadcasts the first. `nine` completes it, `save` the node that may receive.
void expect_received(const std::string& nine, const std::string& save, bool received, const std::string& more = "") {
  SCOPED_TRACE(nine + " to " + save);
  const Json graph = parse_json(R"({"nodes": [
      {"id": 1, "type": "Picture", "widgets_values": ["a.png"], "outputs": [{"name": "IMAGE", "type": "IMAGE"}]},
      {"id": 3, "type": "Save", "widgets_values": ["x"], "inputs": [{"name": "images", "type": "IMAGE", "link": null}])" +
                                save + R"(},
      {"id": 9, )" + nine + R"(}],
      "links": [[1, 1, 0, 9, 0, "IMAGE"]])" +
                                more + "}");
  const Prompt prompt = to_prompt(parse_graph(graph, table()), table());
  EXPECT_EQ(prompt.nodes.size(), 2u);
  EXPECT_EQ(prompt.find("3")->inputs.contains("images"), received);
  const Json& inputs = prompt.find("3")->inputs;
  if (inputs.contains("images")) {
    EXPECT_EQ(inputs["images"].dump(), R"(["1",0])");
  }
}

TEST(Everywhere, GoesToWhatFits) {
  const std::string in = R"(, "inputs": [{"name": "anything", "type": "*", "link": 1}])";
  const auto asks = [&](const char* title, const char* input, const char* group = "") {
    return R"("type": "Anything Everywhere?", "widgets_values": [")" + std::string(title) + R"(", ")" + input +
           R"(", ")" + group + R"("])" + in;
  };
  expect_received(R"("type": "Anything Everywhere")" + in, "", true);
  expect_received(R"("type": "Anything Everywhere3")" + in, "", true);
  expect_received(R"("type": "Anything Everywhere", "mode": 4)" + in, "", false);
  expect_received(R"("type": "Anything Everywhere")" + in, R"(, "properties": {"rejects_ue_links": true})", false);
  expect_received(R"("type": "Prompts Everywhere")" + in, "", false);  // no input of that name
  expect_received(asks("^S.v", "im+age"), "", true);
  expect_received(asks("mine", ""), R"(, "title": "this is mine")", true);
  expect_received(asks("mine", ""), "", false);
  expect_received(asks("", "latent"), "", false);
  expect_received(asks("(", ""), "", false);
  expect_received(asks("(a+)+$", ""), R"(, "title": ")" + std::string(150, 'a') + R"(b")", false);
  const std::string groups = R"(, "groups": [{"title": "left", "bounding": [0, 0, 100, 100]}])";
  expect_received(asks("", "", "lef"), R"(, "pos": [10, 10], "size": [20, 20])", true, groups);
  expect_received(asks("", "", "lef"), R"(, "pos": [110, 10], "size": [20, 20])", false, groups);
  const std::string mine = R"("type": "Anything Everywhere", "pos": [20, 20], "size": [5, 5], "color": "#111",
                              "properties": {"group_restricted": 1})" +
                           in;
  expect_received(mine, R"(, "pos": [10, 10], "size": [20, 20])", true, groups);
  expect_received(mine, R"(, "pos": [110, 10], "size": [20, 20])", false, groups);
  const std::string coloured =
      R"("type": "Anything Everywhere", "color": "#111", "properties": {"color_restricted": 2})" + in;
  expect_received(coloured, R"(, "color": "#222")", true);
  expect_received(coloured, R"(, "color": "#111")", false);
}

TEST(Everywhere, TheLinksThatWereWrittenDownCount) {
  const std::string in = R"("type": "Anything Everywhere?", "widgets_values": ["nothing fits", ""],
                            "inputs": [{"name": "anything", "type": "*", "link": 1}])";
  expect_received(in, "", true, R"(, "extra": {"ue_links": [{"downstream": 3, "downstream_slot": 0, "upstream": "1",
                                                             "upstream_slot": 0, "controller": 9, "type": "IMAGE"}]})");
  expect_received(in, "", false,
                  R"(, "extra": {"ue_links": [5, {"downstream": 77, "downstream_slot": 0, "upstream": "1",
      "upstream_slot": 0}, {"downstream": 3, "downstream_slot": 99, "upstream": "1", "upstream_slot": 0}, {"upstream": {}}]})");
}

// The extension takes its links out of the file, but not their ids out of the inputs.
TEST(Everywhere, IdsOfLinksThatAreGoneAreNotThoseOfNewLinks) {
  for (const char* written : {"", R"(, "extra": {"ue_links": [
          {"downstream": 4, "downstream_slot": 0, "upstream": "1", "upstream_slot": 0, "type": "MODEL"},
          {"downstream": 3, "downstream_slot": 0, "upstream": "1", "upstream_slot": 1, "type": "CLIP"}]})"})
    expect_prompt(R"({"nodes": [
        {"id": 1, "type": "Load", "widgets_values": ["m"],
         "outputs": [{"name": "MODEL", "type": "MODEL"}, {"name": "CLIP", "type": "CLIP"}]},
        {"id": 3, "type": "Text", "widgets_values": ["a barn"], "inputs": [{"name": "clip", "type": "CLIP", "link": 3}]},
        {"id": 4, "type": "Sample", "widgets_values": [1, "fixed", 2, 3.5, "heun"],
         "inputs": [{"name": "model", "type": "MODEL", "link": 4}]},
        {"id": 9, "type": "Anything Everywhere", "inputs": [{"name": "anything", "type": "MODEL", "link": 1},
                                                            {"name": "anything1", "type": "CLIP", "link": 2}]}],
        "links": [[1, 1, 0, 9, 0, "MODEL"], [2, 1, 1, 9, 1, "CLIP"]])" +
                      std::string(written) + "}",
                  R"({"1": {"class_type": "Load", "inputs": {"file": "m"}},
                      "3": {"class_type": "Text", "inputs": {"text": "a barn", "clip": ["1", 1]}},
                      "4": {"class_type": "Sample", "inputs": {"model": ["1", 0], "seed": 1, "steps": 2, "cfg": 3.5,
                            "sampler": "heun"}}})");
}

TEST(Everywhere, TwoEquallyGoodSourcesGoNowhere) {
  expect_prompt(R"({"nodes": [
      {"id": 1, "type": "Picture", "widgets_values": ["a.png"], "outputs": [{"name": "IMAGE", "type": "IMAGE"}]},
      {"id": 2, "type": "Picture", "widgets_values": ["a.png"], "outputs": [{"name": "IMAGE", "type": "IMAGE"}]},
      {"id": 3, "type": "Save", "widgets_values": ["x"], "inputs": [{"name": "images", "type": "IMAGE", "link": null}]},
      {"id": 8, "type": "Anything Everywhere", "inputs": [{"name": "anything", "type": "*", "link": 1}]},
      {"id": 9, "type": "Anything Everywhere", "inputs": [{"name": "anything", "type": "*", "link": 2}]}],
      "links": [[1, 1, 0, 8, 0, "IMAGE"], [2, 2, 0, 9, 0, "IMAGE"]]})",
                R"({"1": {"class_type": "Picture", "inputs": {"image": "a.png"}},
                    "2": {"class_type": "Picture", "inputs": {"image": "a.png"}},
                    "3": {"class_type": "Save", "inputs": {"prefix": "x"}}})");
}

TEST(Everywhere, ASeedIsANumberForInputsThatAskForOne) {
  expect_prompt(
      R"({"nodes": [
      {"id": 1, "type": "Seed Everywhere", "widgets_values": [77, "fixed"], "outputs": [{"name": "INT", "type": "INT"}],
       "inputs": [{"name": "seed", "type": "INT", "widget": {"name": "seed"}, "link": null, "localized_name": "seed"}]},
      {"id": 3, "type": "Sample", "widgets_values": [1, "fixed", 20, 8.0, "euler"],
       "inputs": [{"name": "seed", "type": "INT", "widget": {"name": "seed"}, "link": null},
                  {"name": "steps", "type": "INT", "widget": {"name": "steps"}, "link": null}]}], "links": []})",
      R"({"3": {"class_type": "Sample", "inputs": {"seed": 77, "steps": 20, "cfg": 8.0, "sampler": "euler"}}})");
}

}  // namespace
}  // namespace easel::workflow
