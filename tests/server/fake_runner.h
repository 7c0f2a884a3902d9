// An engine that computes nothing, for tests of the server: it follows the links of a toy prompt
// (workflow/toy_table.h), reports progress, reuses results and writes tiny pictures.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <thread>

#include "artifacts/artifact_store.h"
#include "base/atomic_file.h"
#include "formats/pictures/raster.h"
#include "server/jobs/run/job_runner.h"
#include "workflow/prompt.h"
#include "workflow/toy_table.h"

namespace easel::server::testing {

using workflow::Json;

// A job with `steps` steps. Distinct seeds keep results from being reused.
inline Json toy_prompt(int64_t seed, int steps = 3, const std::string& text = "a barn") {
  return {{"1", {{"class_type", "Load"}, {"inputs", {{"file", "sd15.safetensors"}}}}},
          {"2", {{"class_type", "Text"}, {"inputs", {{"text", text}, {"clip", {"1", 1}}}}}},
          {"3",
           {{"class_type", "Sample"},
            {"inputs",
             {{"model", {"1", 0}},
              {"seed", seed},
              {"steps", steps},
              {"cfg", 7.0},
              {"sampler", "euler"},
              {"positive", {"2", 0}}}}}},
          {"4", {{"class_type", "Decode"}, {"inputs", {{"latent", {"3", 0}}}}}},
          {"5", {{"class_type", "Save"}, {"inputs", {{"images", {"4", 0}}, {"prefix", "toy"}}}}}};
}

class FakeRunner final : public JobRunner {
 public:
  // `store`: pictures go there instead of the folder.
  explicit FakeRunner(std::filesystem::path output, std::chrono::microseconds step = std::chrono::milliseconds(1),
                      artifacts::ArtifactStore* store = nullptr)
      : output_(std::move(output)), step_(step), store_(store) {}

  engine::Plan check(const workflow::Prompt& prompt, const std::vector<std::string>& only) override {
    ++checks;
    return {workflow::validate(prompt, table_, choices_, only), {}, {}};
  }

  RunnerStats stats() const override { return held; }

  RunResult run(RunRequest request, engine::EventSink& sink, const CancelToken& cancel) override {
    if (request.plan) ++planned;
    std::vector<std::string> order;
    for (const std::string& output : request.outputs) visit(request.prompt, output, order);
    std::vector<std::string> reused;
    for (const std::string& node : order)
      if (known_.contains(key(request.prompt, node))) reused.push_back(node);
    sink.take(engine::NodesReused{reused});
    for (const std::string& node : order) {
      const Json& spec = request.prompt[node];
      const std::string type = spec["class_type"], id = key(request.prompt, node);
      if (const auto it = known_.find(id); it != known_.end()) {
        if (!it->second.empty()) sink.take(finished(node, type, true, it->second));
        continue;
      }
      sink.take(engine::NodeStarted{node, type});
      RunResult failure;
      failure.node = node;
      failure.node_class = type;
      if (cancel.cancelled()) return failure.end = RunEnd::kInterrupted, failure;
      if (type == "Text" && spec["inputs"]["text"] == "fail") {
        failure.end = RunEnd::kFailed;
        failure.error = "the text says so";
        failure.error_type = "invalid";
        failure.current_inputs = {{"text", {"fail"}}};
        return failure;
      }
      if (type == "Text" && spec["inputs"]["text"] == "throw") throw std::runtime_error("a defect");
      if (type == "Sample") {
        const int64_t steps = spec["inputs"]["steps"];
        for (int64_t i = 1; i <= steps; ++i) {
          std::this_thread::sleep_for(step_);
          if (cancel.cancelled()) return failure.end = RunEnd::kInterrupted, failure;
          engine::NodeProgress progress{node, i, steps, {}};
          if (sink.wants_preview()) progress.preview = {8, 8, std::vector<uint8_t>(8 * 8 * 3, 128)};
          sink.take(progress);
        }
      }
      const nodes::Ui ui = type == "Save" ? save(spec["inputs"].value("prefix", std::string("toy"))) : nodes::Ui{};
      sink.take(finished(node, type, false, ui));
      known_[id] = ui;
    }
    ++runs;
    return {};
  }
  void free_memory(bool models, bool results) override {
    if (results) known_.clear();
    freed = freed + models + 2 * results;
  }

  std::atomic<int> runs{0}, freed{0};
  std::atomic<int> checks{0}, planned{0};  // planned: runs that came with their plan
  RunnerStats held;                        // what stats() says; to be set while nothing asks

 private:
  static engine::NodeFinished finished(const std::string& node, const std::string& type, bool reused,
                                       const nodes::Ui& ui) {
    return {{.id = node, .class_type = type, .reused = reused}, ui};
  }
  static void visit(const Json& prompt, const std::string& node, std::vector<std::string>& order) {
    if (std::find(order.begin(), order.end(), node) != order.end()) return;
    const Json& inputs = prompt[node]["inputs"];
    for (const auto& item : inputs.items())
      if (const auto link = workflow::as_link(item.value())) visit(prompt, link->node, order);
    order.push_back(node);
  }
  // What a node's result depends on, as text.
  static std::string key(const Json& prompt, const std::string& node) {
    std::string out = prompt[node]["class_type"].get<std::string>() + "(";
    const Json& inputs = prompt[node]["inputs"];
    for (const auto& item : inputs.items()) {
      const auto link = workflow::as_link(item.value());
      out += item.key() + "=" +
             (link ? key(prompt, link->node) + "." + std::to_string(link->slot) : workflow::dump_json(item.value())) +
             ",";
    }
    return out + ")";
  }
  nodes::Ui save(const std::string& prefix) {
    static constexpr int kSize = 8;
    std::vector<uint8_t> pixels(kSize * kSize * 3, 200);
    const std::string png = formats::encode_png(pixels, kSize, kSize, 3, {}, 1);
    if (store_) {
      const artifacts::Name name = store_->put_numbered(artifacts::Area::kOutput, prefix, "png", png);
      return {{"images", {{name.file, name.subfolder, "output"}}}};
    }
    for (int i = 1;; ++i) {
      char name[64];
      snprintf(name, sizeof name, "%s_%05d_.png", prefix.substr(0, 30).c_str(), std::max(i, next_));
      next_ = std::max(i, next_) + 1;
      AtomicFile file(output_ / name);
      file.write(png);
      if (file.commit_new()) return {{"images", {{name, "", "output"}}}};
    }
  }

  const workflow::testing::ToyTable table_;
  const workflow::testing::ToyChoices choices_;
  const std::filesystem::path output_;
  const std::chrono::microseconds step_;
  artifacts::ArtifactStore* const store_;
  int next_ = 1;
  std::map<std::string, nodes::Ui> known_;
};

}  // namespace easel::server::testing
