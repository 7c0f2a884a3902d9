// Everything that can be known of a prompt's values is said when it is checked: nothing has run by then.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "engine/engine.h"
#include "formats/pictures/picture.h"
#include "nodes/standard_table.h"
#include "support/temp_folder.h"
#include "workflow/prompt.h"

namespace easel::engine {
namespace {

using workflow::Json;

class CheckedFirst : public ::testing::Test {
 protected:
  CheckedFirst() {
    EngineOptions options{.table = nodes::standard_table()};
    options.directories = {folder_.path() / "input", folder_.path() / "output", folder_.path() / "temp"};
    std::filesystem::create_directories(folder_.path() / "input");
    formats::save_png(folder_.path() / "input" / "a.png", Tensor::zeros({1, 8, 16, 3}));
    write_file(folder_.path() / "input" / "no.png", "no picture");
    write_file(folder_.path() / "input" / "no.latent", "no latent");
    engine_ = std::make_unique<Engine>(std::move(options));
  }
  // "INPUT: REASON" of the only fault, which is that of node "x"; "fine" when there is none. The node is an output, or
  // is linked to one by its first output.
  std::string fault(const std::string& class_type, const Json& inputs, const char* output = nullptr,
                    const char* input = "images", const Json& more = Json::object()) {
    Json prompt = {
        {"picture",
         {{"class_type", "EmptyImage"}, {"inputs", {{"width", 16}, {"height", 16}, {"batch_size", 1}, {"color", 0}}}}},
        {"latent",
         {{"class_type", "EmptyLatentImage"}, {"inputs", {{"width", 64}, {"height", 64}, {"batch_size", 1}}}}}};
    prompt.update(more);
    prompt["x"] = {{"class_type", class_type}, {"inputs", inputs}};
    if (output) prompt["out"] = {{"class_type", output}, {"inputs", {{input, {"x", 0}}}}};
    const Plan plan = engine_->check(workflow::parse_prompt(prompt), {output ? "out" : "x"});
    if (plan.flawless()) return "fine";
    if (plan.runnable()) return "others run";
    if (plan.faulty.size() != 1 || plan.faulty[0].id != "x" || plan.faulty[0].faults.size() != 1) return plan.text();
    return plan.faulty[0].faults[0].input + ": " + workflow::in_words(plan.faulty[0].faults[0]);
  }
  std::string saved_as(const Json& prefix, const Json& more = Json::object()) {
    return fault("SaveImage", {{"images", {"picture", 0}}, {"filename_prefix", prefix}}, nullptr, nullptr, more);
  }

