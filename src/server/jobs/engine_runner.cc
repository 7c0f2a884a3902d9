#include "server/jobs/engine_runner.h"

#include "base/error.h"
#include "techniques/techniques.h"

namespace easel::server {

using workflow::dump_json;
using workflow::Json;

namespace {

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

RunResult EngineRunner::run(const RunRequest& request, engine::EventSink& sink, const CancelToken& cancel) {
  engine::Job job;
  job.prompt = workflow::parse_prompt(request.prompt);
  job.outputs = request.outputs;
  job.cancel = cancel;
  if (const auto info = request.extra_data.find("extra_pnginfo"); info != request.extra_data.end() && info->is_object())
    for (const auto& item : info->items()) job.picture_text.emplace_back(item.key(), dump_json(item.value()));
  RunResult out;
  try {
    engine_.run(job, sink);
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
