#include "server/jobs/engine_runner.h"

#include "base/error.h"
#include "server/log.h"
#include "techniques/techniques.h"

namespace easel::server {

using workflow::dump_json;
using workflow::Json;

namespace {

// {"images": [{"filename", "subfolder", "type"}]}, in the shape of other tools for pictures that were sent; null when
// the node shows nothing.
Json ui_json(const nodes::Ui& ui) {
  if (ui.empty()) return nullptr;
  Json out = Json::object();
  for (const auto& [list, files] : ui) {
    out[list] = Json::array();
    for (const auto& f : files)
      if (f.sent_as.empty())
        out[list].push_back({{"filename", f.filename}, {"subfolder", f.subfolder}, {"type", f.type}});
      else out[list].push_back({{"source", "websocket"}, {"content-type", f.sent_as}, {"type", f.type}});
  }
  return out;
}

class Bridge final : public engine::EventSink {
 public:
  Bridge(RunSink& sink, std::string id) : sink_(sink), id_(std::move(id)) {}

  void reused(const std::vector<std::string>& nodes) override { sink_.reused(nodes); }
  void node_started(const std::string& node, const std::string&) override { sink_.node_started(node); }
  void progress(const std::string& node, const engine::Progress& p) override {
    std::function<PreviewPicture()> preview;
    if (p.preview)
      preview = [&p] {
        engine::Preview made = p.preview();
        return PreviewPicture{made.width, made.height, std::move(made.rgb)};
      };
    sink_.progress(node, p.value, p.max, preview);
  }
  bool picture(const std::string& node, const nodes::SentPicture& p) override {
    return sink_.picture(node, p.value, p.max, p.content_type, p.data);
  }
  void warning(const std::string& node, const std::string& message) override {
    log(Level::kWarning, message, {{"prompt_id", id_}, {"node", node}});
  }
  void node_finished(const engine::NodeReport& report, const nodes::Ui& ui) override {
    sink_.node_finished(report.id, ui_json(ui));
  }

 private:
  RunSink& sink_;
  const std::string id_;
};

// What ComfyUI's error message shows of a node's inputs: each as a list of texts.
Json inputs_as_text(const workflow::Prompt& prompt, const std::string& id) {
  Json out = Json::object();
  const workflow::PromptNode* node = prompt.find(id);
  if (!node) return out;
  for (const auto& item : node->inputs.items())
    out[item.key()] =
        Json::array({item.value().is_array() ? dump_json(item.value()) : workflow::python_str(item.value())});
  return out;
}

}  // namespace

workflow::Validation EngineRunner::check(const workflow::Prompt& prompt, const std::vector<std::string>& only) {
  return engine_.check(prompt, only);
}

RunResult EngineRunner::run(const RunRequest& request, RunSink& sink, const CancelToken& cancel) {
  engine::Job job;
  job.prompt = workflow::parse_prompt(request.prompt);
  job.outputs = request.outputs;
  job.cancel = cancel;
  if (const auto info = request.extra_data.find("extra_pnginfo"); info != request.extra_data.end() && info->is_object())
    for (const auto& item : info->items()) job.picture_text.emplace_back(item.key(), dump_json(item.value()));
  Bridge bridge(sink, request.id);
  RunResult out;
  try {
    engine_.run(job, bridge);
  } catch (const Error& e) {
    out.end = e.fault() == Fault::kCancelled ? RunEnd::kInterrupted : RunEnd::kFailed;
    out.node = e.node();
    out.node_class = e.node_class();
    out.input = e.input();
    out.error = e.what();
    out.error_type = fault_name(e.fault());
    if (out.end == RunEnd::kFailed) out.current_inputs = inputs_as_text(job.prompt, e.node());
  }
  return out;
}

void EngineRunner::free_memory(bool models, bool results) {
  if (results) engine_.free_results();
  if (models) engine_.free_models();
}

RunnerStats EngineRunner::stats() const { return {engine_.model_bytes(), engine_.result_bytes()}; }

void add_engine_routes(Router& router, TaskPool& pool, engine::Engine& engine) {
  const auto files = std::make_shared<nodes::ModelFiles>();
  router.add("GET", "/easel/techniques", pool.handler([&engine, files](Request&) {
    Json out = Json::array();
    for (const auto& technique : techniques::available(engine.folders(), *files)) out.push_back(to_json(technique));
    return Response::json(dump_json(out));
  }));
}

}  // namespace easel::server
