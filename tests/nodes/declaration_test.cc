// Declarations: what they say of a node, and how a call becomes its parameters.
#include <gtest/gtest.h>

#include "artifacts/folder_store.h"
#include "library/folders.h"
#include "library/model_files.h"
#include "memory/resident.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"
#include "nodes/standard_table.h"
#include "workflow/object_info.h"

namespace easel::nodes {
namespace {

enum class Colour { kRed, kGreen };

struct Base {
  Linked<Image> image;
  int64_t steps = 3;
};
struct Params : Base {
  Params() { steps = 4; }
  double weight = 0.5;
  NumberOrList weights{1.5};
  std::optional<int64_t> overlap = 64;
  uint64_t seed = 0;
  bool flag = true;
  std::string text = "a", method, mode = "last";
  Colour colour = Colour::kRed, other = Colour::kGreen;
  bool wide = true;
  MaybeLinked<Mask> mask;
};

// What the node's last run was called with.
Params seen;

Table table_of(bool labels = false) {
  Table table;
  NodeOf<Params> node{.name = "Node",
                      .inputs = {Link("image", &Base::image), Int("steps", &Base::steps).range(1, 50).useful(1, 20, 1),
                                 Float("weight", &Params::weight).range(0, 1), Float("weights", &Params::weights),
                                 Int("overlap", &Params::overlap).added_later(), Seed("seed", &Params::seed),
                                 Bool("flag", &Params::flag), Text("text", &Params::text),
                                 Choice("method", &Params::method, {"first", "second"}),
                                 Choice("mode", &Params::mode, {"first", "last"}),
                                 Choice("colour", &Params::colour, {{"red", Colour::kRed}, {"green", Colour::kGreen}}),
                                 Choice("other", &Params::other, {{"red", Colour::kRed}, {"green", Colour::kGreen}}),
                                 Choice("shape", &Params::wide, {{"wide", true}, {"high", false}}).says_default(),
                                 Link("mask", &Params::mask)},
                      .run = [](const Params& in) -> Results<Image, int64_t> {
                        seen = in;
                        return {in.image, in.steps};
                      }};
  if (labels) node.outputs = {{"a"}, {"b"}, {"c"}};
  table.add(std::move(node));
  return table;
}

class Declaration : public ::testing::Test {
 protected:
  Outputs run(Call::Arguments arguments) {
    if (!arguments.linked.count("image")) arguments.linked["image"] = picture_;
    Call call(context_, *table_.find("Node"), "1", std::move(arguments));
    return table_.entry(*table_.find("Node")).node.run(call);
  }
  const Table table_ = table_of();
  const Value picture_ = computed<Image>(Tensor::zeros({1, 2, 2, 3}));
  const library::Folders folders_;
  memory::Residency residency_;
  library::ModelFiles files_;
  artifacts::FolderStore store_{artifacts::Directories()};
  Context context_{folders_, residency_, files_, store_};
};

TEST_F(Declaration, TakesTypesAndDefaultsFromTheMembers) {
  const workflow::NodeSpec& spec = *table_.find("Node");
  const auto shown = [&](const char* input) { return workflow::to_json(spec.input(input)->default_value); };
  EXPECT_EQ(spec.input("image")->type, "IMAGE");
  EXPECT_EQ(spec.input("steps")->type, "INT");
  EXPECT_EQ(shown("steps"), 4) << "the derived parameters' default";
  EXPECT_EQ(shown("weight"), 0.5);
  EXPECT_EQ(workflow::to_json(spec.input("weight")->max), 1.0);
  EXPECT_TRUE(workflow::to_json(spec.input("weight")->max).is_number_float());
  EXPECT_EQ(shown("weights"), 1.5);
  EXPECT_EQ(shown("overlap"), 64);
  EXPECT_EQ(shown("flag"), true);
  EXPECT_EQ(shown("text"), "a");
  EXPECT_TRUE(shown("method").is_null());
  EXPECT_EQ(shown("mode"), "last");
  EXPECT_TRUE(shown("colour").is_null());
  EXPECT_EQ(shown("other"), "green");
  EXPECT_EQ(shown("shape"), "wide");
  EXPECT_EQ(spec.input("mask")->presence, workflow::Presence::kOptional);
  EXPECT_TRUE(spec.input("seed")->control_after_generate);
  ASSERT_EQ(spec.outputs.size(), 2u);
  EXPECT_EQ(spec.outputs[0].type, "IMAGE");
  EXPECT_EQ(spec.outputs[1].label(), "INT");
}

TEST_F(Declaration, AMissingValueIsTheDefault) {
  const Outputs out = run({});
  EXPECT_EQ(out[1].as<int64_t>(), 4);
  EXPECT_EQ(out[0].get<Tensor>(), picture_.get<Tensor>()) << "handed on without a copy";
  EXPECT_EQ(seen.weights.value, 1.5);
  EXPECT_FALSE(seen.overlap.has_value());
  EXPECT_EQ(seen.method, "first");
  EXPECT_EQ(seen.mode, "last");
  EXPECT_EQ(seen.other, Colour::kGreen);
  EXPECT_TRUE(seen.wide);
  EXPECT_FALSE(seen.mask);
  EXPECT_FALSE(seen.mask.value_or_empty().defined());
}

TEST_F(Declaration, ValuesArriveInTheirMembers) {
  run({{{"steps", int64_t{7}},
        {"weight", int64_t{1}},
        {"overlap", int64_t{8}},
        {"seed", UINT64_MAX},
        {"flag", false},
        {"text", std::string("b")},
        {"method", std::string("second")},
        {"colour", std::string("green")},
        {"other", std::string("red")},
        {"shape", std::string("high")}},
       {{"mask", computed<Mask>(Tensor::zeros({1, 3, 3}))}, {"weights", computed<NumberList>({{1.0, 2.0}})}}});
  EXPECT_EQ(seen.steps, 7);
  EXPECT_EQ(seen.weight, 1.0);
  EXPECT_EQ(seen.overlap, 8);
  EXPECT_EQ(seen.seed, UINT64_MAX);
  EXPECT_FALSE(seen.flag);
  EXPECT_EQ(seen.text, "b");
  EXPECT_EQ(seen.method, "second");
  EXPECT_EQ(seen.colour, Colour::kGreen);
  EXPECT_EQ(seen.other, Colour::kRed);
  EXPECT_FALSE(seen.wide);
  EXPECT_EQ(seen.weights.list, (std::vector<double>{1.0, 2.0}));
  EXPECT_TRUE(seen.mask);
}

TEST_F(Declaration, WidgetsMayComeOverLinks) {
  run({{}, {{"steps", computed<int64_t>(7)}, {"text", computed<std::string>("b")}}});
  EXPECT_EQ(seen.steps, 7);
  EXPECT_EQ(seen.text, "b");
}

TEST_F(Declaration, WrongAndMissingValuesAreErrors) {
  const auto fault = [&](Call::Arguments arguments, const char* input) {
    try {
      run(std::move(arguments));
    } catch (const Error& e) {
      EXPECT_EQ(e.input(), input);
      return e.fault();
    }
    ADD_FAILURE() << "no error for " << input;
    return Fault::kCancelled;
  };
  EXPECT_EQ(fault({{}, {{"image", Value()}}}, "image"), Fault::kInvalid);
  EXPECT_EQ(fault({{{"text", int64_t{3}}}, {}}, "text"), Fault::kInternal);
  EXPECT_EQ(fault({{{"colour", std::string("blue")}}, {}}, "colour"), Fault::kInternal);
  // A list of numbers goes where a list is taken, and nowhere else.
  EXPECT_EQ(fault({{}, {{"weight", computed<NumberList>({{1.0, 2.0}})}}}, "weight"), Fault::kInvalid);
}

TEST_F(Declaration, LinkedNumbersHaveLimitsToo) {
  const Table& table = standard_table();
  const workflow::NodeSpec& spec = *table.find("EmptyLatentImage");
  const auto width = [&](int64_t value) {
    Call::Arguments arguments;
    arguments.linked.emplace("width", computed<int64_t>(value));
    return std::get<int64_t>(*Call(context_, spec, "1", std::move(arguments)).typed("width"));
  };
  EXPECT_EQ(width(16384), 16384);
  for (const int64_t value : {int64_t{15}, int64_t{-1}, int64_t{16385}, INT64_MIN, INT64_MAX}) {
    try {
      width(value);
      ADD_FAILURE() << value;
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kInvalid);
      EXPECT_EQ(e.input(), "width");
    }
  }
}

TEST_F(Declaration, SizesCountInTheMemoryBudget) {
  EXPECT_EQ(picture_.bytes(), 48u);
  EXPECT_EQ(computed<Latent>({Tensor::zeros({1, 2, 2, 4}), Tensor::zeros({1, 4, 4}), {}}).bytes(), 128u);
  EXPECT_EQ(foreseen<Image>({8, 8, 1}).bytes(), 768u) << "what it will be: 64 pixels of three floats";
  EXPECT_EQ(foreseen<int64_t>(5).bytes(), 0u);
  EXPECT_EQ(foreseen<Image>({8, 8, 1}).get<Tensor>(), nullptr);
}

TEST_F(Declaration, WhatMayFollowFromAnAwaitedValueIsNotForeseen) {
  struct Sized {
    Linked<Image> image;
    int64_t width = 512;
    MaybeLinked<Mask> mask;
  };
  Table table;
  table.add(NodeOf<Sized>{
      .name = "Sized",
      .inputs = {Link("image", &Sized::image), Int("width", &Sized::width), Link("mask", &Sized::mask)},
      .run = [](const Sized& in) -> Results<Image, int64_t, double, bool, std::string, NumberList, models::VaeHandle> {
        return {in.image, in.width, 0.5, true, std::string("512"), NumberList{{1.0}}, models::VaeHandle{}};
      },
      .foresee = [](const Known<Sized>& in)
          -> Foreseen<Image, int64_t, double, bool, std::string, NumberList, models::VaeHandle> {
        return {ForeseenPicture{in(&Sized::width), 8},
                in(&Sized::width),
                0.5,
                true,
                std::string("512"),
                NumberList{{1.0}},
                models::VaeHandle{}};
      }});
  const workflow::NodeSpec& spec = *table.find("Sized");
  const auto known = [&](Call::Arguments arguments) {
    Call call(context_, spec, "1", std::move(arguments));
    std::string out;
    for (const Value& value : table.entry(spec).node.foresee(call)) out += value.empty() ? '-' : '+';
    return out;
  };
  EXPECT_EQ(known({{{"width", int64_t{8}}}, {}}), "+++++++");
  EXPECT_EQ(known({{}, {{"width", computed<int64_t>(8)}}}), "+++++++");
  EXPECT_EQ(known({{}, {{"image", Value()}, {"mask", Value()}}}), "+++++++") << "the node sees that they are not there";
  // Its foresight is told the default, 512. What model comes out does not follow from that.
  EXPECT_EQ(known({{}, {{"width", Value()}}}), "------+");
}

TEST_F(Declaration, ContradictionsAreFoundWhenTheTableIsMade) {
  EXPECT_THROW(table_of(true), Error) << "more outputs named than made";
  struct Once {
    int64_t a = 0;
  };
  Table table;
  EXPECT_THROW(table.add(NodeOf<Once>{
                   .name = "Twice", .inputs = {Int("a", &Once::a), Int("a", &Once::a)}, .run = [](const Once&) {}}),
               Error);
  EXPECT_THROW(table.add(NodeOf<Once>{.name = "Types",
                                      .run = [](const Once&) -> Results<Image> { return {std::nullopt}; },
                                      .foresee = [](const Known<Once>&) -> Foreseen<Latent> { return {}; }}),
               Error);
  EXPECT_THROW(table.add(NodeOf<Once>{.name = "Early",
                                      .runs_when_checked = true,
                                      .run = [](const Once&) -> Results<Image> { return {std::nullopt}; }}),
               Error);
}

TEST_F(Declaration, SaysWhatAPageNeedsToKnow) {
  const workflow::NodeSpec& sampler = *standard_table().find("KSampler");
  const workflow::InputSpec& steps = *sampler.input("steps");
  EXPECT_EQ(workflow::to_json(steps.useful_max), 50);
  EXPECT_TRUE(sampler.input("seed")->control_after_generate);
  EXPECT_TRUE(standard_table().find("CLIPTextEncode")->input("text")->names_embeddings);
  for (const char* input : {"text_g", "text_l"})
    EXPECT_TRUE(standard_table().find("CLIPTextEncodeSDXL")->input(input)->names_embeddings) << input;
  EXPECT_TRUE(standard_table().find("SaveImage")->input("filename_prefix")->names_saved_files);
}

}  // namespace
}  // namespace easel::nodes
