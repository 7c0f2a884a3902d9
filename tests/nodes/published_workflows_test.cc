// The published workflow files: every one converts and validates, and becomes the prompt the reference ran.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/atomic_file.h"
#include "library/folders.h"
#include "node_api/files.h"
#include "node_api/table.h"
#include "nodes/standard_table.h"
#include "support/shared.h"
#include "synth/models/synth.h"
#include "workflow/convert/convert.h"
#include "workflow/load.h"
#include "workflow/validate.h"

namespace easel::nodes {
namespace {

namespace fs = std::filesystem;
using workflow::Json;

// The files that exist are the ones `easel synth` writes, without writing them.
class SynthChoices final : public workflow::ChoiceProvider {
 public:
  explicit SynthChoices(fs::path input) : input_(std::move(input)) {}
  std::vector<std::string> choices(const std::string& source) const override {
    static const auto files = synth::synthetic_files(synth::SynthSize::kTiny);
    std::vector<std::string> out;
    for (const auto& file : files)
      if (file.path.starts_with(source + "/")) out.push_back(file.path.substr(source.size() + 1));
    return out;
  }
  bool has_own_check(const std::string& source) const override { return source == workflow::kInputImages; }
  std::optional<Error> check(const std::string&, const std::string& value) const override {
    if (fs::exists(input_ / value)) return std::nullopt;
    return Error(Fault::kMissing, "Invalid image file: " + value);
  }

 private:
  fs::path input_;
};

std::vector<fs::path> published() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(testing::shared_dir() / "workflows"))
    if (entry.path().extension() == ".json") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

Json golden_prompt(const fs::path& workflow) {
  const fs::path path = testing::shared_dir() / "goldens" / "tiny" / (workflow.stem().string() + ".api.json");
  return workflow::parse_json(read_file(path));
}

// Undoes what the goldens' sizes were reduced by, taking those values from `published`.
void restore_sizes(Json& prompt, const Json& published) {
  for (auto& [id, node] : prompt.items()) {
    const std::string type = node["class_type"];
    std::vector<std::string> reduced;
    if (type == "EmptyLatentImage" || type == "ImageScale") reduced = {"width", "height"};
    if (type == "ImageScaleToTotalPixels") reduced = {"megapixels"};
    if (type == "KSampler") reduced = {"steps"};
    for (const std::string& name : reduced) node["inputs"][name] = published.at(id).at("inputs").at(name);
  }
}

TEST(PublishedWorkflows, BecomeThePromptsTheReferenceRan) {
  EASEL_NEEDS_SHARED();
  const auto files = published();
  ASSERT_EQ(files.size(), 13u);
  for (const fs::path& file : files) {
    SCOPED_TRACE(file.filename().string());
    const Json ours = to_json(workflow::load_workflow(file, standard_table()).prompt);
    Json theirs = golden_prompt(file);
    restore_sizes(theirs, ours);
    EXPECT_EQ(nlohmann::json(ours), nlohmann::json(theirs));
  }
}

TEST(PublishedWorkflows, AreValid) {
  EASEL_NEEDS_SHARED();
  const SynthChoices choices(testing::shared_dir() / "input");
  for (const fs::path& file : published()) {
    SCOPED_TRACE(file.filename().string());
    const auto graph = workflow::load_workflow(file, standard_table());
    const auto of_graph = workflow::validate(graph.prompt, standard_table(), choices);
    EXPECT_TRUE(of_graph.flawless()) << of_graph.text();
    const auto of_golden = workflow::validate(workflow::parse_prompt(golden_prompt(file)), standard_table(), choices);
    EXPECT_TRUE(of_golden.flawless()) << of_golden.text();
  }
}

TEST(PublishedWorkflows, SurviveTheWayToAGraphAndBack) {
  EASEL_NEEDS_SHARED();
  for (const fs::path& file : published()) {
    SCOPED_TRACE(file.filename().string());
    const Json prompt = golden_prompt(file);
    const Json graph = workflow::to_graph(workflow::parse_prompt(prompt), standard_table());
    const Json back = to_json(workflow::read_workflow(graph, standard_table()).prompt);
    EXPECT_EQ(nlohmann::json(back), nlohmann::json(prompt));
  }
}

// Both forms of the node have the same links; they differ in the values that are typed.
TEST(EditorsForm, AnOlderFormIsRecognisedByTheKindOfItsFirstValue) {
  const auto inputs = [](const std::string& values) {
    const Json graph = workflow::parse_json(
        R"x({"nodes": [{"id": 1, "type": "KSampler (Efficient)", "inputs": [], "widgets_values": )x" + values +
        R"(}], "links": []})");
    return to_json(workflow::read_workflow(graph, standard_table()).prompt)["1"]["inputs"];
  };
  const Json old = inputs(R"(["Sample", 13, 994, true, 12, 8, "uni_pc_bh2", "ddim_uniform", 1, "Disabled"])");
  EXPECT_EQ(old["sampler_state"], "Sample");
  EXPECT_EQ(old["seed"], 994);
  EXPECT_EQ(old["preview_image"], "Disabled");
  const Json today = inputs(R"([5, "fixed", 20, 7, "euler", "normal", 0.5, "auto", "true"])");
  EXPECT_EQ(today["seed"], 5);
  EXPECT_EQ(today["denoise"], 0.5);
  EXPECT_EQ(today["vae_decode"], "true");
}

}  // namespace
}  // namespace easel::nodes
