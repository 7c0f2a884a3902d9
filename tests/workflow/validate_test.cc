#include "workflow/validate.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "toy_table.h"
#include "workflow/edit.h"

namespace easel::workflow {
namespace {

// A prompt with nothing wrong; tests break one thing each.
Json good() {
  return parse_json(R"({
    "1": {"class_type": "Load", "inputs": {"file": "sd15.safetensors"}},
    "2": {"class_type": "Text", "inputs": {"text": "a", "clip": ["1", 1]}},
    "3": {"class_type": "Sample", "inputs": {"model": ["1", 0], "seed": 5, "steps": 20, "cfg": 7.5, "sampler": "euler",
          "positive": ["2", 0]}},
    "4": {"class_type": "Decode", "inputs": {"latent": ["3", 0]}},
    "5": {"class_type": "Save", "inputs": {"images": ["4", 0], "prefix": "x"}}})");
}

Validation check(const Json& json, const std::vector<std::string>& only = {}) {
  static const testing::ToyTable table;
  static const testing::ToyChoices choices;
  return validate(parse_prompt(json), table, choices, only);
}

Fault raised(const Json& json) {
  try {
    check(json).raise();
  } catch (const Error& e) {
    return e.fault();
  }
}

// The exit code says what to look at: the workflow, or a file that it names.
TEST(Validate, FaultsOfOneKindAreRaisedAsThatKind) {
  Json json = good();
  json["1"]["inputs"]["file"] = "gone.safetensors";
  EXPECT_EQ(raised(json), Fault::kMissing);
  json["3"]["inputs"]["steps"] = 0;
  EXPECT_EQ(raised(json), Fault::kInvalid);
  json["1"]["inputs"]["file"] = "sd15.safetensors";
  EXPECT_EQ(raised(json), Fault::kInvalid);
}

struct Case {
  const char *name, *node, *input, *value;  // value: JSON, empty to remove the input
  const char *type, *message, *details;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class OneFault : public ::testing::TestWithParam<Case> {};

TEST_P(OneFault, IsReportedInComfyUisWords) {
  const Case& c = GetParam();
  Json json = good();
  if (*c.value) json[c.node]["inputs"][c.input] = parse_json(c.value);
  else json[c.node]["inputs"].erase(c.input);
  const Validation v = check(json);
  EXPECT_FALSE(v.runnable());
  EXPECT_EQ(v.error->code, FaultCode::kNothingRuns);
  EXPECT_EQ(to_json(*v.error)["type"], "prompt_outputs_failed_validation");
  EXPECT_EQ(v.error->message, "Prompt outputs failed validation");
  ASSERT_EQ(v.faulty.size(), 1u) << v.text();
  EXPECT_EQ(v.faulty[0].id, c.node);
  EXPECT_EQ(v.faulty[0].dependent_outputs, std::vector<std::string>{"5"});
  ASSERT_EQ(v.faulty[0].faults.size(), 1u) << v.text();
  const NodeFault& f = v.faulty[0].faults[0];
  EXPECT_EQ(f.input, c.input);
  EXPECT_EQ(f.message, c.message);
  EXPECT_EQ(f.details, c.details);
  const Json shape = v.node_errors()[c.node];
  EXPECT_EQ(shape["errors"][0]["type"], c.type);
  EXPECT_EQ(shape["errors"][0]["extra_info"]["input_name"], c.input);
  EXPECT_EQ(shape["errors"][0]["extra_info"]["code"], code_name(f.code));
  EXPECT_TRUE(shape.contains("dependent_outputs") && shape.contains("class_type"));
}

constexpr const char* kNotALink = "Bad linked input, must be a length-2 list of [node_id, slot_index]";

INSTANTIATE_TEST_SUITE_P(
    Validate, OneFault,
    ::testing::Values(
        Case{"missing", "3", "steps", "", "required_input_missing", "Required input is missing", "steps"},
        Case{"missing_link", "3", "model", "", "required_input_missing", "Required input is missing", "model"},
        Case{"short_link", "3", "model", R"(["1"])", "bad_linked_input", kNotALink, "model"},
        Case{"odd_link", "3", "model", R"([["1"], 0])", "bad_linked_input", kNotALink, "model"},
        Case{"dangling", "3", "model", R"(["99", 0])", "bad_linked_input",
             "Bad linked input, the node it comes from does not exist", "model: there is no node 99"},
        Case{"no_such_slot", "3", "model", R"(["1", 2])", "bad_linked_input",
             "Bad linked input, the node it comes from has no such output",
             "model: node 1 (Load) has 2 outputs, slot 2 is not one of them"},
        Case{"negative_slot", "3", "model", R"(["1", -1])", "bad_linked_input",
             "Bad linked input, the node it comes from has no such output",
             "model: node 1 (Load) has 2 outputs, slot -1 is not one of them"},
        Case{"value_for_link", "3", "model", R"("sd15")", "bad_linked_input", kNotALink,
             "model: needs a link of type MODEL"},
        Case{"wrong_type", "3", "model", R"(["1", 1])", "return_type_mismatch",
             "Return type mismatch between linked nodes", "model, received_type(CLIP) mismatch input_type(MODEL)"},
        Case{"not_an_int", "3", "steps", R"("many")", "invalid_input_type",
             "Failed to convert an input value to a INT value",
             "steps, many, invalid literal for int() with base 10: 'many'"},
        Case{"null_int", "3", "steps", "null", "invalid_input_type", "Failed to convert an input value to a INT value",
             "steps, None, int() argument must be a string, a bytes-like object or a real number, not 'NoneType'"},
        Case{"not_a_float", "3", "cfg", R"({})", "invalid_input_type",
             "Failed to convert an input value to a FLOAT value",
             "cfg, {}, float() argument must be a string or a real number, not 'dict'"},
        Case{"too_small", "3", "steps", "0", "value_smaller_than_min", "Value 0 smaller than min of 1", "steps"},
        Case{"too_big", "3", "cfg", "100.5", "value_bigger_than_max", "Value 100.5 bigger than max of 100.0", "cfg"},
        Case{"negative_seed", "3", "seed", "-1", "value_smaller_than_min", "Value -1 smaller than min of 0", "seed"},
        Case{"huge_seed", "3", "seed", "1e300", "invalid_input_type", "Failed to convert an input value to a INT value",
             "seed, 1e+300, the number does not fit 64 bits"},
        Case{"no_such_sampler", "3", "sampler", R"("oiler")", "value_not_in_list", "Value not in list",
             "sampler: 'oiler' not in ['euler', 'heun']; did you mean 'euler'?"},
        Case{"no_such_file", "1", "file", R"("sd15.ckpt")", "value_not_in_list", "Value not in list",
             "file: 'sd15.ckpt' not in ['sd15.safetensors', 'xl/base.safetensors']"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(Validate, AGoodPromptIsRunnable) {
  const Validation v = check(good());
  EXPECT_TRUE(v.flawless()) << v.text();
  EXPECT_EQ(v.outputs, std::vector<std::string>{"5"});
}

TEST(Validate, ValuesAreConvertedAsPythonDoes) {
  Json json = good();
  Json& inputs = json["3"]["inputs"];
  inputs["seed"] = 18446744073709551615u;
  inputs["steps"] = " 12 ";
  inputs["cfg"] = 7;
  inputs["exact"] = "no";  // any text that is not empty is true
  json["2"]["inputs"]["text"] = 1.0;
  json["1"]["inputs"]["file"] = "xl\\base.safetensors";
  json["5"]["inputs"]["prefix"] = {{"__value__", Json::array({1, true})}};
  const Validation v = check(json);
  ASSERT_TRUE(v.flawless()) << v.text();
  const Json& out = v.prompt.find("3")->inputs;
  EXPECT_EQ(out["seed"].get<uint64_t>(), UINT64_MAX);
  EXPECT_EQ(out["steps"], 12);
  EXPECT_TRUE(out["cfg"].is_number_float());
  EXPECT_EQ(out["exact"], true);
  EXPECT_EQ(v.prompt.find("2")->inputs["text"], "1.0");
  EXPECT_EQ(v.prompt.find("1")->inputs["file"], "xl/base.safetensors");
  EXPECT_EQ(v.prompt.find("5")->inputs["prefix"], "[1, True]");
}

TEST(Validate, EveryFaultIsReportedAtOnce) {
  Json json = good();
  json["3"]["inputs"]["steps"] = 0;
  json["3"]["inputs"]["sampler"] = "x";
  json["1"]["inputs"]["file"] = "none";
  json["2"]["inputs"].erase("clip");
  json["7"] = {{"class_type", "Nothing"}, {"inputs", Json::object()}};
  const Validation v = check(json);
  EXPECT_EQ(v.error->code, FaultCode::kUnknownClass);
  EXPECT_EQ(to_json(*v.error)["type"], "invalid_prompt");
  EXPECT_EQ(v.error->message, "Cannot execute because node Nothing does not exist.");
  EXPECT_EQ(v.error->details, "Node ID '#7'");
  ASSERT_EQ(v.faulty.size(), 4u) << v.text();
  try {
    v.raise();
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("5 faults"), std::string::npos) << e.message();
  }
}

TEST(Validate, AMissingClassIsAnInvalidPrompt) {
  Json json = good();
  json["3"].erase("class_type");
  const Validation v = check(json);
  EXPECT_EQ(v.error->code, FaultCode::kUnknownClass);
  EXPECT_EQ(to_json(*v.error)["type"], "invalid_prompt");
  EXPECT_EQ(v.error->message, "Cannot execute because a node is missing the class_type property.");
}

TEST(Validate, WithoutOutputsThereIsNothingToDo) {
  Json json = good();
  json.erase("5");
  EXPECT_EQ(check(json).error->code, FaultCode::kNoOutputs);
  EXPECT_EQ(check(good(), {"4"}).error->code, FaultCode::kNoOutputs);
  EXPECT_EQ(check(Json::object()).error->code, FaultCode::kNoOutputs);
}

TEST(Validate, OnlyWhatOutputsNeedIsChecked) {
  Json json = good();
  json["6"] = {{"class_type", "Sample"}, {"inputs", Json::object()}};
  EXPECT_TRUE(check(json).flawless());
}

TEST(Validate, GoodOutputsRunBesideBadOnes) {
  Json json = good();
  json["6"] = {{"class_type", "Save"}, {"inputs", {{"images", {"3", 0}}, {"prefix", "y"}}}};
  const Validation v = check(json);
  EXPECT_TRUE(v.runnable());
  EXPECT_FALSE(v.flawless());
  EXPECT_EQ(v.outputs, std::vector<std::string>{"5"});
  EXPECT_EQ(v.faulty.at(0).dependent_outputs, std::vector<std::string>{"6"});
}

TEST(Validate, CyclesAreFound) {
  Json json = good();
  json["8"] = {{"class_type", "Blend"}, {"inputs", {{"a", {"4", 0}}, {"b", {"9", 0}}, {"factor", 1}}}};
  json["9"] = {{"class_type", "Blend"}, {"inputs", {{"a", {"8", 0}}, {"b", {"4", 0}}, {"factor", 1}}}};
  json["5"]["inputs"]["images"] = {"8", 0};
  const Validation v = check(json);
  ASSERT_EQ(v.faulty.size(), 1u);
  EXPECT_EQ(v.faulty[0].faults[0].code, FaultCode::kCycle);
  EXPECT_EQ(v.faulty[0].faults[0].details, "8 <- 9 <- 8");
  json["8"]["inputs"]["b"] = {"8", 0};
  EXPECT_EQ(check(json).faulty.at(0).faults.at(0).details, "8 <- 8");
}

TEST(Validate, LongChainsNeedNoStack) {
  Json json = good();
  std::string last = "4";
  for (int i = 100; i < 5000; ++i) {
    const std::string id = std::to_string(i);
    json.push_back({id, {{"class_type", "Blend"}, {"inputs", {{"a", {last, 0}}, {"b", {last, 0}}, {"factor", 1}}}}});
    last = id;
  }
  json["5"]["inputs"]["images"] = {last, 0};
  EXPECT_TRUE(check(json).flawless());
}

// 3000 faulty nodes before 3000 outputs are nine million pairs: what is said of them does not grow like that.
TEST(Validate, ManyFaultsBeforeManyOutputsAreSaidInBoundedSpace) {
  constexpr int kNodes = 3000;
  Json json = good();
  std::string last = "4";
  for (int i = 0; i < kNodes; ++i) {
    const std::string id = "n" + std::to_string(i);
    json.push_back({id, {{"class_type", "Blend"}, {"inputs", {{"a", {last, 0}}, {"b", {last, 0}}, {"factor", "x"}}}}});
    last = id;
  }
  for (int i = 0; i < kNodes; ++i)
    json.push_back(
        {"o" + std::to_string(i), {{"class_type", "Save"}, {"inputs", {{"images", {last, 0}}, {"prefix", "x"}}}}});
  const Validation v = check(json);
  EXPECT_EQ(v.outputs, std::vector<std::string>{"5"}) << "the only one that is not behind the faults";
  ASSERT_EQ(v.faulty.size(), size_t{kNodes});
  EXPECT_EQ(v.faulty[0].dependent_outputs.size(), size_t{kNodes});
  size_t bytes = 0;
  for (const FaultyNode& node : v.faulty)
    for (const std::string& id : node.dependent_outputs) bytes += id.size();
  EXPECT_LE(bytes, size_t{1} << 20);
  EXPECT_LT(dump_json(v.node_errors()).size(), size_t{8} << 20);
}

TEST(Validate, LongCyclesAreSaidInBoundedSpace) {
  constexpr int kNodes = 4000;
  Json json = good();
  const auto id = [](int i) { return "n" + std::to_string(i); };
  for (int i = 0; i < kNodes; ++i)
    json[id(i)] = {{"class_type", "Blend"},
                   {"inputs", {{"a", {id(std::min(i + 1, kNodes - 1)), 0}}, {"b", {id(i / 2), 0}}, {"factor", 1}}}};
  json["5"]["inputs"]["images"] = {id(0), 0};
  const Validation v = check(json);
  EXPECT_FALSE(v.runnable());
  size_t bytes = 0, cycles = 0;
  for (const FaultyNode& node : v.faulty)
    for (const NodeFault& fault : node.faults) {
      bytes += fault.details.size();
      cycles += fault.code == FaultCode::kCycle;
    }
  EXPECT_GE(cycles, size_t{kNodes} / 2);
  EXPECT_LE(bytes, size_t{4} << 20);
}

TEST(Validate, PicturesAreCheckedByTheirOwnRule) {
  const auto with = [](const char* name) {
    Json json = good();
    json["6"] = {{"class_type", "Picture"}, {"inputs", {{"image", name}}}};
    json["5"]["inputs"]["images"] = {"6", 0};
    return check(json);
  };
  EXPECT_TRUE(with("new.png").flawless());  // not in the list, but there
  const Validation v = with("x.jpg");
  EXPECT_EQ(v.faulty.at(0).faults.at(0).code, FaultCode::kPictureMissing);
  EXPECT_EQ(v.faulty[0].faults[0].details, "image - Invalid image file: x.jpg");
  EXPECT_EQ(v.faulty[0].faults[0].reason, "Invalid image file: x.jpg");
}

TEST(Validate, UnionsAndWildcardsLink) {
  EXPECT_TRUE(types_match("IMAGE,MASK", "MASK"));
  EXPECT_TRUE(types_match("IMAGE", "LATENT, IMAGE"));
  EXPECT_TRUE(types_match("*", "MODEL"));
  EXPECT_TRUE(types_match("MODEL", "*"));
  EXPECT_FALSE(types_match("IMAGE", "MASK"));
  EXPECT_FALSE(types_match("IMAGE,MASK", "IMAGES"));
}

TEST(Validate, LongListsAreNotRepeated) {
  static const testing::ToyTable table;
  testing::ToyChoices choices;
  for (int i = 0; i < 30; ++i) choices.checkpoints.push_back("model" + std::to_string(i) + ".safetensors");
  Json json = good();
  json["1"]["inputs"]["file"] = "model7.ckpt";
  const Validation v = validate(parse_prompt(json), table, choices);
  const NodeFault& f = v.faulty.at(0).faults.at(0);
  EXPECT_TRUE(f.details.starts_with("file: 'model7.ckpt' not in (list of length 32)")) << f.details;
  EXPECT_TRUE(f.about["input_config"].is_null());
}

TEST(Prompt, PartsOfTheWrongKindAreRefused) {
  for (const char* text :
       {"[]", R"({"1": 5})", R"({"1": {"class_type": 5}})", R"({"1": {"class_type": "A", "inputs": []}})"})
    EXPECT_THROW(parse_prompt(parse_json(text)), Error) << text;
}

TEST(Edit, AssignsByIdTitleOrClass) {
  const testing::ToyTable table;
  Json json = good();
  json["2"]["_meta"] = {{"title", "My. words"}};
  Prompt prompt = parse_prompt(json);
  assign(prompt, table, parse_assignment("3.steps=0x10"));
  assign(prompt, table, parse_assignment("Sample.cfg=2"));
  assign(prompt, table, parse_assignment("My. words.text=x=y"));
  assign(prompt, table, parse_assignment("3.exact=yes"));
  EXPECT_EQ(prompt.find("3")->inputs["steps"], 16);
  EXPECT_EQ(prompt.find("3")->inputs["cfg"], 2.0);
  EXPECT_EQ(prompt.find("3")->inputs["exact"], true);
  EXPECT_EQ(prompt.find("2")->inputs["text"], "x=y");
  for (const char* bad : {"3", "3.steps", ".steps=1", "3.=1", "99.steps=1", "3.stepz=1", "3.model=x", "3.steps=ten",
                          "3.cfg=nan", "3.exact=maybe"})
    EXPECT_THROW(assign(prompt, table, parse_assignment(bad)), Error) << bad;
  prompt.nodes.push_back(*prompt.find("3"));
  prompt.nodes.back().id = "33";
  EXPECT_THROW(assign(prompt, table, parse_assignment("Sample.cfg=2")), Error);
}

TEST(Edit, SeedsWrapAround) {
  const testing::ToyTable table;
  Prompt prompt = parse_prompt(good());
  prompt.find("3")->inputs["seed"] = UINT64_MAX;
  offset_seeds(prompt, table, 3);
  EXPECT_EQ(prompt.find("3")->inputs["seed"], 2u);
  offset_seeds(prompt, table, -3);
  EXPECT_EQ(prompt.find("3")->inputs["seed"].get<uint64_t>(), UINT64_MAX);
}

}  // namespace
}  // namespace easel::workflow
