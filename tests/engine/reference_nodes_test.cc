// Nodes that change models, guidance, samplers and noise levels against what ComfyUI makes of the same prompts
// (reference_nodes.json: the prompts, and of each result every 97th value and the root of the mean square).
#include <gtest/gtest.h>

#include <cmath>

#include "base/atomic_file.h"
#include "engine/engine.h"
#include "nodes/common/trace.h"
#include "nodes/standard_table.h"
#include "support/paths.h"
#include "support/shared.h"
#include "support/tiny_models.h"

namespace easel::engine {
namespace {

namespace fs = std::filesystem;
using workflow::Json;

const Json& reference() {
  static const Json json =
      workflow::parse_json(read_file(fs::path(testing::kSourceDir) / "tests/engine/reference_nodes.json"));
  return json;
}

class ReferenceNodes : public ::testing::TestWithParam<std::string> {
 protected:
  ~ReferenceNodes() override { fs::remove_all(folder_); }
  const fs::path folder_ = fs::temp_directory_path() / ("easel-nodes-" + std::to_string(getpid()));
};

TEST_P(ReferenceNodes, GiveTheSameLatent) {
  const Json& expected = reference()["cases"][GetParam()];
  Json prompt = reference()["base"];
  prompt.update(expected["nodes"]);
  Engine engine({.table = nodes::standard_table(),
                 .folders = library::Folders(testing::tiny_models_dir()),
                 .directories = {folder_, folder_, folder_}});
  const auto checked = engine.check(workflow::parse_prompt(prompt));
  if (!checked.flawless()) checked.raise();
  TensorMap trace;
  EventSink quiet;
  engine.run(checked, {.watch = nodes::trace_into(trace)}, quiet);
  const Tensor* got = trace.find("out.0.LATENT.samples");
  ASSERT_NE(got, nullptr);
  const Tensor latent = contiguous(*got);
  const double rms = expected["rms"];
  double squares = 0;
  for (const float v : latent.values()) squares += static_cast<double>(v) * v;
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(latent.numel())), rms, 1e-4 * rms);
  ASSERT_EQ(expected["every_97th"].size(), static_cast<size_t>((latent.numel() + 96) / 97));
  for (size_t i = 0; i < expected["every_97th"].size(); ++i)
    EXPECT_NEAR(latent.values()[i * 97], expected["every_97th"][i].get<double>(), 3e-4 * rms) << "element " << i * 97;
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& item : reference()["cases"].items()) out.push_back(item.key());
  return out;
}

INSTANTIATE_TEST_SUITE_P(ComfyUi, ReferenceNodes, ::testing::ValuesIn(names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace easel::engine
