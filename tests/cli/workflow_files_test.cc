// Workflow files as they are published, run by the program unchanged but for sizes and steps.
#include <gtest/gtest.h>

#include <algorithm>

#include "command.h"
#include "formats/pictures/picture.h"
#include "node_api/table.h"
#include "nodes/standard_table.h"
#include "support/paths.h"
#include "support/shared.h"
#include "support/tiny_models.h"
#include "workflow/load.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> workflow_files(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".json" && entry.path().filename() != "techniques.json")
      out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

// --set for every size and number of steps in the file.
std::vector<std::string> made_small(const fs::path& file) {
  std::vector<std::string> out;
  const auto set = [&](const std::string& node, const char* input, const char* value) {
    out.insert(out.end(), {"--set", node + "." + input + "=" + value});
  };
  for (const auto& node : workflow::load_workflow(file, nodes::standard_table()).prompt.nodes) {
    if (node.class_type == "EmptyLatentImage" || node.class_type == "ImageScale")
      set(node.id, "width", "64"), set(node.id, "height", "64");
    if (node.class_type == "ImageScaleToTotalPixels") set(node.id, "megapixels", "0.01");
    if (node.class_type.starts_with("KSampler")) set(node.id, "steps", "2");
  }
  return out;
}

void expect_all_run(testing::Workplace& place, const std::vector<fs::path>& files, const fs::path& pictures) {
  for (const fs::path& file : files) {
    SCOPED_TRACE(file.filename().string());
    std::vector<std::string> arguments{"run",         file.string(),
                                       "--models",    easel::testing::tiny_models_dir(),
                                       "--input",     pictures.string(),
                                       "--precision", "f32",
                                       "--threads",   "1"};
    const auto small = made_small(file);
    EXPECT_FALSE(small.empty());
    arguments.insert(arguments.end(), small.begin(), small.end());
    const auto result = place.run(arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    // Two of the published ones show their pictures without saving them.
    if (file.filename().string().starts_with("IPAdapter_img_variations")) {
      EXPECT_FALSE(fs::is_empty(place.folder() / "output" / "temp"));
      continue;
    }
    ASSERT_NE(result.out.find(".png\n"), std::string::npos) << result.out;
    const std::string saved = result.out.substr(0, result.out.find('\n'));
    const auto picture = formats::load_picture(place.folder() / saved);
    EXPECT_TRUE(picture.width >= 64 && picture.width <= 128 && picture.height >= 64 && picture.height <= 128)
        << picture.width << "x" << picture.height;
    // The picture carries what was run.
    EXPECT_TRUE(
        std::any_of(picture.text.begin(), picture.text.end(), [](const auto& t) { return t.first == "prompt"; }));
  }
}

TEST(WorkflowFiles, PublishedOnesRunUnchanged) {
  EASEL_NEEDS_SHARED();
  const auto files = workflow_files(easel::testing::shared_dir() / "workflows");
  EXPECT_EQ(files.size(), 13u);
  testing::Workplace place;
  expect_all_run(place, files, easel::testing::shared_dir() / "input");
}

TEST(WorkflowFiles, TheProjectsOwnRunUnchanged) {
  testing::Workplace place;
  ASSERT_EQ(place.run({"pictures", "own"}).code, 0);
  const auto files = workflow_files(fs::path(easel::testing::kSourceDir) / "workflows");
  EXPECT_GE(files.size(), 10u);
  expect_all_run(place, files, place.folder() / "own");
}

}  // namespace
}  // namespace easel::cli