  testing::TempFolder folder_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(CheckedFirst, NamesOfFilesToBeSaved) {
  const std::string bad[] = {"", "..", "../a", "/etc/a", "a/../../b", ".hidden", "a/.b/c", "a\nb", "..\\a",
                             "\u202Egnp.a", std::string("a\0b", 3), std::string(300, 'a'),
                             // What is filled in counts as well.
                             "%date:..%/a", "%date:.%", "%date:" + std::string(400, '-') + "%"};
  for (const std::string& prefix : bad) {
    SCOPED_TRACE(prefix.substr(0, 30));
    EXPECT_TRUE(saved_as(prefix).starts_with("filename_prefix: ")) << saved_as(prefix);
    EXPECT_TRUE(fault("SaveLatent", {{"samples", {"latent", 0}}, {"filename_prefix", prefix}})
                    .starts_with("filename_prefix: "));
  }
  for (const char* prefix : {"a", "sub/a", "%date:yyyy-MM-dd%/a", "%year%/%width%x%height%", "%none.such%", "a\\b"})
    EXPECT_EQ(saved_as(prefix), "fine") << prefix;
  const Json text = {{"t", {{"class_type", "PrimitiveString"}, {"inputs", {{"value", "../a"}}}}}};
  EXPECT_TRUE(saved_as({"t", 0}, text).starts_with("filename_prefix: ")) << "over a link";
  const Json dots = {{"t", {{"class_type", "PrimitiveString"}, {"inputs", {{"value", ".."}}}}}};
  EXPECT_TRUE(saved_as("%t.value%/a", dots).starts_with("filename_prefix: ")) << "from another node's input";
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "output"));
}

TEST_F(CheckedFirst, ValuesThatANodeCannotWorkWith) {
  const Json between = {{"steps", 5}, {"sigma_max", 10.0}, {"sigma_min", 0.1}, {"rho", 7.0}};
  const auto with = [](Json inputs, const char* name, const Json& value) {
    inputs[name] = value;
    return inputs;
  };
  const nodes::Table& table = nodes::standard_table();
  // The check itself, of nodes that no output can be linked to without models.
  const auto check = [&](const char* type, const Json& inputs) -> std::string {
    std::vector<std::string> names;
    nodes::Call::Arguments arguments;
    for (const auto& item : inputs.items()) {
      names.push_back(item.key());
      if (item.value().is_array()) arguments.linked[item.key()] = {};
      else if (item.value().is_string()) arguments.typed[item.key()] = item.value().get<std::string>();
      else if (item.value().is_number_float()) arguments.typed[item.key()] = item.value().get<double>();
      else arguments.typed[item.key()] = item.value().get<int64_t>();
    }
    const workflow::NodeSpec* spec = table.find(type, names);
    library::ModelFiles files;
    memory::Residency residency;
    const library::Folders folders;
    nodes::Context context{folders, residency, files, engine_->artifacts()};
    nodes::Call call(context, *spec, "x", std::move(arguments));
    try {
      table.entry(*spec).node.check(call);
      return "fine";
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kInvalid);
      return e.input();
    }
  };
  EXPECT_EQ(check("KarrasScheduler", between), "fine");
  EXPECT_EQ(check("KarrasScheduler", with(between, "rho", 0.0)), "rho");
  EXPECT_EQ(check("KarrasScheduler", with(between, "rho", {"n", 0})), "fine") << "not known yet";
  EXPECT_EQ(check("ExponentialScheduler", with(between, "sigma_max", 0.0)), "sigma_max");
  EXPECT_EQ(check("PolyexponentialScheduler", with(between, "sigma_min", 0.0)), "sigma_min");
  EXPECT_EQ(check("BetaSamplingScheduler", {{"steps", 5}, {"alpha", 0.0}, {"beta", 1.0}}), "alpha");
  EXPECT_EQ(check("BetaSamplingScheduler", {{"steps", 5}, {"alpha", 1.0}, {"beta", 0.0}}), "beta");
  EXPECT_EQ(check("BasicScheduler", {{"steps", 10000}, {"denoise", 0.01}, {"scheduler", "normal"}}), "denoise");
  EXPECT_EQ(check("KSampler", {{"steps", 10000}, {"denoise", 0.01}}), "denoise");
  EXPECT_EQ(check("KSampler", {{"steps", 20}, {"denoise", 0.01}}), "fine");
  EXPECT_EQ(check("SamplerDPMPP_SDE", {{"r", 0.0}}), "r");
  EXPECT_EQ(check("SamplerDPMAdaptative", {{"h_init", 0.0}}), "h_init");
  EXPECT_EQ(check("ImageScaleToMaxDimension", {{"largest_size", 0}}), "largest_size");
  const Json weights = {{"weights", "1, 0"}, {"timing", "linear"}, {"frames", 4}, {"start_frame", 0}, {"end_frame", 9}};
  EXPECT_EQ(check("IPAdapterWeights", weights), "fine");
  EXPECT_EQ(check("IPAdapterWeights", with(weights, "weights", "1, x")), "weights");
  EXPECT_EQ(check("IPAdapterWeights", with(weights, "start_frame", 4)), "start_frame");
  EXPECT_EQ(check("IPAdapterWeights", with(with(weights, "start_frame", 4), "frames", {"n", 0})), "fine");
}

TEST_F(CheckedFirst, FilesThatAreNoPicturesOrLatents) {
  for (const char* text : {"", "%%%", "AAAA", "iVBORw0KGgo="})
    for (const auto& [type, input] : {std::pair("ETN_LoadImageBase64", "image"), {"ETN_LoadMaskBase64", "mask"}}) {
      SCOPED_TRACE(std::string(type) + " " + text);
      const bool mask = std::string_view(input) == "mask";
      EXPECT_TRUE(fault(type, {{input, text}}, mask ? "MaskPreview" : "PreviewImage", mask ? "mask" : "images")
                      .starts_with(std::string(input) + ": "));
    }
  EXPECT_EQ(fault("LoadImage", {{"image", "a.png"}}, "PreviewImage"), "fine");
  EXPECT_TRUE(fault("LoadImage", {{"image", "no.png"}}, "PreviewImage").starts_with("image: "));
  EXPECT_TRUE(
      fault("LoadImageMask", {{"image", "no.png"}, {"channel", "red"}}, "MaskPreview", "mask").starts_with("image: "));
  EXPECT_NE(fault("LoadLatent", {{"latent", "no.latent"}}, "SaveLatent", "samples"), "fine");
}

}  // namespace
}  // namespace easel::engine
